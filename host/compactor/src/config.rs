//! What a run is told. Already valid: the command line is checked before.

use std::path::PathBuf;

use lithify_block::TimeRange;

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
    /// Whether to say which blocks are due for downsampling.
    pub downsampling: bool,
}

/// Lengths of compacted blocks by compaction level: 1h, 2h, 8h, 2d, 14d, in milliseconds.
///
/// Source: `thanos-compactor.md` 16.
pub const COMPACTION_RANGES: [i64; 5] = [3_600_000, 7_200_000, 28_800_000, 172_800_000, 1_209_600_000];
