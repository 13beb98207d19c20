//! The order of things.
//!
//! Source: `thanos-compactor.md` 2.3.

use std::sync::Arc;

use crate::{
    Context, Decision, Downsampled, Failure, Outcome, Severity, View, apply_retention, clean_partial_uploads, decide,
    delete_marked,
    downsample::downsample as downsample_pass,
    execute::{Tried, execute, note_idle},
    failure::{Step, StepError},
    foresee::DOWNSAMPLING_PASSES,
    isolation::LeftOut,
    mark_superseded,
    merge::join,
    sync,
};

/// What an iteration did and left.
#[derive(Debug, Default)]
pub struct Iteration {
    /// Passes over the bucket.
    pub passes: usize,
    /// Blocks made, in order.
    pub outcomes: Vec<Outcome>,
    /// Deletion marks put on superseded blocks.
    pub superseded: usize,
    /// Blocks deleted because their mark was due.
    pub deleted: usize,
    /// Deletion marks put on blocks that retention lets go.
    pub let_go: usize,
    /// What ended it, in order; each was logged.
    pub failures: Vec<Failure>,
    /// What was left out so that the rest could go on; each was logged.
    pub left_out: Vec<Arc<Failure>>,
    /// Copies of coarser resolution, in order.
    pub downsampled: Vec<Downsampled>,
}

impl Iteration {
    /// Whether everything that was to be done is done.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.failures.is_empty() && self.left_out.is_empty()
    }

    /// How bad the worst failure is that ended it, if there was one.
    #[must_use]
    pub fn severity(&self) -> Option<Severity> {
        self.failures.iter().map(Failure::severity).max()
    }

    /// Whether something of this severity was left out.
    #[must_use]
    pub fn has_left_out(&self, severity: Severity) -> bool {
        self.left_out.iter().any(|failure| failure.severity() == severity)
    }

    /// Keeps what ended the iteration, and logs it.
    fn fail(&mut self, failure: Failure) {
        log(&failure);
        self.failures.push(failure);
    }

    /// Leaves out what `failures` are about, or keeps those that end the iteration.
    fn settle(&mut self, cx: &Context, left_out: &mut LeftOut, failures: Vec<Failure>) {
        for failure in failures {
            if let Err(failure) = left_out.take(cx, failure) {
                self.fail(failure);
            }
        }
    }
}

/// One iteration: compacts until nothing is left to be compacted, downsamples, then cleans up after broken uploads. What
/// fails for a block or a group is left out, and the rest goes on; any other failure ends it, as the first failure of any
/// kind does without isolation.
pub async fn iterate(cx: &Context) -> Iteration {
    let mut iteration = Iteration::default();
    let mut left_out = LeftOut::default();
    if let Err(failure) = steps(cx, &mut iteration, &mut left_out).await {
        iteration.fail(failure);
    }
    left_out.publish(cx);
    iteration.left_out = left_out.failures;
    iteration
}

async fn steps(cx: &Context, iteration: &mut Iteration, left_out: &mut LeftOut) -> Result<(), Failure> {
    compact(cx, iteration, left_out).await?;
    downsample(cx, iteration, left_out).await?;
    if !iteration.failures.is_empty() {
        return Ok(());
    }
    let view = look(cx, left_out).await?;
    let merged = iteration.outcomes.iter().filter_map(|outcome| outcome.result.as_ref());
    let copied = iteration.downsampled.iter().map(|copy| &copy.result);
    let fresh = merged.chain(copied).map(|meta| meta.id).collect();
    iteration.let_go = apply_retention(cx, &view, &fresh).await?;
    cx.progress.doing("cleaning partial uploads");
    clean_partial_uploads(cx).await;
    stop_if_told(cx, Step::Delete)
}

async fn compact(cx: &Context, iteration: &mut Iteration, left_out: &mut LeftOut) -> Result<(), Failure> {
    let mut tried = Tried::new();
    loop {
        iteration.passes += 1;
        let view = look(cx, left_out).await?;
        let (gone, deleted) = delete_marked(cx, &view).await;
        iteration.deleted += gone.len();
        if let Err(failure) = deleted {
            left_out.take(cx, failure)?;
        }
        iteration.superseded += mark_superseded(cx, &view).await?;
        let mut decisions = decide(cx, &view).await?;
        decisions.retain(|decision| !left_out.has_group(&decision.group.key));
        if decisions.iter().all(Decision::is_idle) {
            note_idle(cx, &decisions);
            return Ok(());
        }
        cx.metrics.merging.running.set(1);
        let pass = execute(cx, decisions, &mut tried).await;
        cx.metrics.merging.running.set(0);
        let changed = pass.changed_something() || !pass.failures.is_empty();
        iteration.outcomes.extend(pass.outcomes);
        iteration.settle(cx, left_out, pass.failures);
        if !iteration.failures.is_empty() || !changed {
            return Ok(());
        }
    }
}

/// Syncs, and reports what the view leaves out.
async fn look(cx: &Context, left_out: &mut LeftOut) -> Result<View, Failure> {
    let view = sync(cx).await?;
    stop_if_told(cx, Step::Sync)?;
    left_out.note(cx, &view);
    Ok(view)
}

fn stop_if_told(cx: &Context, step: Step) -> Result<(), Failure> {
    if cx.stop.is_set() { Err(Failure::new(step, StepError::Stopped)) } else { Ok(()) }
}

/// Makes the copies that are due, twice: the second pass finds what the first made. What nothing was made for needs no
/// second look.
async fn downsample(cx: &Context, iteration: &mut Iteration, left_out: &mut LeftOut) -> Result<(), Failure> {
    let mut passes = 0;
    while passes < DOWNSAMPLING_PASSES && cx.config.downsampling && iteration.failures.is_empty() {
        let view = look(cx, left_out).await?;
        let pass = match downsample_pass(cx, &view, left_out).await {
            Ok(pass) => pass,
            // A block that hinders the decision is left out, and the decision is taken again without it.
            Err(failure) => {
                left_out.take(cx, failure)?;
                continue;
            }
        };
        passes += 1;
        let made_nothing = pass.copies.is_empty();
        iteration.downsampled.extend(pass.copies);
        iteration.settle(cx, left_out, pass.failures);
        if made_nothing {
            return Ok(());
        }
    }
    Ok(())
}

fn log(failure: &Failure) {
    if failure.is_stop() {
        return; // Whoever set the stop says so.
    }
    let severity = failure.severity();
    tracing::error!(
        group = failure.group.as_deref().unwrap_or_default(), blocks = %join(failure.blocks.iter().copied()),
        kind = severity.kind(), err = %failure.chain(), next = severity.next(), "{failure}"
    );
}
