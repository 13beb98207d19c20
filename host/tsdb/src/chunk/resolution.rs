//! Histograms that are finer than Prometheus 3.9 computes with: schemas 9 to 52 are read as schema 8.
//!
//! Source: Prometheus `model/histogram/generic.go`, `reduceResolution`.

use std::sync::Arc;

use super::histogram::{Histogram, Kind};
use super::layout::{Layout, Span};
use super::spans::{Canonical, absolutes, indices};

/// The finest schema that histograms are given in.
pub(crate) const SCHEMA_MAX: i32 = 8;

/// The histogram in schema 8; buckets that fall together are added in ascending order.
pub(crate) fn reduce<K: Kind>(fine: &Histogram<K>) -> Histogram<K> {
    let shift = (fine.layout.schema - SCHEMA_MAX).clamp(0, 63).cast_unsigned();
    let (positive_spans, positive) = reduce_side::<K>(&fine.layout.positive, &fine.positive, shift);
    let (negative_spans, negative) = reduce_side::<K>(&fine.layout.negative, &fine.negative, shift);
    let layout = Layout {
        schema: SCHEMA_MAX,
        zero_threshold: fine.layout.zero_threshold,
        positive: positive_spans,
        negative: negative_spans,
        custom_values: Vec::new(),
    };
    Histogram { layout: Arc::new(layout), positive, negative, ..*fine }
}

fn reduce_side<K: Kind>(spans: &[Span], buckets: &[K::Bucket], shift: u32) -> (Vec<Span>, Vec<K::Bucket>) {
    let mut joined: Vec<(i64, K::Absolute)> = Vec::with_capacity(buckets.len());
    for (index, count) in indices(spans).zip(absolutes::<K>(buckets)) {
        let index = ((index - 1) >> shift) + 1;
        match joined.last_mut() {
            Some((last, total)) if *last == index => *total = K::sum(*total, count),
            _ => joined.push((index, count)),
        }
    }
    let mut spans = Canonical::default();
    let mut before = K::Absolute::default();
    let buckets = joined
        .into_iter()
        .map(|(index, count)| {
            spans.push(index);
            let bucket = K::relative(before, count);
            before = count;
            bucket
        })
        .collect();
    (spans.finish(), buckets)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chunk::histogram::{FloatHistogram, Hint, IntegerHistogram};

    #[test]
    fn neighbouring_buckets_fall_together() {
        let layout = Layout {
            schema: 9,
            positive: vec![Span { offset: -1, length: 4 }, Span { offset: 3, length: 1 }],
            ..Layout::default()
        };
        let fine = IntegerHistogram {
            hint: Hint::Gauge,
            layout: Arc::new(layout),
            positive: vec![1, 1, 1, 1, 1], // 1 2 3 4 5 at -1 0 1 2 6
            ..IntegerHistogram::default()
        };
        let coarse = reduce(&fine);
        assert_eq!(coarse.layout.schema, 8);
        assert_eq!(coarse.layout.positive, [Span { offset: 0, length: 2 }, Span { offset: 1, length: 1 }]);
        assert_eq!(coarse.positive, [3, 4, -2]);
        assert_eq!(coarse.hint, Hint::Gauge);
        assert_eq!(reduce(&fine.to_float()).positive, [3.0, 7.0, 5.0]);
    }

    #[test]
    fn the_finest_schema_leaves_two_buckets() {
        // The second span begins at i32::MIN + 1 + i32::MAX, which is 0.
        let spans = vec![Span { offset: i32::MIN, length: 1 }, Span { offset: i32::MAX, length: 3 }];
        let layout = Layout { schema: 52, negative: spans, ..Layout::default() };
        let fine = FloatHistogram {
            layout: Arc::new(layout),
            negative: vec![1.0, 2.0, 4.0, 8.0],
            ..FloatHistogram::default()
        };
        let coarse = reduce(&fine);
        assert_eq!(coarse.layout.negative, [Span { offset: 0, length: 2 }]);
        assert_eq!(coarse.negative, [3.0, 12.0]);
    }
}
