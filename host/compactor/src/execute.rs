//! Carrying decisions out: how many at once, and what happens when one fails.
//!
//! Source: `thanos-compactor.md` 2.4.

use std::collections::BTreeSet;

use lithify_block::{BlockId, Group};
use tokio::task::JoinSet;
use tracing::Instrument as _;

use crate::{
    Context, Decision, Failure, Outcome, Planned, Step,
    failure::StepError,
    mark,
    merge::{self, OfGroup},
    remedy, spans,
};

/// Plans that were carried out in this iteration: group and blocks.
pub(crate) type Tried = BTreeSet<(String, Vec<BlockId>)>;

/// What a pass did.
#[derive(Debug, Default)]
pub struct Pass {
    /// Blocks made, in the order in which they were finished.
    pub outcomes: Vec<Outcome>,
    /// Blocks repaired, or marked because their chunks are out of order. Marks of a planner are none of these: what it
    /// plans with them in place it has planned already.
    pub changes: usize,
    /// What went wrong. Nothing was logged of it yet.
    pub failures: Vec<Failure>,
}

/// Carries out `decisions`, group by group in their order, several groups at once. After the first failure no further
/// group is started, unless failures are isolated; those under way are finished.
pub(crate) async fn execute(cx: &Context, decisions: Vec<Decision>, tried: &mut Tried) -> Pass {
    let jobs = || decisions.iter().flat_map(Decision::jobs);
    let bytes = jobs().flat_map(|job| job.blocks()).filter_map(|block| block.size_bytes).sum();
    cx.progress.planned(jobs().count() as u64, bytes);
    let mut running = JoinSet::new();
    let mut pass = Pass::default();
    decisions.iter().for_each(|decision| cx.metrics.expect_group(&decision.group.resolution.to_string()));
    for decision in decisions.into_iter().filter(is_run) {
        // A group is over when its failure is known here: else the next could be started in spite of it.
        while running.len() >= cx.config.concurrency
            && let Some(finished) = running.join_next().await
        {
            pass.add(finished);
        }
        if !pass.failures.is_empty() && !cx.config.isolate_failures || cx.stop.is_set() {
            break;
        }
        let again = take_note(&decision, tried);
        let cx = cx.clone();
        let span = decision.span.clone();
        running.spawn(async move { run_group(&cx, decision, again).await }.instrument(span));
    }
    while let Some(finished) = running.join_next().await {
        pass.add(finished);
    }
    if cx.stop.is_set() && !pass.failures.iter().any(Failure::is_stop) {
        pass.failures.push(Failure::new(Step::Merge, StepError::Stopped));
    }
    pass
}

/// Counts the groups of a pass in which there is nothing to do.
pub(crate) fn note_idle(cx: &Context, decisions: &[Decision]) {
    for decision in decisions {
        let resolution = decision.group.resolution.to_string();
        cx.metrics.expect_group(&resolution);
        if is_run(decision) {
            cx.metrics.group_runs_started.with_label_values(&[&resolution]).inc();
            cx.metrics.group_runs_completed.with_label_values(&[&resolution]).inc();
        }
    }
}

/// Whether a worker takes the group: of a single block nothing can be made.
fn is_run(decision: &Decision) -> bool {
    decision.group.blocks.len() > 1 || !decision.is_idle()
}

/// Remembers the plan of `decision`; whether it was tried before.
fn take_note(decision: &Decision, tried: &mut Tried) -> bool {
    let mut again = false;
    for job in decision.jobs() {
        let blocks = job.blocks().iter().map(|block| block.id).collect();
        again |= !tried.insert((job.group().to_owned(), blocks));
    }
    again
}

/// What became of one group.
#[derive(Default)]
struct GroupDone {
    outcomes: Vec<Outcome>,
    /// Blocks repaired, or marked because their chunks are out of order.
    changes: usize,
    failure: Option<Failure>,
}

async fn run_group(cx: &Context, decision: Decision, again: bool) -> GroupDone {
    let resolution = decision.group.resolution.to_string();
    cx.metrics.group_runs_started.with_label_values(&[&resolution]).inc();
    let mut done = GroupDone::default();
    let Decision { group, planned, span } = decision;
    match carry_out(cx, &group, planned, again, &mut done).await {
        Ok(()) => cx.metrics.group_runs_completed.with_label_values(&[&resolution]).inc(),
        Err(failure) => {
            spans::note_failure(&span, &failure);
            cx.metrics.group_failures.with_label_values(&[&resolution]).inc();
            match remedy::apply(cx, &group, failure).await {
                Ok(()) => done.changes += 1,
                Err(failure) => done.failure = Some(failure),
            }
        }
    }
    done
}

/// Writes the marks of a decision, then runs its jobs one after the other. What is done is in `done` also if a later
/// step fails.
async fn carry_out(
    cx: &Context,
    group: &Group,
    planned: Result<Planned, StepError>,
    again: bool,
    done: &mut GroupDone,
) -> Result<(), Failure> {
    let ids = || group.blocks.iter().map(|block| block.id);
    let planned = planned.map_err(|error| Failure::new(Step::Plan, error).of(&group.key, ids()))?;
    if again {
        return Err(Failure::new(Step::Plan, StepError::SamePlan).of(&group.key, ids()));
    }
    for (id, reason, details) in planned.marks(group) {
        let written = mark::no_compact(cx, id, (reason, details), &cx.policies.planned_by).await;
        written.map_err(|error| Failure::new(Step::Plan, error).of(&group.key, [id]))?;
    }
    let of_group = OfGroup { extensions: group.extensions(), overlaps: group.overlap().is_some() };
    for job in &planned.jobs {
        cx.progress.doing(format!("group {} {}", group.key, job.labels()));
        done.outcomes.push(merge::run(cx, job, &of_group).await?);
        cx.progress.done();
    }
    Ok(())
}

impl Pass {
    fn add(&mut self, finished: Result<GroupDone, tokio::task::JoinError>) {
        let GroupDone { outcomes, changes, failure } = finished.unwrap_or_else(|panic| {
            let failure = Failure::new(Step::Merge, StepError::Panic(panic.to_string()));
            GroupDone { failure: Some(failure), ..GroupDone::default() }
        });
        self.outcomes.extend(outcomes);
        self.changes += changes;
        self.failures.extend(failure);
    }

    /// Whether the next pass would see something else than this one did.
    #[must_use]
    pub fn changed_something(&self) -> bool {
        !self.outcomes.is_empty() || self.changes > 0
    }
}
