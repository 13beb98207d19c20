//! Native histograms: rows of flat columns, and the arithmetic that the reference has for them.
//!
//! Source: `downsampling.md` 2.9, 3.5, A; Prometheus model/histogram/float_histogram.go.

pub(crate) mod aggregate;
mod arithmetic;
mod block;
mod bounds;
mod buckets;
mod chunk;
mod column;
mod columns;
mod fit;
mod merge;
mod reduce;
mod reset;
mod shape;
mod state;
mod zero;

use alloc::vec::Vec;

pub use column::{HistogramColumn, HistogramRows};
use fit::Fit;

use crate::Refused;

/// The schema of histograms whose bounds are listed.
pub const CUSTOM: i32 = -53;

/// A stretch of buckets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// Buckets between the end of the stretch before and this one; of the first, its index.
    pub offset: i32,
    /// Buckets in it.
    pub length: u32,
}

/// Which bucket a count belongs to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Layout {
    /// Resolution of exponential buckets, or [`CUSTOM`].
    pub schema: i32,
    /// Width of the zero bucket.
    pub zero_threshold: f64,
    /// Upper bounds of custom buckets.
    pub custom_values: Vec<f64>,
    /// Stretches of positive buckets.
    pub positive: Vec<Span>,
    /// Stretches of negative buckets.
    pub negative: Vec<Span>,
}

impl Layout {
    fn is_custom(&self) -> bool {
        self.schema == CUSTOM
    }

    /// Whether nobody could tell the two apart, not even by the bits of their floats.
    fn same(&self, other: &Self) -> bool {
        let bits =
            |a: &[f64], b: &[f64]| a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits());
        self.schema == other.schema
            && self.zero_threshold.to_bits() == other.zero_threshold.to_bits()
            && self.positive == other.positive
            && self.negative == other.negative
            && bits(&self.custom_values, &other.custom_values)
    }
}

/// What a histogram says of the one before it in its series; the numbers are those of the interface.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum Hint {
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

impl Hint {
    fn of(number: u8) -> Result<Self, Refused> {
        match number {
            0 => Ok(Self::Unknown),
            1 => Ok(Self::Reset),
            2 => Ok(Self::NotReset),
            3 => Ok(Self::Gauge),
            _ => Err(Refused::because("a hint is not one of 0 to 3")),
        }
    }

    /// The hint of a histogram to which one with hint `other` was added.
    fn joined(self, other: Self) -> Self {
        match (self, other) {
            (a, b) if a == b => a,
            (Self::Gauge, _) | (_, Self::Gauge) => Self::Gauge,
            _ => Self::Unknown,
        }
    }
}

/// A histogram that lies in columns.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row<'a> {
    hint: Hint,
    layout: &'a Layout,
    /// Rows of equal number have the same layout; `None` is nobody's.
    shape: Option<u32>,
    /// Leading buckets of both sides that an addition leaves out, because the zero bucket covers them.
    covered: (usize, usize),
    zero_count: f64,
    count: f64,
    sum: f64,
    positive: &'a [f64],
    negative: &'a [f64],
}

/// A histogram that is computed with.
#[derive(Clone, Debug, Default)]
pub(crate) struct Histogram {
    hint: Hint,
    layout: Layout,
    /// The shape of the row that it is a copy of, as long as the layout stays.
    shape: Option<u32>,
    /// Where the buckets of another shape are found.
    fit: Option<Fit>,
    zero_count: f64,
    count: f64,
    sum: f64,
    positive: Vec<f64>,
    negative: Vec<f64>,
}

impl Histogram {
    /// Seen as a row, of nobody's shape.
    fn row(&self) -> Row<'_> {
        Row {
            hint: self.hint,
            layout: &self.layout,
            shape: None,
            covered: (0, 0),
            zero_count: self.zero_count,
            count: self.count,
            sum: self.sum,
            positive: &self.positive,
            negative: &self.negative,
        }
    }

    /// Becomes a copy of `row`. Custom buckets have neither a zero bucket nor a negative side. Memory is used again.
    fn copy(&mut self, row: Row<'_>) {
        if self.shape.is_none() || self.shape != row.shape {
            self.layout.clone_from(row.layout);
            self.shape = row.shape;
            self.fit = None;
        }
        (self.hint, self.zero_count, self.count, self.sum) = (row.hint, row.zero_count, row.count, row.sum);
        self.positive.clear();
        self.positive.extend_from_slice(row.positive);
        self.negative.clear();
        self.negative.extend_from_slice(row.negative);
        if row.layout.is_custom() {
            self.zero_count = 0.0;
            self.layout.zero_threshold = 0.0;
            self.layout.negative.clear();
            self.negative.clear();
        }
    }

    /// The layout is not what it was.
    fn changed(&mut self) {
        (self.shape, self.fit) = (None, None);
    }
}
