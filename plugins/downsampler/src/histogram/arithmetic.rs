//! Adding and subtracting histograms. Equal layouts take a loop over columns, others are merged bucket by bucket.
//!
//! Source: `downsampling.md` A.6.

use alloc::{vec, vec::Vec};

use super::{
    Histogram, Row, Span,
    block::Total,
    buckets::{self, Buckets},
    columns,
    fit::Fit,
    merge::{Side, merge},
    zero::reconcile,
};
use crate::Refused;

impl Histogram {
    /// Adds `row`, of the same schema.
    ///
    /// # Errors
    /// [`Refused`] if the two cannot be added.
    pub(super) fn add(&mut self, row: Row<'_>) -> Result<(), Refused> {
        if !self.takes(row.shape) {
            return self.search(row, false);
        }
        self.add_numbers(row, row.zero_count, row.count, row.sum);
        let (skip_positive, skip_negative) = row.covered;
        match &self.fit {
            Some(fit) if self.shape != row.shape => {
                fit.add_positive(&mut self.positive, row.positive.iter().skip(skip_positive).copied());
                fit.add_negative(&mut self.negative, row.negative.iter().skip(skip_negative).copied());
            }
            _ => {
                columns::add(&mut self.positive[skip_positive..], &row.positive[skip_positive..]);
                columns::add(&mut self.negative[skip_negative..], &row.negative[skip_negative..]);
            }
        }
        Ok(())
    }

    /// Adds the difference of `row` and `previous`: two roundings a field. `spare` is memory to compute in.
    ///
    /// # Errors
    /// [`Refused`] if the three cannot be brought together.
    pub(super) fn add_difference(&mut self, row: Row<'_>, previous: Row<'_>, spare: &mut Self) -> Result<(), Refused> {
        if row.shape.is_none() || row.shape != previous.shape || !self.takes(row.shape) {
            spare.copy(row);
            spare.search(previous, true)?;
            return self.search_difference(row, spare);
        }
        let hint = row.hint.joined(previous.hint);
        let zero_count = row.zero_count - previous.zero_count;
        self.add_numbers(Row { hint, ..row }, zero_count, row.count - previous.count, row.sum - previous.sum);
        let (skip_positive, skip_negative) = row.covered;
        match &self.fit {
            Some(fit) if self.shape != row.shape => {
                fit.add_positive(&mut self.positive, differences(row.positive, previous.positive, skip_positive));
                fit.add_negative(&mut self.negative, differences(row.negative, previous.negative, skip_negative));
            }
            _ => {
                let (now, before) = (&row.positive[skip_positive..], &previous.positive[skip_positive..]);
                columns::add_differences(&mut self.positive[skip_positive..], now, before);
                let (now, before) = (&row.negative[skip_negative..], &previous.negative[skip_negative..]);
                columns::add_differences(&mut self.negative[skip_negative..], now, before);
            }
        }
        Ok(())
    }

    /// Whether a row of this shape can be added without a search.
    pub(super) fn takes(&self, shape: Option<u32>) -> bool {
        let fits = || self.fit.as_ref().is_some_and(|fit| fit.is_of(shape));
        shape.is_some() && (self.shape == shape || fits())
    }

    /// Positive and negative buckets, to which rows of this shape are added; it is one that [`Histogram::takes`].
    pub(super) fn totals(&mut self, shape: Option<u32>) -> [Total<'_>; 2] {
        let places = self.fit.as_ref().filter(|_| self.shape != shape).map(Fit::places);
        let [positive, negative] = places.map_or([None; 2], |places| places.map(Some));
        [
            Total { numbers: &mut self.positive, places: positive },
            Total { numbers: &mut self.negative, places: negative },
        ]
    }

    /// Adds a difference that was computed in `difference`, and remembers where the buckets of `row` are.
    fn search_difference(&mut self, row: Row<'_>, difference: &Self) -> Result<(), Refused> {
        self.search(difference.row(), false)?;
        self.find(row);
        Ok(())
    }

    /// Remembers where the buckets of `row` are, so that the next row of its layout needs no search.
    fn find(&mut self, row: Row<'_>) {
        // An empty span is found where it is no bucket; that is left to the search.
        let full = |spans: &[Span]| spans.iter().all(|span| span.length > 0);
        if row.shape.is_some()
            && self.layout.same(row.layout)
            && full(&row.layout.positive)
            && full(&row.layout.negative)
        {
            self.shape = row.shape;
        } else {
            self.fit = Fit::new(self, row);
        }
    }

