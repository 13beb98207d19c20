//! The planner proper: overlaps, ranges, tombstones, in this order.
//!
//! Source: `thanos-compactor.md` 5.1.

use alloc::vec::Vec;

use lithify_sdk::Block;

use crate::{Choice, InOrder, Rule, overlap, ranges};

/// Chooses among the blocks that are not `marked`.
pub(crate) fn plan(group: &InOrder<'_>, marked: &[bool]) -> Choice {
    let mut candidates: Vec<usize> = (0..group.blocks.len()).filter(|i| !marked[*i]).collect();
    let overlapping = overlap::first_run(group, &candidates);
    if !overlapping.is_empty() {
        return Choice { blocks: overlapping, rule: Rule::Overlap };
    }
    // The block with the latest start is still fresh: blocks beside it may be on their way.
    let older = group.blocks.len().saturating_sub(1);
    candidates.retain(|i| *i < older);
    if let Some((blocks, range)) = ranges::select(group, older, marked) {
        return Choice { blocks, rule: Rule::Range(range) };
    }
    match with_tombstones(group, &candidates) {
        Some(i) => Choice { blocks: Vec::from([i]), rule: Rule::Tombstones },
        None => Choice { blocks: Vec::new(), rule: Rule::Rest },
    }
}

/// The newest of the long blocks whose tombstones are worth a rewrite.
fn with_tombstones(group: &InOrder<'_>, candidates: &[usize]) -> Option<usize> {
    let long = group.ranges[group.ranges.len() / 2];
    let blocks = candidates.iter().rev().map(|i| (*i, group.blocks[*i].1));
    blocks.take_while(|(_, block)| length(block) >= long).find(|(_, block)| many_tombstones(block)).map(|(i, _)| i)
}

/// Length in milliseconds; saturates.
pub(crate) fn length(block: &Block) -> i64 {
    block.max_time.saturating_sub(block.min_time)
}

/// Whether more than 5 % of the series have tombstones, in the reference's arithmetic.
#[expect(clippy::cast_precision_loss, reason = "the reference rounds to float64 as well")]
fn many_tombstones(block: &Block) -> bool {
    block.num_tombstones as f64 / block.num_series.saturating_add(1) as f64 > 0.05
}
