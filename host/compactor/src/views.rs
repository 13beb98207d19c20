//! What the viewer and its API are shown: the blocks that the last sync left over, and all blocks of the bucket.
//!
//! Source: `thanos-compactor.md` 2.1, 3.4, 11.2 and 12.3.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use lithify_block::{Meta, Rfc3339};
use lithify_bucket::{MetaState, Snapshot};
use prometheus::{Error, Histogram, HistogramOpts, IntCounter, IntGaugeVec, Opts, Registry};
use tokio::time::{MissedTickBehavior, interval, timeout};
use tracing::warn;

use crate::{
    Context, Standing, View,
    failure::Failure,
    metrics::{SYNC_STATES, add},
    sync::fetch,
};

/// Pause between attempts after a refresh of the global view has failed.
const RETRY: Duration = Duration::from_secs(60);

/// Both views, published by those who make them and read by whoever shows them.
#[derive(Debug)]
pub struct Views {
    loaded: Mutex<Arc<Shown>>,
    global: Mutex<Arc<Shown>>,
    metrics: GlobalMetrics,
}

/// One view as it is shown.
#[derive(Clone, Debug, Default)]
pub struct Shown {
    /// The blocks, by id.
    pub blocks: Vec<Arc<Meta>>,
    /// When it was looked last; the zero time before the first look.
    pub refreshed_at: Rfc3339,
    /// Why the last look failed; the blocks are then those of the look before.
    pub error: Option<String>,
}

/// How often the whole bucket is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refresh {
    /// Time between the starts of two looks, above zero.
    pub interval: Duration,
    /// Time that one look may take.
    pub timeout: Duration,
}

/// Why the bucket could not be looked at.
#[derive(Debug, thiserror::Error)]
pub enum LookError {
    /// The bucket.
    #[error("looking at the bucket failed: {0}")]
    Store(lithify_bucket::Error),
    /// It took too long.
    #[error("looking at the bucket took longer than {0:?}; raise --block-viewer.global.sync-block-timeout")]
    Timeout(Duration),
}

/// The families of the global view. The missing underscore behind `ui` is the reference's.
#[derive(Clone, Debug)]
struct GlobalMetrics {
    syncs: IntCounter,
    failures: IntCounter,
    seconds: Histogram,
    synced: IntGaugeVec,
    modified: IntGaugeVec,
}

impl Views {
    /// Two empty views.
    ///
    /// # Errors
    /// If a family of the same name is registered already.
    pub fn register(registry: &Registry) -> Result<Self, Error> {
        let metrics = GlobalMetrics::register(registry)?;
        let empty = || Mutex::new(Arc::new(Shown::default()));
        Ok(Self { loaded: empty(), global: empty(), metrics })
    }

