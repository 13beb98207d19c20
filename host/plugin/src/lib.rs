//! How does a policy get in, and what can it do once it is in? Components are loaded, pinned, compiled, cached, asked
//! within limits, and their answers are checked before anybody sees them.
//!
//! Invariants: only this crate knows wasmtime. Built-in policies come through the same door as foreign ones. An answer
//! that is not right in every part never leaves this crate. Calls are CPU work and block: call them from blocking threads.
//!
//! Start with [`Door`]; then `load.rs` (from bytes to a plugin), `plugin.rs` (a call), `validate.rs` (what is believed).

pub mod build;
mod builtin;
mod cache;
mod clock;
pub mod config;
mod convert;
mod digest;
mod downsampling;
mod engine;
pub mod limits;
mod load;
pub mod manifest;
pub mod metrics;
mod native;
mod plugin;
mod policies;
mod rails;
mod session;
mod store;
mod validate;
mod wire;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    thread,
};

use lithify_block::{
    policy::{Downsampler, Grouper, Planner, PolicyError, Selector},
    rails::RetentionRule,
};

pub use builtin::{find as builtin, names as builtins};
pub use config::{Config, ConfigError, OnError, PluginConfig, Settings};
pub use digest::sha256;
pub use limits::Limits;
pub use manifest::{Kind, Manifest, ManifestError};
pub use metrics::{CallKey, Calls, Snapshot};
pub use rails::{RailsConfig, RetentionChoice, RetentionConfig};

use downsampling::Chosen;
use engine::{Aim, Machine};
use metrics::Metrics;
use policies::Asked;

/// The engine with its cache: where plugins are loaded.
pub struct Door(Arc<Workshop>);

/// What plugins are loaded with. A plugin that is loaded late holds on to it.
pub(crate) struct Workshop {
    /// For built-ins.
    runner: wasmtime::Engine,
    /// For plugins from outside, made when the first is loaded.
    machine: OnceLock<Result<Machine, EngineError>>,
    /// For downsamplers from outside.
    fast_machine: OnceLock<Result<Machine, EngineError>>,
    cache: Option<cache::Cache>,
    explain: bool,
    metrics: Arc<Metrics>,
    /// Components that somebody else has read, by digest.
    brought: Mutex<BTreeMap<String, Vec<u8>>>,
}

/// Which plugin answers as which kind.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// `None`: every block is looked at, and no plugin is loaded for it.
    pub selector: Option<Settings>,
    /// The grouper.
    pub grouper: Settings,
    /// The planner.
    pub planner: Settings,
    /// The planner that stands in for [`Choice::planner`] when that fails, with [`OnError::Builtin`].
    pub builtin_planner: Settings,
    /// The downsampler. A built-in is loaded when the first block begins.
    pub downsampler: Settings,
    /// The downsampler that stands in for [`Choice::downsampler`].
    pub builtin_downsampler: Settings,
    /// The retention rules. If there are none, nothing is loaded and nothing goes.
    pub retention: Vec<RetentionChoice>,
}

impl Choice {
    /// The digests of what lies in the bucket and is to be [brought](Door::bring).
    #[must_use]
    pub fn in_bucket(&self) -> BTreeSet<String> {
        let retention = self.retention.iter().map(|rule| &rule.settings);
        let all = self.selector.iter().chain([&self.grouper, &self.planner, &self.downsampler]).chain(retention);
        all.filter_map(Settings::in_bucket).map(str::to_owned).collect()
    }
}

/// Loaded policies.
pub struct Policies {
    /// `None`: every block is looked at.
    pub selector: Option<Box<dyn Selector>>,
    /// The grouper.
    pub grouper: Box<dyn Grouper>,
    /// The planner.
    pub planner: Box<dyn Planner>,
    /// The downsampler.
    pub downsampler: Arc<dyn Downsampler>,
    /// The retention rules, in the order of the configuration.
    pub retention: Vec<RetentionRule>,
    /// What was loaded, for logs and reports. A built-in downsampler is not among it: it is loaded later, if at all.
    pub loaded: Vec<Loaded>,
}

/// What is known about a plugin once it is loaded.
#[derive(Clone, Debug, PartialEq)]
pub struct Loaded {
    /// As the configuration names it.
    pub plugin: String,
    /// The kind that it answers as.
    pub kind: Kind,
    /// SHA-256 of the component, hexadecimal.
    pub digest: String,
    /// Its manifest.
    pub manifest: Manifest,
}

/// The engine could not be made.
#[derive(Clone, Debug, thiserror::Error)]
#[error("cannot set up the WebAssembly engine: {0}")]
pub struct EngineError(String);

