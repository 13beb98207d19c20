//! The order of things.
//!
//! Source: `thanos-compactor.md` 2.3.

use crate::{
    Context, Decision, Downsampled, Failure, Outcome, Severity, apply_retention, clean_partial_uploads, decide,
    delete_marked,
    downsample::downsample as downsample_pass,
    execute::{Tried, execute},
    failure::{Step, StepError},
    foresee::DOWNSAMPLING_PASSES,
    mark_superseded, sync,
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
    /// What went wrong, in order; each was logged.
    pub failures: Vec<Failure>,
    /// Copies of coarser resolution, in order.
    pub downsampled: Vec<Downsampled>,
}

impl Iteration {
    /// Whether everything that was to be done is done.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.failures.is_empty()
    }

    /// How bad the worst failure is, if there was one.
    #[must_use]
    pub fn severity(&self) -> Option<Severity> {
        self.failures.iter().map(Failure::severity).max()
    }
}

/// One iteration: compacts until nothing is left to be compacted, downsamples, then cleans up after broken uploads. The
/// first failure ends it.
pub async fn iterate(cx: &Context) -> Iteration {
    let mut iteration = Iteration::default();
    if let Err(failure) = steps(cx, &mut iteration).await {
        log(&failure);
        iteration.failures.push(failure);
    }
    iteration
}

async fn steps(cx: &Context, iteration: &mut Iteration) -> Result<(), Failure> {
    compact(cx, iteration).await?;
    downsample(cx, iteration).await?;
    if !iteration.failures.is_empty() {
        return Ok(());
    }
    let view = sync(cx).await?;
    let merged = iteration.outcomes.iter().filter_map(|outcome| outcome.result.as_ref());
    let copied = iteration.downsampled.iter().map(|copy| &copy.result);
    let fresh = merged.chain(copied).map(|meta| meta.id).collect();
    iteration.let_go = apply_retention(cx, &view, &fresh).await?;
    cx.progress.doing("cleaning partial uploads");
    clean_partial_uploads(cx).await;
    stop_if_told(cx, Step::Delete)
}

async fn compact(cx: &Context, iteration: &mut Iteration) -> Result<(), Failure> {
    let mut tried = Tried::new();
    loop {
        iteration.passes += 1;
        let view = sync(cx).await?;
        stop_if_told(cx, Step::Sync)?;
        let (gone, deleted) = delete_marked(cx, &view).await;
        iteration.deleted += gone.len();
        deleted?;
        iteration.superseded += mark_superseded(cx, &view).await?;
        let decisions = decide(cx, &view).await?;
        if decisions.iter().all(Decision::is_idle) {
            return Ok(());
        }
        cx.metrics.merging.running.set(1);
        let pass = execute(cx, decisions, &mut tried).await;
        cx.metrics.merging.running.set(0);
        pass.outcomes.iter().for_each(|outcome| cx.metrics.merging.count(outcome));
        let changed = pass.changed_something();
        iteration.outcomes.extend(pass.outcomes);
        if !pass.failures.is_empty() {
            iteration.failures.extend(pass.failures);
            return Ok(());
        }
        if !changed {
            return Ok(());
        }
    }
}

fn stop_if_told(cx: &Context, step: Step) -> Result<(), Failure> {
    if cx.stop.is_set() { Err(Failure::new(step, StepError::Stopped)) } else { Ok(()) }
}

/// Makes the copies that are due, twice: the second pass finds what the first made. What nothing was made for needs no
/// second look.
async fn downsample(cx: &Context, iteration: &mut Iteration) -> Result<(), Failure> {
    for _ in 0..DOWNSAMPLING_PASSES {
        if !cx.config.downsampling || !iteration.failures.is_empty() {
            return Ok(());
        }
        let view = sync(cx).await?;
        stop_if_told(cx, Step::Sync)?;
        let pass = downsample_pass(cx, &view).await?;
        let made_nothing = pass.copies.is_empty();
        iteration.downsampled.extend(pass.copies);
        iteration.failures.extend(pass.failures);
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
    tracing::error!(kind = severity.kind(), err = %failure.chain(), next = severity.next(), "{failure}");
}
