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
mod engine;
pub mod limits;
mod load;
pub mod manifest;
pub mod metrics;
mod native;
mod plugin;
mod policies;
mod store;
mod validate;
mod wire;

use std::{path::Path, sync::Arc, thread};

use lithify_block::policy::{Grouper, Planner, PolicyError, Selector};

pub use builtin::{find as builtin, names as builtins};
pub use config::{Config, ConfigError, OnError, PluginConfig, Settings};
pub use digest::sha256;
pub use limits::Limits;
pub use manifest::{Kind, Manifest, ManifestError};
pub use metrics::{CallKey, Calls, Snapshot};

use metrics::Metrics;
use policies::Asked;

/// The engine with its cache: where plugins are loaded.
pub struct Door {
    engine: wasmtime::Engine,
    compatibility: String,
    cache: Option<cache::Cache>,
    explain: bool,
    metrics: Arc<Metrics>,
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
}

/// Loaded policies.
pub struct Policies {
    /// `None`: every block is looked at.
    pub selector: Option<Box<dyn Selector>>,
    /// The grouper.
    pub grouper: Box<dyn Grouper>,
    /// The planner.
    pub planner: Box<dyn Planner>,
    /// What was loaded, for logs and reports.
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
#[derive(Debug, thiserror::Error)]
#[error("cannot set up the WebAssembly engine: {0}")]
pub struct EngineError(String);

impl Door {
    /// Makes the engine. `data_directory` keeps compiled code; without one, or if it cannot be written, every start
    /// compiles. `explain` asks plugins to say why they decide as they do, which costs time.
    ///
    /// # Errors
    /// [`EngineError`] if the processor or the system lacks something that wasmtime needs.
    pub fn open(data_directory: Option<&Path>, explain: bool) -> Result<Self, EngineError> {
        let engine = engine::engine().map_err(|error| EngineError(format!("{error:#}")))?;
        let cache = data_directory.and_then(|directory| match cache::Cache::open(directory) {
            Ok(cache) => Some(cache),
            Err(error) => {
                tracing::warn!(%error, "cannot keep compiled code in the data directory: every start compiles anew");
                None
            }
        });
        let compatibility = engine::compatibility(&engine);
        Ok(Self { engine, compatibility, cache, explain, metrics: Arc::default() })
    }

    /// Loads the policies of a run side by side.
    ///
    /// # Errors
    /// [`PolicyError`] of the first kind that could not be loaded, in the order selector, grouper, planner.
    pub fn load(&self, choice: &Choice) -> Result<Policies, PolicyError> {
        let start = clock::process_cpu();
        let policies = thread::scope(|scope| {
            let selector = choice.selector.as_ref();
            let selector = selector.map(|own| scope.spawn(|| Asked::load(self, Kind::Selector, own, None)));
            let grouper = scope.spawn(|| Asked::load(self, Kind::Grouper, &choice.grouper, None));
            let planner = Asked::load(self, Kind::Planner, &choice.planner, Some(&choice.builtin_planner));
            let selector = selector.map(joined).transpose()?;
            let grouper = joined(grouper)?;
            let planner = planner?;
            let loaded = selector.iter().chain([&grouper, &planner]).map(Asked::loaded).collect();
            let selector = selector.map(|selector| Box::new(selector) as Box<dyn Selector>);
            Ok(Policies { selector, grouper: Box::new(grouper), planner: Box::new(planner), loaded })
        });
        self.metrics.update(|snapshot| snapshot.loading_cpu += clock::process_cpu().saturating_sub(start));
        policies
    }

    /// What the plugins did so far.
    #[must_use]
    pub fn metrics(&self) -> Snapshot {
        self.metrics.snapshot()
    }
}

fn joined<T>(handle: thread::ScopedJoinHandle<'_, T>) -> T {
    handle.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
