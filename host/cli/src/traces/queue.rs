//! What waits to be sent, and who sends it.
//!
//! Sizes and times are those of OpenTelemetry's batch processor, which the reference uses.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use lithify_compactor::Ambient;
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
};
use tracing::{info, warn};

use super::{
    send::{SendError, Wire},
    tracer::{Span, Tracer},
};
use crate::tracing_config::{Retry, TraceConfig, TracingError};

/// Spans of one request.
const BATCH_MAX: usize = 512;

/// Shortest time between two tries, whatever a collector says.
const PAUSE_MIN: Duration = Duration::from_millis(100);

/// Longest time that the end of a process waits for a collector; that of the reference.
pub const CLOSING_MAX: Duration = Duration::from_secs(5);

/// Everything that `config` wants, ready to go. `environment` is asked for proxies.
///
/// # Errors
/// [`TracingError`]: a file of the TLS configuration, or a proxy, that cannot be used.
pub fn export(
    config: TraceConfig,
    ambient: Arc<dyn Ambient>,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<(Arc<Tracer>, Exporter), TracingError> {
    let (queue, spans) = mpsc::channel(config.queue_max);
    let lost = Arc::<Lost>::default();
    let tracer = Arc::new(Tracer::new(Arc::clone(&ambient), config.sampler, queue, Arc::clone(&lost)));
    let wire = Wire::new(config.backend, config.target, config.resource, environment)?;
    let (retry, interval, warnings) = (config.retry, config.interval, config.warnings);
    let said = Said { backend: config.backend, warnings, full: false, unsent: false };
    Ok((tracer, Exporter { spans, lost, wire, retry, interval, ambient, said }))
}

/// Spans that no collector will see.
#[derive(Debug, Default)]
pub(super) struct Lost {
    /// Because the queue was full.
    pub(super) full: AtomicU64,
    /// Because the collector did not take them.
    unsent: AtomicU64,
}

/// Sends spans, once it is started.
pub struct Exporter {
    spans: mpsc::Receiver<Span>,
    lost: Arc<Lost>,
    wire: Wire,
    retry: Retry,
    interval: Duration,
    ambient: Arc<dyn Ambient>,
    said: Said,
}

/// What was said in the log, and what is to be said.
struct Said {
    backend: &'static str,
    warnings: Vec<String>,
    full: bool,
    unsent: bool,
}

/// Spans are being sent.
pub struct Exporting {
    closing: watch::Sender<bool>,
    task: JoinHandle<()>,
    lost: Arc<Lost>,
}

impl Exporter {
    /// Sends from now on, and says so, on a task of the runtime that this is called in.
    #[must_use]
    pub fn start(self) -> Exporting {
        self.said.warnings.iter().for_each(|warning| warn!("{warning}"));
        info!(backend = self.said.backend, "traces are exported");
        let (closing, closed) = watch::channel(false);
        let lost = Arc::clone(&self.lost);
        Exporting { closing, task: tokio::spawn(self.run(closed)), lost }
    }

    async fn run(mut self, mut closed: watch::Receiver<bool>) {
        let mut batch = Vec::with_capacity(BATCH_MAX);
        loop {
            let is_closing = tokio::select! {
                biased;
                _ = closed.wait_for(|closed| *closed) => true,
                is_over = gather(&mut self.spans, &mut batch, self.interval) => is_over,
            };
            while batch.len() < BATCH_MAX
                && let Ok(span) = self.spans.try_recv()
            {
                batch.push(span);
            }
            if batch.is_empty() && is_closing {
                return;
            }
            self.send(&batch, &mut closed).await;
            batch.clear();
        }
    }

    /// Sends `batch`, again and again while that may help and nobody waits for the end.
    async fn send(&mut self, batch: &[Span], closed: &mut watch::Receiver<bool>) {
        let started = self.ambient.elapsed();
        let mut pause = self.retry.initial;
        loop {
            let error = match self.wire.send(batch).await {
                Ok(()) => {
                    self.said.unsent = false;
                    break;
                }
                Err(error) => error,
            };
            let wait = error.after.map_or(pause, |after| after.max(PAUSE_MIN));
            let is_late = (self.ambient.elapsed() - started).saturating_add(wait) > self.retry.elapsed_max;
            if !error.is_passing || is_late || waited(closed, wait).await {
                self.lost.unsent.fetch_add(batch.len() as u64, Ordering::Relaxed);
                self.tell(&error);
                break;
            }
            pause = pause.mul_f64(1.5).min(self.retry.interval_max);
        }
        if self.lost.full.load(Ordering::Relaxed) > 0 && !self.said.full {
            self.said.full = true;
            warn!("the queue of traces was full and spans were lost; the run is not affected");
        }
    }

    /// Once, until something can be sent again.
    fn tell(&mut self, error: &SendError) {
        if !self.said.unsent {
            self.said.unsent = true;
            warn!(err = error.text, "traces could not be exported and are lost; the run is not affected");
        }
    }
}

/// Waits for a span, then fills the batch for at most `interval`; whether there will never be any more.
async fn gather(spans: &mut mpsc::Receiver<Span>, batch: &mut Vec<Span>, interval: Duration) -> bool {
    let Some(first) = spans.recv().await else { return true };
    batch.push(first);
    let filling = async {
        while batch.len() < BATCH_MAX
            && let Some(span) = spans.recv().await
        {
            batch.push(span);
        }
    };
    // Time is up: what there is goes.
    let _ = tokio::time::timeout(interval, filling).await;
    false
}

/// Lets `time` pass; whether it was cut short because the process is about to end.
async fn waited(closed: &mut watch::Receiver<bool>, time: Duration) -> bool {
    tokio::time::timeout(time, closed.wait_for(|closed| *closed)).await.is_ok()
}

impl Exporting {
    /// Sends what is left, once, and gives up after [`CLOSING_MAX`].
    pub async fn close(self) {
        self.closing.send_replace(true);
        let mut task = self.task;
        if tokio::time::timeout(CLOSING_MAX, &mut task).await.is_err() {
            task.abort();
            warn!(waited = ?CLOSING_MAX, "the collector of traces did not take the last ones in time");
        }
        let [full, unsent] = [&self.lost.full, &self.lost.unsent].map(|count| count.load(Ordering::Relaxed));
        if full.saturating_add(unsent) > 0 {
            warn!(queue_full = full, not_taken = unsent, "spans were lost on their way to the collector of traces");
        }
    }
}
