//! The rules that give a block its standing, in the order of `View::build`.
//!
//! Source: `thanos-compactor.md` 3.2 and 3.6.

use std::collections::{BTreeMap, BTreeSet};

use lithify_block::{
    BlockFacts, BlockId, Labels, Meta, SOURCE_COMPACTOR, SOURCE_COMPACTOR_REPAIR, TimeRange, Timestamp,
};
use lithify_bucket::{BlockDirectory, MarkState, MetaState, layout::MarkKind};

use super::{Rules, Seen, Standing, Unsupported};
use crate::superseded::{Candidate, superseded};

pub(super) struct Block<'a> {
    pub(super) id: BlockId,
    directory: &'a BlockDirectory,
    pub(super) seen: Seen,
    /// Of a version that is not known, which is only carried along with isolation.
    trouble: Option<Unsupported>,
}

impl Block<'_> {
    /// The facts, while the block has passed all rules so far.
    fn active(&mut self) -> Option<(&mut Standing, &mut BlockFacts)> {
        let Seen { standing, facts } = &mut self.seen;
        if *standing == Standing::Active { Some((standing, facts.as_mut()?)) } else { None }
    }

    /// The mark of `kind`; one of an unknown version is trouble, which ends the sync unless `isolate`.
    fn mark<'m, M>(
        &mut self,
        kind: MarkKind,
        state: &'m MarkState<M>,
        isolate: bool,
    ) -> Result<Option<&'m M>, Unsupported> {
        match state {
            MarkState::Absent => Ok(None),
            MarkState::Found(mark) => Ok(Some(mark)),
            MarkState::Unsupported(error) => {
                let trouble = Unsupported::Mark { id: self.id, object: kind.file(), error: error.clone() };
                if !isolate {
                    return Err(trouble);
                }
                self.trouble.get_or_insert(trouble);
                Ok(None)
            }
        }
    }
}

pub(super) fn base<'a>(
    (id, directory): (&BlockId, &'a BlockDirectory),
    isolate: bool,
) -> Result<Block<'a>, Unsupported> {
    let (id, mut trouble) = (*id, None);
    let (standing, meta) = match &directory.meta {
        MetaState::Missing => (Standing::Partial, None),
        MetaState::Corrupted(why) => (Standing::Corrupt(why.clone()), None),
        MetaState::Unsupported(meta, error) => {
            let unsupported = Unsupported::Meta { id, error: error.clone() };
            if !isolate {
                return Err(unsupported);
            }
            trouble = Some(unsupported);
            (Standing::Active, Some(meta))
        }
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
    Ok(Block { id, directory, seen: Seen { standing, facts }, trouble })
}

/// F1. Both ends of the partition are inclusive, although a block's end is not.
pub(super) fn leave_outside_time(blocks: &mut [Block<'_>], rules: &Rules) {
    for (standing, facts) in blocks.iter_mut().filter_map(Block::active) {
        let TimeRange { min, max } = facts.meta.range;
        if max < rules.time_partition.min || min > rules.time_partition.max {
            *standing = Standing::OutsideTime;
        }
    }
}

/// F2. The selector sees a block's labels but for replica labels, and its id as `__block_id`.
pub(super) fn leave_outside_shard<E>(
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
pub(super) fn leave_too_fresh(blocks: &mut [Block<'_>], rules: &Rules) {
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
pub(super) fn leave_marked_for_deletion(
    blocks: &mut [Block<'_>],
    rules: &Rules,
) -> Result<BTreeMap<BlockId, BlockId>, Unsupported> {
    let mut foreign = BTreeMap::new();
    for block in blocks {
        let (id, deletion) = (block.id, &block.directory.deletion);
        if block.active().is_none() {
            continue;
        }
        let Some(mark) = block.mark(MarkKind::Deletion, deletion, rules.isolate)? else { continue };
        let Some((standing, facts)) = block.active() else { continue };
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
pub(super) fn lose_replica_labels(blocks: &mut [Block<'_>], rules: &Rules) -> usize {
    let active = blocks.iter_mut().filter_map(Block::active);
    active.map(|(_, facts)| rules.replica_labels.remove_from(&mut facts.meta.thanos.labels)).sum()
}

/// F6.
pub(super) fn leave_superseded(blocks: &mut [Block<'_>]) {
    // A misnamed block, and one that nothing is known of for sure, neither covers nor is covered.
    let sure = blocks.iter_mut().filter(|block| block.trouble.is_none());
    let mut active: Vec<_> = sure.filter_map(Block::active).filter(|(_, facts)| !facts.is_misnamed()).collect();
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
pub(super) fn note_other_marks(blocks: &mut [Block<'_>], isolate: bool) -> Result<(), Unsupported> {
    for block in blocks {
        let directory = block.directory;
        if block.active().is_none() {
            continue;
        }
        let no_compact = block.mark(MarkKind::NoCompact, &directory.no_compact, isolate)?;
        let no_downsample = block.mark(MarkKind::NoDownsample, &directory.no_downsample, isolate)?;
        let Some((_, facts)) = block.active() else { continue };
        facts.no_compact = no_compact.map(|mark| mark.reason.clone());
        facts.no_downsample = no_downsample.map(|mark| mark.reason.clone());
    }
    Ok(())
}

/// Source: `thanos-compactor.md` 3.2, decision on `ulid`.
pub(super) fn set_apart_misnamed(blocks: &mut [Block<'_>]) {
    for (standing, facts) in blocks.iter_mut().filter_map(Block::active) {
        if facts.is_misnamed() {
            *standing = Standing::Misnamed(facts.meta.id);
        }
    }
}

/// What is of an unknown version keeps its place and stays, whatever its other marks say.
///
/// Source: `thanos-compactor.md` 3.2, decision on versions.
pub(super) fn set_apart_unsupported(blocks: &mut [Block<'_>]) {
    for Block { seen, trouble, .. } in blocks {
        if let Some(why) = trouble.take()
            && matches!(seen.standing, Standing::Active | Standing::MarkedForDeletion | Standing::Misnamed(_))
        {
            if let Some(facts) = &mut seen.facts {
                facts.deletion_marked_at = None;
            }
            seen.set_apart(Standing::Unsupported(why.clone()), &why);
        }
    }
}
