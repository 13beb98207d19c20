//! Which store, which policies, which wrappers: everything that a run is made of is put together here.

use std::{sync::Arc, time::Duration};

use lithify_block::{Overlaps, Rfc3339};
use lithify_bucket::{Bucket, MetaCache, Metered, layout};
use lithify_compactor::{
    Ambient, Author, Config, Context, Engine, Last, Machine, Memory, Metrics, Partials, Policies, Progress,
    ReplicaLabels, Spent, Stop, TimePartition, register_constants,
};
use lithify_plugin::{Choice, Door, Kind, Loaded, RetentionChoice, Settings, limits::COMPONENT_BYTES_MAX};
use lithify_tsdb::Deduplication;
use prometheus::Registry;
use serde_json::json;

use crate::{
    config::{CompactConfig, SelectionConfig},
    policy_metrics,
};

/// A run, ready to go.
pub struct Wired {
    /// What every step is given.
    pub cx: Context,
    /// Where the policies came in.
    pub door: Arc<Door>,
    /// Which policies came in.
    pub loaded: Vec<Loaded>,
}

/// How a run is to be made.
#[derive(Clone, Copy, Debug)]
pub struct Manner {
    /// Groups that are compacted side by side.
    pub concurrency: usize,
    /// Blocks that are downsampled side by side.
    pub downsample_concurrency: usize,
    /// Longest time that a sync may take; `None` for any.
    pub sync_deadline: Option<Duration>,
    /// Memory that running merges may take together, bytes.
    pub memory_budget_bytes: u64,
    /// Whether nothing is carried out, and policies are asked for their reasons.
    pub dry_run: bool,
}

impl Manner {
    /// Nothing is carried out.
    pub const DRY: Self =
        Self { concurrency: 1, downsample_concurrency: 1, sync_deadline: None, memory_budget_bytes: 0, dry_run: true };

    /// As `config` says.
    #[must_use]
    pub fn of(config: &CompactConfig) -> Self {
        Self {
            concurrency: config.concurrency,
            downsample_concurrency: config.downsample_concurrency,
            sync_deadline: config.repetition.map(|repetition| repetition.interval),
            memory_budget_bytes: config.memory_budget_bytes,
            dry_run: false,
        }
    }
}

