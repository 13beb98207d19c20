//! Samples of many runs side by side, as policies that aggregate see them: flat columns instead of a record a sample.
//!
//! A *run* is a stretch of samples of one series that becomes one chunk. Run `i` owns the rows
//! `offsets[i] .. offsets[i + 1]`, so `offsets` has one entry more than there are runs; it starts with 0 and never
//! falls.
//!
//! Source: `policies.md` 2, `downsampling.md` 1.

use alloc::vec::Vec;

/// Float samples.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Column {
    /// Where the runs begin and the last one ends.
    pub offsets: Vec<u32>,
    /// Milliseconds since the Unix epoch, one a row.
    pub timestamps: Vec<i64>,
    /// One a row.
    pub values: Vec<f64>,
}

/// The five aggregates of float samples: one row a window in each column. The columns need not have equally many rows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Aggregates {
    /// How many samples.
    pub count: Column,
    /// Their sum.
    pub sum: Column,
    /// The smallest.
    pub min: Column,
    /// The largest.
    pub max: Column,
    /// The counter at the end of the window, drops added back.
    pub counter: Column,
}

/// Histogram samples, as floats.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HistogramColumn {
    /// Where the runs begin and the last one ends.
    pub offsets: Vec<u32>,
    /// Milliseconds since the Unix epoch, one a row.
    pub timestamps: Vec<i64>,
    /// What is known about the relation to the row before, one a row.
    pub hints: Vec<ResetHint>,
    /// Observations, one a row.
    pub counts: Vec<f64>,
    /// Sums of observations, one a row.
    pub sums: Vec<f64>,
    /// Observations in the zero bucket, one a row.
    pub zero_counts: Vec<f64>,
    /// How buckets are laid out, for stretches of rows.
    pub layouts: Vec<HistogramLayout>,
    /// The first row of each of `layouts`: the first is 0, then they rise. As many as `layouts`.
    pub layout_rows: Vec<u32>,
    /// Row by row the absolute counts of the positive buckets, then of the negative ones.
    pub buckets: Vec<f64>,
}

/// The aggregates of histogram samples.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HistogramAggregates {
    /// How many samples.
    pub count: Column,
    /// Their sum.
    pub sum: HistogramColumn,
    /// The counter at the end of the window, resets added back.
    pub counter: HistogramColumn,
}

/// Which bucket a count belongs to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HistogramLayout {
    /// Resolution of exponential buckets, or -53 for custom bounds.
    pub schema: i32,
    /// Width of the zero bucket.
    pub zero_threshold: f64,
    /// Upper bounds of custom buckets.
    pub custom_values: Vec<f64>,
    /// Stretches of positive buckets.
    pub positive_spans: Vec<BucketSpan>,
    /// Stretches of negative buckets.
    pub negative_spans: Vec<BucketSpan>,
}

/// A stretch of buckets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BucketSpan {
    /// Buckets between the end of the stretch before and this one; of the first, its index.
    pub offset: i32,
    /// Buckets in it.
    pub length: u32,
}

/// What a histogram says of the one before it in its series.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum ResetHint {
    /// Nothing; compare them.
    #[default]
    Unknown = 0,
    /// The counter was reset between them.
    Reset = 1,
    /// It was not.
    NotReset = 2,
    /// It is a gauge, which cannot be reset.
    Gauge = 3,
}

impl HistogramLayout {
    /// Buckets that a row of this layout has on its positive and on its negative side.
    #[must_use]
    pub fn buckets(&self) -> (usize, usize) {
        let sum = |spans: &[BucketSpan]| spans.iter().map(|span| span.length as usize).sum();
        (sum(&self.positive_spans), sum(&self.negative_spans))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_of_a_layout_are_those_of_its_spans() {
        let span = |offset, length| BucketSpan { offset, length };
        let layout = HistogramLayout {
            positive_spans: Vec::from([span(-3, 2), span(4, 0), span(0, 5)]),
            negative_spans: Vec::from([span(1, 1)]),
            ..HistogramLayout::default()
        };
        assert_eq!(layout.buckets(), (7, 1));
    }
}
