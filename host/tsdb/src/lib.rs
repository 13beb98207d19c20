//! What is inside a block: index, chunk segments, chunks, tombstones, and how blocks are merged.
//!
//! Everything here is synchronous and knows neither object storage nor flags.

pub mod chunk;
pub mod tombstones;
