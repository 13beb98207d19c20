//! Why a command line that can be read is refused all the same.

use lithify_compactor::COMPACTION_RANGES;
use thiserror::Error;

use super::{DEMO_SERIES_MAX, RELABEL};
use crate::flags::path_or_content::ContentError;
use crate::relabel::RelabelError;

/// A value that the syntax allows and the program does not.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// An argument that is no block's id.
    #[error(
        "{0:?} is no block id: 26 characters such as 01JN7PX380VCMWNYV1GC9165AQ, the name of the block's directory"
    )]
    BlockId(String),
    /// A configuration file or text cannot be had.
    #[error(transparent)]
    Content(#[from] ContentError),
    /// The relabelling rules.
    #[error("parse relabel configuration of --{RELABEL}: {0}")]
    Relabel(#[from] RelabelError),
    /// `--block-discovery-strategy` that there is none of.
    #[error("unknown sync strategy {0}: --block-discovery-strategy is concurrent or recursive")]
    Strategy(String),
    /// A number of things at a time that is not positive.
    #[error("invalid concurrency level ({value}), concurrency level must be > 0: --{flag}")]
    Concurrency {
        /// Name of the flag.
        flag: &'static str,
        /// What was given.
        value: i64,
    },
    /// A period that is not positive.
    #[error("interval must be > 0: --{flag}={nanoseconds}ns")]
    Interval {
        /// Name of the flag.
        flag: &'static str,
        /// What was given.
        nanoseconds: i64,
    },
    /// `--debug.max-compaction-level` above the last range.
    #[error("level is bigger then default set of {count}: --debug.max-compaction-level={0}", count = COMPACTION_RANGES.len())]
    LevelTooHigh(i64),
    /// `--debug.max-compaction-level` below the first range.
    #[error("at least one range must be provided: --debug.max-compaction-level={0}")]
    NoRange(i64),
    /// `--deduplication.func=penalty` alone.
    #[error("penalty based deduplication needs at least one replica label specified: --deduplication.replica-label")]
    PenaltyWithoutLabel,
    /// Raw blocks would go before they can be downsampled.
    #[error(
        "raw resolution must be higher than the minimum block size after which 5m resolution downsampling will occur \
         (40 hours): --retention.resolution-raw"
    )]
    RawRetention,
    /// Blocks of 5m would go before they can be downsampled.
    #[error(
        "5m resolution retention must be higher than the minimum block size after which 1h resolution downsampling \
         will occur (10 days): --retention.resolution-5m"
    )]
    FiveMinuteRetention,
    /// A budget below zero.
    #[error("memory budget must not be negative: --compact.memory-budget={0}B")]
    NegativeBudget(i64),
    /// Too few or too many series for a demonstration.
    #[error("a demonstration has 1 to {DEMO_SERIES_MAX} series: --series={0}")]
    DemoSeries(i64),
    /// A point in time at which nothing was marked yet.
    #[error("--since lies in the future; two hours ago is --since=-2h")]
    SinceLater,
    /// A share of memory that is none.
    #[error(
        "failed to configure Go runtime memory limits: --auto-gomemlimit.ratio must be greater than 0 and less than or equal to 1."
    )]
    GomemlimitRatio,
    /// Tracing that cannot be.
    #[error("tracing failed: {0}")]
    Tracing(#[from] crate::tracing_config::TracingError),
    /// A log format that needs what is not there.
    #[error("failed to create logger: journald log format requested but systemd journal is not available")]
    Journal,
}
