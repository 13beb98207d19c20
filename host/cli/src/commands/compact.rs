//! `lithify compact`: one iteration over the bucket, or one after the other until told to stop.
//!
//! Source: `thanos-compactor.md` 2.1 and 2.2.

use std::{
    process::ExitCode,
    sync::{Arc, Mutex},
    time::Duration,
};

use lithify_compactor::{Context, Ending, Failure, Iteration, TodoMetrics, iterate, repeat};
use prometheus::Registry;
use tracing::{error, info};

use crate::{
    config::CompactConfig,
    process_metrics,
    render::progress::{self, Status},
    screen::Screen,
    serving::Serving,
    signals::{Signal, Signals},
    traces::Tracer,
    wire::{Manner, Wired, wire},
};

/// Runs the command; what it ends with is the process's exit status. Requests to the API are traced by `tracer`.
pub async fn run(
    config: CompactConfig,
    environment: &dyn Fn(&str) -> Option<String>,
    screen: Arc<Mutex<Screen>>,
    tracer: Option<Arc<Tracer>>,
) -> ExitCode {
    match serve_and_compact(config, environment, screen, tracer).await {
        Ok(status) => status,
        Err(failure) => {
            error!(err = %failure, "running command failed");
            ExitCode::FAILURE
        }
    }
}

async fn serve_and_compact(
    config: CompactConfig,
    environment: &dyn Fn(&str) -> Option<String>,
    screen: Arc<Mutex<Screen>>,
    tracer: Option<Arc<Tracer>>,
) -> Result<ExitCode, Box<dyn std::error::Error + Send + Sync>> {
    let signals = Signals::catch()?;
    let registry = Registry::new();
    process_metrics::register(&registry)?;
    let mut wired = wire(&config.selection, Manner::of(&config), &registry, environment).await?;
    say_who_decides(&wired);
    let repetition = config.repetition;
    let todo = match repetition.filter(|repetition| repetition.progress_interval.is_some()) {
        Some(_) => Some(TodoMetrics::register(&registry, config.selection.downsampling)?),
        None => None,
    };
    let serving = Serving::start(&config.http, &mut wired.cx, registry, tracer).await?;
    let started = wired.cx.ambient.elapsed();
    let drawing = progress::show(screen, || status(&wired.cx, started));
    let status = match repetition {
        None => once(&wired, signals, drawing).await,
        Some(repetition) => again_and_again(&wired, repeat(&wired.cx, repetition, todo), signals, drawing).await,
    };
    serving.end().await;
    Ok(status)
}

fn say_who_decides(wired: &Wired) {
    for loaded in &wired.loaded {
        info!(
            kind = %loaded.kind, plugin = loaded.plugin, version = loaded.manifest.version, sha256 = loaded.digest,
            "loaded policy"
        );
    }
    let loading = wired.door.metrics();
    info!(prepared = loading.prepared, compiled = loading.compiled, cached = loading.cached, cpu = ?loading.loading_cpu, "policies are ready");
}

/// One iteration. A signal ends it soon; then nothing half-done is visible, and the status says that it was not completed.
async fn once(wired: &Wired, signals: Signals, drawing: impl Future<Output = ()>) -> ExitCode {
    let cx = &wired.cx;
    let started = cx.ambient.elapsed();
    let (iteration, signal) = until_told(cx, iterate(cx), signals, drawing).await;
    conclude(cx, wired, &iteration, signal, cx.ambient.elapsed() - started)
}

/// Iterations until told to stop, which is the ordinary end, or until a failure that is not to be mended.
async fn again_and_again(
    wired: &Wired,
    repeating: impl Future<Output = Ending>,
    signals: Signals,
    drawing: impl Future<Output = ()>,
) -> ExitCode {
    let (ending, _) = until_told(&wired.cx, repeating, signals, drawing).await;
    match ending {
        Ending::Stopped => ExitCode::SUCCESS,
        Ending::Failed(failures) => {
            say_what_failed(&failures);
            ExitCode::FAILURE
        }
    }
}

/// Works, draws, and passes the first signal on.
async fn until_told<T>(
    cx: &Context,
    working: impl Future<Output = T>,
    mut signals: Signals,
    drawing: impl Future<Output = ()>,
) -> (T, Option<Signal>) {
    tokio::pin!(working, drawing);
    let (mut signal, mut drawn): (Option<Signal>, bool) = (None, false);
    loop {
        tokio::select! {
            done = &mut working => return (done, signal),
            caught = signals.next(), if signal.is_none() => {
                signal = Some(caught);
                cx.stop.set();
            }
            () = &mut drawing, if !drawn => drawn = true,
        }
    }
}

fn conclude(cx: &Context, wired: &Wired, iteration: &Iteration, signal: Option<Signal>, took: Duration) -> ExitCode {
    let policies = wired.door.metrics();
    info!(
        duration = ?took, passes = iteration.passes, compactions = iteration.outcomes.len(),
        downsampled = iteration.downsampled.len(),
        superseded = iteration.superseded, deleted = iteration.deleted, let_go = iteration.let_go, policies_cpu = ?policies.cpu,
        "iteration is over"
    );
    if iteration.is_complete() {
        return ExitCode::SUCCESS;
    }
    let stopped = iteration.failures.iter().any(Failure::is_stop);
    if let (Some(signal), true) = (signal, stopped) {
        let progress = cx.progress.read();
        error!(
            %signal, jobs_done = progress.jobs_done, jobs_undone = progress.jobs_total - progress.jobs_done,
            "stopped by a signal before everything was done; nothing half-done is visible, run again to go on"
        );
    }
    if !iteration.left_out.is_empty() {
        error!(left_out = iteration.left_out.len(), "what is named above was left out; everything else was done");
    }
    say_what_failed(&iteration.failures);
    ExitCode::FAILURE
}

fn say_what_failed(failures: &[Failure]) {
    let worst = failures.iter().filter(|failure| !failure.is_stop()).max_by_key(|failure| failure.severity());
    if let Some(worst) = worst {
        error!(
            failures = failures.len(), kind = worst.severity().kind(), err = %worst.chain(), "running command failed"
        );
    }
}

/// How far the run has come since `started`.
pub(super) fn status(cx: &Context, started: Duration) -> Status {
    let progress = cx.progress.read();
    Status {
        jobs_done: progress.jobs_done,
        jobs_total: progress.jobs_total,
        doing: progress.doing,
        bytes_done: progress.bytes_done,
        bytes_total: progress.bytes_total,
        elapsed_ms: u64::try_from((cx.ambient.elapsed() - started).as_millis()).unwrap_or(u64::MAX),
    }
}
