use prometheus::proto::{MetricFamily, MetricType};

use super::*;

/// Name, type and labels of the reference's families that this crate counts in, but for `le`; recorded from Thanos
/// 0.43.0-dev, commit e103a81b, with downsampling and a replica label.
const OF_THE_REFERENCE: &str = "
prometheus_tsdb_compaction_chunk_range_seconds histogram
prometheus_tsdb_compaction_chunk_samples histogram
prometheus_tsdb_compaction_chunk_size_bytes histogram
prometheus_tsdb_compaction_duration_seconds histogram
prometheus_tsdb_compaction_populating_block gauge
prometheus_tsdb_compactions_total counter
prometheus_tsdb_vertical_compactions_total counter
thanos_blocks_meta_base_cache_busts_total counter
thanos_blocks_meta_base_syncs_total counter
thanos_blocks_meta_modified gauge modified
thanos_blocks_meta_sync_duration_seconds histogram
thanos_blocks_meta_sync_failures_total counter
thanos_blocks_meta_synced gauge state
thanos_blocks_meta_syncs_total counter
thanos_compact_aborted_partial_uploads_deletion_attempts_total counter
thanos_compact_block_cleanup_failures_total counter
thanos_compact_block_cleanup_loops_total counter
thanos_compact_blocks_cleaned_total counter
thanos_compact_blocks_marked_total counter marker,reason
thanos_compact_downsample_duration_seconds histogram resolution
thanos_compact_downsample_failures_total counter resolution
thanos_compact_downsample_total counter resolution
thanos_compact_garbage_collected_blocks_total counter
thanos_compact_garbage_collection_duration_seconds histogram
thanos_compact_garbage_collection_failures_total counter
thanos_compact_garbage_collection_total counter
thanos_compact_group_compaction_runs_completed_total counter resolution
thanos_compact_group_compaction_runs_started_total counter resolution
thanos_compact_group_compactions_failures_total counter resolution
thanos_compact_group_compactions_total counter resolution
thanos_compact_group_vertical_compactions_total counter resolution
thanos_compact_halted gauge
thanos_compact_iterations_total counter
thanos_compact_retries_total counter
thanos_compact_todo_compaction_blocks gauge
thanos_compact_todo_compactions gauge
thanos_compact_todo_deletion_blocks gauge
thanos_compact_todo_downsample_blocks gauge
";

/// Families of our own: two that the dashboard of the reference asks for, and what only we count.
const OURS: &str = "
lithify_retention_budget_limit gauge of,rule,tenant
lithify_retention_budget_used gauge of,rule,tenant
lithify_retention_refusals_total counter bound,rule
thanos_compact_blocks_marked_for_deletion_total counter
thanos_compact_downsample_failed_total counter resolution
";

fn line(family: &MetricFamily) -> String {
    let kind = match family.get_field_type() {
        MetricType::COUNTER => "counter",
        MetricType::GAUGE => "gauge",
        MetricType::HISTOGRAM => "histogram",
        MetricType::SUMMARY | MetricType::UNTYPED => "other",
    };
    let labels = family.get_metric().first().map(|metric| metric.get_label()).unwrap_or_default();
    let mut labels: Vec<&str> = labels.iter().map(|label| label.name()).collect();
    labels.sort_unstable();
    format!("{} {kind} {}", family.name(), labels.join(",")).trim_end().to_owned()
}

#[test]
fn every_family_has_the_name_the_type_and_the_labels_of_the_reference() {
    let registry = Registry::new();
    let metrics = Metrics::register(&registry).unwrap();
    TodoMetrics::register(&registry, true).unwrap();
    // A family without any series is not shown.
    for family in [
        &metrics.group_compactions,
        &metrics.group_vertical_compactions,
        &metrics.group_runs_started,
        &metrics.group_runs_completed,
        &metrics.group_failures,
        &metrics.downsampling.total,
        &metrics.downsampling.failures,
    ] {
        family.with_label_values(&["0"]);
    }
    metrics.downsampling.seconds.with_label_values(&["0"]);
    metrics.modified.with_label_values(&["replica-label-removed"]);
    metrics.running.retention_refusals.with_label_values(&["rule", "max-blocks"]);
    metrics.running.retention_budget_used.with_label_values(&["rule", "", "blocks"]);
    metrics.running.retention_budget_limit.with_label_values(&["rule", "", "blocks"]);
    let shown: Vec<String> = registry.gather().iter().map(line).collect();
    let mut expected: Vec<&str> = OF_THE_REFERENCE.lines().chain(OURS.lines()).filter(|l| !l.is_empty()).collect();
    expected.sort_unstable();
    assert_eq!(shown.join("\n"), expected.join("\n"));
}

#[test]
fn the_names_of_the_dashboard_have_the_values_of_the_families_that_exist() {
    let registry = Registry::new();
    let metrics = Metrics::register(&registry).unwrap();
    metrics.downsampling.failures.with_label_values(&["300000"]).inc_by(3);
    metrics.blocks_marked.with_label_values(&["deletion-mark.json", ""]).inc_by(5);
    metrics.blocks_marked.with_label_values(&["no-compact-mark.json", "index-size-exceeding"]).inc_by(7);
    let families = registry.gather();
    let value = |name: &str| {
        let family = families.iter().find(|family| family.name() == name).unwrap();
        family.get_metric()[0].get_counter().get_value()
    };
    assert_eq!(
        (value("thanos_compact_downsample_failed_total"), value("thanos_compact_blocks_marked_for_deletion_total")),
        (3.0, 5.0)
    );
}
