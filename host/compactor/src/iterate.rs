//! The order of things.
//!
//! Source: `thanos-compactor.md` 2.3.

use lithify_block::BlockId;
use tracing::{info, warn};

use crate::{
    Context, Decision, Failure, Outcome, Severity, View, clean_partial_uploads, decide, decide_downsampling,
    delete_marked,
    execute::{Tried, execute},
    failure::{Step, StepError},
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
    /// What went wrong, in order; each was logged.
    pub failures: Vec<Failure>,
    /// Blocks that are due for downsampling.
    pub due: Vec<BlockId>,
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

/// One iteration: compacts until nothing is left to be compacted, then cleans up after broken uploads. The first failure
/// ends it.
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
    if !iteration.failures.is_empty() {
        return Ok(());
    }
    sync(cx).await?;
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
            say_what_is_due(cx, &view, iteration);
            return Ok(());
        }
        let pass = execute(cx, decisions, &mut tried).await;
        let changed = pass.changed_something();
        iteration.outcomes.extend(pass.outcomes);
        if !pass.failures.is_empty() {
            iteration.failures.extend(pass.failures);
            return Ok(());
        }
        if !changed {
            say_what_is_due(cx, &view, iteration);
            return Ok(());
        }
    }
}

fn stop_if_told(cx: &Context, step: Step) -> Result<(), Failure> {
    if cx.stop.is_set() { Err(Failure::new(step, StepError::Stopped)) } else { Ok(()) }
}

fn say_what_is_due(cx: &Context, view: &View, iteration: &mut Iteration) {
    if !cx.config.downsampling {
        return;
    }
    let due = decide_downsampling(view).unwrap_or_default();
    for due in due.iter().filter(|due| due.is_due()) {
        info!(block = %due.source.id, target_resolution_ms = due.target, "block is due for downsampling");
        iteration.due.push(due.source.id);
    }
    if !iteration.due.is_empty() {
        warn!(
            blocks = iteration.due.len(),
            "this release does not downsample yet; the blocks named above stay as they are, and --downsampling.disable silences this"
        );
    }
}

fn log(failure: &Failure) {
    if failure.is_stop() {
        return; // Whoever set the stop says so.
    }
    let severity = failure.severity();
    tracing::error!(kind = severity.kind(), err = %failure.chain(), next = severity.next(), "{failure}");
}
