//! Each limit, tripped on purpose. A guest that goes over one is named, with the reason, and its store is gone.

use std::time::Duration;

use lithify_block::policy::{Outcome, PolicyError};
use lithify_plugin::{Door, Limits};

use crate::{
    fixtures::{RANGES, context, five},
    guests::{Guest, limits},
};

fn asked(guest: &Guest, limits: Limits) -> PolicyError {
    let directory = tempfile::tempdir().unwrap();
    let mut choice = guest.choice(&directory);
    choice.planner.limits = limits;
    let door = Door::open(None, true).unwrap();
    let policies = door.load(&choice).unwrap();
    let error = policies.planner.plan(&context(), &five(), &RANGES).unwrap_err();
    let counted = door.metrics().calls.into_keys().map(|key| key.outcome).collect::<Vec<_>>();
    assert_eq!(counted, [error.outcome], "the outcome is counted");
    let again = policies.planner.plan(&context(), &five(), &RANGES).unwrap_err();
    assert_eq!(again, error, "the second call gets a fresh store and ends like the first");
    assert!(error.plugin.ends_with("foreign.wasm"), "{error}");
    error
}

#[track_caller]
fn check(make_plan: &str, outcome: Outcome, message: &str) {
    let error = asked(&Guest::planner(make_plan), limits());
    assert_eq!((error.outcome, error.message.as_str()), (outcome, message));
}

const ENDLESS: &str = "(loop $again (br $again)) i32.const 1024";

#[test]
fn a_guest_that_gives_up_is_a_panic() {
    check("unreachable", Outcome::Panic, "it gave up; its log lines may say why");
}

#[test]
fn a_guest_that_never_ends_runs_out_of_fuel() {
    check(ENDLESS, Outcome::OutOfFuel, "it used up its fuel of 10000000");
}

#[test]
fn a_guest_with_much_fuel_runs_into_its_deadline() {
    let limits = Limits { fuel: u64::MAX, timeout: Duration::from_millis(50), ..limits() };
    let error = asked(&Guest::planner(ENDLESS), limits);
    assert_eq!((error.outcome, error.message.as_str()), (Outcome::Deadline, "it did not answer within 50ms"));
}

#[test]
fn a_guest_that_asks_for_a_gibibyte_is_named_by_what_it_asked() {
    let grow = "(if (i32.eq (memory.grow (i32.const 16384)) (i32.const -1)) (then unreachable)) i32.const 1024";
    let error = asked(&Guest::planner(grow), limits());
    assert_eq!(error.outcome, Outcome::MemoryLimit);
    assert!(error.message.starts_with("it asked for 10740"), "{error}");
    assert!(error.message.ends_with("bytes of memory, the limit is 67108864"), "{error}");
}

#[test]
fn a_guest_that_starts_with_too_much_memory_is_not_loaded() {
    let directory = tempfile::tempdir().unwrap();
    let guest = Guest { memory: "(memory (export \"memory\") 2048)", ..Guest::planner("i32.const 1024") };
    let error = Door::open(None, false).unwrap().load(&guest.choice(&directory)).err().unwrap();
    assert_eq!(error.outcome, Outcome::MemoryLimit);
}

#[test]
fn a_guest_that_calls_itself_without_end_runs_out_of_stack() {
    let error = asked(&Guest::planner("(drop (call $deep (i32.const 0))) i32.const 1024"), limits());
    assert_eq!(error.outcome, Outcome::StackOrBounds, "{error}");
}

#[test]
fn a_guest_that_reads_outside_of_its_memory_is_stopped() {
    check("i32.const -8 i32.load", Outcome::StackOrBounds, "wasm trap: out of bounds memory access");
}

#[test]
fn an_answer_of_100_megabytes_is_not_copied() {
    // One job whose reason is a hundred megabytes long.
    let body = "(drop (memory.grow (i32.const 1600)))
        (i32.store (i32.const 1028) (i32.const 2048)) (i32.store (i32.const 1032) (i32.const 1))
        (i32.store (i32.const 2056) (i32.const 0)) (i32.store (i32.const 2060) (i32.const 100000000))
        i32.const 1024";
    let error = asked(&Guest::planner(body), Limits { memory_bytes: 256 << 20, ..limits() });
    assert_eq!(error.outcome, Outcome::AnswerTooBig, "{error}");
    assert_eq!(error.message, "its answer is larger than the limit of 1048576 bytes");
}

#[test]
fn an_answer_that_lies_outside_of_the_memory_is_bad() {
    let body =
        "(i32.store (i32.const 1028) (i32.const 2048)) (i32.store (i32.const 1032) (i32.const 100000)) i32.const 1024";
    let error = asked(&Guest::planner(body), Limits { answer_bytes: 64 << 20, ..limits() });
    assert_eq!(error.outcome, Outcome::BadAnswer, "{error}");
}

#[test]
fn a_file_larger_than_a_component_may_be_is_not_read() {
    let directory = tempfile::tempdir().unwrap();
    let path = crate::guests::write(&directory, b"");
    std::fs::File::options().write(true).open(&path).unwrap().set_len((32 << 20) + 1).unwrap();
    let error = Door::open(None, false).unwrap().load(&crate::guests::choice(&path)).err().unwrap();
    assert_eq!(error.outcome, Outcome::LoadFailed);
    assert!(error.message.ends_with("is larger than 33554432 bytes"), "{error}");
}

#[test]
fn counters_are_the_guests_own_and_bounded() {
    let directory = tempfile::tempdir().unwrap();
    let mut guest = Guest::planner(
        "(call $count (i32.const 300) (i32.const 4) (i64.const 2)) (call $count (i32.const 310) (i32.const 2) (i64.const 1))
        i32.const 1024",
    );
    guest.data = "(data (i32.const 300) \"late\") (data (i32.const 310) \"A!\")".to_owned();
    let door = Door::open(None, false).unwrap();
    let policies = door.load(&guest.choice(&directory)).unwrap();
    policies.planner.plan(&context(), &five(), &RANGES).unwrap();
    policies.planner.plan(&context(), &five(), &RANGES).unwrap();
    let counters: Vec<_> = door.metrics().counters.into_iter().map(|((_, name), value)| (name, value)).collect();
    assert_eq!(counters, [("late".to_owned(), 4)]);
}
