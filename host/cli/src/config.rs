//! What is used: made of [`crate::flags`] and what surrounds the process, and valid from here on.
//!
//! Source: compactor specification 1.3.

mod error;
mod repetition;
mod selection;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::time::Duration;

use lithify_block::{BlockId, Timestamp};

pub use self::error::ConfigError;
pub use self::repetition::{HttpConfig, WebConfig};
pub use self::selection::{DeduplicationConfig, RetentionConfig, SelectionConfig};
use lithify_compactor::Repetition;

use crate::flags::path_or_content::Environment;
use crate::flags::{CompactFlags, DemoFlags, DiffFlags, ExplainFlags, Flags, PlanFlags, UnmarkFlags};
use crate::tracing_config::{self, TraceConfig};

/// Name of the flag that takes relabelling rules.
const RELABEL: &str = "selector.relabel-config";

/// Budget for merges where the machine does not say how much memory it has.
const MEMORY_BUDGET_FALLBACK_BYTES: u64 = 2 << 30;

/// Most series that a demonstration makes in a block: more takes minutes and shows nothing new.
const DEMO_SERIES_MAX: i64 = 1_000_000;

/// What the conversion takes from the process; tests pass their own.
#[derive(Clone, Copy)]
pub struct Surroundings<'a> {
    /// How `$(VAR)` is looked up.
    pub environment: Environment<'a>,
    /// Memory that the process may use, in bytes.
    pub memory_bytes: Option<u64>,
}

/// What `compact` uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompactConfig {
    /// What `plan` uses as well.
    pub selection: SelectionConfig,
    /// When to start over; `None` for one iteration.
    pub repetition: Option<Repetition>,
    /// What is served.
    pub http: HttpConfig,
    /// Blocks that are downsampled at the same time, at least 1.
    pub downsample_concurrency: usize,
    /// Groups that are compacted at the same time, at least 1.
    pub concurrency: usize,
    /// Memory that running merges may take together.
    pub memory_budget_bytes: u64,
}

/// What `plan` uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanConfig {
    /// What `compact` uses as well.
    pub selection: SelectionConfig,
    /// Whether to print JSON instead of a table.
    pub json: bool,
}

/// What `explain` uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExplainConfig {
    /// What `compact` uses as well.
    pub selection: SelectionConfig,
    /// The block that is asked about.
    pub block: BlockId,
    /// How much of the block is read.
    pub check: Check,
    /// Whether to print JSON instead of tables.
    pub json: bool,
}

/// How much of a block `explain` reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// The index, and the chunks of a block that is not large.
    Auto,
    /// Everything.
    All,
    /// The index.
    Index,
    /// Nothing.
    None,
}

/// What `plugin diff` uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiffConfig {
    /// What `compact` uses as well, with the policies as they are now.
    pub selection: SelectionConfig,
    /// YAML that names the other policies.
    pub plugins: String,
    /// Whether to print JSON instead of a table.
    pub json: bool,
}

/// What `plugin unmark` uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnmarkConfig {
    /// Where the bucket is, as YAML.
    pub objstore: String,
    /// Marks that are read at the same time, at least 1.
    pub concurrency: usize,
    /// Name of the rule, its plugin, or the component's digest.
    pub rule: String,
    /// Marks that are older stay.
    pub since: Timestamp,
    /// Whether marks are only shown.
    pub dry_run: bool,
    /// Whether to print JSON instead of a table.
    pub json: bool,
}

/// What `demo` uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DemoConfig {
    /// Where to make the bucket; `None` for a fresh temporary directory.
    pub dir: Option<PathBuf>,
    /// Whether the temporary directory stays.
    pub keep: bool,
    /// Series in each block, at least 1.
    pub series: u32,
    /// What the samples are made from.
    pub seed: u64,
    /// Whether colours are welcome; the terminal has a say as well.
    pub color: bool,
}

impl CompactConfig {
    /// Checks what was typed, in the order of the reference, and reads the files it names.
    ///
    /// # Errors
    /// The first [`ConfigError`]; the process then ends with status 1.
    pub fn new(flags: &CompactFlags, surroundings: Surroundings<'_>) -> Result<Self, ConfigError> {
        let selection = SelectionConfig::new(&flags.selection, surroundings)?;
        let concurrency = positive("compact.concurrency", flags.concurrency)?;
        let downsample_concurrency = positive("downsample.concurrency", flags.downsample_concurrency)?;
        positive("compact.blocks-fetch-concurrency", flags.blocks_fetch_concurrency)?;
        positive("block-files-concurrency", flags.block_files_concurrency)?;
        if selection.downsampling {
            selection.retention.leaves_time_to_downsample()?;
        }
        let repetition = repetition::repetition(flags.repetition)?;
        let web = if repetition.is_some() { WebConfig::new(&flags.web, &flags.shown)? } else { None };
        let budget = flags.memory_budget.bytes;
        let memory_budget_bytes = match u64::try_from(budget) {
            Ok(0) => surroundings.memory_bytes.map_or(MEMORY_BUDGET_FALLBACK_BYTES, |bytes| bytes / 2),
            Ok(bytes) => bytes,
            Err(_) => return Err(ConfigError::NegativeBudget(budget)),
        };
        Ok(Self {
            selection,
            repetition,
            http: HttpConfig {
                address: flags.http_address.clone(),
                grace_period: Duration::from_millis(flags.http_grace_period.ms.unsigned_abs()),
                config_file: Some(PathBuf::from(&flags.http_config)).filter(|path| !path.as_os_str().is_empty()),
                web,
            },
            concurrency,
            downsample_concurrency,
            memory_budget_bytes,
        })
    }
}

