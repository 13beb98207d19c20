//! The buckets of one side: spans say which there are, counts what is in them.

use alloc::vec::Vec;

use super::Span;
use crate::Refused;

/// Indexes and counts, ascending.
#[derive(Clone)]
pub(super) struct Buckets<'a> {
    spans: &'a [Span],
    counts: &'a [f64],
    /// Index of the next bucket of `spans[0]`, once it was entered.
    next: i64,
    left: u32,
}

impl<'a> Buckets<'a> {
    pub(super) fn new(spans: &'a [Span], counts: &'a [f64]) -> Self {
        Self { spans, counts, next: 0, left: 0 }
    }
}

impl Iterator for Buckets<'_> {
    type Item = (i64, f64);

    fn next(&mut self) -> Option<(i64, f64)> {
        let (count, counts) = self.counts.split_first()?;
        while self.left == 0 {
            let (span, spans) = self.spans.split_first()?;
            self.next += i64::from(span.offset);
            self.left = span.length;
            self.spans = spans;
        }
        let index = self.next;
        self.counts = counts;
        self.next += 1;
        self.left -= 1;
        Some((index, *count))
    }
}

/// The buckets of a side seen at a coarser schema: `step` is the difference. Counts that meet are added in order.
#[derive(Clone)]
pub(super) struct Coarser<'a> {
    buckets: core::iter::Peekable<Buckets<'a>>,
    step: u32,
}

impl<'a> Coarser<'a> {
    pub(super) fn new(buckets: Buckets<'a>, step: u32) -> Self {
        Self { buckets: buckets.peekable(), step }
    }
}

impl Iterator for Coarser<'_> {
    type Item = (i64, f64);

    fn next(&mut self) -> Option<(i64, f64)> {
        let (index, mut count) = self.buckets.next()?;
        let target = coarser(index, self.step);
        while let Some((_, more)) = self.buckets.next_if(|(index, _)| coarser(*index, self.step) == target) {
            count += more;
        }
        Some((target, count))
    }
}

/// The bucket that holds bucket `index` at a schema that is lower by `step`.
pub(super) fn coarser(index: i64, step: u32) -> i64 {
    if step == 0 { index } else { ((index - 1) >> step) + 1 }
}

/// Spans as maximal runs over ascending indexes; the first offset is absolute.
///
/// # Errors
/// [`Refused::INDEX`] if an index does not fit.
pub(super) fn spans(indexes: impl Iterator<Item = i64>, out: &mut Vec<Span>) -> Result<(), Refused> {
    out.clear();
    let mut end = 0;
    for index in indexes {
        match out.last_mut() {
            Some(span) if index == end => span.length += 1,
            Some(_) | None => out.push(Span { offset: offset(index - end)?, length: 1 }),
        }
        end = index + 1;
    }
    Ok(())
}

/// As an offset of a span.
pub(super) fn offset(distance: i64) -> Result<i32, Refused> {
    i32::try_from(distance).map_err(|_| Refused::INDEX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_coarser_view_adds_neighbours() {
        let layout = [Span { offset: -1, length: 3 }, Span { offset: 0, length: 0 }, Span { offset: 1, length: 2 }];
        let buckets = Buckets::new(&layout, &[1.0, 2.0, 4.0, 8.0, 16.0]);
        assert_eq!(buckets.clone().map(|bucket| bucket.0).collect::<Vec<_>>(), [-1, 0, 1, 3, 4]);
        // Indexes -1 and 0 end up in 0, 1 in 1, 3 and 4 in 2.
        assert_eq!(Coarser::new(buckets, 1).collect::<Vec<_>>(), [(0, 3.0), (1, 4.0), (2, 24.0)]);
    }

    #[test]
    fn spans_are_maximal_runs() {
        let mut out = Vec::new();
        spans([-3, -2, 0, 1, 7].into_iter(), &mut out).unwrap();
        let span = |offset, length| Span { offset, length };
        assert_eq!(out, [span(-3, 2), span(1, 2), span(5, 1)]);
    }
}
