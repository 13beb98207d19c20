//! What was typed for `compact`, and the part of it that `plan` takes as well.

use lithify_compactor::Moment;

use super::bytes::ByteSize;
use super::go_duration::GoDuration;
use super::path_or_content::PathOrContent;
use super::prom_duration::PromDuration;
use super::shown::shown;
use super::table::CommandSpec;
use super::typed::Values;

/// Flags of `compact`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompactFlags {
    /// What `plan` takes as well.
    pub selection: SelectionFlags,
    /// When to start over.
    pub repetition: RepetitionFlags,
    /// What is served over HTTP.
    pub web: WebFlags,
    /// `--http-address`
    pub http_address: String,
    /// `--http-grace-period`
    pub http_grace_period: PromDuration,
    /// `--http.config`, empty for none
    pub http_config: String,
    /// `--compact.concurrency`
    pub concurrency: i64,
    /// `--downsample.concurrency`
    pub downsample_concurrency: i64,
    /// `--compact.blocks-fetch-concurrency`
    pub blocks_fetch_concurrency: i64,
    /// `--block-files-concurrency`
    pub block_files_concurrency: i64,
    /// `--compact.memory-budget`
    pub memory_budget: ByteSize,
    /// All of them by name, as the API shows them.
    pub shown: Vec<(String, String)>,
}

/// Flags that say which blocks there are and what is to become of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SelectionFlags {
    /// `--objstore.config-file`, `--objstore.config`
    pub objstore: PathOrContent,
    /// `--selector.relabel-config-file`, `--selector.relabel-config`
    pub relabel: PathOrContent,
    /// `--plugins.config-file`, `--plugins.config`
    pub plugins: PathOrContent,
    /// `--data-dir`
    pub data_dir: String,
    /// `--block-discovery-strategy`
    pub block_discovery_strategy: String,
    /// `--block-meta-fetch-concurrency`
    pub block_meta_fetch_concurrency: i64,
    /// `--block-sync-concurrency`, if typed without the flag above
    pub block_sync_concurrency: Option<i64>,
    /// `--consistency-delay`
    pub consistency_delay: GoDuration,
    /// `--delete-delay`
    pub delete_delay: PromDuration,
    /// `--retention.resolution-raw`, `-5m`, `-1h`
    pub retention: [PromDuration; 3],
    /// `--min-time`
    pub min_time: Moment,
    /// `--max-time`
    pub max_time: Moment,
    /// `--downsampling.disable` or `--debug.disable-downsampling`
    pub downsampling_disable: bool,
    /// `--deduplication.func`: `penalty` or empty
    pub deduplication_func: &'static str,
    /// `--deduplication.replica-label`, each as typed, with its commas
    pub replica_labels: Vec<String>,
    /// `--compact.enable-vertical-compaction`
    pub vertical_compaction: bool,
    /// `--compact.block-max-index-size`
    pub block_max_index_size: ByteSize,
    /// `--compact.skip-block-with-out-of-order-chunks`
    pub skip_out_of_order_chunks: bool,
    /// `--hash-func`: `SHA256` or empty
    pub hash_func: &'static str,
    /// `--compact.isolate-failures`
    pub isolate_failures: bool,
    /// `--debug.accept-malformed-index`
    pub accept_malformed_index: bool,
    /// `--debug.max-compaction-level`
    pub max_compaction_level: i64,
}

/// Flags of the loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RepetitionFlags {
    /// `--wait`
    pub wait: bool,
    /// `--wait-interval`
    pub wait_interval: GoDuration,
    /// `--compact.cleanup-interval`
    pub cleanup_interval: GoDuration,
    /// `--compact.progress-interval`
    pub progress_interval: GoDuration,
    /// `--debug.halt-on-error`
    pub halt_on_error: bool,
}

