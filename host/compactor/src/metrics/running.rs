//! What is counted of the loop and of cleaning.

use prometheus::{Error, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry};

use super::add;

/// Families of the loop, of deletions and of the work ahead. Clones count into the same families.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "each is described by its help text below")]
pub struct RunningMetrics {
    pub halted: IntGauge,
    pub retries: IntCounter,
    pub iterations: IntCounter,
    pub cleanup_loops: IntCounter,
    pub partial_attempts: IntCounter,
    pub blocks_cleaned: IntCounter,
    pub cleanup_failures: IntCounter,
    pub retention_refusals: IntCounterVec,
    pub retention_budget_used: IntGaugeVec,
    pub retention_budget_limit: IntGaugeVec,
    pub left_out: IntGaugeVec,
}

impl RunningMetrics {
    pub(super) fn register(registry: &Registry) -> Result<Self, Error> {
        let counter = |name: &str, help: &str| add(registry, IntCounter::new(name, help)?);
        let budget =
            |name: &str, help: &str| add(registry, IntGaugeVec::new(Opts::new(name, help), &["rule", "tenant", "of"])?);
        Ok(Self {
            halted: add(
                registry,
                IntGauge::new("thanos_compact_halted", "1 after an error that a person must look at, else 0.")?,
            )?,
            retries: counter("thanos_compact_retries_total", "Iterations that ended with an error that may pass.")?,
            iterations: counter("thanos_compact_iterations_total", "Iterations that were completed, with --wait.")?,
            cleanup_loops: counter("thanos_compact_block_cleanup_loops_total", "Cleanings of partial uploads.")?,
            partial_attempts: counter(
                "thanos_compact_aborted_partial_uploads_deletion_attempts_total",
                "Partial uploads that were tried to be deleted.",
            )?,
            blocks_cleaned: counter("thanos_compact_blocks_cleaned_total", "Blocks whose objects were deleted.")?,
            cleanup_failures: counter(
                "thanos_compact_block_cleanup_failures_total",
                "Blocks whose objects could not be deleted.",
            )?,
            retention_refusals: add(
                registry,
                IntCounterVec::new(
                    Opts::new(
                        "lithify_retention_refusals_total",
                        "Answers of retention rules that were refused as a whole, by the bound that they exceeded.",
                    ),
                    &["rule", "bound"],
                )?,
            )?,
            retention_budget_used: budget(
                "lithify_retention_budget_used",
                "Blocks and bytes that retention rules have let go within seven days; of each rule the 100 tenants that \
                 have used the largest part.",
            )?,
            retention_budget_limit: budget(
                "lithify_retention_budget_limit",
                "Blocks and bytes that they may let go within seven days, shares of the bucket reckoned in.",
            )?,
            left_out: add(
                registry,
                IntGaugeVec::new(
                    Opts::new(
                        "lithify_left_out",
                        "Blocks and groups that the last iteration left out so that the rest could go on, by reason.",
                    ),
                    &["what", "reason"],
                )?,
            )?,
        })
    }
}

/// Gauges of the work ahead; they exist only where somebody counts it.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "each is described by its help text below")]
pub struct TodoMetrics {
    pub compactions: IntGauge,
    pub compaction_blocks: IntGauge,
    pub deletion_blocks: IntGauge,
    /// Only with downsampling.
    pub downsample_blocks: Option<IntGauge>,
}

impl TodoMetrics {
    /// Creates the families and registers them.
    ///
    /// # Errors
    /// If a family of the same name is registered already.
    pub fn register(registry: &Registry, downsampling: bool) -> Result<Self, Error> {
        let gauge = |name: &str, help: &str| add(registry, IntGauge::new(name, help)?);
        let downsample = || gauge("thanos_compact_todo_downsample_blocks", "Blocks that are due for downsampling.");
        Ok(Self {
            compactions: gauge("thanos_compact_todo_compactions", "Compactions that are due.")?,
            compaction_blocks: gauge(
                "thanos_compact_todo_compaction_blocks",
                "Blocks that the compactions due will read.",
            )?,
            deletion_blocks: gauge("thanos_compact_todo_deletion_blocks", "Blocks that are past their retention.")?,
            downsample_blocks: if downsampling { Some(downsample()?) } else { None },
        })
    }
}
