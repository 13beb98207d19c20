//! Where the buckets of one layout are in another that has them all, so that most additions need not search.

use alloc::vec::Vec;

use super::{Histogram, Row, Span, buckets::Buckets};

/// Places of a shape's buckets in a histogram.
#[derive(Clone, Debug)]
pub(super) struct Fit {
    shape: u32,
    positive: Vec<u32>,
    negative: Vec<u32>,
}

impl Fit {
    /// The fit of `row` into `histogram`, if there is one.
    pub(super) fn new(histogram: &Histogram, row: Row<'_>) -> Option<Self> {
        let shape = row.shape?;
        let (a, b) = (&histogram.layout, row.layout);
        if a.zero_threshold != b.zero_threshold || a.custom_values != b.custom_values {
            return None;
        }
        let positive = places((&a.positive, &histogram.positive), (&b.positive, row.positive), row.covered.0)?;
        let negative = match a.is_custom() {
            true => Vec::new(),
            false => places((&a.negative, &histogram.negative), (&b.negative, row.negative), row.covered.1)?,
        };
        Some(Self { shape, positive, negative })
    }

    /// Whether it is the fit of this shape.
    pub(super) fn is_of(&self, shape: Option<u32>) -> bool {
        Some(self.shape) == shape
    }

    /// The places of positive and of negative buckets, those that are covered left out.
    pub(super) fn places(&self) -> [&[u32]; 2] {
        [&self.positive, &self.negative]
    }

    /// Adds what `count` has for each bucket that is not covered.
    pub(super) fn add_positive(&self, to: &mut [f64], counts: impl Iterator<Item = f64>) {
        add(&self.positive, to, counts);
    }

    /// As [`Fit::add_positive`].
    pub(super) fn add_negative(&self, to: &mut [f64], counts: impl Iterator<Item = f64>) {
        add(&self.negative, to, counts);
    }
}

fn add(places: &[u32], to: &mut [f64], counts: impl Iterator<Item = f64>) {
    for (place, count) in places.iter().zip(counts) {
        if let Some(slot) = to.get_mut(*place as usize) {
            *slot += count;
        }
    }
}

/// The place of each of `small`'s buckets behind the first `covered` in `large`.
fn places(large: (&[Span], &[f64]), small: (&[Span], &[f64]), covered: usize) -> Option<Vec<u32>> {
    if large.0.iter().any(|span| span.length == 0) {
        return None; // An empty span is found where it is no bucket; leave that to the search.
    }
    let mut large = (0..).zip(Buckets::new(large.0, large.1));
    let place = |(index, _): (i64, f64)| large.find(|(_, bucket)| bucket.0 == index).map(|(place, _)| place);
    Buckets::new(small.0, small.1).skip(covered).map(place).collect()
}
