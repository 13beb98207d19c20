//! The built-in policies, as components.

use lithify_block::policy::Outcome;
use lithify_plugin::Door;
use serde_json::json;

use crate::fixtures::{RANGES, block, builtins, context, five, load};

#[test]
fn the_built_in_grouper_gives_the_keys_of_the_reference() {
    let policies = load(&builtins());
    let answer = policies.grouper.group(&context(), &[block(1, 0, 2), block(2, 0, 2)]).unwrap();
    assert_eq!(answer.len(), 2);
    assert_eq!((answer[1].block, answer[1].key.as_str()), (1, "0@1319708470537487294"));
    assert_eq!(answer[1].labels.get("cluster"), Some("eu1"));
}

#[test]
fn the_built_in_planner_plans_and_says_why() {
    let policies = load(&builtins());
    let plan = policies.planner.plan(&context(), &five(), &RANGES).unwrap();
    assert_eq!(plan.jobs.len(), 1);
    assert_eq!(plan.jobs[0].blocks, [0, 1, 2, 3]);
    assert_eq!(plan.jobs[0].reason, "fill a window of 8h");
    assert_eq!(plan.reasons.len(), 5);
    assert_eq!(plan.reasons[4].rule, "fresh");
}

#[test]
fn what_the_built_ins_did_is_counted() {
    let door = Door::open(None, false).unwrap();
    let policies = door.load(&builtins()).unwrap();
    let plan = policies.planner.plan(&context(), &five(), &RANGES).unwrap();
    assert!(plan.reasons.is_empty(), "nobody asked for explanations");
    let snapshot = door.metrics();
    let (key, calls) = snapshot.calls.iter().next().unwrap();
    assert_eq!((key.plugin.as_str(), key.outcome, calls.count), ("builtin:tsdb", Outcome::Ok, 1));
    assert!(calls.fuel > 1000 && calls.peak_memory_bytes > 0);
    assert_eq!((snapshot.prepared, snapshot.compiled), (2, 0), "nothing is compiled at the start");
}

#[test]
fn a_configuration_that_the_plugin_refuses_is_an_error_of_loading() {
    let mut choice = builtins();
    choice.planner.config = json!({ "levels": 3 }).to_string();
    let error = Door::open(None, false).unwrap().load(&choice).err().unwrap();
    assert_eq!(error.outcome, Outcome::PluginError);
    assert_eq!(error.message, "invalid configuration: unknown key `levels`");
}
