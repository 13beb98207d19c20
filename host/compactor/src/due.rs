//! Which blocks are due for downsampling.
//!
//! Source: `thanos-compactor.md` 7.1.

use std::collections::BTreeSet;

use lithify_block::BlockId;

use crate::View;

/// Resolutions in milliseconds.
const RESOLUTION_5M: i64 = 300_000;
const RESOLUTION_1H: i64 = 3_600_000;

/// Shortest raw block that is downsampled: 40 hours in milliseconds.
const RAW_LENGTH_MIN_MS: i64 = 144_000_000;

/// Shortest 5m block that is downsampled: 10 days in milliseconds.
const FIVE_MINUTES_LENGTH_MIN_MS: i64 = 864_000_000;

/// A block that is due, and the resolution it is due for, milliseconds.
pub type Due = (BlockId, i64);

/// The blocks of `view` that are due, by id.
#[must_use]
pub fn due_for_downsampling(view: &View) -> Vec<Due> {
    let sources_at = |resolution: i64| -> BTreeSet<BlockId> {
        view.active()
            .filter(|block| block.meta.thanos.resolution == resolution)
            .flat_map(|block| block.meta.compaction.sources.iter().copied())
            .collect()
    };
    let (in_5m, in_1h) = (sources_at(RESOLUTION_5M), sources_at(RESOLUTION_1H));
    view.active()
        .filter(|block| block.no_downsample.is_none())
        .filter_map(|block| {
            let (done, length_min_ms, target) = match block.meta.thanos.resolution {
                0 => (&in_5m, RAW_LENGTH_MIN_MS, RESOLUTION_5M),
                RESOLUTION_5M => (&in_1h, FIVE_MINUTES_LENGTH_MIN_MS, RESOLUTION_1H),
                _ => return None,
            };
            let missing = block.meta.compaction.sources.iter().any(|source| !done.contains(source));
            (missing && block.meta.range.length_ms() >= length_min_ms).then_some((block.id, target))
        })
        .collect()
}
