//! What is used: made of [`crate::flags`] and what surrounds the process, and valid from here on.
//!
//! Source: compactor specification 1.3.

use std::path::PathBuf;
use std::time::Duration;

use lithify_compactor::COMPACTION_RANGES;
use thiserror::Error;

use crate::flags::path_or_content::{ContentError, Environment};
use crate::flags::time_or_duration::TimeOrDuration;
use crate::flags::{CompactFlags, DemoFlags, PlanFlags, SelectionFlags};

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

/// A value that the syntax allows and the program does not.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// A configuration file or text cannot be had.
    #[error(transparent)]
    Content(#[from] ContentError),
    /// A number of things at a time that is not positive.
    #[error("invalid concurrency level ({value}), concurrency level must be > 0: --{flag}")]
    Concurrency {
        /// Name of the flag.
        flag: &'static str,
        /// What was given.
        value: i64,
    },
    /// `--debug.max-compaction-level` above the last range.
    #[error("level is bigger then default set of {count}: --debug.max-compaction-level={0}", count = COMPACTION_RANGES.len())]
    LevelTooHigh(i64),
    /// `--debug.max-compaction-level` below the first range.
    #[error("at least one range must be provided: --debug.max-compaction-level={0}")]
    NoRange(i64),
    /// A budget below zero.
    #[error("memory budget must not be negative: --compact.memory-budget={0}B")]
    NegativeBudget(i64),
    /// Too few or too many series for a demonstration.
    #[error("a demonstration has 1 to {DEMO_SERIES_MAX} series: --series={0}")]
    DemoSeries(i64),
}

/// Which blocks there are and what is to become of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SelectionConfig {
    /// YAML that says where the bucket is; may be empty, which no bucket accepts.
    pub objstore: String,
    /// YAML with relabelling rules; empty if there are none.
    pub relabel: String,
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
    /// Blocks that end before this are left alone.
    pub min_time: TimeOrDuration,
    /// Blocks that start after this are left alone.
    pub max_time: TimeOrDuration,
    /// Whether downsampling is wanted.
    pub downsampling: bool,
    /// Most bytes of index in a merged block.
    pub block_max_index_size_bytes: i64,
    /// Lengths of compacted blocks, milliseconds, ascending, at least one.
    pub ranges_ms: Vec<i64>,
}

