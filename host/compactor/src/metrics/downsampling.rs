//! What is counted of downsampling.

use prometheus::{Error, HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry};

use super::add;

/// Families by the resolution of the block that is downsampled. Clones count into the same families.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "each is described by its help text below")]
pub struct DownsamplingMetrics {
    pub total: IntCounterVec,
    pub failures: IntCounterVec,
    pub seconds: HistogramVec,
}

impl DownsamplingMetrics {
    pub(super) fn register(registry: &Registry) -> Result<Self, Error> {
        let counter =
            |name: &str, help: &str| add(registry, IntCounterVec::new(Opts::new(name, help), &["resolution"])?);
        Ok(Self {
            total: counter("thanos_compact_downsample_total", "Blocks that were downsampled, or failed.")?,
            failures: counter("thanos_compact_downsample_failures_total", "Blocks that could not be downsampled.")?,
            seconds: add(
                registry,
                HistogramVec::new(
                    HistogramOpts::new(
                        "thanos_compact_downsample_duration_seconds",
                        "Time that reading and aggregating a block took.",
                    )
                    .buckets(vec![60., 300., 900., 1800., 3600., 7200., 14400.]),
                    &["resolution"],
                )?,
            )?,
        })
    }
}
