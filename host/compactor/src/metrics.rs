//! What is counted, under the names that operators know.
//!
//! Source: `thanos-compactor.md` 11.1 and 11.2.

mod dashboard;
mod downsampling;
mod merging;
mod running;

use prometheus::{
    Error, Gauge, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGaugeVec, Opts, Registry, core::Collector,
};

use crate::View;
pub use downsampling::DownsamplingMetrics;
pub use merging::MergingMetrics;
pub use running::{RunningMetrics, TodoMetrics};

/// The families of the compactor. Clones count into the same families.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "each is described by its help text below")]
pub struct Metrics {
    pub garbage_collected_blocks: IntCounter,
    pub garbage_collections: IntCounter,
    pub garbage_collection_failures: IntCounter,
    pub garbage_collection_seconds: Histogram,
    pub blocks_marked: IntCounterVec,
    pub group_compactions: IntCounterVec,
    pub group_vertical_compactions: IntCounterVec,
    pub group_runs_started: IntCounterVec,
    pub group_runs_completed: IntCounterVec,
    pub group_failures: IntCounterVec,
    pub syncs: IntCounter,
    pub sync_failures: IntCounter,
    pub sync_seconds: Histogram,
    pub synced: IntGaugeVec,
    pub modified: IntGaugeVec,
    pub downsampling: DownsamplingMetrics,
    pub running: RunningMetrics,
    pub merging: MergingMetrics,
    pub base_syncs: IntCounter,
    pub base_cache_busts: IntCounter,
}

/// States of `thanos_blocks_meta_synced` that exist from the start.
pub(crate) const SYNC_STATES: [&str; 11] = [
    "corrupted-meta-json",
    "no-meta-json",
    "loaded",
    "too-fresh",
    "failed",
    "label-excluded",
    "time-excluded",
    "duplicate",
    "marked-for-deletion",
    "marked-for-no-compact",
    "parquet-migrated",
];

impl Metrics {
    /// Creates the families and registers them.
    ///
    /// # Errors
    /// If a family of the same name is registered already.
    pub fn register(registry: &Registry) -> Result<Self, Error> {
        let metrics = Self::create(registry)?;
        dashboard::register(registry, &metrics.downsampling.failures, &metrics.blocks_marked)?;
        for (marker, reason) in [
            ("no-compact-mark.json", "block-index-out-of-order-chunk"),
            ("no-compact-mark.json", "index-size-exceeding"),
            ("deletion-mark.json", ""),
        ] {
            metrics.blocks_marked.with_label_values(&[marker, reason]);
        }
        for state in SYNC_STATES {
            metrics.synced.with_label_values(&[state]);
        }
        metrics.modified.with_label_values(&["replica-label-removed"]);
        Ok(metrics)
    }

    /// Lets the mark exist that only vertical compaction writes.
    pub fn expect_vertical_compaction(&self) {
        self.blocks_marked.with_label_values(&["no-compact-mark.json", "downsample-vertical-compaction"]);
    }

