//! Learning what the bucket holds.

use std::sync::Arc;

use lithify_block::{Labels, policy::Selector};
use lithify_bucket::{Snapshot, layout, snapshot};
use tokio::time::timeout;
use tracing::{info, warn};

use crate::{
    Context, Rules, Standing, View,
    failure::{Failure, Step, StepError},
    view::Unsupported,
};

/// Lists the bucket, reads what is new, and gives every block its standing.
///
/// # Errors
/// [`Failure`] if anything could not be read: half a view would lose blocks.
pub async fn sync(cx: &Context) -> Result<View, Failure> {
    let started = cx.ambient.elapsed();
    cx.metrics.syncs.inc();
    cx.progress.doing("sync");
    let view = look_in_time(cx).await.map_err(|error| Failure::new(Step::Sync, error)).inspect_err(|_| {
        cx.metrics.sync_failures.inc();
    });
    if let Some(views) = &cx.views {
        views.publish_loaded(view.as_ref(), cx.ambient.now());
    }
    let view = view?;
    let took = cx.ambient.elapsed() - started;
    cx.metrics.sync_seconds.observe(took.as_secs_f64());
    cx.metrics.publish(&view, cx.config.downsampling);
    cx.partials.note(&view);
    let partial = view.blocks.values().filter(|seen| matches!(seen.standing, Standing::Partial | Standing::Corrupt(_)));
    info!(
        duration = ?took, blocks = view.blocks.len(), active = view.active().count(), partial = partial.count(),
        "synced the bucket"
    );
    warn_of_misnamed(&view);
    Ok(view)
}

/// A look that ends when the run is told to stop, or at its deadline if it has one.
async fn look_in_time(cx: &Context) -> Result<View, StepError> {
    let in_time = async {
        match cx.config.sync_deadline {
            Some(deadline) => timeout(deadline, look(cx)).await.unwrap_or(Err(StepError::SyncDeadline(deadline))),
            None => look(cx).await,
        }
    };
    tokio::select! {
        biased;
        () = cx.stop.wait() => Err(StepError::Stopped),
        looked = in_time => looked,
    }
}

async fn look(cx: &Context) -> Result<View, StepError> {
    let seen = fetch(cx).await?;
    understand(cx, seen).await
}

/// What a sync of `cx` would make of `seen`, which another one has read: for comparing policies on one view.
///
/// # Errors
/// [`Failure`] of the selector, or without isolation of a block.
pub async fn look_at(cx: &Context, seen: Arc<Snapshot>) -> Result<View, Failure> {
    understand(cx, seen).await.map_err(|error| Failure::new(Step::Sync, error))
}

async fn understand(cx: &Context, seen: Arc<Snapshot>) -> Result<View, StepError> {
    let now = cx.ambient.timestamp();
    let rules = Rules {
        now,
        consistency_delay_ms: cx.config.consistency_delay_ms,
        delete_delay_ms: cx.config.delete_delay_ms,
        isolate: cx.config.isolate_failures,
        time_partition: cx.config.time_partition.at(now),
        replica_labels: cx.config.replica_labels.clone(),
    };
    let (question, selector) = (cx.question(), cx.policies.selector.clone());
    let broken = cx.broken.clone();
    let (metrics, downsampling) = (cx.metrics.clone(), cx.config.downsampling);
    let build = move || {
        let view = |rules: &Rules| {
            View::build(&seen, rules, |sets| match &selector {
                Some(selector) => select(&**selector, &question, sets),
                None => Ok(vec![true; sets.len()]),
            })
        };
        let mut view = view(&rules).inspect_err(|error| {
            // What could be read is counted all the same; nothing is decided on it.
            if matches!(error, StepError::Unsupported(Unsupported::Meta { .. }))
                && let Ok(view) = view(&Rules { isolate: true, ..rules.clone() })
            {
                metrics.publish(&view, downsampling);
            }
        })?;
        broken.set_apart(&mut view, &seen);
        Ok(view)
    };
    tokio::task::spawn_blocking(build).await.map_err(|panic| StepError::Panic(panic.to_string()))?
}

/// Looks at the bucket, one look at a time: who comes second finds read what the first has read.
pub(crate) async fn fetch(cx: &Context) -> Result<Arc<Snapshot>, lithify_bucket::Error> {
    let _turn = cx.last.turn.lock().await;
    let previous = cx.last.snapshot();
    cx.metrics.base_syncs.inc();
    let seen =
        snapshot(&*cx.bucket, previous.as_deref(), cx.meta_cache.as_deref(), cx.config.meta_fetch_concurrency).await?;
    cx.metrics.base_cache_busts.inc_by(changed(previous.as_deref(), &seen));
    Ok(cx.last.keep(seen))
}

/// How many blocks have a meta.json that is not the one of the look before.
fn changed(previous: Option<&Snapshot>, seen: &Snapshot) -> u64 {
    let Some(previous) = previous else { return 0 };
    let meta = |snapshot: &Snapshot, id| snapshot.blocks.get(&id)?.objects.get(layout::META).cloned();
    let is_changed = |id| meta(previous, id).is_some_and(|before| meta(seen, id).is_some_and(|now| now != before));
    seen.blocks.keys().filter(|id| is_changed(**id)).count() as u64
}

fn select(
    selector: &dyn Selector,
    question: &lithify_block::policy::Context,
    sets: &[Labels],
) -> Result<Vec<bool>, StepError> {
    if sets.is_empty() {
        return Ok(Vec::new());
    }
    let kept = selector.select(question, sets)?;
    Ok(kept.iter().map(|labels| labels.as_ref().is_some_and(|labels| !labels.is_empty())).collect())
}

fn warn_of_misnamed(view: &View) {
    for (id, seen) in &view.blocks {
        if let Standing::Misnamed(found) = seen.standing {
            warn!(
                block = %id, found = %found,
                "meta.json names another block, so this one is left alone; correct its meta.json, or mark it for deletion"
            );
        }
    }
}

/// The snapshot of the last sync, from which unchanged objects are taken over.
#[derive(Clone, Debug, Default)]
pub struct Last {
    snapshot: Arc<std::sync::Mutex<Option<Arc<Snapshot>>>>,
    turn: Arc<tokio::sync::Mutex<()>>,
}

impl Last {
    /// What the last sync saw; `None` before the first.
    #[must_use]
    pub fn snapshot(&self) -> Option<Arc<Snapshot>> {
        self.snapshot.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    fn keep(&self, snapshot: Snapshot) -> Arc<Snapshot> {
        let snapshot = Arc::new(snapshot);
        *self.snapshot.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(Arc::clone(&snapshot));
        snapshot
    }
}
