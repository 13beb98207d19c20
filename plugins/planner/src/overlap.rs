//! Blocks that share time.
//!
//! Source: `thanos-compactor.md` 5.2.

use alloc::vec::Vec;

use crate::InOrder;

/// The first run of overlapping blocks among `candidates`, which are indexes in order; empty if there is none.
pub(crate) fn first_run(group: &InOrder<'_>, candidates: &[usize]) -> Vec<usize> {
    let mut run = Vec::new();
    let mut end = None;
    for (i, pair) in candidates.iter().enumerate() {
        let block = group.blocks[*pair].1;
        if end.is_some_and(|end| block.min_time < end) {
            if run.is_empty() {
                run.push(candidates[i - 1]);
            }
            run.push(*pair);
        } else if !run.is_empty() {
            break;
        }
        end = end.max(Some(block.max_time));
    }
    run
}