impl Door {
    /// Makes the engine. `data_directory` keeps compiled code; without one, or if it cannot be written, every start
    /// compiles. `explain` asks plugins to say why they decide as they do, which costs time.
    ///
    /// # Errors
    /// [`EngineError`] if the processor or the system lacks something that wasmtime needs.
    pub fn open(data_directory: Option<&Path>, explain: bool) -> Result<Self, EngineError> {
        let runner = engine::runner().map_err(EngineError::new)?;
        let cache = data_directory.and_then(|directory| match cache::Cache::open(directory) {
            Ok(cache) => Some(cache),
            Err(error) => {
                tracing::warn!(%error, "cannot keep compiled code in the data directory: every start compiles anew");
                None
            }
        });
        let (machine, fast_machine) = (OnceLock::new(), OnceLock::new());
        let (metrics, brought) = (Arc::default(), Mutex::default());
        Ok(Self(Arc::new(Workshop { runner, machine, fast_machine, cache, explain, metrics, brought })))
    }

    /// Takes a component that lies in the bucket, for the next [`Door::load`] to find by its digest.
    ///
    /// # Errors
    /// A sentence, if it is too large or is not the one with this digest.
    pub fn bring(&self, digest: &str, component: Vec<u8>) -> Result<(), String> {
        if component.len() as u64 > limits::COMPONENT_BYTES_MAX {
            return Err(format!("it is larger than {} bytes", limits::COMPONENT_BYTES_MAX));
        }
        let found = sha256(&component);
        if found != digest {
            return Err(format!("its digest is {found}, which is not its name: it was changed, or put there wrongly"));
        }
        self.0.brought.lock().unwrap_or_else(PoisonError::into_inner).insert(found, component);
        Ok(())
    }

    /// Loads the policies of a run side by side.
    ///
    /// # Errors
    /// [`PolicyError`] of the first that could not be loaded, in the order selector, grouper, planner, downsampler,
    /// retention. A built-in downsampler tells later, when it begins.
    pub fn load(&self, choice: &Choice) -> Result<Policies, PolicyError> {
        let start = clock::process_cpu();
        let policies = thread::scope(|scope| {
            let load = |kind, settings| move || Asked::load(&self.0, kind, settings, None);
            let selector = choice.selector.as_ref().map(|own| scope.spawn(load(Kind::Selector, own)));
            let grouper = scope.spawn(load(Kind::Grouper, &choice.grouper));
            let retention = choice.retention.iter();
            let retention: Vec<_> = retention.map(|rule| scope.spawn(load(Kind::Retention, &rule.settings))).collect();
            let planner = Asked::load(&self.0, Kind::Planner, &choice.planner, Some(&choice.builtin_planner));
            let selector = selector.map(joined).transpose()?;
            let grouper = joined(grouper)?;
            let planner = planner?;
            let mut loaded: Vec<Loaded> = selector.iter().chain([&grouper, &planner]).map(Asked::loaded).collect();
            let downsampler = Chosen::new(&self.0, &choice.downsampler, &choice.builtin_downsampler);
            loaded.extend(downsampler.load_foreign()?);
            let retention: Vec<Asked> = retention.into_iter().map(joined).collect::<Result<_, _>>()?;
            loaded.extend(retention.iter().map(Asked::loaded));
            let retention = choice.retention.iter().zip(retention).map(|(rule, asked)| rule.with(asked)).collect();
            let selector = selector.map(|selector| Box::new(selector) as Box<dyn Selector>);
            let (grouper, planner) = (Box::new(grouper), Box::new(planner));
            Ok(Policies { selector, grouper, planner, downsampler: Arc::new(downsampler), retention, loaded })
        });
        self.0.metrics.update(|snapshot| snapshot.loading_cpu += clock::process_cpu().saturating_sub(start));
        // Loaded is loaded: what was brought has done its service.
        self.0.brought.lock().unwrap_or_else(PoisonError::into_inner).clear();
        policies
    }

    /// What the plugins did so far.
    #[must_use]
    pub fn metrics(&self) -> Snapshot {
        self.0.metrics.snapshot()
    }
}

impl Workshop {
    /// The machine that compiles and runs plugins of a kind from outside.
    pub(crate) fn machine(&self, kind: Kind) -> Result<&Machine, EngineError> {
        let (machine, aim) = match kind {
            Kind::Selector | Kind::Grouper | Kind::Planner | Kind::Retention => (&self.machine, Aim::Ready),
            Kind::Downsampler => (&self.fast_machine, Aim::Fast),
        };
        machine.get_or_init(|| Machine::new(aim).map_err(EngineError::new)).as_ref().map_err(EngineError::clone)
    }
}

impl EngineError {
    fn new(error: impl std::fmt::Display) -> Self {
        Self(format!("{error:#}"))
    }
}

fn joined<T>(handle: thread::ScopedJoinHandle<'_, T>) -> T {
    handle.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