    /// The blocks that the last sync left over, with the labels that are used for grouping.
    #[must_use]
    pub fn loaded(&self) -> Arc<Shown> {
        Arc::clone(&self.loaded.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// All blocks of the bucket that have a meta.json, as it stands there.
    #[must_use]
    pub fn global(&self) -> Arc<Shown> {
        Arc::clone(&self.global.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes over what a sync learned, or why it learned nothing.
    pub fn publish_loaded(&self, synced: Result<&View, &Failure>, now: Rfc3339) {
        let metas = |view: &View| view.placed().map(|facts| Arc::new(facts.meta.clone())).collect();
        let failed = |failure: &Failure| format!("{failure}: {}", failure.chain());
        self.publish(&self.loaded, synced.map(metas).map_err(failed), now);
    }

    fn publish(&self, shown: &Mutex<Arc<Shown>>, looked: Result<Vec<Arc<Meta>>, String>, now: Rfc3339) {
        let mut shown = shown.lock().unwrap_or_else(PoisonError::into_inner);
        *shown = Arc::new(match looked {
            Ok(blocks) => Shown { blocks, refreshed_at: now, error: None },
            Err(error) => Shown { blocks: shown.blocks.clone(), refreshed_at: now, error: Some(error) },
        });
    }

    /// Looks at the whole bucket, no rule applied, and publishes what is there.
    ///
    /// # Errors
    /// [`LookError`] if anything could not be read in time; it is published as well.
    pub async fn refresh_global(&self, cx: &Context, time: Duration) -> Result<(), LookError> {
        let started = cx.ambient.elapsed();
        self.metrics.syncs.inc();
        let fetched = timeout(time, fetch(cx)).await;
        let fetched = fetched.map_or(Err(LookError::Timeout(time)), |fetched| fetched.map_err(LookError::Store));
        let metas = fetched.as_ref().map(|snapshot| metas(snapshot)).map_err(LookError::to_string);
        self.publish(&self.global, metas, cx.ambient.now());
        let snapshot = fetched.inspect_err(|_| self.metrics.failures.inc())?;
        self.metrics.seconds.observe((cx.ambient.elapsed() - started).as_secs_f64());
        self.metrics.publish(&snapshot);
        Ok(())
    }

    /// Looks at the whole bucket at once and then at every interval, until the run is told to stop. A failed look is
    /// repeated every minute.
    pub async fn keep_global_fresh(&self, cx: &Context, refresh: Refresh) {
        let mut ticks = interval(refresh.interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let looking = async {
            loop {
                ticks.tick().await;
                let mut retries = interval(RETRY);
                retries.set_missed_tick_behavior(MissedTickBehavior::Delay);
                loop {
                    retries.tick().await;
                    match self.refresh_global(cx, refresh.timeout).await {
                        Ok(()) => break,
                        Err(error) => {
                            warn!(err = %error, next = "tried again in a minute", "the global view was not refreshed");
                        }
                    }
                }
            }
        };
        tokio::select! {
            () = cx.stop.wait() => {}
            () = looking => {}
        }
    }
}

fn metas(snapshot: &Snapshot) -> Vec<Arc<Meta>> {
    snapshot.blocks.values().filter_map(|block| block.meta().cloned()).collect()
}

impl GlobalMetrics {
    fn register(registry: &Registry) -> Result<Self, Error> {
        let counter = |name: &str, help: &str| add(registry, IntCounter::new(name, help)?);
        let gauge =
            |name: &str, help: &str, label: &str| add(registry, IntGaugeVec::new(Opts::new(name, help), &[label])?);
        let seconds = HistogramOpts::new(
            "thanos_bucket_uiblocks_meta_sync_duration_seconds",
            "Time that looks at the bucket took.",
        );
        let metrics = Self {
            syncs: counter("thanos_bucket_uiblocks_meta_syncs_total", "Looks at the bucket for the global view.")?,
            failures: counter("thanos_bucket_uiblocks_meta_sync_failures_total", "Such looks that failed.")?,
            seconds: add(
                registry,
                Histogram::with_opts(seconds.buckets(vec![0.01, 1., 10., 100., 300., 600., 1000.]))?,
            )?,
            synced: gauge("thanos_bucket_uiblocks_meta_synced", "Blocks of the global view by state.", "state")?,
            modified: gauge("thanos_bucket_uiblocks_meta_modified", "Blocks whose labels were changed.", "modified")?,
        };
        metrics.modified.with_label_values(&["replica-label-removed"]);
        for state in SYNC_STATES {
            metrics.synced.with_label_values(&[state]);
        }
        Ok(metrics)
    }

    fn publish(&self, snapshot: &Snapshot) {
        let count = |wanted: fn(&MetaState) -> bool| {
            let count = snapshot.blocks.values().filter(|block| wanted(&block.meta)).count();
            i64::try_from(count).unwrap_or(i64::MAX)
        };
        for (standing, count) in [
            (Standing::Active, count(|meta| matches!(meta, MetaState::Found(_)))),
            (Standing::Partial, count(|meta| matches!(meta, MetaState::Missing))),
            (Standing::Corrupt(String::new()), count(|meta| matches!(meta, MetaState::Corrupted(_)))),
        ] {
            self.synced.with_label_values(&[standing.state()]).set(count);
        }
        self.synced.with_label_values(&["failed"]).set(count(|meta| matches!(meta, MetaState::Unsupported(..))));
    }
}
