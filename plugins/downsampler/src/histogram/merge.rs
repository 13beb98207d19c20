//! Adding the buckets of one side to those of another, bucket by bucket, inserting where there are none.
//!
//! Source: `downsampling.md` A.6 `mergeSide`.

use alloc::vec::Vec;

use super::{
    Span,
    bounds::{bound, is_exponential},
    buckets::{Buckets, offset},
};
use crate::Refused;

/// One side of the histogram that grows.
pub(super) struct Side<'a> {
    pub(super) spans: &'a mut Vec<Span>,
    pub(super) counts: &'a mut Vec<f64>,
}

/// Where the walk stands.
#[derive(Clone, Copy, Default)]
struct Cursor {
    span: usize,
    slot: usize,
    /// Position inside the span.
    within: i64,
    /// Index of the bucket.
    at: i64,
}

/// Adds `other`, or subtracts it. Leading buckets of `other` at or below `threshold` are left out.
///
/// # Errors
/// [`Refused`] if spans and counts contradict each other.
pub(super) fn merge(
    mut side: Side<'_>,
    schema: i32,
    threshold: f64,
    other: Buckets<'_>,
    subtract: bool,
) -> Result<(), Refused> {
    let mut cursor: Option<Cursor> = None;
    let mut skipping = is_exponential(schema);
    for (index, count) in other {
        if skipping && bound(schema, index) <= threshold {
            continue;
        }
        skipping = false;
        let count = if subtract { -count } else { count };
        cursor = match cursor {
            None => side.begin(index, count)?,
            Some(cursor) => Some(side.go_on(cursor, index, count)?),
        };
    }
    Ok(())
}

impl Side<'_> {
    /// The first bucket, or one more before the first span was entered.
    fn begin(&mut self, index: i64, count: f64) -> Result<Option<Cursor>, Refused> {
        let first = self.spans.first().map(|span| i64::from(span.offset));
        match first {
            Some(first) if first < index => {
                self.go_on(Cursor { at: first, ..Cursor::default() }, index, count).map(Some)
            }
            Some(first) if first == index => {
                *self.counts.first_mut().ok_or(Refused::SPANS)? += count;
                Ok(None)
            }
            _ => {
                self.counts.insert(0, count);
                match self.spans.first_mut() {
                    Some(span) if i64::from(span.offset) == index + 1 => {
                        span.offset -= 1;
                        span.length += 1;
                    }
                    span => {
                        if let Some(span) = span {
                            span.offset = offset(i64::from(span.offset) - index - 1)?;
                        }
                        self.spans.insert(0, Span { offset: offset(index)?, length: 1 });
                    }
                }
                Ok(None)
            }
        }
    }

    /// Walks from `cursor` to the bucket `index`, and adds or inserts there.
    fn go_on(&mut self, mut cursor: Cursor, index: i64, count: f64) -> Result<Cursor, Refused> {
        let mut distance = index - cursor.at;
        cursor.at = index;
        loop {
            let left = i64::from(self.span(cursor.span)?.length) - cursor.within;
            if distance < left {
                cursor.slot += usize::try_from(distance).map_err(|_| Refused::SPANS)?;
                cursor.within += distance;
                *self.counts.get_mut(cursor.slot).ok_or(Refused::SPANS)? += count;
                return Ok(cursor);
            }
            distance -= left;
            cursor.slot += usize::try_from(left).map_err(|_| Refused::SPANS)?;
            cursor.span += 1;
            let gap = self.spans.get(cursor.span).map(|span| i64::from(span.offset));
            if gap.is_none_or(|gap| distance < gap) {
                return self.insert(cursor, distance, gap, count);
            }
            distance -= gap.unwrap_or_default();
            cursor.within = 0;
        }
    }

    /// Inserts a bucket `distance` buckets behind the end of the span before `cursor.span`; `gap` lies between the two.
    fn insert(&mut self, mut cursor: Cursor, distance: i64, gap: Option<i64>, count: f64) -> Result<Cursor, Refused> {
        if cursor.slot > self.counts.len() {
            return Err(Refused::SPANS);
        }
        self.counts.insert(cursor.slot, count);
        if distance == 0 {
            if gap.is_some() {
                self.span(cursor.span)?.offset -= 1;
            }
            cursor.span -= 1;
            let span = self.span(cursor.span)?;
            cursor.within = i64::from(span.length);
            span.length += 1;
        } else if gap == Some(distance + 1) {
            cursor.within = 0;
            let span = self.span(cursor.span)?;
            span.offset -= 1;
            span.length += 1;
        } else {
            cursor.within = 0;
            if let Some(gap) = gap {
                self.span(cursor.span)?.offset = offset(gap - distance - 1)?;
            }
            self.spans.insert(cursor.span, Span { offset: offset(distance)?, length: 1 });
        }
        Ok(cursor)
    }

    fn span(&mut self, span: usize) -> Result<&mut Span, Refused> {
        self.spans.get_mut(span).ok_or(Refused::SPANS)
    }
}
