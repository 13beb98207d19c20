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
mod nan;
mod pair;
mod rows;
mod window;

#[cfg(test)]
mod tests;

use core::fmt;

pub use floats::{Aggregates, aggregate_aggregates, aggregate_raw};
pub use rows::{Column, Rows};

/// Why a question was not answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The columns do not fit together: what is wrong.
    Shape(&'static str),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shape(what) => f.write_str(what),
        }
    }
}

impl core::error::Error for Refused {}