impl PlanConfig {
    /// Checks what was typed and reads the files it names.
    ///
    /// # Errors
    /// The first [`ConfigError`]; the process then ends with status 1.
    pub fn new(flags: &PlanFlags, surroundings: Surroundings<'_>) -> Result<Self, ConfigError> {
        let selection = SelectionConfig::new(&flags.selection, surroundings)?;
        if selection.downsampling {
            selection.retention.leaves_time_to_downsample()?;
        }
        Ok(Self { selection, json: flags.output == "json" })
    }
}

impl ExplainConfig {
    /// Checks what was typed and reads the files it names.
    ///
    /// # Errors
    /// The first [`ConfigError`]; the process then ends with status 1.
    pub fn new(flags: &ExplainFlags, surroundings: Surroundings<'_>) -> Result<Self, ConfigError> {
        let selection = SelectionConfig::new(&flags.selection, surroundings)?;
        let block = flags.block.to_ascii_uppercase().parse();
        let block = block.map_err(|_| ConfigError::BlockId(flags.block.clone()))?;
        let check = match flags.check {
            "all" => Check::All,
            "index" => Check::Index,
            "none" => Check::None,
            _ => Check::Auto,
        };
        Ok(Self { selection, block, check, json: flags.output == "json" })
    }
}

impl DiffConfig {
    /// Checks what was typed and reads the files it names.
    ///
    /// # Errors
    /// The first [`ConfigError`].
    pub fn new(flags: &DiffFlags, surroundings: Surroundings<'_>) -> Result<Self, ConfigError> {
        let plan = PlanFlags { selection: flags.selection.clone(), output: flags.output };
        let PlanConfig { selection, json } = PlanConfig::new(&plan, surroundings)?;
        Ok(Self { selection, plugins: flags.other.read(surroundings.environment)?, json })
    }
}

impl UnmarkConfig {
    /// Checks what was typed at the time `now`, and reads the file it names.
    ///
    /// # Errors
    /// The first [`ConfigError`]; the process then ends with status 1.
    pub fn new(flags: &UnmarkFlags, surroundings: Surroundings<'_>, now: Timestamp) -> Result<Self, ConfigError> {
        let since = flags.since.at(now);
        if since > now {
            return Err(ConfigError::SinceLater);
        }
        Ok(Self {
            objstore: flags.objstore.read(surroundings.environment)?,
            concurrency: positive("block-meta-fetch-concurrency", flags.concurrency)?,
            rule: flags.rule.clone(),
            since,
            dry_run: flags.dry_run,
            json: flags.output == "json",
        })
    }
}

impl DemoConfig {
    /// Checks what was typed.
    ///
    /// # Errors
    /// [`ConfigError::DemoSeries`].
    pub fn new(flags: &DemoFlags) -> Result<Self, ConfigError> {
        let series = u32::try_from(flags.series).ok().filter(|_| (1..=DEMO_SERIES_MAX).contains(&flags.series));
        Ok(Self {
            dir: (!flags.dir.is_empty()).then(|| PathBuf::from(&flags.dir)),
            keep: flags.keep,
            series: series.ok_or(ConfigError::DemoSeries(flags.series))?,
            // Any number is as good as any other.
            seed: u64::from_ne_bytes(flags.seed.to_ne_bytes()),
            color: flags.color,
        })
    }
}

fn positive(flag: &'static str, value: i64) -> Result<usize, ConfigError> {
    usize::try_from(value).ok().filter(|value| *value > 0).ok_or(ConfigError::Concurrency { flag, value })
}

/// Checks the application-wide flags, and says once what has no effect.
///
/// # Errors
/// [`ConfigError`] about memory; the process then ends with status 1.
pub fn check_application(flags: &Flags) -> Result<(), ConfigError> {
    if !(0.0 < flags.gomemlimit_ratio && flags.gomemlimit_ratio <= 1.0) {
        return Err(ConfigError::GomemlimitRatio);
    }
    for (flag, why) in &flags.without_effect {
        tracing::warn!(flag, why, "flag has no effect");
    }
    Ok(())
}

/// What `--tracing.config` asks for, if anything.
///
/// # Errors
/// [`ConfigError`] about the flags, the file, or what stands in it; the process then ends with status 1.
pub fn traces(flags: &Flags, surroundings: Surroundings<'_>) -> Result<Option<TraceConfig>, ConfigError> {
    let yaml = flags.tracing.read(surroundings.environment)?;
    Ok(tracing_config::parse(&yaml, surroundings.environment)?)
}