/// Something of a run cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// The bucket.
    #[error("create bucket client: {0}")]
    Bucket(#[from] lithify_bucket::Error),
    /// The file that names policies.
    #[error("parse --plugins.config: {0}")]
    PluginsYaml(String),
    /// An entry of that file.
    #[error(transparent)]
    PluginsEntry(#[from] lithify_plugin::ConfigError),
    /// The engine that runs policies.
    #[error(transparent)]
    Engine(#[from] lithify_plugin::EngineError),
    /// A policy that lies in the bucket.
    #[error("plugin {name} of the bucket: {reason}")]
    PluginObject {
        /// The object.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// A policy.
    #[error(transparent)]
    Policy(#[from] lithify_block::policy::PolicyError),
    /// The data directory.
    #[error("create data directory {path}: {error}")]
    DataDir {
        /// Its path.
        path: String,
        /// Why not.
        error: std::io::Error,
    },
    /// Two families of one name.
    #[error("metrics: {0}")]
    Metrics(#[from] prometheus::Error),
}

/// Puts a run together, in the order in which the reference finds faults: bucket, rules, directories, policies.
///
/// # Errors
/// The first [`WireError`]; the process then ends with status 1.
pub async fn wire(
    selection: &SelectionConfig,
    manner: Manner,
    registry: &Registry,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<Wired, WireError> {
    let ambient: Arc<dyn Ambient> = Arc::new(Machine::new());
    let bucket = lithify_bucket::from_yaml(&selection.objstore, environment)?;
    let clock = Arc::clone(&ambient);
    let bucket: Arc<dyn Bucket> = Metered::wrap(bucket, registry, Arc::new(move || clock.timestamp()))?;
    let choice = choice(selection)?;
    let data_dir = &selection.data_dir;
    std::fs::create_dir_all(data_dir.join("meta-syncer"))
        .map_err(|error| WireError::DataDir { path: data_dir.display().to_string(), error })?;
    let door = Arc::new(Door::open(Some(data_dir), manner.dry_run)?);
    bring(&door, &choice, &*bucket).await?;
    let policies = door.load(&choice)?;
    let planned_by = planned_by(&policies.loaded);
    let config = config(selection, manner);
    let metrics = Metrics::register(registry)?;
    register_constants(registry, &config)?;
    if selection.deduplication.vertical {
        metrics.expect_vertical_compaction();
    }
    policy_metrics::register(registry, &door)?;
    let run_id = ambient.new_block_id().to_string();
    let cx = Context {
        memory: Arc::new(Memory::new(manner.memory_budget_bytes)),
        config: Arc::new(config),
        bucket,
        meta_cache: Some(Arc::new(MetaCache::new(data_dir))),
        last: Last::default(),
        views: None,
        partials: Partials::default(),
        policies: Policies {
            selector: policies.selector.map(Arc::from),
            grouper: Arc::from(policies.grouper),
            planner: Arc::from(policies.planner),
            planned_by,
            downsampler: policies.downsampler,
            retention: policies.retention,
        },
        broken: lithify_compactor::Broken::default(),
        maker: Arc::new(Engine),
        spent: Spent::default(),
        ambient,
        metrics,
        progress: Arc::new(Progress::default()),
        stop: Stop::default(),
        run_id,
        dry_run: manner.dry_run,
    };
    Ok(Wired { cx, door, loaded: policies.loaded })
}

/// Reads the policies that lie in the bucket and hands them to the door, which looks at their digests.
async fn bring(door: &Door, choice: &Choice, bucket: &dyn Bucket) -> Result<(), WireError> {
    for digest in choice.in_bucket() {
        let name = layout::plugin(&digest);
        let failed = |reason: String| WireError::PluginObject { name: name.clone(), reason };
        let read = bucket.get(&name, COMPONENT_BYTES_MAX).await;
        let component = read.map_err(|error| failed(crate::logging::chain(&error)))?;
        door.bring(&digest, component.to_vec()).map_err(failed)?;
        tracing::info!(object = name, bytes = component.len(), "read a policy from the bucket");
    }
    Ok(())
}

fn planned_by(loaded: &[Loaded]) -> Author {
    let planner = loaded.iter().find(|loaded| loaded.kind == Kind::Planner);
    planner.map_or_else(Author::default, |planner| Author {
        by: Kind::Planner.to_string(),
        plugin: planner.plugin.clone(),
        version: planner.manifest.version.clone(),
        sha256: planner.digest.clone(),
    })
}

fn config(selection: &SelectionConfig, manner: Manner) -> Config {
    let deduplication = &selection.deduplication;
    Config {
        data_dir: selection.data_dir.clone(),
        consistency_delay_ms: selection.consistency_delay_ms,
        delete_delay_ms: selection.delete_delay_ms,
        time_partition: TimePartition { from: selection.min_time, to: selection.max_time },
        ranges: selection.ranges_ms.clone(),
        concurrency: manner.concurrency,
        meta_fetch_concurrency: selection.meta_fetch_concurrency,
        sync_deadline: manner.sync_deadline,
        isolate_failures: selection.isolate_failures,
        memory_budget_bytes: manner.memory_budget_bytes,
        replica_labels: ReplicaLabels::new(deduplication.replica_labels.clone()),
        overlaps: if deduplication.vertical { Overlaps::Merge } else { Overlaps::Refuse },
        deduplication: if deduplication.penalty { Deduplication::Penalty } else { Deduplication::OneToOne },
        accept_malformed_index: selection.accept_malformed_index,
        skip_out_of_order_chunks: selection.skip_out_of_order_chunks,
        hash_files: selection.hash_files,
        downsampling: selection.downsampling,
        downsample_concurrency: manner.downsample_concurrency,
        downsample_threads: (cores() / manner.downsample_concurrency).max(1),
    }
}

/// What the machine or the control group lets the process use at once.
fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// The policies that are named, and for the other kinds the built-in ones as the flags configure them.
fn choice(selection: &SelectionConfig) -> Result<Choice, WireError> {
    let named: lithify_plugin::Config = if selection.plugins.trim().is_empty() {
        lithify_plugin::Config::default()
    } else {
        serde_yaml::from_str(&selection.plugins).map_err(|error| WireError::PluginsYaml(error.to_string()))?
    };
    let planner = json!({
        "max-index-size-bytes": selection.block_max_index_size_bytes,
        "vertical": selection.deduplication.vertical,
    });
    let built_in = |name: &str, config: &serde_json::Value| Settings::builtin(name, config);
    let builtin_planner = built_in("tsdb", &planner);
    let builtin_downsampler = built_in("five-aggregates", &json!({})).usual_for(Kind::Downsampler);
    Ok(Choice {
        selector: match (named.selector, &selection.relabel) {
            (Some(named), _) => Some(named.settings(Kind::Selector)?),
            (None, Some(rules)) => Some(built_in("relabel", rules)),
            (None, None) => None,
        },
        grouper: match named.grouper {
            Some(named) => named.settings(Kind::Grouper)?,
            None => built_in("external-labels", &json!({})),
        },
        planner: match named.planner {
            Some(named) => named.settings(Kind::Planner)?,
            None => builtin_planner.clone(),
        },
        builtin_planner,
        downsampler: match named.downsampler {
            Some(named) => named.settings(Kind::Downsampler)?,
            None => builtin_downsampler.clone(),
        },
        builtin_downsampler,
        retention: match named.retention {
            Some(rules) => {
                rules.iter().enumerate().map(|(position, rule)| rule.choice(position)).collect::<Result<_, _>>()?
            }
            None => retention_of_the_flags(selection),
        },
    })
}

/// The built-in rule, unless every resolution is kept for ever.
fn retention_of_the_flags(selection: &SelectionConfig) -> Vec<RetentionChoice> {
    let keep = selection.retention;
    let config = json!({ "raw-ms": keep.raw_ms, "5m-ms": keep.five_minutes_ms, "1h-ms": keep.one_hour_ms });
    let is_asked = keep.raw_ms != 0 || keep.five_minutes_ms != 0 || keep.one_hour_ms != 0;
    is_asked.then(|| RetentionChoice::builtin("by-resolution", &config)).into_iter().collect()
}

/// The clock for logs.
pub fn log_clock() -> impl Fn() -> Rfc3339 + Send + Sync + 'static {
    let machine = Machine::new();
    move || machine.now()
}
