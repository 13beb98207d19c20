//! What a run is told. Already valid: the command line is checked before.

use std::path::PathBuf;

use lithify_block::{Overlaps, TimeRange};
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
    /// Blocks with `max >= from` and `min <= to` are seen; both ends inclusive, milliseconds.
    pub time_partition: TimeRange,
    /// Lengths of blocks to aim at, milliseconds, ascending; the first is never a target.
    pub ranges: Vec<i64>,
    /// Groups that are compacted side by side, at least 1.
    pub concurrency: usize,
    /// meta.json files and marks that are read side by side, at least 1.
    pub meta_fetch_concurrency: usize,
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
}

/// Lengths of compacted blocks by compaction level: 1h, 2h, 8h, 2d, 14d, in milliseconds.
///
/// Source: `thanos-compactor.md` 16.
pub const COMPACTION_RANGES: [i64; 5] = [3_600_000, 7_200_000, 28_800_000, 172_800_000, 1_209_600_000];
