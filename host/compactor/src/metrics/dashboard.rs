//! Two names that the dashboard of the reference asks for and the reference does not export, with the values of the
//! families that exist.
//!
//! Source: `thanos-compactor.md` 11.6.

use prometheus::{
    Error, IntCounter, IntCounterVec, Opts, Registry,
    core::{Collector, Desc},
    proto::MetricFamily,
};

const DOWNSAMPLE_FAILED: &str = "thanos_compact_downsample_failed_total";
const MARKED_FOR_DELETION: &str = "thanos_compact_blocks_marked_for_deletion_total";

/// Registers both.
pub(super) fn register(registry: &Registry, failures: &IntCounterVec, marked: &IntCounterVec) -> Result<(), Error> {
    let descriptions = [
        Opts::new(DOWNSAMPLE_FAILED, "The same as thanos_compact_downsample_failures_total."),
        Opts::new(MARKED_FOR_DELETION, "Deletion marks in thanos_compact_blocks_marked_total."),
    ];
    let labels = [vec!["resolution".to_owned()], Vec::new()];
    let describe =
        |(opts, labels): (Opts, Vec<String>)| Desc::new(opts.name, opts.help, labels, std::collections::HashMap::new());
    let descriptions = descriptions.into_iter().zip(labels).map(describe).collect::<Result<_, _>>()?;
    registry.register(Box::new(Aliases { failures: failures.clone(), marked: marked.clone(), descriptions }))
}

struct Aliases {
    failures: IntCounterVec,
    marked: IntCounterVec,
    descriptions: Vec<Desc>,
}

impl Collector for Aliases {
    fn desc(&self) -> Vec<&Desc> {
        self.descriptions.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let mut families = self.failures.collect();
        for family in &mut families {
            family.set_name(DOWNSAMPLE_FAILED.to_owned());
        }
        // The same constants were accepted before.
        if let Ok(marked) =
            IntCounter::new(MARKED_FOR_DELETION, "Deletion marks in thanos_compact_blocks_marked_total.")
        {
            marked.inc_by(self.marked.with_label_values(&["deletion-mark.json", ""]).get());
            families.extend(marked.collect());
        }
        families
    }
}
