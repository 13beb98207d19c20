//! Histograms at a coarser schema.
//!
//! Source: `downsampling.md` A.5 `reduce`.

use alloc::vec::Vec;

use super::{
    Hint, Histogram, Layout, Row, Span,
    buckets::{self, Buckets, coarser},
    shape::covered,
};
use crate::Refused;

/// How rows of one layout look at a coarser schema.
#[derive(Clone, Debug)]
pub(super) struct Reduction {
    pub(super) layout: Layout,
    pub(super) covered: (usize, usize),
    pub(super) shape: u32,
    /// The place of each bucket.
    positive: Vec<u32>,
    negative: Vec<u32>,
}

impl Reduction {
    /// Of `layout`, to `schema`, which is lower. Both are exponential.
    ///
    /// # Errors
    /// [`Refused::INDEX`] if a bucket's index does not fit.
    pub(super) fn new(layout: &Layout, schema: i32, shape: u32) -> Result<Self, Refused> {
        let step = layout.schema.abs_diff(schema);
        let mut reduced = Layout { schema, zero_threshold: layout.zero_threshold, ..Layout::default() };
        let positive = side(&layout.positive, step, &mut reduced.positive)?;
        let negative = side(&layout.negative, step, &mut reduced.negative)?;
        let covered = covered(&reduced);
        Ok(Self { layout: reduced, covered, shape, positive, negative })
    }

    /// Reduces a row. Its hint is lost.
    pub(super) fn apply(&self, row: Row<'_>, into: &mut Histogram) {
        if into.shape != Some(self.shape) {
            into.layout.clone_from(&self.layout);
            into.shape = Some(self.shape);
        }
        into.hint = Hint::Unknown;
        (into.zero_count, into.count, into.sum) = (row.zero_count, row.count, row.sum);
        gather(&self.positive, row.positive, &mut into.positive);
        gather(&self.negative, row.negative, &mut into.negative);
    }

    /// What [`Reduction::apply`] made, as a row of its shape.
    pub(super) fn row<'a>(&self, made: &'a Histogram) -> Row<'a> {
        Row { shape: Some(self.shape), covered: self.covered, ..made.row() }
    }
}

/// The coarser spans of a side; returns the place of each bucket in them.
fn side(spans: &[Span], step: u32, out: &mut Vec<Span>) -> Result<Vec<u32>, Refused> {
    let buckets = spans.iter().map(|span| span.length as usize).sum();
    let zeros = alloc::vec![0.0; buckets];
    let mut targets: Vec<i64> = Buckets::new(spans, &zeros).map(|(index, _)| coarser(index, step)).collect();
    let mut places = Vec::with_capacity(targets.len());
    let mut place = 0;
    for (i, target) in targets.iter().enumerate() {
        place += u32::from(i > 0 && targets[i - 1] != *target);
        places.push(place);
    }
    targets.dedup();
    buckets::spans(targets.into_iter(), out)?;
    Ok(places)
}

/// Adds the counts that meet, in order.
fn gather(places: &[u32], counts: &[f64], into: &mut Vec<f64>) {
    into.clear();
    for (place, count) in places.iter().zip(counts) {
        match into.get_mut(*place as usize) {
            Some(slot) => *slot += count,
            None => into.push(*count),
        }
    }
}
