//! Which blocks does this process look at? Prometheus relabelling over a block's external labels decides.
//!
//! Invariants: each label set is judged for itself; patterns are read as Go reads them, or refused.
//!
//! Start with [`Relabel`]; a rule is `rule.rs`, patterns are `re2.rs`.
//!
//! Source: `thanos-compactor.md` 3.6 F2; Prometheus model/relabel, Go regexp/syntax.
#![no_std]
extern crate alloc;
#[cfg(not(target_family = "wasm"))]
extern crate std as _; // Native builds link its allocator and panic handler; nothing can name it.

mod case;
mod config;
mod labels;
pub mod re2;
mod rule;

#[cfg(test)]
mod tests;

use alloc::vec::Vec;

use lithify_sdk::{Context, Error, LabelSet, Policy, Selector, Why, json::Object, text::decimal};

pub use rule::{Action, Rule};

use labels::Labels;

lithify_sdk::export!(include_bytes!("../manifest.json"), selector: Relabel);

/// The selector: rules in order.
#[derive(Clone, Debug)]
pub struct Relabel {
    /// Applied one after the other, each to what the one before it left.
    pub rules: Vec<Rule>,
}

impl Policy for Relabel {
    fn configure(config: &str) -> Result<Self, Error> {
        let mut object = Object::parse(config)?;
        let rules = object.take_list("rules")?.unwrap_or_default();
        object.finish()?;
        let rules = (1..).zip(rules).map(|(number, rule)| config::rule(number, rule)).collect::<Result<_, _>>()?;
        Ok(Self { rules })
    }
}

impl Selector for Relabel {
    fn select(&self, _cx: &Context, sets: Vec<LabelSet>, why: &mut dyn Why) -> Result<Vec<Option<LabelSet>>, Error> {
        Ok(sets.into_iter().map(|set| self.judge(set, why)).collect())
    }
}

impl Relabel {
    /// What the rules leave of a set; `None` if one drops it or nothing is left.
    fn judge(&self, set: LabelSet, why: &mut dyn Why) -> Option<LabelSet> {
        let id = why.enabled().then(|| id(&set));
        let mut explain = |rule: &str, message: &str| {
            if let Some(id) = &id {
                why.explain(id, rule, message);
            }
        };
        if self.rules.is_empty() {
            explain("selected", "no rules: every block is looked at");
            return Some(set);
        }
        let mut labels = Labels::new(set);
        for (number, rule) in (1..).zip(&self.rules) {
            if !rule.apply(&mut labels) {
                explain(rule.action.name(), &["left alone: rule ", &decimal(number), " drops it"].concat());
                return None;
            }
        }
        let set = labels.finish();
        if set.labels.is_empty() {
            explain("empty", "left alone: no label is left after the last rule");
            return None;
        }
        explain("selected", "looked at: no rule drops it");
        Some(set)
    }
}

/// The block's id, which the host puts among the labels.
fn id(set: &LabelSet) -> alloc::string::String {
    let label = set.labels.iter().find(|label| label.name == "__block_id");
    label.map(|label| label.value.clone()).unwrap_or_default()
}
