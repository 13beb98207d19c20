//! Which blocks there are and what is to become of them.

use std::path::PathBuf;

use lithify_compactor::{COMPACTION_RANGES, Moment};
use serde_json::Value;

use super::{ConfigError, Surroundings, positive};
use crate::flags::SelectionFlags;
use crate::relabel;

/// Age from which raw blocks can be downsampled, milliseconds: 40h.
const RAW_RETENTION_MIN_MS: i64 = 40 * 3_600_000;

/// Age from which blocks of 5m can be downsampled, milliseconds: 10d.
const FIVE_MINUTE_RETENTION_MIN_MS: i64 = 10 * 86_400_000;

/// Which blocks there are and what is to become of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SelectionConfig {
    /// YAML that says where the bucket is; may be empty, which no bucket accepts.
    pub objstore: String,
    /// Configuration of the selector; `None` if there are no relabelling rules.
    pub relabel: Option<Value>,
    /// YAML that names policies; empty if all are built in.
    pub plugins: String,
    /// Directory for caches.
    pub data_dir: PathBuf,
    /// Metas and marks that are read at the same time, at least 1.
    pub meta_fetch_concurrency: usize,
    /// Least age of blocks that no compactor made, milliseconds.
    pub consistency_delay_ms: i64,
    /// Age of a deletion mark before the block goes, milliseconds.
    pub delete_delay_ms: i64,
    /// How long blocks are kept.
    pub retention: RetentionConfig,
    /// Blocks that end before this are left alone.
    pub min_time: Moment,
    /// Blocks that start after this are left alone.
    pub max_time: Moment,
    /// Whether downsampling is wanted.
    pub downsampling: bool,
    /// What becomes of replicas and overlaps.
    pub deduplication: DeduplicationConfig,
    /// Most bytes of index in a merged block.
    pub block_max_index_size_bytes: i64,
    /// Whether a block with chunks out of order is marked no-compact; otherwise its group fails.
    pub skip_out_of_order_chunks: bool,
    /// Whether SHA-256 digests of a new block's files are recorded.
    pub hash_files: bool,
    /// Whether a broken block or group is left out, so that the rest goes on.
    pub isolate_failures: bool,
    /// Whether labels out of order are accepted in an index.
    pub accept_malformed_index: bool,
    /// Lengths of compacted blocks, milliseconds, ascending, at least one.
    pub ranges_ms: Vec<i64>,
}

/// How long blocks of each resolution are kept, in milliseconds; 0 is for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetentionConfig {
    /// Raw.
    pub raw_ms: i64,
    /// 5m.
    pub five_minutes_ms: i64,
    /// 1h.
    pub one_hour_ms: i64,
}

/// What becomes of replicas and overlaps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeduplicationConfig {
    /// Whether samples are chosen by the penalty function instead of one a timestamp.
    pub penalty: bool,
    /// Labels that tell replicas apart, each as typed: a value with a comma is one entry.
    pub replica_labels: Vec<String>,
    /// Whether blocks that overlap are merged; true when there is a replica label.
    pub vertical: bool,
}

impl SelectionConfig {
    /// Checks in the order of the reference, and reads the files that are named.
    ///
    /// Source: compactor specification 1.3.
    pub(super) fn new(flags: &SelectionFlags, surroundings: Surroundings<'_>) -> Result<Self, ConfigError> {
        let objstore = flags.objstore.read(surroundings.environment)?;
        let relabel = relabel::parse(&flags.relabel.read(surroundings.environment)?)?;
        let plugins = flags.plugins.read(surroundings.environment)?;
        let strategy = flags.block_discovery_strategy.as_str();
        if !["concurrent", "recursive"].contains(&strategy) {
            return Err(ConfigError::Strategy(strategy.to_owned()));
        }
        let ranges_ms = ranges(flags.max_compaction_level)?;
        Ok(Self {
            objstore,
            relabel,
            plugins,
            data_dir: PathBuf::from(&flags.data_dir),
            meta_fetch_concurrency: meta_fetch_concurrency(flags)?,
            consistency_delay_ms: flags.consistency_delay.ms(),
            delete_delay_ms: flags.delete_delay.ms,
            retention: RetentionConfig::new(flags),
            min_time: flags.min_time,
            max_time: flags.max_time,
            downsampling: !flags.downsampling_disable,
            deduplication: DeduplicationConfig::new(flags)?,
            block_max_index_size_bytes: flags.block_max_index_size.bytes,
            skip_out_of_order_chunks: flags.skip_out_of_order_chunks,
            hash_files: flags.hash_func == "SHA256",
            isolate_failures: flags.isolate_failures,
            accept_malformed_index: flags.accept_malformed_index,
            ranges_ms,
        })
    }
}

impl RetentionConfig {
    fn new(flags: &SelectionFlags) -> Self {
        let [raw_ms, five_minutes_ms, one_hour_ms] = flags.retention.map(|keep| keep.ms);
        Self { raw_ms, five_minutes_ms, one_hour_ms }
    }

    /// Whether every block lives long enough to be downsampled; asked only when there is downsampling.
    ///
    /// # Errors
    /// [`ConfigError::RawRetention`], [`ConfigError::FiveMinuteRetention`].
    pub(super) fn leaves_time_to_downsample(self) -> Result<(), ConfigError> {
        let too_small = |keep_ms: i64, min_ms: i64| keep_ms != 0 && keep_ms < min_ms;
        if too_small(self.raw_ms, RAW_RETENTION_MIN_MS) {
            return Err(ConfigError::RawRetention);
        }
        if too_small(self.five_minutes_ms, FIVE_MINUTE_RETENTION_MIN_MS) {
            return Err(ConfigError::FiveMinuteRetention);
        }
        Ok(())
    }
}

impl DeduplicationConfig {
    fn new(flags: &SelectionFlags) -> Result<Self, ConfigError> {
        let replica_labels = flags.replica_labels.clone();
        let is_named = replica_labels.iter().any(|labels| labels.split(',').any(|label| !label.is_empty()));
        let penalty = flags.deduplication_func == "penalty";
        let vertical = flags.vertical_compaction || is_named;
        if vertical {
            tracing::info!("compact.enable-vertical-compaction" = true, "vertical compaction is enabled");
        }
        if penalty && !is_named {
            return Err(ConfigError::PenaltyWithoutLabel);
        }
        Ok(Self { penalty, replica_labels, vertical })
    }
}

fn meta_fetch_concurrency(flags: &SelectionFlags) -> Result<usize, ConfigError> {
    match flags.block_sync_concurrency {
        Some(value) => {
            tracing::warn!("--block-sync-concurrency is deprecated: use --block-meta-fetch-concurrency");
            positive("block-sync-concurrency", value)
        }
        None => positive("block-meta-fetch-concurrency", flags.block_meta_fetch_concurrency),
    }
}

fn ranges(max_level: i64) -> Result<Vec<i64>, ConfigError> {
    let default = COMPACTION_RANGES.len() - 1;
    if usize::try_from(max_level).map_or(true, |level| level < default) {
        tracing::warn!(current = max_level, default, "Max compaction level is lower than should be");
    }
    let level = usize::try_from(max_level).map_err(|_| ConfigError::NoRange(max_level))?;
    let ranges = COMPACTION_RANGES.get(..=level).ok_or(ConfigError::LevelTooHigh(max_level))?;
    Ok(ranges.to_vec())
}
