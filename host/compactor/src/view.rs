//! What one sync learned. Built once, never changed; everything downstream reads the same value.
//!
//! Source: `thanos-compactor.md` 3.2 to 3.6.

mod rules;

use std::{collections::BTreeMap, fmt};

use lithify_block::{BlockFacts, BlockId, Labels, MarkError, MetaError, TimeRange, Timestamp};
use lithify_bucket::Snapshot;

use crate::ReplicaLabels;

/// Every block in the bucket has exactly one standing, and the standing says why.
#[derive(Clone, Debug, PartialEq)]
pub enum Standing {
    /// It takes part.
    Active,
    /// Its samples are in this block.
    SupersededBy(BlockId),
    /// It is younger than the consistency delay; seen from then on.
    TooFresh {
        /// When it will be seen.
        until: Timestamp,
    },
    /// The selector leaves it to another compactor.
    OutsideShard,
    /// It lies outside `--min-time` and `--max-time`.
    OutsideTime,
    /// Its deletion mark is older than half the delete delay.
    MarkedForDeletion,
    /// It has no meta.json.
    Partial,
    /// Its meta.json does not decode.
    Corrupt(String),
    /// Its meta.json names another block; it keeps its place, and a plan that needs it is refused.
    Misnamed(BlockId),
    /// It was found broken, for this reason. It keeps its place and is left alone until one of its objects changes.
    LeftOut(String),
    /// It is of a version that this release does not know; it keeps its place and is left alone.
    Unsupported(Unsupported),
}

impl Standing {
    /// The state that `thanos_blocks_meta_synced` counts it in.
    #[must_use]
    pub fn state(&self) -> &'static str {
        match self {
            Self::Active | Self::LeftOut(_) => "loaded",
            Self::SupersededBy(_) => "duplicate",
            Self::TooFresh { .. } => "too-fresh",
            Self::OutsideShard => "label-excluded",
            Self::OutsideTime => "time-excluded",
            Self::MarkedForDeletion => "marked-for-deletion",
            Self::Partial => "no-meta-json",
            Self::Corrupt(_) => "corrupted-meta-json",
            Self::Misnamed(_) | Self::Unsupported(_) => "failed",
        }
    }
}

/// A block and its standing.
#[derive(Clone, Debug)]
pub struct Seen {
    /// What is done with it, and why.
    pub standing: Standing,
    /// What policies are told of it; `None` if its meta.json does not decode.
    pub facts: Option<BlockFacts>,
}

impl Seen {
    /// Lets the block keep its place, and has it planned nowhere: `standing` says that, `why` tells policies.
    pub(crate) fn set_apart(&mut self, standing: Standing, why: &dyn fmt::Display) {
        if let Some(facts) = &mut self.facts {
            facts.no_compact = Some(format!("left out: {why}"));
        }
        self.standing = standing;
    }
}

/// What one sync learned.
#[derive(Clone, Debug)]
pub struct View {
    /// The time that counts as now.
    pub taken_at: Timestamp,
    /// All blocks of the bucket. Their labels are free of replica labels.
    pub blocks: BTreeMap<BlockId, Seen>,
    /// Replica labels that were removed from them.
    pub replica_labels_removed: usize,
    /// Blocks whose deletion mark names another block, with that block; neither is deleted because of it.
    pub foreign_marks: BTreeMap<BlockId, BlockId>,
}

/// What decides about standings.
#[derive(Clone, Debug)]
pub struct Rules {
    /// The time that counts as now.
    pub now: Timestamp,
    /// Age below which blocks of other writers are not seen, milliseconds.
    pub consistency_delay_ms: i64,
    /// Half of it is the age at which a deletion mark hides its block, milliseconds.
    pub delete_delay_ms: i64,
    /// Whether a block of an unknown version is left out, instead of keeping the view from being built.
    pub isolate: bool,
    /// Blocks with `max >= from` and `min <= to` are seen.
    pub time_partition: TimeRange,
    /// Labels that blocks lose before they are grouped.
    pub replica_labels: ReplicaLabels,
}

/// A block on which no view can be built: deciding without it could lose its samples.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsupported {
    /// Its meta.json.
    #[error("block {id}: {error}; use a newer release, or remove the object")]
    Meta {
        /// The block.
        id: BlockId,
        /// Which version.
        error: MetaError,
    },
    /// One of its marks.
    #[error("block {id}: {object}: {error}; use a newer release, or remove the object")]
    Mark {
        /// The block.
        id: BlockId,
        /// The mark's object.
        object: &'static str,
        /// Which version.
        error: MarkError,
    },
}

impl View {
    /// A view of a bucket without blocks.
    #[must_use]
    pub fn empty(taken_at: Timestamp) -> Self {
        Self { taken_at, blocks: BTreeMap::new(), replica_labels_removed: 0, foreign_marks: BTreeMap::new() }
    }

    /// Applies the rules in their order. `select` is asked once, with the labels of all blocks that have come so far.
    ///
    /// # Errors
    /// [`Unsupported`] for a version that this release does not know; whatever `select` fails with.
    pub fn build<E: From<Unsupported>>(
        snapshot: &Snapshot,
        rules: &Rules,
        select: impl FnOnce(&[Labels]) -> Result<Vec<bool>, E>,
    ) -> Result<Self, E> {
        let mut blocks =
            snapshot.blocks.iter().map(|block| rules::base(block, rules.isolate)).collect::<Result<Vec<_>, _>>()?;
        rules::leave_outside_time(&mut blocks, rules);
        rules::leave_outside_shard(&mut blocks, rules, select)?;
        rules::leave_too_fresh(&mut blocks, rules);
        let foreign_marks = rules::leave_marked_for_deletion(&mut blocks, rules)?;
        let replica_labels_removed = rules::lose_replica_labels(&mut blocks, rules);
        rules::leave_superseded(&mut blocks);
        rules::note_other_marks(&mut blocks, rules.isolate)?;
        rules::set_apart_misnamed(&mut blocks);
        rules::set_apart_unsupported(&mut blocks);
        let blocks = blocks.into_iter().map(|block| (block.id, block.seen)).collect();
        Ok(Self { taken_at: rules.now, blocks, replica_labels_removed, foreign_marks })
    }

    /// The blocks that policies are told of, by id: those that take part, and those that only keep their place.
    pub fn placed(&self) -> impl Iterator<Item = &BlockFacts> {
        let is_placed = |seen: &&Seen| match seen.standing {
            Standing::Active | Standing::Misnamed(_) | Standing::LeftOut(_) | Standing::Unsupported(_) => true,
            Standing::SupersededBy(_)
            | Standing::TooFresh { .. }
            | Standing::OutsideShard
            | Standing::OutsideTime
            | Standing::MarkedForDeletion
            | Standing::Partial
            | Standing::Corrupt(_) => false,
        };
        self.blocks.values().filter(is_placed).filter_map(|seen| seen.facts.as_ref())
    }

    /// The blocks that take part, by id.
    pub fn active(&self) -> impl Iterator<Item = &BlockFacts> {
        self.blocks.values().filter(|seen| seen.standing == Standing::Active).filter_map(|seen| seen.facts.as_ref())
    }
}

#[cfg(test)]
mod tests;
