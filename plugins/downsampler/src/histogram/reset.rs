//! Was a counter reset between two histograms?
//!
//! Source: `downsampling.md` A.4, with the reference's defects.

use core::cmp::Ordering;

use super::{
    Hint, Row,
    arithmetic::{common, custom_bound},
    bounds::{bound, is_exponential},
    buckets::{Buckets, Coarser},
    columns,
    zero::zero_for,
};
use crate::Refused;

/// Whether `row` cannot be `previous` with something added.
///
/// # Errors
/// [`Refused::BOUND`] if a custom bucket has no bound.
pub(super) fn is_reset(row: Row<'_>, previous: Row<'_>) -> Result<bool, Refused> {
    match row.hint {
        Hint::Reset => return Ok(true),
        Hint::NotReset => return Ok(false),
        Hint::Unknown | Hint::Gauge => {}
    }
    let (layout, before) = (row.layout, previous.layout);
    if row.count < previous.count || (layout.is_custom() && !before.is_custom()) {
        return Ok(true);
    }
    if layout.is_custom() && layout.custom_values != before.custom_values {
        return differs_at_common_bounds(row, previous);
    }
    if row.shape.is_some() && row.shape == previous.shape && !layout.zero_threshold.is_nan() {
        // Both are seen without what the zero bucket covers; one without width covers nothing, not even bounds that are 0.
        let (positive, negative) = if layout.zero_threshold == 0.0 { (0, 0) } else { row.covered };
        return Ok(row.zero_count < previous.zero_count
            || columns::any_below(&row.positive[positive..], &previous.positive[positive..])
            || columns::any_below(&row.negative[negative..], &previous.negative[negative..]));
    }
    if layout.schema > before.schema || layout.zero_threshold < before.zero_threshold {
        return Ok(true);
    }
    let (zero_count, threshold) = zero_for(previous, layout.zero_threshold);
    if threshold != layout.zero_threshold || row.zero_count < zero_count {
        return Ok(true);
    }
    let step = before.schema.abs_diff(layout.schema);
    let side = |spans, counts, step| Visible { row, buckets: Coarser::new(Buckets::new(spans, counts), step) }.behind();
    Ok(side_falls(side(&layout.positive, row.positive, 0), side(&before.positive, previous.positive, step))
        || side_falls(side(&layout.negative, row.negative, 0), side(&before.negative, previous.negative, step)))
}

/// Buckets that the zero bucket of `row` leaves to be seen.
struct Visible<'a> {
    row: Row<'a>,
    buckets: Coarser<'a>,
}

impl<'a> Visible<'a> {
    fn behind(self) -> impl Iterator<Item = (i64, f64)> {
        let (schema, threshold) = (self.row.layout.schema, self.row.layout.zero_threshold);
        let covers = threshold != 0.0 && is_exponential(schema);
        self.buckets.skip_while(move |(index, _)| covers && bound(schema, *index) <= threshold)
    }
}

/// Whether a side lost something. Once `side` has come to its end, what remains of `previous` is not looked at.
fn side_falls(mut side: impl Iterator<Item = (i64, f64)>, previous: impl Iterator<Item = (i64, f64)>) -> bool {
    let mut current = None;
    for (index, before) in previous {
        if current.is_none_or(|(at, _)| at < index) {
            current = side.by_ref().find(|(at, _)| *at >= index);
        }
        let Some((at, count)) = current else {
            return before != 0.0;
        };
        if if at > index { before != 0.0 } else { count < before } {
            return true;
        }
    }
    false
}

/// Whether custom buckets of different bounds lost something between two bounds that they have in common.
fn differs_at_common_bounds(row: Row<'_>, previous: Row<'_>) -> Result<bool, Refused> {
    let bounds = common(&row.layout.custom_values, &previous.layout.custom_values);
    let mut now = Buckets::new(&row.layout.positive, row.positive).peekable();
    let mut before = Buckets::new(&previous.layout.positive, previous.positive).peekable();
    for bound in bounds.into_iter().chain([f64::INFINITY]) {
        let now = up_to(bound, &row.layout.custom_values, &mut now)?;
        let before = up_to(bound, &previous.layout.custom_values, &mut before)?;
        if now.partial_cmp(&before) == Some(Ordering::Less) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The sum of the buckets that end at or below `bound`.
fn up_to(bound: f64, bounds: &[f64], buckets: &mut core::iter::Peekable<Buckets<'_>>) -> Result<f64, Refused> {
    let mut sum = 0.0;
    while let Some((index, count)) = buckets.peek().copied() {
        if custom_bound(bounds, index)? > bound {
            break;
        }
        sum += count;
        buckets.next();
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::{super::Layout, super::Span, *};

    #[test]
    fn what_the_zero_bucket_covers_is_not_compared_in_rows_of_one_layout() {
        // Buckets end at 1, 4 and 16.
        let positive = vec![Span { offset: 0, length: 3 }];
        let layout = Layout { schema: -1, zero_threshold: 3.3, positive, ..Layout::default() };
        let row = |shape, positive| Row {
            hint: Hint::Unknown,
            layout: &layout,
            shape,
            covered: (1, 0),
            zero_count: 0.0,
            count: 9.0,
            sum: 0.0,
            positive,
            negative: &[],
        };
        for shape in [Some(1), None] {
            let before = row(shape, &[5.0, 2.0, 3.0]);
            assert_eq!(is_reset(row(shape, &[1.0, 2.0, 3.0]), before), Ok(false));
            assert_eq!(is_reset(row(shape, &[5.0, 1.0, 3.0]), before), Ok(true));
        }
    }
}
