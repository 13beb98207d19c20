//! The buckets on one side of zero.

use super::{Result, histogram::add};

/// Spans of offset and length, and a count for each bucket that they cover.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Side {
    pub(super) spans: Vec<(i64, i64)>,
    pub(super) buckets: Vec<f64>,
}

/// The way through the spans and buckets that are added to.
struct Cursor {
    span: usize,
    bucket: usize,
    within: i64,
    at: i64,
}

impl Side {
    /// Index and count of each bucket.
    pub(super) fn indexed(&self) -> impl Iterator<Item = (i64, f64)> {
        let mut end = 0;
        let mut indexes = Vec::new();
        for (offset, length) in &self.spans {
            let start = end + offset;
            end = start + length;
            indexes.extend(start..end);
        }
        indexes.into_iter().zip(self.buckets.clone())
    }

    /// Spans as few as possible around these buckets, which ascend.
    pub(super) fn from_indexed(indexed: Vec<(i64, f64)>) -> Self {
        let mut side = Self::default();
        let mut end = 0;
        for (index, count) in indexed {
            match side.spans.last_mut() {
                Some((_, length)) if index == end => *length += 1,
                _ => side.spans.push((index - end, 1)),
            }
            end = index + 1;
            side.buckets.push(count);
        }
        side
    }

    /// Leaves out empty buckets.
    pub(super) fn normalise(&mut self) {
        *self = Self::from_indexed(self.indexed().filter(|(_, count)| *count != 0.0).collect());
    }

    /// The side in a schema that is coarser by `by`.
    pub(super) fn reduced(&self, by: i32) -> Self {
        let mut joined: Vec<(i64, f64)> = Vec::new();
        for (index, count) in self.indexed() {
            let target = ((index - 1) >> by.clamp(0, 63)) + 1;
            match joined.last_mut() {
                Some((last, total)) if *last == target => *total = add(*total, count),
                _ => joined.push((target, count)),
            }
        }
        Self::from_indexed(joined)
    }

    /// Adds or subtracts the buckets of `other`, but for the first ones for which `skip` is true.
    ///
    /// Source: D A.6 `mergeSide`.
    pub(super) fn merge(&mut self, other: &Self, subtracting: bool, skip: impl Fn(i64) -> bool) -> Result<()> {
        let (mut cursor, mut skipping, mut at) = (None, true, 0);
        for (index, count) in other.indexed() {
            skipping = skipping && skip(index);
            if skipping {
                at = index;
                continue;
            }
            let count = if subtracting && !count.is_nan() { -count } else { count };
            if cursor.is_none() {
                let first = self.spans.first().map(|(offset, _)| *offset);
                if first.is_none_or(|first| first > index) {
                    self.insert_in_front(index, count);
                    at = index;
                    continue;
                }
                if first == Some(index) {
                    let bucket = self.buckets.first_mut().ok_or("a histogram begins with an empty span")?;
                    *bucket = add(*bucket, count);
                    at = index;
                    continue;
                }
            }
            let cursor = cursor.get_or_insert_with(|| {
                at = self.spans.first().map_or(0, |(offset, _)| *offset);
                Cursor { span: 0, bucket: 0, within: 0, at }
            });
            self.step(cursor, index - at, count)?;
            cursor.at = index;
            at = cursor.at;
        }
        Ok(())
    }

    fn insert_in_front(&mut self, index: i64, count: f64) {
        self.buckets.insert(0, count);
        match self.spans.first_mut() {
            Some((offset, length)) if *offset == index + 1 => {
                *offset -= 1;
                *length += 1;
            }
            following => {
                if let Some((offset, _)) = following {
                    *offset -= index + 1;
                }
                self.spans.insert(0, (index, 1));
            }
        }
    }

    /// Goes `distance` buckets on and adds there, in a span or in a new one.
    fn step(&mut self, cursor: &mut Cursor, mut distance: i64, count: f64) -> Result<()> {
        let advance = |bucket: &mut usize, by: i64| *bucket += usize::try_from(by).unwrap_or(0);
        loop {
            let left = self.spans[cursor.span].1 - cursor.within;
            if distance < left {
                advance(&mut cursor.bucket, distance);
                cursor.within += distance;
                let bucket = self.buckets.get_mut(cursor.bucket).ok_or("spans cover more than there is")?;
                *bucket = add(*bucket, count);
                return Ok(());
            }
            distance -= left;
            advance(&mut cursor.bucket, left);
            cursor.span += 1;
            let gap = self.spans.get(cursor.span).map(|(offset, _)| *offset);
            if gap.is_none_or(|gap| distance < gap) {
                self.buckets.insert(cursor.bucket, count);
                self.fill_gap(cursor, distance, gap);
                return Ok(());
            }
            distance -= gap.unwrap_or(0);
            cursor.within = 0;
        }
    }

    /// Makes room in the spans for a bucket that lies `distance` behind the span before.
    fn fill_gap(&mut self, cursor: &mut Cursor, distance: i64, gap: Option<i64>) {
        if distance == 0 {
            if let Some((offset, _)) = self.spans.get_mut(cursor.span) {
                *offset -= 1;
            }
            cursor.span -= 1;
            let (_, length) = &mut self.spans[cursor.span];
            cursor.within = *length;
            *length += 1;
            return;
        }
        cursor.within = 0;
        match self.spans.get_mut(cursor.span) {
            Some((offset, length)) if gap == Some(distance + 1) => {
                *offset -= 1;
                *length += 1;
            }
            following => {
                if let Some((offset, _)) = following {
                    *offset -= distance + 1;
                }
                self.spans.insert(cursor.span, (distance, 1));
            }
        }
    }
}
