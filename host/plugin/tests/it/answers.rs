//! Answers that are wrong in one part are refused whole.

use lithify_block::policy::{Outcome, Plan, PolicyError};
use lithify_plugin::{Door, OnError};

use crate::{
    fixtures::{RANGES, context, five},
    guests::Guest,
};

fn asked(guest: &Guest) -> Result<Plan, PolicyError> {
    let directory = tempfile::tempdir().unwrap();
    let policies = Door::open(None, false).unwrap().load(&guest.choice(&directory)).unwrap();
    let mut group = five();
    group.blocks[4].no_compact = Some("manual".to_owned());
    policies.planner.plan(&context(), &group, &RANGES)
}

#[track_caller]
fn check(jobs: &[&[u32]], marks: &[(u32, &str)], message: &str) {
    let error = asked(&Guest::answering(jobs, marks)).unwrap_err();
    assert_eq!((error.outcome, error.message.as_str()), (Outcome::BadAnswer, message));
}

const ID: &str = "0000000000000000000000000";

#[test]
fn an_answer_that_holds_is_taken() {
    let plan = asked(&Guest::answering(&[&[1, 0], &[3]], &[(2, "too-big")])).unwrap();
    assert_eq!(plan.jobs.iter().map(|job| job.blocks.clone()).collect::<Vec<_>>(), [vec![0, 1], vec![3]]);
    assert_eq!((plan.no_compact[0].block, plan.no_compact[0].reason.as_str()), (2, "too-big"));
    assert_eq!(plan.jobs[0].reason, "because");
}

#[test]
fn a_position_that_does_not_exist_is_refused() {
    let message = "job 0: position 5 does not exist: the question has 5 blocks, counted from 0";
    check(&[&[0, 5]], &[], message);
    check(&[&[0]], &[(4_000_000_000, "x")], &message.replace("job 0: position 5", "mark 0: position 4000000000"));
}

#[test]
fn a_block_that_is_named_twice_is_refused() {
    check(&[&[0, 0]], &[], &format!("job 0: block {ID}1 at position 0 is named twice"));
    check(&[&[0, 1], &[1, 2]], &[], &format!("job 1: block {ID}2 at position 1 is named twice"));
    check(&[&[0, 1]], &[(1, "x")], &format!("mark 0: block {ID}2 at position 1 is named twice"));
}

#[test]
fn a_marked_block_is_neither_planned_nor_marked_again() {
    check(&[&[3, 4]], &[], &format!("job 0: block {ID}5 at position 4 is marked no-compact: manual"));
    check(&[], &[(4, "x")], &format!("mark 0: block {ID}5 at position 4 is marked already"));
}

#[test]
fn a_job_without_blocks_and_a_mark_without_reason_are_refused() {
    check(&[&[]], &[], "job 0: no blocks");
    check(&[], &[(0, "")], "mark 0: no reason");
}

#[test]
fn texts_are_short_and_plain() {
    check(&[], &[(0, "a\u{7}b")], r#"mark 0: a reason has control characters: "a\u{7}b""#);
    let long = "x".repeat(1025);
    check(&[], &[(0, &long)], "mark 0: a reason has 1025 bytes; at most 1024 are allowed");
}

#[test]
fn a_failing_planner_can_be_skipped_or_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let mut choice = Guest::planner("unreachable").choice(&directory);
    for (on_error, jobs) in [(OnError::Skip, 0), (OnError::Builtin, 1)] {
        choice.planner.on_error = on_error;
        let policies = Door::open(None, false).unwrap().load(&choice).unwrap();
        assert_eq!(policies.planner.plan(&context(), &five(), &RANGES).unwrap().jobs.len(), jobs, "{on_error:?}");
    }
}
