//! Zero buckets of different width.
//!
//! Source: `downsampling.md` A.5.

use super::{
    Histogram, Row,
    bounds::bound,
    buckets::{self, Buckets},
};
use crate::Refused;

/// The zero count that `row` would have with a threshold of `threshold` or a little more, and that threshold: it must not
/// cut through a bucket that holds something.
pub(super) fn zero_for(row: Row<'_>, mut threshold: f64) -> (f64, f64) {
    if threshold == row.layout.zero_threshold {
        return (row.zero_count, threshold);
    }
    let schema = row.layout.schema;
    'wider: loop {
        let mut zero = row.zero_count;
        for (index, count) in Buckets::new(&row.layout.positive, row.positive) {
            if bound(schema, index - 1) >= threshold {
                break;
            }
            zero += count;
            let upper = bound(schema, index);
            if upper > threshold {
                if count != 0.0 {
                    threshold = upper;
                }
                break;
            }
        }
        for (index, count) in Buckets::new(&row.layout.negative, row.negative) {
            if -bound(schema, index - 1) <= -threshold {
                break;
            }
            zero += count;
            let lower = -bound(schema, index);
            if lower < -threshold {
                if count != 0.0 {
                    threshold = -lower;
                    continue 'wider;
                }
                break;
            }
        }
        return (zero, threshold);
    }
}

/// Makes the threshold of `histogram` fit `other` too; returns the zero count of `other` at that threshold.
///
/// # Errors
/// [`Refused::INDEX`] if a bucket's index does not fit.
pub(super) fn reconcile(histogram: &mut Histogram, other: Row<'_>) -> Result<f64, Refused> {
    let (mut zero, mut threshold) = (other.zero_count, other.layout.zero_threshold);
    if threshold.is_nan() || histogram.layout.zero_threshold.is_nan() {
        return Err(Refused::THRESHOLD);
    }
    while threshold != histogram.layout.zero_threshold {
        if histogram.layout.zero_threshold > threshold {
            (zero, threshold) = zero_for(other, histogram.layout.zero_threshold);
        }
        if threshold > histogram.layout.zero_threshold {
            (histogram.zero_count, histogram.layout.zero_threshold) = zero_for(histogram.row(), threshold);
            histogram.changed();
            empty_below_threshold(histogram);
            drop_empty(histogram)?;
        }
    }
    Ok(zero)
}

/// Empties leading buckets that the zero bucket has taken.
fn empty_below_threshold(histogram: &mut Histogram) {
    let (schema, threshold) = (histogram.layout.schema, histogram.layout.zero_threshold);
    for (spans, counts) in
        [(&histogram.layout.positive, &mut histogram.positive), (&histogram.layout.negative, &mut histogram.negative)]
    {
        let below = Buckets::new(spans, counts).take_while(|(index, _)| bound(schema, index - 1) < threshold).count();
        counts[..below].fill(0.0);
    }
}

/// Drops empty buckets; spans become as few as possible.
fn drop_empty(histogram: &mut Histogram) -> Result<(), Refused> {
    for (spans, counts) in [
        (&mut histogram.layout.positive, &mut histogram.positive),
        (&mut histogram.layout.negative, &mut histogram.negative),
    ] {
        let old = core::mem::take(spans);
        let full = Buckets::new(&old, counts).filter(|(_, count)| *count != 0.0);
        buckets::spans(full.map(|(index, _)| index), spans)?;
        counts.retain(|count| *count != 0.0);
    }
    Ok(())
}
