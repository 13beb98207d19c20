//! The engine once more, slow and obvious: the rules of the format, of deduplication and of downsampling as they are
//! written down, in the order in which they are written down, without a thought for speed.
//!
//! It shares the coding of chunks with `lithify-tsdb`, and nothing else: what is overlap, who wins, which windows there
//! are and what is added to what is said here a second time. Differential tests hold the streaming engine against it.
//!
//! Sources: `tsdb-format.md` 6 and `downsampling.md` of the project's specification, cited as 6.8 and D 2.9.

mod block;
mod bounds;
mod bucket_sides;
mod cluster;
mod coarse;
mod encode;
mod heap;
mod histogram;
mod merge;
mod raw;
mod resets;
mod select;
mod windows;

pub use block::{Block, Chunk, Labels, Series, files, read};
pub use cluster::merge_series;
pub use coarse::{counter_samples, downsample_group, downsample_groups};
pub use merge::{Deduplication, Merged, merge, merge_lists};
pub use raw::{downsample_raw, downsample_run, extract, target_chunks};
pub use select::penalty_fold;

use lithify_tsdb::chunk::Sample;

/// Why there is no result, in words.
pub type Result<T> = std::result::Result<T, String>;

/// Milliseconds and value.
pub type Timed = (i64, Sample);

/// The chunks of one series at the resolution `to`, made of its chunks at the resolution `from`, milliseconds.
///
/// # Errors
/// Where the specification has a block fail, or the reference ends in a panic or never.
///
/// Source: D 2.1, D 3.1.
pub fn downsample(chunks: &[Chunk], from: i64, to: i64) -> Result<Vec<Chunk>> {
    if chunks.is_empty() {
        return Err("series without chunks".into());
    }
    if chunks.windows(2).any(|two| two[0].max >= two[1].min) {
        return Err("overlapping chunks within a series".into());
    }
    if from == 0 { downsample_raw(chunks, to) } else { downsample_groups(chunks, from, to, None) }
}
