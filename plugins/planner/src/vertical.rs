//! Overlapping downsampled blocks cannot be merged: they are parked.
//!
//! Source: `thanos-compactor.md` 5.5.

use alloc::vec::Vec;

use crate::{Choice, InOrder, Marks, Tsdb, index_size, overlap};

/// What the reference writes into these marks.
const DETAILS: &str =
    "verticalCompactionDownsampleFilter: Downsampled block, see https://github.com/thanos-io/thanos/issues/6775";

/// Plans; with vertical compaction, until no overlapping plan holds a downsampled block.
pub(crate) fn plan(planner: &Tsdb, group: &InOrder<'_>, marks: &mut Marks) -> Result<Choice, lithify_sdk::Error> {
    loop {
        let choice = index_size::plan(planner, group, marks)?;
        if !planner.vertical || overlap::first_run(group, &choice.blocks).is_empty() {
            return Ok(choice);
        }
        let downsampled: Vec<usize> =
            choice.blocks.iter().copied().filter(|i| group.blocks[*i].1.resolution != 0).collect();
        if downsampled.is_empty() {
            return Ok(choice);
        }
        for i in downsampled {
            marks.add(group, i, "downsample-vertical-compaction", DETAILS.into());
        }
    }
}
