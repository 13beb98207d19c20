//! Bucket indices behind span lists: walking, comparing, joining them.
//!
//! Source: Prometheus `tsdb/chunkenc/histogram_meta.go`.

use std::cmp::Ordering;
use std::iter::Peekable;

use super::histogram::Kind;
use super::layout::Span;

/// The indices that `spans` cover, ascending when no later span has a negative offset.
pub(crate) fn indices(spans: &[Span]) -> impl Iterator<Item = i64> {
    let mut start = 0_i64;
    spans.iter().flat_map(move |span| {
        let first = start + i64::from(span.offset);
        start = first + i64::from(span.length);
        first..start
    })
}

/// The fewest spans that cover the ascending `indices`: none is empty, and none touches the next.
#[derive(Default)]
pub(crate) struct Canonical {
    spans: Vec<Span>,
    end: i64,
}

impl Canonical {
    /// Adds an index above all before it.
    pub(crate) fn push(&mut self, index: i64) {
        match self.spans.last_mut() {
            Some(last) if self.end == index => last.length += 1,
            _ => {
                #[expect(clippy::cast_possible_truncation, reason = "gaps beyond 32 bits wrap, as in the reference")]
                let offset = (index - self.end) as i32;
                self.spans.push(Span { offset, length: 1 });
            }
        }
        self.end = index + 1;
    }

    /// The spans.
    pub(crate) fn finish(self) -> Vec<Span> {
        self.spans
    }
}

/// Canonical spans over the indices of both.
pub(crate) fn union(a: &[Span], b: &[Span]) -> Vec<Span> {
    let mut joined = Canonical::default();
    let (mut a, mut b) = (indices(a).peekable(), indices(b).peekable());
    while let Some(step) = next_of_both(&mut a, &mut b, |index| *index) {
        joined.push(match step {
            Both::Left(index) | Both::Right(index) | Both::Same(index, _) => index,
        });
    }
    joined.finish()
}

/// Which side lacks buckets of the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Difference {
    /// The chunk lacks buckets of the histogram.
    pub(crate) forward: bool,
    /// The histogram lacks buckets of the chunk.
    pub(crate) backward: bool,
}

/// One side's buckets: where they are, and their counts as the kind stores them.
#[derive(Clone, Copy)]
pub(crate) struct Side<'a, K: Kind> {
    pub(crate) spans: &'a [Span],
    pub(crate) buckets: &'a [K::Bucket],
}

impl<K: Kind> Side<'_, K> {
    /// Index and absolute count of every bucket.
    fn absolutes(&self) -> impl Iterator<Item = (i64, K::Absolute)> {
        indices(self.spans).zip(absolutes::<K>(self.buckets))
    }

    /// How `next` differs from this one, or nothing if a bucket went down or away, which means a counter reset.
    pub(crate) fn grow_into(&self, next: &Self) -> Option<Difference> {
        if self.spans == next.spans {
            let fell = absolutes::<K>(self.buckets).zip(absolutes::<K>(next.buckets)).any(|(old, new)| old > new);
            return (!fell).then(Difference::default);
        }
        let mut difference = Difference::default();
        let (mut old, mut new) = (self.absolutes().peekable(), next.absolutes().peekable());
        while let Some(step) = next_of_both(&mut old, &mut new, |(index, _)| *index) {
            match step {
                Both::Same((_, old), (_, new)) if old > new => return None,
                Both::Same(..) => {}
                Both::Left((_, count)) if count == K::Absolute::default() => difference.backward = true,
                Both::Left(_) => return None,
                Both::Right(_) => difference.forward = true,
            }
        }
        Some(difference)
    }

    /// The buckets on the indices of `spans`, which cover at least these; new ones count nothing.
    pub(crate) fn widen(&self, spans: &[Span]) -> Vec<K::Bucket> {
        let mut own = self.absolutes().peekable();
        let mut before = K::Absolute::default();
        indices(spans)
            .map(|index| {
                let here = own.next_if(|(found, _)| *found == index);
                let absolute = here.map_or_else(K::Absolute::default, |(_, count)| count);
                let bucket = K::relative(before, absolute);
                before = absolute;
                bucket
            })
            .collect()
    }
}

/// How the indices of two span lists differ.
pub(crate) fn compare(chunk: &[Span], histogram: &[Span]) -> Difference {
    let mut difference = Difference::default();
    if chunk == histogram {
        return difference;
    }
    let (mut a, mut b) = (indices(chunk).peekable(), indices(histogram).peekable());
    while let Some(step) = next_of_both(&mut a, &mut b, |index| *index) {
        match step {
            Both::Same(..) => {}
            Both::Left(_) => difference.backward = true,
            Both::Right(_) => difference.forward = true,
        }
    }
    difference
}

