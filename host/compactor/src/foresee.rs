//! What a run would do, pass after pass, without doing it: the same decisions with another last step.

use std::collections::BTreeSet;

use lithify_block::{BlockFacts, BlockId, Compaction, Job, Meta, Parent, SOURCE_COMPACTOR, Stats, Thanos, Timestamp};

use crate::{
    Context, Decision, Downsampling, Failure, Ruling, Seen, Standing, View, decide, decide_downsampling,
    failure::{Step, StepError},
    isolation::culprit,
    retention::rule,
};

/// Passes that are looked ahead: a group makes one block a pass, so this is a year of two-hour blocks.
const PASSES_MAX: usize = 4380;

/// Passes of downsampling in an iteration: the second finds what the first made.
pub(crate) const DOWNSAMPLING_PASSES: usize = 2;

/// What a run would do.
#[derive(Debug)]
pub struct Foresight {
    /// The decisions of each pass of compaction; the last finds nothing to do, and says why.
    pub compaction: Vec<Vec<Decision>>,
    /// The decisions of each pass of downsampling, none if compaction fails or downsampling is switched off.
    pub downsampling: Vec<Vec<Downsampling>>,
    /// Why it cannot be decided what is to be downsampled; with isolation, what is left out for it.
    pub errors: Vec<Failure>,
    /// What retention rules say of what is there then; `None` if the run ends before they are asked.
    pub retention: Option<Result<Ruling, Failure>>,
    /// The bucket as it is when retention rules are asked, blocks that do not exist yet among the others.
    pub view: View,
    /// The blocks that do not exist yet.
    pub made: BTreeSet<BlockId>,
}

/// What a run over `view` would do. Results are taken to be as large as their sources together, and copies of coarser
/// resolution as their sources. What is wrong inside a block shows only when the block is read.
///
/// # Errors
/// [`Failure`] if the grouper fails. What goes wrong in one group stands in its decision; it ends the foresight, or with
/// isolation leaves the group or the block out.
pub async fn foresee(cx: &Context, view: View) -> Result<Foresight, Failure> {
    let mut foresight = Foresight {
        compaction: Vec::new(),
        downsampling: Vec::new(),
        errors: Vec::new(),
        retention: None,
        view,
        made: BTreeSet::new(),
    };
    if foresight.compact(cx).await? && foresight.downsample(cx) {
        foresight.retention = Some(rule(cx, &foresight.view, &foresight.made).await);
    }
    Ok(foresight)
}

impl Foresight {
    /// Whether the run goes on after it.
    async fn compact(&mut self, cx: &Context) -> Result<bool, Failure> {
        let mut left_out: BTreeSet<String> = BTreeSet::new();
        while self.compaction.len() < PASSES_MAX {
            let mut decisions = decide(cx, &self.view).await?;
            decisions.retain(|decision| !left_out.contains(&decision.group.key));
            let idle = decisions.iter().all(Decision::is_idle);
            let mut failed = false;
            for decision in &decisions {
                self.apply(decision);
                let Err(error) = &decision.planned else { continue };
                failed |= !cx.config.isolate_failures;
                if !self.leave_out(error) {
                    left_out.insert(decision.group.key.clone());
                }
            }
            self.compaction.push(decisions);
            if failed {
                return Ok(false);
            }
            if idle {
                break;
            }
        }
        Ok(true)
    }

    /// Whether the run goes on after it.
    fn downsample(&mut self, cx: &Context) -> bool {
        while self.downsampling.len() < DOWNSAMPLING_PASSES && cx.config.downsampling {
            match decide_downsampling(&self.view) {
                Ok(decisions) => {
                    for decision in decisions.iter().filter(|decision| decision.is_due()) {
                        let id = self.made_up(decision.source.id.created());
                        self.insert(copy_of(decision, id));
                    }
                    self.downsampling.push(decisions);
                }
                Err(error) => {
                    let goes_on = cx.config.isolate_failures && self.leave_out(&error);
                    let blocks = culprit(&error).into_iter().collect();
                    self.errors.push(Failure { blocks, ..Failure::new(Step::DecideDownsampling, error) });
                    if !goes_on {
                        return false;
                    }
                }
            }
        }
        true
    }

    /// Sets the block apart that `error` is to be put down to, if it is one that was not set apart before.
    fn leave_out(&mut self, error: &StepError) -> bool {
        let Some(seen) = culprit(error).and_then(|id| self.view.blocks.get_mut(&id)) else { return false };
        if matches!(seen.standing, Standing::LeftOut(_)) {
            return false;
        }
        seen.set_apart(Standing::LeftOut(error.to_string()), error);
        true
    }

    /// An id for a block that does not exist: no block in a bucket has a random part of nearly all ones.
    fn made_up(&mut self, time: Timestamp) -> BlockId {
        let id = BlockId::from_parts(time, u128::MAX - 1 - self.made.len() as u128);
        self.made.insert(id);
        id
    }

    fn insert(&mut self, facts: BlockFacts) {
        self.view.blocks.insert(facts.id, Seen { standing: Standing::Active, facts: Some(facts) });
    }

    /// Changes the view as if `decision` had been carried out.
    fn apply(&mut self, decision: &Decision) {
        for (id, reason, _) in decision.marks() {
            if let Some(facts) = self.view.blocks.get_mut(&id).and_then(|seen| seen.facts.as_mut()) {
                facts.no_compact = Some(reason.to_owned());
            }
        }
        for job in decision.jobs() {
            if job.blocks().iter().all(|block| block.meta.stats.num_samples == 0) {
                mark(&mut self.view, job);
                continue;
            }
            let created = job.blocks().first().map(|block| block.id.created()).unwrap_or_default();
            let result = result_of(job, self.made_up(created));
            for block in job.blocks() {
                if let Some(seen) = self.view.blocks.get_mut(&block.id) {
                    seen.standing = Standing::SupersededBy(result.id);
                }
            }
            self.insert(result);
        }
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
fn copy_of(decision: &Downsampling, id: BlockId) -> BlockFacts {
    let mut copy = decision.source.clone();
    (copy.id, copy.meta.id) = (id, id);
    copy.meta.thanos.resolution = decision.target;
    (copy.no_compact, copy.no_downsample, copy.deletion_marked_at) = (None, None, None);
    copy
}

/// The block that `job` would make.
fn result_of(job: &Job, id: BlockId) -> BlockFacts {
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
