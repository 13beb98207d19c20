//! Whole blocks: merged, refused, damaged.
#![expect(clippy::unwrap_used, reason = "a test says by panicking what went wrong")]

mod corruption;
mod cutting;
mod merge;
mod overlaps;
mod sample;
mod vectors;
