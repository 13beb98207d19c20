//! The loop that runs for years: iterations at their times, what each kind of failure does, and work in the background.
//!
//! Source: `thanos-compactor.md` 2.1, 2.4 and 2.5.

use std::time::Duration;

use tokio::{
    task::JoinSet,
    time::{Interval, MissedTickBehavior, interval},
};
use tracing::{error, info};

use crate::{
    Context, Failure, Iteration, Severity, Step, TodoMetrics, clean_partial_uploads, failure::StepError, iterate,
    todo::count_todo,
};

/// When a run starts over, and what it does meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repetition {
    /// Time from the start of an iteration to the start of the next; above zero.
    pub interval: Duration,
    /// Time between cleanings of partial uploads in the background, if there are any; above zero.
    pub cleanup_interval: Option<Duration>,
    /// Time between counts of the work ahead, if there are any; above zero.
    pub progress_interval: Option<Duration>,
    /// Whether to stay, doing nothing, after an error that a person must look at.
    pub halt_on_error: bool,
}

/// How a run that starts over came to its end.
#[derive(Debug)]
pub enum Ending {
    /// It was told to stop.
    Stopped,
    /// Nothing more could be done; every failure was logged. There is at least one.
    Failed(Vec<Failure>),
}

/// Starts over until told to stop, or until a failure that no iteration can mend. `todo` is counted if there is an
/// interval for it. When this returns nothing of the run is under way any more.
pub async fn repeat(cx: &Context, repetition: Repetition, todo: Option<TodoMetrics>) -> Ending {
    let mut actors = JoinSet::new();
    let main = cx.clone();
    actors.spawn(async move { start_over(&main, repetition).await });
    if let Some(every) = repetition.cleanup_interval {
        let cx = cx.clone();
        actors.spawn(async move { clean_now_and_then(&cx, every).await });
    }
    if let (Some(every), Some(todo)) = (repetition.progress_interval, todo) {
        let cx = cx.clone();
        actors.spawn(async move { count_now_and_then(&cx, every, &todo).await });
    }
    // The first that ends decides; the others are told, and waited for.
    let first = actors.join_next().await;
    cx.stop.set();
    while actors.join_next().await.is_some() {}
    match first {
        Some(Ok(ending)) => ending,
        Some(Err(panic)) => {
            let failure = Failure::new(Step::Sync, StepError::Panic(panic.to_string()));
            error!(err = %failure.chain(), "{failure}");
            Ending::Failed(vec![failure])
        }
        None => Ending::Stopped,
    }
}

/// Beats that start now. One that is missed is made up for at once, further ones are dropped.
fn beats(every: Duration) -> Interval {
    let mut beats = interval(every);
    beats.set_missed_tick_behavior(MissedTickBehavior::Skip);
    beats
}

/// Waits for the next beat; false if the run is told to stop instead.
async fn next(cx: &Context, beats: &mut Interval) -> bool {
    tokio::select! {
        biased;
        () = cx.stop.wait() => false,
        _ = beats.tick() => true,
    }
}

async fn start_over(cx: &Context, repetition: Repetition) -> Ending {
    let mut beats = beats(repetition.interval);
    while next(cx, &mut beats).await {
        cx.progress.start_over();
        let started = cx.ambient.elapsed();
        let iteration = iterate(cx).await;
        if cx.stop.is_set() {
            break;
        }
        tell(&iteration, cx.ambient.elapsed() - started);
        match iteration.severity() {
            None => count(cx, &iteration),
            Some(Severity::Retriable) => {
                error!(next_in_at_most = ?repetition.interval, "retriable error; the next iteration tries again");
                cx.metrics.running.retries.inc();
            }
            Some(Severity::Halting) if repetition.halt_on_error => {
                error!(
                    "critical error detected; halting: nothing more is touched until a person has looked and restarts"
                );
                cx.metrics.running.halted.set(1);
                cx.stop.wait().await;
            }
            Some(Severity::Halting | Severity::Fatal) => return Ending::Failed(iteration.failures),
        }
    }
    Ending::Stopped
}

/// What was left out moves the reference's metrics as it would have moved them there; the process lives on.
fn count(cx: &Context, iteration: &Iteration) {
    let running = &cx.metrics.running;
    running.halted.set(i64::from(iteration.has_left_out(Severity::Halting)));
    if iteration.has_left_out(Severity::Retriable) {
        running.retries.inc();
    }
    if iteration.is_complete() {
        running.iterations.inc();
    }
}

fn tell(iteration: &Iteration, took: Duration) {
    info!(
        duration = ?took, passes = iteration.passes, compactions = iteration.outcomes.len(),
        downsampled = iteration.downsampled.len(),
        superseded = iteration.superseded, deleted = iteration.deleted, let_go = iteration.let_go,
        failures = iteration.failures.len(), left_out = iteration.left_out.len(), "iteration is over"
    );
}

async fn clean_now_and_then(cx: &Context, every: Duration) -> Ending {
    let mut beats = beats(every);
    while next(cx, &mut beats).await {
        clean_partial_uploads(cx).await;
    }
    Ending::Stopped
}

async fn count_now_and_then(cx: &Context, every: Duration, todo: &TodoMetrics) -> Ending {
    let mut beats = beats(every);
    while next(cx, &mut beats).await {
        let Err(failure) = count_todo(cx, todo).await else { continue };
        if failure.is_stop() || cx.stop.is_set() {
            break;
        }
        error!(kind = failure.severity().kind(), err = %failure.chain(), "counting the work ahead failed: {failure}");
        match failure.severity() {
            Severity::Retriable => cx.metrics.running.retries.inc(),
            // What one block hinders the count in must not end the process that works around that block.
            Severity::Fatal | Severity::Halting if cx.config.isolate_failures => {}
            Severity::Fatal | Severity::Halting => return Ending::Failed(vec![failure]),
        }
    }
    Ending::Stopped
}