    fn create(registry: &Registry) -> Result<Self, Error> {
        let counter = |name: &str, help: &str| add(registry, IntCounter::new(name, help)?);
        let by_resolution =
            |name: &str, help: &str| add(registry, IntCounterVec::new(Opts::new(name, help), &["resolution"])?);
        let gauges =
            |name: &str, help: &str, label: &str| add(registry, IntGaugeVec::new(Opts::new(name, help), &[label])?);
        let histogram = |name: &str, help: &str, buckets: &[f64]| {
            add(registry, Histogram::with_opts(HistogramOpts::new(name, help).buckets(buckets.to_vec()))?)
        };
        Ok(Self {
            garbage_collected_blocks: counter(
                "thanos_compact_garbage_collected_blocks_total",
                "Blocks marked for deletion because their samples are in another block.",
            )?,
            garbage_collections: counter("thanos_compact_garbage_collection_total", "Completed garbage collections.")?,
            garbage_collection_failures: counter(
                "thanos_compact_garbage_collection_failures_total",
                "Failed garbage collections.",
            )?,
            garbage_collection_seconds: histogram(
                "thanos_compact_garbage_collection_duration_seconds",
                "Time that garbage collections took.",
                &[0.01, 0.1, 0.3, 0.6, 1., 3., 6., 9., 20., 30., 60., 90., 120., 240., 360., 720.],
            )?,
            blocks_marked: add(
                registry,
                IntCounterVec::new(
                    Opts::new("thanos_compact_blocks_marked_total", "Marks newly written."),
                    &["marker", "reason"],
                )?,
            )?,
            group_compactions: by_resolution("thanos_compact_group_compactions_total", "Blocks made by compaction.")?,
            group_vertical_compactions: by_resolution(
                "thanos_compact_group_vertical_compactions_total",
                "Blocks made by compaction in groups of which blocks overlapped.",
            )?,
            group_runs_started: by_resolution(
                "thanos_compact_group_compaction_runs_started_total",
                "Groups that a worker took.",
            )?,
            group_runs_completed: by_resolution(
                "thanos_compact_group_compaction_runs_completed_total",
                "Groups that were finished without error.",
            )?,
            group_failures: by_resolution("thanos_compact_group_compactions_failures_total", "Groups that failed.")?,
            syncs: counter("thanos_blocks_meta_syncs_total", "Syncs of the bucket that were started.")?,
            sync_failures: counter("thanos_blocks_meta_sync_failures_total", "Syncs of the bucket that failed.")?,
            sync_seconds: histogram(
                "thanos_blocks_meta_sync_duration_seconds",
                "Time that syncs of the bucket took.",
                &[0.01, 1., 10., 100., 300., 600., 1000.],
            )?,
            synced: gauges("thanos_blocks_meta_synced", "Blocks of the last sync by state.", "state")?,
            modified: gauges(
                "thanos_blocks_meta_modified",
                "Labels removed from blocks in the last sync.",
                "modified",
            )?,
            downsampling: DownsamplingMetrics::register(registry)?,
            running: RunningMetrics::register(registry)?,
            merging: MergingMetrics::register(registry)?,
            base_syncs: counter("thanos_blocks_meta_base_syncs_total", "Looks at the bucket, for whatever view.")?,
            base_cache_busts: counter(
                "thanos_blocks_meta_base_cache_busts_total",
                "meta.json files that were read again because they had changed.",
            )?,
        })
    }

    /// Lets the families of groups of this resolution exist, whether or not any of them is ever run.
    pub(crate) fn expect_group(&self, resolution: &str) {
        for family in [
            &self.group_compactions,
            &self.group_vertical_compactions,
            &self.group_runs_started,
            &self.group_runs_completed,
            &self.group_failures,
        ] {
            family.with_label_values(&[resolution]);
        }
    }

    /// Publishes how many blocks of `view` are in each state. Marks against downsampling are counted where it is done.
    pub fn publish(&self, view: &View, downsampling: bool) {
        let removed = i64::try_from(view.replica_labels_removed).unwrap_or(i64::MAX);
        self.modified.with_label_values(&["replica-label-removed"]).set(removed);
        self.synced.reset();
        for state in SYNC_STATES {
            self.synced.with_label_values(&[state]);
        }
        for seen in view.blocks.values() {
            self.synced.with_label_values(&[seen.standing.state()]).inc();
        }
        for block in view.active() {
            for (marked, state) in [
                (block.no_compact.is_some(), "marked-for-no-compact"),
                (downsampling && block.no_downsample.is_some(), "marked-for-no-downsample"),
            ] {
                if marked {
                    self.synced.with_label_values(&[state]).inc();
                }
            }
        }
    }
}

/// Gauges that never change in a run.
///
/// # Errors
/// If a family of the same name is registered already.
pub fn register_constants(registry: &Registry, config: &crate::Config) -> Result<(), Error> {
    for (name, help, ms) in [
        ("thanos_delete_delay_seconds", "The delete delay.", config.delete_delay_ms),
        ("thanos_consistency_delay_seconds", "The consistency delay.", config.consistency_delay_ms),
    ] {
        #[expect(clippy::cast_precision_loss, reason = "a delay of 285,000 years would lose a millisecond")]
        add(registry, Gauge::new(name, help)?)?.set(ms as f64 / 1000.0);
    }
    Ok(())
}

pub(crate) fn add<C: Collector + Clone + 'static>(registry: &Registry, family: C) -> Result<C, Error> {
    registry.register(Box::new(family.clone()))?;
    Ok(family)
}

#[cfg(test)]
mod tests;
