//! What a run is told. Already valid: the command line is checked before.

use std::{path::PathBuf, time::Duration};

use lithify_block::{Overlaps, TimeRange, Timestamp};
use lithify_tsdb::Deduplication;

use crate::ReplicaLabels;

/// Settings of a run; no defaults here, they belong to the flags.
#[derive(Clone, Debug)]
pub struct Config {
    /// Working directory for caches.
    pub data_dir: PathBuf,
    /// Age below which blocks of other writers are not seen, milliseconds.
    pub consistency_delay_ms: i64,
    /// Age that a deletion mark must exceed before its block may go, milliseconds; half of it hides the block.
    pub delete_delay_ms: i64,
    /// Which blocks are seen by their times.
    pub time_partition: TimePartition,
    /// Lengths of blocks to aim at, milliseconds, ascending; the first is never a target.
    pub ranges: Vec<i64>,
    /// Groups that are compacted side by side, at least 1.
    pub concurrency: usize,
    /// meta.json files and marks that are read side by side, at least 1.
    pub meta_fetch_concurrency: usize,
    /// Longest time that a sync may take; `None` for any.
    pub sync_deadline: Option<Duration>,
    /// Whether a broken block or a failing group is left out, so that the rest goes on.
    pub isolate_failures: bool,
    /// Memory that running merges may take together, bytes.
    pub memory_budget_bytes: u64,
    /// Labels that tell replicas of one stream apart.
    pub replica_labels: ReplicaLabels,
    /// What becomes of blocks of one group that share time; [`Overlaps::Merge`] whenever there are replica labels.
    pub overlaps: Overlaps,
    /// How samples of one time are chosen from several blocks.
    pub deduplication: Deduplication,
    /// Whether an index with labels out of order is taken as it is.
    pub accept_malformed_index: bool,
    /// Whether a block with chunks out of order is marked no-compact; otherwise its group fails.
    pub skip_out_of_order_chunks: bool,
    /// Whether SHA-256 digests of a new block's files are recorded in its meta.json.
    pub hash_files: bool,
    /// Whether blocks are downsampled.
    pub downsampling: bool,
    /// Blocks that are downsampled side by side, at least 1.
    pub downsample_concurrency: usize,
    /// Aggregators that work on one of them, at least 1.
    pub downsample_threads: usize,
}

/// A point in time that is fixed, or moves along with the present.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Always this one.
    At(Timestamp),
    /// This many milliseconds after the present, before it if negative.
    FromNow(i64),
}

/// Blocks with `max >= from` and `min <= to` are seen; both ends inclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimePartition {
    /// Blocks that end before this are left alone.
    pub from: Moment,
    /// Blocks that start after this are left alone.
    pub to: Moment,
}

impl Moment {
    /// The point in time that is meant when it is `now`.
    #[must_use]
    pub fn at(self, now: Timestamp) -> Timestamp {
        match self {
            Self::At(at) => at,
            Self::FromNow(ms) => Timestamp(now.0.saturating_add(ms)),
        }
    }
}

impl TimePartition {
    /// Both ends when it is `now`; asked again at every use, so that distances move along.
    #[must_use]
    pub fn at(self, now: Timestamp) -> TimeRange {
        TimeRange { min: self.from.at(now), max: self.to.at(now) }
    }
}

/// Lengths of compacted blocks by compaction level: 1h, 2h, 8h, 2d, 14d, in milliseconds.
///
/// Source: `thanos-compactor.md` 16.
pub const COMPACTION_RANGES: [i64; 5] = [3_600_000, 7_200_000, 28_800_000, 172_800_000, 1_209_600_000];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_counted_from_now_at_every_use() {
        let partition = TimePartition { from: Moment::FromNow(-1000), to: Moment::At(Timestamp(7)) };
        assert_eq!(partition.at(Timestamp(5000)), TimeRange::new(4000, 7));
        assert_eq!(partition.at(Timestamp(6000)), TimeRange::new(5000, 7));
        assert_eq!(Moment::FromNow(i64::MAX).at(Timestamp(6000)), Timestamp(i64::MAX));
    }
}