/// The absolute counts of a bucket list.
pub(crate) fn absolutes<K: Kind>(buckets: &[K::Bucket]) -> impl Iterator<Item = K::Absolute> {
    buckets.iter().scan(K::Absolute::default(), |running, bucket| {
        *running = K::absolute(*running, *bucket);
        Some(*running)
    })
}

/// What a walk over two ascending lists meets.
enum Both<T> {
    Left(T),
    Right(T),
    Same(T, T),
}

/// The lowest index of both, from the side or sides that have it.
fn next_of_both<T>(
    left: &mut Peekable<impl Iterator<Item = T>>,
    right: &mut Peekable<impl Iterator<Item = T>>,
    index: impl Fn(&T) -> i64,
) -> Option<Both<T>> {
    let order = match (left.peek(), right.peek()) {
        (Some(left), Some(right)) => index(left).cmp(&index(right)),
        (Some(_), None) => Ordering::Less,
        (None, _) => Ordering::Greater,
    };
    match order {
        Ordering::Less => left.next().map(Both::Left),
        Ordering::Greater => right.next().map(Both::Right),
        Ordering::Equal => left.next().zip(right.next()).map(|(left, right)| Both::Same(left, right)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::chunk::histogram::{Float, Integer};

    fn spans(list: &[(i32, u32)]) -> Vec<Span> {
        list.iter().map(|(offset, length)| Span { offset: *offset, length: *length }).collect()
    }

    fn any_spans() -> impl Strategy<Value = Vec<Span>> {
        let later = proptest::collection::vec((0_i32..4, 0_u32..4), 0..5);
        (-5_i32..5, 0_u32..4, later).prop_map(|(offset, length, mut later)| {
            later.insert(0, (offset, length));
            spans(&later)
        })
    }

    proptest! {
        #[test]
        fn a_union_covers_both_and_is_canonical(a in any_spans(), b in any_spans()) {
            let joined = union(&a, &b);
            let mut expected: Vec<i64> = indices(&a).chain(indices(&b)).collect();
            expected.sort_unstable();
            expected.dedup();
            prop_assert_eq!(indices(&joined).collect::<Vec<_>>(), expected);
            prop_assert!(joined.iter().all(|span| span.length > 0));
            prop_assert!(joined.iter().skip(1).all(|span| span.offset > 0));
            prop_assert_eq!(union(&joined, &a), joined);
        }

        #[test]
        fn widening_keeps_counts_and_adds_nothing_but_zeros(a in any_spans(), b in any_spans()) {
            let joined = union(&a, &b);
            let counts: Vec<f64> = (1_u8..).map(f64::from).zip(indices(&a)).map(|(count, _)| count).collect();
            let wide = Side::<Float> { spans: &a, buckets: &counts }.widen(&joined);
            let found: Vec<(i64, f64)> = indices(&joined).zip(wide).filter(|(_, count)| *count != 0.0).collect();
            prop_assert_eq!(found, indices(&a).zip(counts).collect::<Vec<_>>());
        }
    }

    #[test]
    fn deltas_are_rebuilt_around_new_buckets() {
        let (old, new) = (spans(&[(0, 2), (1, 1)]), spans(&[(-1, 6)]));
        let wide = Side::<Integer> { spans: &old, buckets: &[3, 2, 2] }.widen(&new);
        assert_eq!(wide, [0, 3, 2, -5, 7, -7]);
    }

    #[test]
    fn a_bucket_that_went_away_is_a_reset_unless_it_was_empty() {
        let (wide, narrow) = (spans(&[(0, 2)]), spans(&[(0, 1)]));
        let next = Side::<Integer> { spans: &narrow, buckets: &[3] };
        let empty = Side::<Integer> { spans: &wide, buckets: &[3, -3] };
        let used = Side::<Integer> { spans: &wide, buckets: &[3, 0] };
        assert_eq!(empty.grow_into(&next), Some(Difference { forward: false, backward: true }));
        assert_eq!(used.grow_into(&next), None);
        assert_eq!(next.grow_into(&used), Some(Difference { forward: true, backward: false }));
    }

    #[test]
    fn empty_spans_only_move_the_position() {
        let list = spans(&[(2, 0), (3, 2), (0, 1), (1, 0), (1, 1)]);
        assert_eq!(indices(&list).collect::<Vec<_>>(), [5, 6, 7, 10]);
    }
}
