//! What a run would do, pass after pass, without doing it: the same decisions with another last step.

use std::collections::BTreeSet;

use lithify_block::{BlockFacts, BlockId, Compaction, Job, Meta, Parent, SOURCE_COMPACTOR, Stats, Thanos, Timestamp};

use crate::{Context, Decision, Failure, Seen, Standing, View, decide};

/// Passes that are looked ahead: a group makes one block a pass, so this is a year of two-hour blocks.
const PASSES_MAX: usize = 4380;

/// The decisions of each pass of a run over `view`; the last finds nothing to do, and says why. Results are taken to be as large
/// as their sources together.
///
/// # Errors
/// [`Failure`] if the grouper fails. What goes wrong in one group stands in its decision, and ends the foresight.
pub async fn foresee(cx: &Context, view: View) -> Result<Vec<Vec<Decision>>, Failure> {
    let mut view = view;
    let mut passes = Vec::new();
    while passes.len() < PASSES_MAX {
        let decisions = decide(cx, &view).await?;
        let idle = decisions.iter().all(Decision::is_idle);
        let failed = decisions.iter().any(|decision| decision.planned.is_err());
        for decision in &decisions {
            apply(&mut view, decision, passes.len());
        }
        passes.push(decisions);
        if idle || failed {
            break;
        }
    }
    Ok(passes)
}

/// Changes `view` as if `decision` had been carried out.
fn apply(view: &mut View, decision: &Decision, pass: usize) {
    for (id, reason, _) in decision.marks() {
        if let Some(facts) = view.blocks.get_mut(&id).and_then(|seen| seen.facts.as_mut()) {
            facts.no_compact = Some(reason.to_owned());
        }
    }
    for job in decision.jobs() {
        let result = result_of(job, pass);
        for block in job.blocks() {
            if let Some(seen) = view.blocks.get_mut(&block.id) {
                seen.standing = Standing::SupersededBy(result.id);
            }
        }
        view.blocks.insert(result.id, Seen { standing: Standing::Active, facts: Some(result) });
    }
}

/// The block that `job` would make. Its id is made up: no block in a bucket has the random part of all ones.
fn result_of(job: &Job, pass: usize) -> BlockFacts {
    let first = job.blocks().first().map(|block| block.id.created().0).unwrap_or_default();
    let id = BlockId::from_parts(Timestamp(first), u128::MAX - pass as u128);
    let sources: BTreeSet<BlockId> =
        job.blocks().iter().flat_map(|block| block.meta.compaction.sources.iter().copied()).collect();
    let sum = |of: fn(&BlockFacts) -> Option<u64>| job.blocks().iter().map(of).sum::<Option<u64>>();
    let mut stats = Stats::default();
    for block in job.blocks() {
        stats.num_samples += block.meta.stats.num_samples;
        stats.num_chunks += block.meta.stats.num_chunks;
        stats.num_series = stats.num_series.max(block.meta.stats.num_series);
    }
    let level = job.blocks().iter().map(|block| block.meta.compaction.level).max().unwrap_or_default() + 1;
    let parents = job.blocks().iter().map(|block| Parent { id: block.id, range: block.meta.range }).collect();
    BlockFacts {
        id,
        meta: Meta {
            id,
            range: job.range(),
            stats,
            compaction: Compaction { level, sources: sources.into_iter().collect(), parents, ..Compaction::default() },
            version: 1,
            thanos: Thanos {
                labels: job.labels().clone(),
                resolution: job.resolution(),
                source: SOURCE_COMPACTOR.to_owned(),
                ..Thanos::default()
            },
        },
        index_size_bytes: sum(|block| block.index_size_bytes),
        size_bytes: sum(|block| block.size_bytes),
        uploaded_at: None,
        no_compact: None,
        no_downsample: None,
        deletion_marked_at: None,
    }
}
