//! The policy traits of `lithify-block`, answered by plugins, and what happens when one of them fails.

use std::sync::{Mutex, PoisonError};

use lithify_block::{
    BlockFacts, Group, Labels, Timestamp,
    policy::{Assignment, Context, Grouper, Plan, Planner, PolicyError, ProposedDeletion, Retention, Selector},
};

use crate::{Kind, Loaded, OnError, Settings, Workshop, convert, load, plugin::Plugin, validate, wire};

/// A plugin in the role of its kind.
pub(crate) struct Asked {
    plugin: Plugin,
    on_error: OnError,
    /// Who is asked when the plugin fails, with [`OnError::Builtin`].
    fallback: Option<Plugin>,
    patience: Patience,
}

/// Failures in a row after which a retention rule that is skipped when it fails is asked no more.
const FAILURES_MAX: u32 = 3;

/// How often a retention rule has failed in a row. It is asked many times at one point in time if it is asked tenant by
/// tenant, and must not hold up the run for each of them; at another point in time, in the next iteration, it begins anew.
#[derive(Default)]
struct Patience(Mutex<(Timestamp, u32)>);

impl Patience {
    fn is_over(&self, now: Timestamp) -> bool {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) == (now, FAILURES_MAX)
    }

    /// Counts an answer; whether the patience is over with it.
    fn count(&self, now: Timestamp, failed: bool) -> bool {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = if counted.0 == now { counted.1 } else { 0 };
        *counted = (now, if failed { before + 1 } else { 0 });
        counted.1 == FAILURES_MAX
    }
}

impl Asked {
    /// Loads the plugin; with [`OnError::Builtin`] the `builtin` beside it.
    pub(crate) fn load(
        door: &Workshop,
        kind: Kind,
        settings: &Settings,
        builtin: Option<&Settings>,
    ) -> Result<Self, PolicyError> {
        let plugin = load::load(door, kind, settings)?;
        let fallback = match (settings.on_error, builtin) {
            (OnError::Builtin, Some(builtin)) => Some(load::load(door, kind, builtin)?),
            (OnError::Builtin | OnError::Halt | OnError::Skip, _) => None,
        };
        Ok(Self { plugin, on_error: settings.on_error, fallback, patience: Patience::default() })
    }

    pub(crate) fn loaded(&self) -> Loaded {
        loaded(&self.plugin)
    }

    /// The answer, or what is to be done without one. Each failure is logged here, once, unless it is handed on.
    fn or_else<T>(
        &self,
        answer: Result<T, PolicyError>,
        skip: impl FnOnce() -> T,
        fallback: impl FnOnce(&Plugin) -> Result<T, PolicyError>,
    ) -> Result<T, PolicyError> {
        let error = match answer {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        match (self.on_error, &self.fallback) {
            (OnError::Skip, _) => {
                tracing::error!(%error, "policy failed: nothing is done in its place");
                Ok(skip())
            }
            (OnError::Builtin, Some(plugin)) => {
                tracing::error!(%error, builtin = plugin.name, "policy failed: the built-in is asked in its place");
                fallback(plugin)
            }
            (OnError::Halt | OnError::Builtin, _) => Err(error),
        }
    }
}

/// What is known about a plugin.
pub(crate) fn loaded(plugin: &Plugin) -> Loaded {
    let Plugin { name, kind, digest, manifest, .. } = plugin;
    Loaded { plugin: name.clone(), kind: *kind, digest: digest.clone(), manifest: manifest.clone() }
}

impl Selector for Asked {
    fn select(&self, cx: &Context, sets: &[Labels]) -> Result<Vec<Option<Labels>>, PolicyError> {
        let ask = |plugin: &Plugin| {
            let question = (convert::context(cx), convert::label_sets(sets));
            plugin.ask(&cx.run_id, "select", question, |answer: Vec<Option<wire::LabelSet>>, _| {
                validate::selection(answer, sets)
            })
        };
        self.or_else(ask(&self.plugin), || vec![None; sets.len()], ask)
    }
}

impl Grouper for Asked {
    fn group(&self, cx: &Context, blocks: &[BlockFacts]) -> Result<Vec<Assignment>, PolicyError> {
        let ask = |plugin: &Plugin| {
            let question = (convert::context(cx), convert::blocks(blocks));
            plugin.ask(&cx.run_id, "group", question, |answer: Vec<wire::Assignment>, _| {
                validate::grouping(answer, blocks)
            })
        };
        self.or_else(ask(&self.plugin), Vec::new, ask)
    }
}

impl Planner for Asked {
    fn plan(&self, cx: &Context, group: &Group, ranges: &[i64]) -> Result<Plan, PolicyError> {
        let ask = |plugin: &Plugin| {
            let question = (convert::context(cx), convert::request(group, ranges));
            plugin.ask(&cx.run_id, "make-plan", question, |answer: wire::Plan, reasons| {
                validate::plan(answer, group, reasons)
            })
        };
        self.or_else(ask(&self.plugin), Plan::default, ask)
    }
}

impl Retention for Asked {
    fn evaluate(&self, cx: &Context, blocks: &[BlockFacts]) -> Result<Vec<ProposedDeletion>, PolicyError> {
        if self.on_error == OnError::Skip && self.patience.is_over(cx.now) {
            return Ok(Vec::new());
        }
        let ask = |plugin: &Plugin| {
            let question = (convert::context(cx), convert::blocks(blocks));
            plugin.ask(&cx.run_id, "evaluate", question, |answer: Vec<wire::Deletion>, _| {
                validate::deletions(answer, blocks)
            })
        };
        let answer = ask(&self.plugin);
        if self.patience.count(cx.now, answer.is_err()) && self.on_error == OnError::Skip {
            let plugin = &self.plugin.name;
            tracing::error!(
                plugin,
                failures = FAILURES_MAX,
                "policy failed too often: it is not asked again in this iteration"
            );
        }
        self.or_else(answer, Vec::new, ask)
    }
}
