//! Retention rules: the built-in one, and those that misbehave.

use std::time::Duration;

use lithify_block::{
    Timestamp,
    policy::{Context, Outcome, PolicyError, ProposedDeletion},
    rails::{Mode, Rails},
};
use lithify_plugin::{Choice, Door, Kind, Limits, OnError, RetentionChoice, Settings};
use serde_json::json;

use crate::{
    fixtures::{HOUR, block, builtins, context, load},
    guests,
    samples::misbehaving,
};

fn rule(settings: Settings) -> Choice {
    let rule =
        RetentionChoice { name: "own".to_owned(), settings, mode: Mode::Shadow, veto: true, rails: Rails::foreign() };
    Choice { retention: vec![rule], ..builtins() }
}

fn asked(settings: Settings) -> Result<Vec<ProposedDeletion>, PolicyError> {
    let door = Door::open(None, false).unwrap();
    let policies = door.load(&rule(settings)).unwrap();
    let answer = policies.retention[0].policy.evaluate(&context(), &[block(1, 0, 2), block(2, 2, 4)]);
    let counted = door.metrics().calls.into_keys().map(|key| key.kind).collect::<Vec<_>>();
    assert_eq!(counted, [Kind::Retention]);
    answer
}

#[track_caller]
fn refused(deed: &str, outcome: Outcome, message: &str) {
    let settings = misbehaving(deed);
    let limits = Limits { memory_bytes: 512 << 20, answer_bytes: 1 << 20, ..settings.limits };
    let error = asked(Settings { limits, ..settings }).unwrap_err();
    assert_eq!((error.kind, error.outcome), ("retention", outcome), "{error}");
    assert!(error.message.contains(message), "{error}");
}

#[test]
fn the_built_in_lets_go_what_is_older_than_its_resolution_may_be() {
    let config = json!({ "raw-ms": 24 * HOUR, "5m-ms": 0, "1h-ms": 0 });
    let choice = Choice { retention: vec![RetentionChoice::builtin("by-resolution", &config)], ..builtins() };
    let policies = load(&choice);
    let rule = &policies.retention[0];
    assert_eq!((rule.name.as_str(), rule.mode, rule.veto), ("builtin:by-resolution", Mode::Enforce, false));
    assert_eq!((rule.version.as_str(), rule.digest.len(), &rule.rails), ("0.1.0", 64, &Rails::default()));
    let mut coarse = block(3, 0, 2);
    coarse.meta.thanos.resolution = 300_000;
    let cx = Context { now: Timestamp(27 * HOUR), ..context() };
    let answer = rule.policy.evaluate(&cx, &[block(1, 2, 4), block(2, 0, 2), coarse]).unwrap();
    let expected = ProposedDeletion {
        block: 1,
        rule: "retention.resolution-raw".to_owned(),
        reason: "block exceeding retention of 24h0m0s".to_owned(),
    };
    assert_eq!(answer, [expected]);
}

#[test]
fn each_limit_ends_the_call_and_names_itself() {
    refused("trap", Outcome::Panic, "it gave up");
    refused("loop", Outcome::OutOfFuel, "it used up its fuel of 1000000000");
    refused("recurse", Outcome::StackOrBounds, "");
    refused("memory", Outcome::MemoryLimit, "the limit is 536870912");
    refused("huge", Outcome::AnswerTooBig, "larger than the limit of 1048576 bytes");
    refused("refuse", Outcome::PluginError, "unsupported: not today");
    let slow = Limits { fuel: u64::MAX, timeout: Duration::from_millis(50), ..guests::limits() };
    let error = asked(Settings { limits: slow, ..misbehaving("loop") }).unwrap_err();
    assert_eq!(error.outcome, Outcome::Deadline, "{error}");
}

#[test]
fn an_answer_that_is_wrong_in_one_part_is_refused_whole() {
    refused("position", Outcome::BadAnswer, "deletion 1: position 4000000 does not exist: the question has 2 blocks");
    refused("twice", Outcome::BadAnswer, "deletion 1: block 00000000000000000000000001 at position 0 is named twice");
    refused("nan", Outcome::BadAnswer, "deletion 0: a reason has control characters");
    refused("count", Outcome::BadAnswer, "deletion 0: no reason");
}

#[test]
fn a_rule_that_is_skipped_is_not_asked_again_after_three_failures_until_time_goes_on() {
    let door = Door::open(None, false).unwrap();
    let settings = Settings { on_error: OnError::Skip, ..misbehaving("trap") };
    let policies = door.load(&rule(settings)).unwrap();
    let calls = || door.metrics().calls.values().map(|calls| calls.count).sum::<u64>();
    let ask = |now: i64| {
        let cx = Context { now: Timestamp(now), ..context() };
        assert_eq!(policies.retention[0].policy.evaluate(&cx, &[block(1, 0, 2)]), Ok(vec![]));
    };
    (0..5).for_each(|_| ask(1));
    assert_eq!(calls(), 3);
    (0..5).for_each(|_| ask(2));
    assert_eq!(calls(), 6);
}

#[test]
fn a_failing_rule_that_is_skipped_lets_nothing_go() {
    let settings = Settings { on_error: OnError::Skip, ..misbehaving("twice") };
    assert_eq!(asked(settings), Ok(vec![]));
}
