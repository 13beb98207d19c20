//! What policies cost, for `/metrics`: calls, time, fuel and memory by kind, plugin and outcome.

use std::{collections::HashMap, sync::Arc};

use lithify_plugin::{CallKey, Calls, Door};
use prometheus::{
    CounterVec, GaugeVec, Opts, Registry,
    core::{Collector, Desc},
    proto::MetricFamily,
};

const LABELS: [&str; 3] = ["kind", "plugin", "outcome"];

/// Publishes what went through `door` in `registry`.
///
/// # Errors
/// If a family of the same name is registered already.
pub fn register(registry: &Registry, door: &Arc<Door>) -> Result<(), prometheus::Error> {
    registry.register(Box::new(Policies { door: Arc::clone(door), descriptions: families()?.descriptions() }))
}

/// Asks the door at every scrape; it counts by itself.
struct Policies {
    door: Arc<Door>,
    descriptions: Vec<Desc>,
}

impl Collector for Policies {
    fn desc(&self) -> Vec<&Desc> {
        self.descriptions.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let Ok(families) = families() else { return Vec::new() }; // The same constants were accepted before.
        for (key, calls) in &self.door.metrics().calls {
            families.set(key, calls);
        }
        families.collect()
    }
}

struct Families {
    calls: CounterVec,
    seconds: CounterVec,
    fuel: CounterVec,
    memory: GaugeVec,
}

fn families() -> Result<Families, prometheus::Error> {
    let counter = |name: &str, help: &str| CounterVec::new(Opts::new(name, help), &LABELS);
    Ok(Families {
        calls: counter("lithify_policy_calls_total", "Calls of policies.")?,
        seconds: counter("lithify_policy_cpu_seconds_total", "CPU time spent in policies, compiling apart.")?,
        fuel: counter("lithify_policy_fuel_total", "Fuel that policies used; about one for each instruction.")?,
        memory: GaugeVec::new(
            Opts::new("lithify_policy_memory_peak_bytes", "Most memory that a call of a policy took."),
            &LABELS,
        )?,
    })
}

impl Families {
    fn descriptions(&self) -> Vec<Desc> {
        let (calls, seconds, fuel, memory) =
            (self.calls.desc(), self.seconds.desc(), self.fuel.desc(), self.memory.desc());
        calls.into_iter().chain(seconds).chain(fuel).chain(memory).cloned().collect()
    }

    #[expect(clippy::cast_precision_loss, reason = "counts above 2^53 lose their last bits, as all metrics do")]
    fn set(&self, key: &CallKey, calls: &Calls) {
        let (kind, outcome) = (key.kind.to_string(), key.outcome.to_string());
        let labels: HashMap<&str, &str> =
            [("kind", kind.as_str()), ("plugin", key.plugin.as_str()), ("outcome", outcome.as_str())].into();
        self.calls.with(&labels).inc_by(calls.count as f64);
        self.seconds.with(&labels).inc_by(calls.cpu.as_secs_f64());
        self.fuel.with(&labels).inc_by(calls.fuel as f64);
        self.memory.with(&labels).set(calls.peak_memory_bytes as f64);
    }

    fn collect(&self) -> Vec<MetricFamily> {
        [self.calls.collect(), self.seconds.collect(), self.fuel.collect(), self.memory.collect()].concat()
    }
}
