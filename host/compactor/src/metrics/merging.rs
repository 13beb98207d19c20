//! What is counted of merges, under the names of the library that the reference merges with.

use std::time::Duration;

use lithify_block::Job;
use prometheus::{Error, Histogram, HistogramOpts, IntCounter, IntGauge, Registry, exponential_buckets};

use super::add;

/// Families of merges. Clones count into the same families.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "each is described by its help text below")]
pub struct MergingMetrics {
    pub merges: IntCounter,
    pub vertical_merges: IntCounter,
    pub running: IntGauge,
    pub seconds: Histogram,
}

impl MergingMetrics {
    pub(super) fn register(registry: &Registry) -> Result<Self, Error> {
        let counter = |name: &str, help: &str| add(registry, IntCounter::new(name, help)?);
        let histogram = |name: &str, help: &str, buckets: Vec<f64>| {
            add(registry, Histogram::with_opts(HistogramOpts::new(name, help).buckets(buckets))?)
        };
        // These three are of blocks cut from a head, which a compactor never does.
        for (name, help, start, factor, count) in [
            ("prometheus_tsdb_compaction_chunk_size_bytes", "Size of chunks of new level-1 blocks.", 32., 1.5, 12),
            ("prometheus_tsdb_compaction_chunk_samples", "Samples in chunks of new level-1 blocks.", 4., 1.5, 12),
            ("prometheus_tsdb_compaction_chunk_range_seconds", "Range of chunks of new level-1 blocks.", 100., 4., 10),
        ] {
            histogram(name, help, exponential_buckets(start, factor, count)?)?;
        }
        Ok(Self {
            merges: counter("prometheus_tsdb_compactions_total", "Merges that were begun and are over.")?,
            vertical_merges: counter(
                "prometheus_tsdb_vertical_compactions_total",
                "Merges, begun and over, of blocks that overlap.",
            )?,
            running: add(
                registry,
                IntGauge::new("prometheus_tsdb_compaction_populating_block", "1 while blocks are being merged.")?,
            )?,
            seconds: histogram(
                "prometheus_tsdb_compaction_duration_seconds",
                "Time that merges took.",
                exponential_buckets(1., 2., 14)?,
            )?,
        })
    }

    /// Counts a merge that is over, with or without a result.
    pub(crate) fn count(&self, job: &Job, took: Duration) {
        self.merges.inc();
        self.seconds.observe(took.as_secs_f64());
        let mut ranges: Vec<_> = job.blocks().iter().map(|block| block.meta.range).collect();
        ranges.sort();
        if ranges.windows(2).any(|pair| matches!(pair, [a, b] if a.overlaps(*b))) {
            self.vertical_merges.inc();
        }
    }
}
