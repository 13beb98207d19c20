//! What one sync learned. Built once, never changed; everything downstream reads the same value.
//!
//! Source: `thanos-compactor.md` 3.2 to 3.6.

use std::collections::{BTreeMap, BTreeSet};

use lithify_block::{
    BlockFacts, BlockId, Labels, MarkError, Meta, MetaError, SOURCE_COMPACTOR, SOURCE_COMPACTOR_REPAIR, TimeRange,
    Timestamp,
};
use lithify_bucket::{BlockDirectory, MarkState, MetaState, Snapshot, layout::MarkKind};

use crate::{
    ReplicaLabels,
    superseded::{Candidate, superseded},
};

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
}

impl Standing {
    /// The state that `thanos_blocks_meta_synced` counts it in.
    #[must_use]
    pub fn state(&self) -> &'static str {
        match self {
            Self::Active => "loaded",
            Self::SupersededBy(_) => "duplicate",
            Self::TooFresh { .. } => "too-fresh",
            Self::OutsideShard => "label-excluded",
            Self::OutsideTime => "time-excluded",
            Self::MarkedForDeletion => "marked-for-deletion",
            Self::Partial => "no-meta-json",
            Self::Corrupt(_) => "corrupted-meta-json",
            Self::Misnamed(_) => "failed",
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
        let mut blocks = snapshot.blocks.iter().map(base).collect::<Result<Vec<_>, _>>()?;
        leave_outside_time(&mut blocks, rules);
        leave_outside_shard(&mut blocks, rules, select)?;
        leave_too_fresh(&mut blocks, rules);
        let foreign_marks = leave_marked_for_deletion(&mut blocks, rules)?;
        let replica_labels_removed = lose_replica_labels(&mut blocks, rules);
        leave_superseded(&mut blocks);
        note_other_marks(&mut blocks)?;
        set_apart_misnamed(&mut blocks);
        let blocks = blocks.into_iter().map(|block| (block.id, block.seen)).collect();
        Ok(Self { taken_at: rules.now, blocks, replica_labels_removed, foreign_marks })
    }

    /// The blocks that policies are told of, by id: those that take part, and misnamed ones, which keep their place.
    pub fn placed(&self) -> impl Iterator<Item = &BlockFacts> {
        let placed = |seen: &&Seen| matches!(seen.standing, Standing::Active | Standing::Misnamed(_));
        self.blocks.values().filter(placed).filter_map(|seen| seen.facts.as_ref())
    }

    /// The blocks that take part, by id.
    pub fn active(&self) -> impl Iterator<Item = &BlockFacts> {
        self.blocks.values().filter(|seen| seen.standing == Standing::Active).filter_map(|seen| seen.facts.as_ref())
    }
}

struct Block<'a> {
    id: BlockId,
    directory: &'a BlockDirectory,
    seen: Seen,
}

impl Block<'_> {
    /// The facts, while the block has passed all rules so far.
    fn active(&mut self) -> Option<(&mut Standing, &mut BlockFacts)> {
        let Seen { standing, facts } = &mut self.seen;
        if *standing == Standing::Active { Some((standing, facts.as_mut()?)) } else { None }
    }
}

fn base<'a>((id, directory): (&BlockId, &'a BlockDirectory)) -> Result<Block<'a>, Unsupported> {
    let id = *id;
    let (standing, meta) = match &directory.meta {
        MetaState::Missing => (Standing::Partial, None),
        MetaState::Corrupted(why) => (Standing::Corrupt(why.clone()), None),
        MetaState::Unsupported(_, error) => return Err(Unsupported::Meta { id, error: error.clone() }),
        MetaState::Found(meta) => (Standing::Active, Some(meta)),
    };
    let facts = meta.map(|meta| BlockFacts {
        id,
        meta: Meta::clone(meta),
        index_size_bytes: meta.index_size_bytes().or(directory.index_size()),
        size_bytes: Some(directory.objects.values().map(|object| object.size).sum()),
        uploaded_at: Some(meta.thanos.upload_time)
            .filter(|time| !time.is_zero())
            .map(lithify_block::Rfc3339::timestamp),
        no_compact: None,
        no_downsample: None,
        deletion_marked_at: None,
    });
    Ok(Block { id, directory, seen: Seen { standing, facts } })
}

/// The mark of `kind`, unless it is of an unknown version.
fn mark<M>(id: BlockId, kind: MarkKind, state: &MarkState<M>) -> Result<Option<&M>, Unsupported> {
    match state {
        MarkState::Absent => Ok(None),
        MarkState::Found(mark) => Ok(Some(mark)),
        MarkState::Unsupported(error) => Err(Unsupported::Mark { id, object: kind.file(), error: error.clone() }),
    }
}

