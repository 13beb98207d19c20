//! What the plugins did, as numbers. `cli` turns them into metric families.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use lithify_block::policy::Outcome;

use crate::manifest::Kind;

/// All calls of one plugin as one kind that ended in one way.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CallKey {
    /// The plugin, as the configuration names it.
    pub plugin: String,
    /// The kind it was asked as.
    pub kind: Kind,
    /// How the calls ended.
    pub outcome: Outcome,
}

/// Sums and maxima over the calls of a [`CallKey`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Calls {
    /// Number of calls.
    pub count: u64,
    /// CPU time: converting the question, the guest, converting and checking the answer.
    pub cpu: Duration,
    /// Fuel that was used.
    pub fuel: u64,
    /// Most memory that a call took, bytes.
    pub peak_memory_bytes: u64,
}

/// A snapshot of everything that was counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Calls by plugin, kind and outcome.
    pub calls: BTreeMap<CallKey, Calls>,
    /// CPU time of all calls: what WebAssembly costs, compiling apart.
    pub cpu: Duration,
    /// CPU time of loading: reading, compiling or taking from the cache, probing.
    pub loading_cpu: Duration,
    /// CPU time of the process while a downsampler was loaded, after the start: other threads may have worked too.
    pub late_loading_cpu: Duration,
    /// Built-ins whose code came with the program.
    pub prepared: u64,
    /// Components compiled.
    pub compiled: u64,
    /// Components whose code was taken from the cache.
    pub cached: u64,
    /// The plugins' own counters, by plugin and name.
    pub counters: BTreeMap<(String, String), u64>,
}

/// Where it is counted.
#[derive(Debug, Default)]
pub(crate) struct Metrics(Mutex<Snapshot>);

impl Metrics {
    pub(crate) fn update(&self, change: impl FnOnce(&mut Snapshot)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    pub(crate) fn call(&self, key: CallKey, cpu: Duration, fuel: u64, memory: usize) {
        self.update(|snapshot| {
            snapshot.cpu += cpu;
            let calls = snapshot.calls.entry(key).or_default();
            calls.count += 1;
            calls.cpu += cpu;
            calls.fuel = calls.fuel.saturating_add(fuel);
            calls.peak_memory_bytes = calls.peak_memory_bytes.max(memory as u64);
        });
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
