//! Blocks that hold nothing any more: every sample that was in them is deleted.
//!
//! Source: `thanos-compactor.md` 6.7, decision 3.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};

use lithify_block::{BlockFacts, BlockId};

/// The blocks of which this process has found out that nothing of them is left. Clones share what they know.
#[derive(Clone, Debug, Default)]
pub struct Spent(Arc<Mutex<BTreeSet<BlockId>>>);

impl Spent {
    /// Remembers that nothing is left of `blocks`.
    pub(crate) fn add(&self, blocks: impl Iterator<Item = BlockId>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(blocks);
    }

    /// Whether planning `block` without others is in vain: it is marked for deletion, and nothing is left of it by its
    /// meta.json or by what was found in it.
    pub(crate) fn has(&self, block: &BlockFacts) -> bool {
        let found = || self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(&block.id);
        block.deletion_marked_at.is_some() && (block.meta.stats.num_samples == 0 || found())
    }
}
