//! When a run starts over, and what it serves meanwhile.

use std::path::PathBuf;
use std::time::Duration;

use lithify_compactor::Repetition;

use super::ConfigError;
use crate::flags::go_duration::GoDuration;
use crate::flags::{RepetitionFlags, WebFlags};

/// The viewer and its API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebConfig {
    /// Prefix of links and redirects, as typed.
    pub external_prefix: String,
    /// Header that gives this prefix when the one above is empty; empty for none.
    pub prefix_header: String,
    /// Whether headers are left out that let pages of other sites ask.
    pub disable_cors: bool,
    /// External label that titles rows; empty for none.
    pub label: String,
    /// Whether marking is refused.
    pub disable_admin_operations: bool,
    /// Time between renewals of the view of all blocks.
    pub sync_interval: Duration,
    /// How long a renewal may take.
    pub sync_timeout: Duration,
    /// Flags and their values, by name, as they are shown to whoever asks.
    pub flags: Vec<(String, String)>,
}

/// What is served over HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpConfig {
    /// `host:port`.
    pub address: String,
    /// How long open connections may go on at the end.
    pub grace_period: Duration,
    /// File that turns on TLS and authentication.
    pub config_file: Option<PathBuf>,
    /// The viewer and its API; `None` when disabled or without `--wait`.
    pub web: Option<WebConfig>,
}

/// `None` for one iteration.
///
/// # Errors
/// [`ConfigError::Interval`] for a period that would never let go.
pub(super) fn repetition(flags: RepetitionFlags) -> Result<Option<Repetition>, ConfigError> {
    if !flags.wait {
        return Ok(None);
    }
    let when_positive = |period: GoDuration| duration(period).filter(|period| !period.is_zero());
    Ok(Some(Repetition {
        interval: positive("wait-interval", flags.wait_interval)?,
        cleanup_interval: when_positive(flags.cleanup_interval),
        progress_interval: when_positive(flags.progress_interval),
        halt_on_error: flags.halt_on_error,
    }))
}

impl WebConfig {
    /// `None` when it is disabled.
    ///
    /// # Errors
    /// [`ConfigError::Interval`] for a period that would never let go.
    pub(super) fn new(flags: &WebFlags, shown: &[(String, String)]) -> Result<Option<Self>, ConfigError> {
        if flags.disable {
            return Ok(None);
        }
        Ok(Some(Self {
            external_prefix: flags.external_prefix.clone(),
            prefix_header: flags.prefix_header.clone(),
            disable_cors: flags.disable_cors,
            label: flags.label.clone(),
            disable_admin_operations: flags.disable_admin_operations,
            sync_interval: positive("block-viewer.global.sync-block-interval", flags.sync_interval)?,
            // A time in the past is a deadline that has passed.
            sync_timeout: duration(flags.sync_timeout).unwrap_or_default(),
            flags: shown.to_vec(),
        }))
    }
}

fn duration(period: GoDuration) -> Option<Duration> {
    u64::try_from(period.nanoseconds).ok().map(Duration::from_nanos)
}

fn positive(flag: &'static str, period: GoDuration) -> Result<Duration, ConfigError> {
    duration(period)
        .filter(|period| !period.is_zero())
        .ok_or(ConfigError::Interval { flag, nanoseconds: period.nanoseconds })
}
