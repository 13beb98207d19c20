//! What a run would do, pass after pass, without doing it: the same decisions with another last step.

use std::collections::BTreeSet;

use lithify_block::{BlockFacts, BlockId, Compaction, Job, Meta, Parent, SOURCE_COMPACTOR, Stats, Thanos, Timestamp};

use crate::{
    Context, Decision, Downsampling, Failure, Seen, Standing, View, decide, decide_downsampling, failure::StepError,
};

/// Passes that are looked ahead: a group makes one block a pass, so this is a year of two-hour blocks.
const PASSES_MAX: usize = 4380;

/// Passes of downsampling in an iteration: the second finds what the first made.
pub(crate) const DOWNSAMPLING_PASSES: usize = 2;

/// What a run would do.
#[derive(Debug, Default)]
pub struct Foresight {
    /// The decisions of each pass of compaction; the last finds nothing to do, and says why.
    pub compaction: Vec<Vec<Decision>>,
    /// The decisions of each pass of downsampling, none if compaction fails or downsampling is switched off.
    pub downsampling: Vec<Vec<Downsampling>>,
    /// Why it cannot be decided what is to be downsampled.
    pub error: Option<StepError>,
}

/// What a run over `view` would do. Results are taken to be as large as their sources together, and copies of coarser
/// resolution as their sources.
///
/// # Errors
/// [`Failure`] if the grouper fails. What goes wrong in one group stands in its decision, and ends the foresight.
pub async fn foresee(cx: &Context, mut view: View) -> Result<Foresight, Failure> {
    let mut foresight = Foresight::default();
    let mut made = MadeUp(0);
    while foresight.compaction.len() < PASSES_MAX {
        let decisions = decide(cx, &view).await?;
        let idle = decisions.iter().all(Decision::is_idle);
        let failed = decisions.iter().any(|decision| decision.planned.is_err());
        for decision in &decisions {
            apply(&mut view, decision, &mut made);
        }
        foresight.compaction.push(decisions);
        if failed {
            return Ok(foresight);
        }
        if idle {
            break;
        }
    }
    for _ in 0..DOWNSAMPLING_PASSES {
        if !cx.config.downsampling {
            break;
        }
        match decide_downsampling(&view) {
            Ok(decisions) => {
                for decision in decisions.iter().filter(|decision| decision.is_due()) {
                    let copy = copy_of(decision, &mut made);
                    view.blocks.insert(copy.id, Seen { standing: Standing::Active, facts: Some(copy) });
                }
                foresight.downsampling.push(decisions);
            }
            Err(error) => foresight.error = Some(error),
        }
    }
    Ok(foresight)
}

/// Ids for blocks that do not exist: no block in a bucket has the random part of nearly all ones.
struct MadeUp(u128);

impl MadeUp {
    fn id(&mut self, time: Timestamp) -> BlockId {
        self.0 += 1;
        BlockId::from_parts(time, u128::MAX - self.0)
    }
}

/// Changes `view` as if `decision` had been carried out.
fn apply(view: &mut View, decision: &Decision, made: &mut MadeUp) {
    for (id, reason, _) in decision.marks() {
        if let Some(facts) = view.blocks.get_mut(&id).and_then(|seen| seen.facts.as_mut()) {
            facts.no_compact = Some(reason.to_owned());
        }
    }
    for job in decision.jobs() {
        if job.blocks().iter().all(|block| block.meta.stats.num_samples == 0) {
            mark(view, job);
            continue;
        }
        let result = result_of(job, made);
        for block in job.blocks() {
            if let Some(seen) = view.blocks.get_mut(&block.id) {
                seen.standing = Standing::SupersededBy(result.id);
            }
        }
        view.blocks.insert(result.id, Seen { standing: Standing::Active, facts: Some(result) });
    }
}

/// Blocks without samples become no block: they are marked and not planned alone again.
fn mark(view: &mut View, job: &Job) {
    let now = view.taken_at;
    for block in job.blocks() {
        if let Some(facts) = view.blocks.get_mut(&block.id).and_then(|seen| seen.facts.as_mut()) {
            facts.deletion_marked_at.get_or_insert(now);
        }
    }
}

/// The copy that `decision` would make.
fn copy_of(decision: &Downsampling, made: &mut MadeUp) -> BlockFacts {
    let mut copy = decision.source.clone();
    copy.id = made.id(copy.id.created());
    copy.meta.id = copy.id;
    copy.meta.thanos.resolution = decision.target;
    (copy.no_compact, copy.no_downsample, copy.deletion_marked_at) = (None, None, None);
    copy
}

/// The block that `job` would make.
fn result_of(job: &Job, made: &mut MadeUp) -> BlockFacts {
    let id = made.id(job.blocks().first().map(|block| block.id.created()).unwrap_or_default());
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