    /// What is no bucket.
    fn add_numbers(&mut self, row: Row<'_>, zero_count: f64, count: f64, sum: f64) {
        self.hint = self.hint.joined(row.hint);
        if !row.layout.is_custom() {
            self.zero_count += zero_count;
        }
        self.count += count;
        self.sum += sum;
    }

    /// Adds or subtracts a row of any layout.
    fn search(&mut self, row: Row<'_>, subtract: bool) -> Result<(), Refused> {
        if self.layout.is_custom() != row.layout.is_custom() {
            return Err(Refused::MIXED);
        }
        let signed = |value: f64| if subtract { -value } else { value };
        self.hint = self.hint.joined(row.hint);
        if !row.layout.is_custom() {
            let zero_count = reconcile(self, row)?;
            self.zero_count += signed(zero_count);
        }
        self.count += signed(row.count);
        self.sum += signed(row.sum);
        self.changed();
        if self.layout.custom_values != row.layout.custom_values {
            return self.rebin(row, subtract);
        }
        let (schema, threshold) = (self.layout.schema, self.layout.zero_threshold);
        let side = Side { spans: &mut self.layout.positive, counts: &mut self.positive };
        merge(side, schema, threshold, Buckets::new(&row.layout.positive, row.positive), subtract)?;
        if !row.layout.is_custom() {
            let side = Side { spans: &mut self.layout.negative, counts: &mut self.negative };
            merge(side, schema, threshold, Buckets::new(&row.layout.negative, row.negative), subtract)?;
        }
        self.find(row);
        Ok(())
    }

    /// Custom buckets of different bounds: what both have in common remains.
    fn rebin(&mut self, row: Row<'_>, subtract: bool) -> Result<(), Refused> {
        let bounds = common(&self.layout.custom_values, &row.layout.custom_values);
        let mut slots = vec![0.0; bounds.len() + 1];
        let own = Buckets::new(&self.layout.positive, &self.positive);
        for (index, count) in own {
            slots[slot(&bounds, &self.layout.custom_values, index)?] += count;
        }
        for (index, count) in Buckets::new(&row.layout.positive, row.positive) {
            slots[slot(&bounds, &row.layout.custom_values, index)?] += if subtract { -count } else { count };
        }
        let full = (0..).zip(&slots).filter(|(_, count)| **count != 0.0).map(|(index, _)| index);
        buckets::spans(full, &mut self.layout.positive)?;
        slots.retain(|count| *count != 0.0);
        self.positive = slots;
        self.layout.custom_values = bounds;
        Ok(())
    }
}

/// Bounds that are in both lists, which ascend.
pub(super) fn common(a: &[f64], b: &[f64]) -> Vec<f64> {
    let mut rest = b;
    let in_both = |bound: &f64| {
        rest = &rest[rest.iter().take_while(|other| *other < bound).count()..];
        rest.first() == Some(bound)
    };
    a.iter().copied().filter(in_both).collect()
}

/// Upper bound of custom bucket `index`.
///
/// # Errors
/// [`Refused::BOUND`] if there is no such bucket.
pub(super) fn custom_bound(bounds: &[f64], index: i64) -> Result<f64, Refused> {
    match usize::try_from(index) {
        Err(_) if index == -1 => Ok(f64::NEG_INFINITY),
        Ok(index) if index == bounds.len() => Ok(f64::INFINITY),
        Ok(index) => bounds.get(index).copied().ok_or(Refused::BOUND),
        Err(_) => Err(Refused::BOUND),
    }
}

/// Where among `bounds` a bucket of `own` belongs; one without a bound belongs behind all of them.
///
/// # Errors
/// [`Refused::BOUND`] if there is no such bucket.
fn slot(bounds: &[f64], own: &[f64], index: i64) -> Result<usize, Refused> {
    let index = usize::try_from(index).map_err(|_| Refused::BOUND)?;
    let below = |upper| bounds.iter().take_while(|bound| **bound < upper).count();
    Ok(own.get(index).map_or(bounds.len(), |upper| below(*upper)))
}

fn differences<'a>(counts: &'a [f64], previous: &'a [f64], skip: usize) -> impl Iterator<Item = f64> + 'a {
    counts.iter().zip(previous).skip(skip).map(|(count, previous)| count - previous)
}
