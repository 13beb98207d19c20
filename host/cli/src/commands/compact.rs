//! `lithify compact`: one iteration over the bucket.
//!
//! Source: `thanos-compactor.md` 2.1 and 2.2.

use std::{
    process::ExitCode,
    sync::{Arc, Mutex},
    time::Duration,
};

use lithify_compactor::{Context, Iteration, iterate};
use prometheus::Registry;
use tracing::{error, info};

use crate::{
    config::CompactConfig,
    process_metrics,
    render::progress::{self, Status},
    screen::Screen,
    serving::Serving,
    signals::{Signal, Signals},
    wire::{Manner, Wired, wire},
};

/// Runs the command; what it ends with is the process's exit status.
pub async fn run(
    config: CompactConfig,
    environment: &dyn Fn(&str) -> Option<String>,
    screen: Arc<Mutex<Screen>>,
) -> ExitCode {
    match serve_and_compact(config, environment, screen).await {
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
) -> Result<ExitCode, Box<dyn std::error::Error + Send + Sync>> {
    let signals = Signals::catch()?;
    let registry = Registry::new();
    process_metrics::register(&registry)?;
    let manner = Manner {
        concurrency: config.concurrency,
        downsample_concurrency: config.downsample_concurrency,
        memory_budget_bytes: config.memory_budget_bytes,
        dry_run: false,
    };
    let mut wired = wire(&config.selection, manner, &registry, environment)?;
    say_who_decides(&wired);
    let serving = Serving::start(&config.http, &mut wired.cx, registry).await?;
    let status = compact_until_told(&wired, signals, screen).await;
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
    info!(compiled = loading.compiled, cached = loading.cached, cpu = ?loading.loading_cpu, "policies are ready");
}

/// One iteration. A signal ends it soon; then nothing half-done is visible, and the status says that it was not completed.
async fn compact_until_told(wired: &Wired, mut signals: Signals, screen: Arc<Mutex<Screen>>) -> ExitCode {
    let cx = &wired.cx;
    let started = cx.ambient.elapsed();
    let working = iterate(cx);
    let drawing = progress::show(screen, || status(cx, started));
    tokio::pin!(working, drawing);
    let mut signal: Option<Signal> = None;
    let iteration = loop {
        tokio::select! {
            iteration = &mut working => break iteration,
            caught = signals.next(), if signal.is_none() => {
                signal = Some(caught);
                cx.stop.set();
            }
            () = &mut drawing => {}
        }
    };
    let took = cx.ambient.elapsed() - started;
    conclude(cx, wired, &iteration, signal, took)
}

fn conclude(cx: &Context, wired: &Wired, iteration: &Iteration, signal: Option<Signal>, took: Duration) -> ExitCode {
    let policies = wired.door.metrics();
    info!(
        duration = ?took, passes = iteration.passes, compactions = iteration.outcomes.len(),
        superseded = iteration.superseded, policies_cpu = ?policies.cpu, "iteration is over"
    );
    if iteration.is_complete() {
        return ExitCode::SUCCESS;
    }
    let stopped = iteration.failures.iter().any(lithify_compactor::Failure::is_stop);
    if let (Some(signal), true) = (signal, stopped) {
        let progress = cx.progress.read();
        error!(
            %signal, jobs_done = progress.jobs_done, jobs_undone = progress.jobs_total - progress.jobs_done,
            "stopped by a signal before everything was compacted; nothing half-done is visible, run again to go on"
        );
    }
    if let Some(worst) = iteration.failures.iter().filter(|failure| !failure.is_stop()).max_by_key(|f| f.severity()) {
        error!(failures = iteration.failures.len(), kind = worst.severity().kind(), err = %worst.chain(), "running command failed");
    }
    ExitCode::FAILURE
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
