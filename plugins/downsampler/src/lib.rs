//! What becomes of the samples of a window? The five aggregates of Thanos as a policy, of floats and native histograms.
//!
//! Invariants: pure functions of columns; the same bits as the reference, so every sum has one order, which is the order of
//! the rows; runs do not know of each other, so it does not matter how they are spread over calls.
//!
//! Start with [`aggregate_raw`], then `window.rs`.
//!
//! Source: `downsampling.md` 2.6 to 2.9, 3.3 to 3.5, 7, A.
#![no_std]
extern crate alloc;
#[cfg(not(target_family = "wasm"))]
extern crate std as _; // Native builds link its allocator and panic handler; nothing can name it.

mod floats;
mod histogram;
mod nan;
mod pair;
mod policy;
mod rows;
mod window;

#[cfg(test)]
mod tests;

use core::fmt;

pub use floats::{Aggregates, aggregate_aggregates, aggregate_raw};
pub use histogram::aggregate::{HistogramAggregates, aggregate_histogram_aggregates, aggregate_raw_histograms};
pub use histogram::{CUSTOM, Hint, HistogramColumn, HistogramRows, Layout, Span};
pub use policy::FiveAggregates;
pub use rows::{Column, Rows};

lithify_sdk::export!(include_bytes!("../manifest.json"), downsampler: FiveAggregates);

/// Why a question was not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The run in which it was found, by position in the question, if it is not the columns that do not fit together.
    pub run: Option<u32>,
    /// What is wrong.
    pub what: &'static str,
}

impl Refused {
    const INDEX: Self = Self::because("the index of a histogram bucket does not fit 32 bits");
    const SPANS: Self = Self::because("spans and buckets of a histogram contradict each other");
    const BOUND: Self = Self::because("a histogram has a bucket without a bound");
    const THRESHOLD: Self = Self::because("the zero threshold of a histogram is not a number");
    const MIXED: Self = Self::because("histograms with exponential and with custom buckets in one run");

    const fn because(what: &'static str) -> Self {
        Self { run: None, what }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.run {
            Some(run) => write!(f, "run {run}: {}", self.what),
            None => f.write_str(self.what),
        }
    }
}

impl core::error::Error for Refused {}
