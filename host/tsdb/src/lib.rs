//! What is inside a block: index, chunk segments, chunks, tombstones, and how blocks are merged.
//!
//! Everything here is synchronous and knows neither object storage nor flags.
//!
//! Invariants: a source is read through windows, never whole; a result is appended to, never patched; chunks are bytes
//! until a merge needs their samples; no byte of a source can make this crate panic or take memory that the file does
//! not justify.
//!
//! Start with [`compact`], then [`index`] and [`segment`], which draw the files.
#![warn(clippy::indexing_slicing)]

mod downsample;
mod merge;
mod repair;
mod source;
mod unite;
mod verify;

mod defect;
mod error;

pub mod chunk;
pub mod index;
pub mod segment;
pub mod tombstones;

mod block_reader;
mod block_writer;
mod memory;

mod blob;
mod sink;

mod heap;
mod outlet;
mod stream;
pub mod varint;
mod window;

pub use blob::{Blob, LocalFile};
pub use block_reader::{BlockReader, SeriesCursor};
pub use block_writer::{BlockWriter, NewChunk};
pub use defect::{Defect, Example};
pub use downsample::{Downsampling, Hurdle, downsample};
pub use error::{Damage, Error, Fault};
pub use memory::{IndexSizes, downsampling_estimate, memory_estimate};
pub use merge::{Deduplication, Found, Merged, Obstacle, Options, Progress, compact};
pub use repair::{Repaired, repair};
pub use sink::{BlockFile, Directory, Memory, Nowhere, Output, Sink};
pub use source::{Source, is_segment_name};
pub use verify::{Findings, verify};
