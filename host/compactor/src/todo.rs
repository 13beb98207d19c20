//! How much work lies ahead, for the gauges that operators watch. Nothing is changed.
//!
//! Source: `thanos-compactor.md` 2.6.

use std::collections::BTreeSet;

use lithify_block::{BlockFacts, BlockId, Group, TimeRange, policy::PolicyError};

use crate::{
    Context, TodoMetrics, View,
    decide::group,
    decide_downsampling,
    failure::{Failure, Step, StepError},
    retention, sync,
};

/// Compactions that are looked ahead in a group before it is taken to have no end.
const PLANS_MAX: usize = 100_000;

/// What lies ahead.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Todo {
    /// Compactions.
    pub compactions: usize,
    /// Blocks that they read, results of earlier ones among them.
    pub compaction_blocks: usize,
    /// Blocks past their retention.
    pub deletion_blocks: usize,
    /// Blocks due for downsampling; 0 without downsampling.
    pub downsample_blocks: usize,
}

/// Looks at the bucket and sets the gauges.
///
/// # Errors
/// [`Failure`] of the sync, which may pass; of a policy, or a block of unknown resolution, which will not.
pub(crate) async fn count_todo(cx: &Context, metrics: &TodoMetrics) -> Result<(), Failure> {
    let view = sync(cx).await?;
    let todo = todo(cx, &view).await?;
    let gauge = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    metrics.compactions.set(gauge(todo.compactions));
    metrics.compaction_blocks.set(gauge(todo.compaction_blocks));
    metrics.deletion_blocks.set(gauge(todo.deletion_blocks));
    if let Some(downsample) = &metrics.downsample_blocks {
        downsample.set(gauge(todo.downsample_blocks));
    }
    Ok(())
}

/// What lies ahead in `view`.
///
/// # Errors
/// [`Failure`] of a policy, or for a block of unknown resolution if there is downsampling.
pub async fn todo(cx: &Context, view: &View) -> Result<Todo, Failure> {
    let blocks: Vec<BlockFacts> = view.placed().cloned().collect();
    let deletion_blocks = retention::rule(cx, view, &BTreeSet::new()).await?.let_go.len();
    let downsample_blocks = if cx.config.downsampling { due_for_downsampling(view)? } else { 0 };
    let cx = cx.clone();
    let counting = move || {
        let mut todo = Todo { deletion_blocks, downsample_blocks, ..Todo::default() };
        for group in group(&cx, blocks)? {
            let (compactions, blocks) = simulate(&cx, group).map_err(|error| Failure::new(Step::Plan, error))?;
            todo.compactions += compactions;
            todo.compaction_blocks += blocks;
        }
        Ok(todo)
    };
    let counted = tokio::task::spawn_blocking(counting).await;
    counted.map_err(|panic| Failure::new(Step::Plan, StepError::Panic(panic.to_string())))?
}

/// As if every no-downsample mark were gone: the gauge counts those blocks too.
fn due_for_downsampling(view: &View) -> Result<usize, Failure> {
    let mut view = view.clone();
    for seen in view.blocks.values_mut() {
        if let Some(facts) = &mut seen.facts {
            facts.no_downsample = None;
        }
    }
    let decisions = decide_downsampling(&view).map_err(|error| Failure::new(Step::DecideDownsampling, error))?;
    Ok(decisions.iter().filter(|decision| decision.is_due()).count())
}

/// Plans `group` until it comes to rest, each planned set of blocks replaced by one that covers them. Gives the number
/// of plans and of blocks in them.
///
/// Index sizes are left out of the question, so that no limit on them is looked at; overlaps are counted even where
/// the run would halt.
fn simulate(cx: &Context, mut group: Group) -> Result<(usize, usize), PolicyError> {
    let (mut plans, mut blocks) = (0, 0);
    for block in &mut group.blocks {
        block.index_size_bytes = Some(0);
    }
    while group.blocks.len() > 1 && plans < PLANS_MAX {
        let plan = cx.policies.planner.plan(&cx.question(), &group, &cx.config.ranges)?;
        let mut merged = Vec::new();
        let mut planned = BTreeSet::new();
        for job in &plan.jobs {
            let sources: Vec<&BlockFacts> = job.blocks.iter().filter_map(|block| group.blocks.get(*block)).collect();
            planned.extend(sources.iter().map(|source| source.id));
            merged.extend(merge(&sources, plans));
            plans += 1;
            blocks += sources.len();
        }
        group.blocks.retain(|block| !planned.contains(&block.id));
        if planned.is_empty() || group.blocks.is_empty() {
            break;
        }
        group.blocks.extend(merged);
        group.blocks.sort_by_key(BlockFacts::order);
    }
    Ok((plans, blocks))
}

/// The block that covers `sources`. Its id is made up: no block in a bucket has the random part of all ones.
fn merge(sources: &[&BlockFacts], number: usize) -> Option<BlockFacts> {
    let first = *sources.first()?;
    let mut meta = first.meta.clone();
    let id = BlockId::from_parts(first.id.created(), u128::MAX - number as u128);
    meta.id = id;
    meta.range = sources.iter().map(|source| source.meta.range).reduce(TimeRange::union)?;
    meta.compaction.level = sources.iter().map(|source| source.meta.compaction.level).max()? + 1;
    let all = sources.iter().flat_map(|source| source.meta.compaction.sources.iter().copied());
    meta.compaction.sources = all.collect::<BTreeSet<_>>().into_iter().collect();
    meta.stats.num_samples = sources.iter().map(|source| source.meta.stats.num_samples).sum();
    meta.stats.num_tombstones = 0;
    Some(BlockFacts { id, meta, no_compact: None, deletion_marked_at: None, ..first.clone() })
}
