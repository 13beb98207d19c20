//! Rules, one behaviour a test; patterns against what Go says.
//!
//! Source of the expectations: Prometheus model/relabel and Thanos pkg/block, restated; hash shards:
//! `thanos-compactor.md` 3.6 F2.

extern crate std;

mod actions;
mod blocks;
mod go;
mod refused;

use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use std::prelude::rust_2024::*;

use lithify_sdk::{Label, LabelSet, Policy, Selector, Silent, laws};

use crate::Relabel;

/// `a=1 b=2` as a label set. A blank in a value is written `␣`.
fn set(text: &str) -> LabelSet {
    let label = |text: &str| {
        let (name, value) = text.split_once('=').unwrap();
        Label { name: name.into(), value: value.replace('␣', " ") }
    };
    let mut labels: Vec<Label> = text.split_whitespace().map(label).collect();
    labels.sort_by(|a, b| a.name.cmp(&b.name));
    LabelSet { labels }
}

fn show(set: &LabelSet) -> String {
    let pairs: Vec<String> =
        set.labels.iter().map(|label| [&label.name, "=", &label.value.replace(' ', "␣")].concat()).collect();
    pairs.join(" ")
}

/// Applies rules, each a JSON object; `-` stands for a set that is dropped.
#[track_caller]
fn check(rules: &[&str], input: &str, expected: &str) {
    let config = ["{\"rules\":[", &rules.join(","), "]}"].concat();
    let selector = Relabel::configure(&config).unwrap();
    let answer = selector.select(&laws::context(), Vec::from([set(input)]), &mut Silent).unwrap();
    let shown = answer[0].as_ref().map_or("-".to_string(), show);
    assert_eq!(shown, expected, "{config}");
    laws::selector(&selector, &[set(input), set("other=1"), set(input)]).unwrap();
}