/// F1. Both ends of the partition are inclusive, although a block's end is not.
fn leave_outside_time(blocks: &mut [Block<'_>], rules: &Rules) {
    for (standing, facts) in blocks.iter_mut().filter_map(Block::active) {
        let TimeRange { min, max } = facts.meta.range;
        if max < rules.time_partition.min || min > rules.time_partition.max {
            *standing = Standing::OutsideTime;
        }
    }
}

/// F2. The selector sees a block's labels but for replica labels, and its id as `__block_id`.
fn leave_outside_shard<E>(
    blocks: &mut [Block<'_>],
    rules: &Rules,
    select: impl FnOnce(&[Labels]) -> Result<Vec<bool>, E>,
) -> Result<(), E> {
    let mut active: Vec<_> = blocks.iter_mut().filter_map(Block::active).collect();
    let sets: Vec<_> = active
        .iter()
        .map(|(_, facts)| {
            let mut labels = rules.replica_labels.hidden_from_rules(&facts.meta.thanos.labels);
            labels.0.insert("__block_id".to_owned(), facts.id.to_string());
            labels
        })
        .collect();
    let kept = select(&sets)?;
    for ((standing, _), kept) in active.iter_mut().zip(kept) {
        if !kept {
            **standing = Standing::OutsideShard;
        }
    }
    Ok(())
}

/// F3. Blocks made by a compactor are complete when they are seen.
fn leave_too_fresh(blocks: &mut [Block<'_>], rules: &Rules) {
    for (standing, facts) in blocks.iter_mut().filter_map(Block::active) {
        let born = match facts.uploaded_at {
            Some(uploaded) => uploaded,
            // An id from the future counts as very old, as in the reference, whose subtraction is unsigned.
            None if facts.id.created() > rules.now => continue,
            None => facts.id.created(),
        };
        let by_compactor =
            matches!(facts.meta.thanos.source.as_str(), SOURCE_COMPACTOR | SOURCE_COMPACTOR_REPAIR | "bucket.repair");
        if !by_compactor && rules.now.since(born) < rules.consistency_delay_ms {
            *standing = Standing::TooFresh { until: Timestamp(born.0.saturating_add(rules.consistency_delay_ms)) };
        }
    }
}

/// F4. A young mark leaves its block visible, so that it is not missed before its successor is seen. Gives the marks that
/// name another block.
fn leave_marked_for_deletion(
    blocks: &mut [Block<'_>],
    rules: &Rules,
) -> Result<BTreeMap<BlockId, BlockId>, Unsupported> {
    let mut foreign = BTreeMap::new();
    for block in blocks {
        let (id, deletion) = (block.id, &block.directory.deletion);
        let Some((standing, facts)) = block.active() else { continue };
        let Some(mark) = mark(id, MarkKind::Deletion, deletion)? else { continue };
        let marked_at = Timestamp(mark.time_seconds.saturating_mul(1000));
        facts.deletion_marked_at = Some(marked_at);
        if mark.id != id {
            foreign.insert(id, mark.id);
        }
        if rules.now.since(marked_at) > rules.delete_delay_ms / 2 {
            *standing = Standing::MarkedForDeletion;
        }
    }
    Ok(foreign)
}

/// F5. Gives the number of labels removed.
fn lose_replica_labels(blocks: &mut [Block<'_>], rules: &Rules) -> usize {
    let active = blocks.iter_mut().filter_map(Block::active);
    active.map(|(_, facts)| rules.replica_labels.remove_from(&mut facts.meta.thanos.labels)).sum()
}

/// F6.
fn leave_superseded(blocks: &mut [Block<'_>]) {
    // A misnamed block neither covers nor is covered.
    let mut active: Vec<_> =
        blocks.iter_mut().filter_map(Block::active).filter(|(_, facts)| !facts.is_misnamed()).collect();
    let candidates: Vec<_> = active
        .iter()
        .map(|(_, facts)| {
            let compaction = &facts.meta.compaction;
            let mut sources: BTreeSet<_> = compaction.sources.iter().copied().collect();
            if sources.is_empty() {
                sources.insert(facts.id);
            }
            Candidate {
                id: facts.id,
                labels: &facts.meta.thanos.labels,
                resolution: facts.meta.thanos.resolution,
                sources,
                parents: compaction.parents.iter().map(|parent| parent.id).collect(),
                marked: facts.deletion_marked_at.is_some(),
            }
        })
        .collect();
    let covered = superseded(&candidates);
    drop(candidates);
    for (standing, facts) in &mut active {
        if let Some(by) = covered.get(&facts.id) {
            **standing = Standing::SupersededBy(*by);
        }
    }
}

/// F7 and F8 leave nothing out; they tell policies.
fn note_other_marks(blocks: &mut [Block<'_>]) -> Result<(), Unsupported> {
    for block in blocks {
        let (id, directory) = (block.id, block.directory);
        let Some((_, facts)) = block.active() else { continue };
        let no_compact = mark(id, MarkKind::NoCompact, &directory.no_compact)?;
        let no_downsample = mark(id, MarkKind::NoDownsample, &directory.no_downsample)?;
        facts.no_compact = no_compact.map(|mark| mark.reason.clone());
        facts.no_downsample = no_downsample.map(|mark| mark.reason.clone());
    }
    Ok(())
}

/// Source: `thanos-compactor.md` 3.2, decision on `ulid`.
fn set_apart_misnamed(blocks: &mut [Block<'_>]) {
    for (standing, facts) in blocks.iter_mut().filter_map(Block::active) {
        if facts.is_misnamed() {
            *standing = Standing::Misnamed(facts.meta.id);
        }
    }
}

#[cfg(test)]
mod tests;