/// Flags of the viewer and its API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebFlags {
    /// `--web.disable`
    pub disable: bool,
    /// `--web.external-prefix`
    pub external_prefix: String,
    /// `--web.prefix-header`
    pub prefix_header: String,
    /// `--web.route-prefix`
    pub route_prefix: String,
    /// `--web.disable-cors`
    pub disable_cors: bool,
    /// `--bucket-web-label`
    pub label: String,
    /// `--disable-admin-operations`
    pub disable_admin_operations: bool,
    /// `--block-viewer.global.sync-block-interval`
    pub sync_interval: GoDuration,
    /// `--block-viewer.global.sync-block-timeout`
    pub sync_timeout: GoDuration,
}

impl CompactFlags {
    pub(super) fn from_values(command: &CommandSpec, values: &Values) -> Self {
        Self {
            shown: shown(command, values),
            selection: SelectionFlags::from_values(values),
            repetition: RepetitionFlags {
                wait: values.get("wait"),
                wait_interval: values.get("wait-interval"),
                cleanup_interval: values.get("compact.cleanup-interval"),
                progress_interval: values.get("compact.progress-interval"),
                halt_on_error: values.get("debug.halt-on-error"),
            },
            web: WebFlags::from_values(values),
            http_address: values.get("http-address"),
            http_grace_period: values.get("http-grace-period"),
            http_config: values.get("http.config"),
            concurrency: values.get("compact.concurrency"),
            downsample_concurrency: values.get("downsample.concurrency"),
            blocks_fetch_concurrency: values.get("compact.blocks-fetch-concurrency"),
            block_files_concurrency: values.get("block-files-concurrency"),
            memory_budget: values.get("compact.memory-budget"),
        }
    }
}

impl SelectionFlags {
    pub(super) fn from_values(values: &Values) -> Self {
        let pair = |flag, file| PathOrContent { flag, path: values.get(file), content: values.get(flag) };
        let old_name = values.is_given("block-sync-concurrency") && !values.is_given("block-meta-fetch-concurrency");
        let disable = ["downsampling.disable", "debug.disable-downsampling"];
        Self {
            objstore: pair("objstore.config", "objstore.config-file"),
            relabel: pair("selector.relabel-config", "selector.relabel-config-file"),
            plugins: pair("plugins.config", "plugins.config-file"),
            data_dir: values.get("data-dir"),
            block_discovery_strategy: values.get("block-discovery-strategy"),
            block_meta_fetch_concurrency: values.get("block-meta-fetch-concurrency"),
            block_sync_concurrency: old_name.then(|| values.get("block-sync-concurrency")),
            consistency_delay: values.get("consistency-delay"),
            delete_delay: values.get("delete-delay"),
            retention: ["raw", "5m", "1h"].map(|name| values.get(&format!("retention.resolution-{name}"))),
            min_time: values.get("min-time"),
            max_time: values.get("max-time"),
            downsampling_disable: disable.into_iter().any(|name| values.get(name)),
            deduplication_func: values.get("deduplication.func"),
            replica_labels: values.list("deduplication.replica-label"),
            vertical_compaction: values.get("compact.enable-vertical-compaction"),
            block_max_index_size: values.get("compact.block-max-index-size"),
            skip_out_of_order_chunks: values.get("compact.skip-block-with-out-of-order-chunks"),
            hash_func: values.get("hash-func"),
            isolate_failures: values.get("compact.isolate-failures"),
            accept_malformed_index: values.get("debug.accept-malformed-index"),
            max_compaction_level: values.get("debug.max-compaction-level"),
        }
    }
}

impl WebFlags {
    fn from_values(values: &Values) -> Self {
        Self {
            disable: values.get("web.disable"),
            external_prefix: values.get("web.external-prefix"),
            prefix_header: values.get("web.prefix-header"),
            route_prefix: values.get("web.route-prefix"),
            disable_cors: values.get("web.disable-cors"),
            label: values.get("bucket-web-label"),
            disable_admin_operations: values.get("disable-admin-operations"),
            sync_interval: values.get("block-viewer.global.sync-block-interval"),
            sync_timeout: values.get("block-viewer.global.sync-block-timeout"),
        }
    }
}