/// What `compact` uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompactConfig {
    /// What `plan` uses as well.
    pub selection: SelectionConfig,
    /// `host:port` of the HTTP server.
    pub http_address: String,
    /// How long open connections may go on at the end.
    pub http_grace_period: Duration,
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
        let budget = flags.memory_budget.bytes;
        let memory_budget_bytes = match u64::try_from(budget) {
            Ok(0) => surroundings.memory_bytes.map_or(MEMORY_BUDGET_FALLBACK_BYTES, |bytes| bytes / 2),
            Ok(bytes) => bytes,
            Err(_) => return Err(ConfigError::NegativeBudget(budget)),
        };
        Ok(Self {
            selection,
            http_address: flags.http_address.clone(),
            http_grace_period: Duration::from_millis(flags.http_grace_period.ms.unsigned_abs()),
            concurrency,
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
        Ok(Self { selection, json: flags.output == "json" })
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

impl SelectionConfig {
    fn new(flags: &SelectionFlags, surroundings: Surroundings<'_>) -> Result<Self, ConfigError> {
        let objstore = flags.objstore.read(surroundings.environment)?;
        let relabel = flags.relabel.read(surroundings.environment)?;
        let plugins = flags.plugins.read(surroundings.environment)?;
        let ranges_ms = ranges(flags.max_compaction_level)?;
        Ok(Self {
            objstore,
            relabel,
            plugins,
            data_dir: PathBuf::from(&flags.data_dir),
            meta_fetch_concurrency: positive("block-meta-fetch-concurrency", flags.block_meta_fetch_concurrency)?,
            consistency_delay_ms: flags.consistency_delay.ms(),
            delete_delay_ms: flags.delete_delay.ms,
            min_time: flags.min_time,
            max_time: flags.max_time,
            downsampling: !flags.downsampling_disable,
            block_max_index_size_bytes: flags.block_max_index_size.bytes,
            ranges_ms,
        })
    }
}

fn ranges(max_level: i64) -> Result<Vec<i64>, ConfigError> {
    let default = COMPACTION_RANGES.len() - 1;
    let level = usize::try_from(max_level).map_err(|_| ConfigError::NoRange(max_level))?;
    let ranges = COMPACTION_RANGES.get(..=level).ok_or(ConfigError::LevelTooHigh(max_level))?;
    if level < default {
        tracing::warn!(current = max_level, default, "Max compaction level is lower than should be");
    }
    Ok(ranges.to_vec())
}

fn positive(flag: &'static str, value: i64) -> Result<usize, ConfigError> {
    usize::try_from(value).ok().filter(|value| *value > 0).ok_or(ConfigError::Concurrency { flag, value })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flags::table::{COMPACT, CommandSpec, DEMO, PLAN};
    use crate::flags::{Command, Outcome, parse};

    const ALL: &[CommandSpec] = &[COMPACT, PLAN, DEMO];

    fn command(words: &[&str]) -> Command {
        let arguments: Vec<String> = ["lithify"].iter().chain(words).map(|word| (*word).to_owned()).collect();
        let Outcome::Run(flags) = parse(ALL, &arguments) else { panic!("{words:?} cannot be run") };
        flags.command
    }

    fn compact(word: &str) -> Result<CompactConfig, String> {
        let Command::Compact(flags) = command(&["compact", word]) else { panic!("not compact") };
        let environment = |name: &str| (name == "DIR").then(|| "/buckets".to_owned());
        let surroundings = Surroundings { environment: &environment, memory_bytes: Some(1000) };
        CompactConfig::new(&flags, surroundings).map_err(|error| error.to_string())
    }

    #[test]
    fn what_the_program_does_not_allow_is_refused_with_the_name_of_the_flag() {
        for (word, message) in [
            (
                "--compact.concurrency=0",
                "invalid concurrency level (0), concurrency level must be > 0: --compact.concurrency",
            ),
            (
                "--block-meta-fetch-concurrency=-3",
                "invalid concurrency level (-3), concurrency level must be > 0: --block-meta-fetch-concurrency",
            ),
            ("--debug.max-compaction-level=5", "level is bigger then default set of 5: --debug.max-compaction-level=5"),
            ("--debug.max-compaction-level=-1", "at least one range must be provided: --debug.max-compaction-level=-1"),
            ("--compact.memory-budget=-1KB", "memory budget must not be negative: --compact.memory-budget=-1024B"),
            ("--objstore.config=$(NOPE)", "found reference to unset environment variable \"NOPE\""),
        ] {
            assert_eq!(compact(word).unwrap_err(), message, "{word}");
        }
    }

    #[test]
    fn the_memory_budget_is_half_of_what_there_is_unless_it_is_given() {
        assert_eq!(compact("--compact.memory-budget=0").unwrap().memory_budget_bytes, 500);
        assert_eq!(compact("--compact.memory-budget=3KiB").unwrap().memory_budget_bytes, 3072);
    }

    #[test]
    fn a_lower_level_leaves_out_ranges() {
        let ranges = |word| compact(word).unwrap().selection.ranges_ms;
        assert_eq!(ranges("--debug.max-compaction-level=2"), COMPACTION_RANGES[..3]);
        assert_eq!(ranges("--debug.max-compaction-level=4"), COMPACTION_RANGES);
    }

    #[test]
    fn variables_are_put_into_configuration() {
        let config = compact("--objstore.config={type: FILESYSTEM, config: {directory: $(DIR)}}").unwrap();
        assert_eq!(config.selection.objstore, "{type: FILESYSTEM, config: {directory: /buckets}}");
    }

    #[test]
    fn a_least_time_after_the_greatest_is_accepted_as_in_the_reference() {
        let words = ["compact", "--min-time=2025-03-02T00:00:00Z", "--max-time=2025-03-01T00:00:00Z"];
        let Command::Compact(flags) = command(&words) else { panic!("not compact") };
        let surroundings = Surroundings { environment: &|_| None, memory_bytes: None };
        let config = CompactConfig::new(&flags, surroundings).unwrap();
        assert_eq!(config.memory_budget_bytes, MEMORY_BUDGET_FALLBACK_BYTES);
    }

    #[test]
    fn plan_and_demo_have_their_own() {
        let Command::Plan(flags) = command(&["plan", "--output=json", "--downsampling.disable"]) else { panic!() };
        let config = PlanConfig::new(&flags, Surroundings { environment: &|_| None, memory_bytes: None }).unwrap();
        assert!(config.json && !config.selection.downsampling);

        let demo = |words: &[&str]| {
            let Command::Demo(flags) = command(words) else { panic!() };
            DemoConfig::new(&flags)
        };
        assert_eq!(demo(&["demo"]).unwrap().dir, None);
        assert_eq!(demo(&["demo", "--dir=x"]).unwrap().dir, Some(PathBuf::from("x")));
        assert!(demo(&["demo", "--series=0"]).is_err() && demo(&["demo", "--series=1e9"]).is_err());
    }
}
