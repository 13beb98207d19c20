//! The loop: what each kind of failure does, and how it ends in every state.

use std::time::Duration;

use lithify_bucket::Operation;
use lithify_compactor::{Ending, Repetition, Severity, TodoMetrics, iterate, repeat};
use prometheus::Registry;
use tokio::{task::JoinHandle, time::timeout};

use crate::fixtures::{HOUR, Run};

const DAY: i64 = 24 * HOUR;

/// Longest that any test may take before it counts as hung.
const PATIENCE: Duration = Duration::from_secs(60);

fn quick() -> Repetition {
    Repetition {
        interval: Duration::from_millis(1),
        cleanup_interval: None,
        progress_interval: None,
        halt_on_error: true,
    }
}

fn start(run: &Run, repetition: Repetition) -> JoinHandle<Ending> {
    let cx = run.cx.clone();
    tokio::spawn(async move { repeat(&cx, repetition, None).await })
}

/// Lets the others work until something is so.
async fn until(what: &str, is_so: impl Fn() -> bool) {
    let waiting = async {
        while !is_so() {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("waited in vain for: {what}"));
}

async fn ending(running: JoinHandle<Ending>) -> Ending {
    timeout(PATIENCE, running).await.expect("the loop hangs").unwrap()
}

/// Two blocks that share time and must not.
fn overlap(run: &Run) {
    run.block(1, 10 * DAY, &[("a", "1")]);
    run.block(2, 10 * DAY - HOUR, &[("a", "1")]);
}

#[tokio::test]
async fn iterations_follow_each_other_until_it_is_told_to_stop() {
    let run = Run::new();
    let running = start(&run, quick());
    until("three iterations", || run.cx.metrics.running.iterations.get() >= 3).await;
    run.cx.stop.set();
    assert!(matches!(ending(running).await, Ending::Stopped));
    assert_eq!(run.cx.metrics.running.retries.get(), 0);
}

#[tokio::test]
async fn it_stops_while_it_waits_for_the_next_iteration() {
    let run = Run::new();
    let running = start(&run, Repetition { interval: Duration::from_secs(86_400), ..quick() });
    until("an iteration", || run.cx.metrics.running.iterations.get() == 1).await;
    run.cx.stop.set();
    assert!(matches!(ending(running).await, Ending::Stopped));
}

#[tokio::test]
async fn it_stops_in_the_middle_of_a_sync_that_never_ends() {
    let run = Run::new();
    run.store.trouble(Operation::Iter, "", true);
    let running = start(&run, quick());
    until("a listing", || run.store.operations() > 0).await;
    run.cx.stop.set();
    assert!(matches!(ending(running).await, Ending::Stopped));
}

#[tokio::test]
async fn it_stops_in_the_middle_of_a_deletion_that_never_ends() {
    let run = Run::new();
    let id = run.block(1, 10 * DAY, &[("a", "1")]);
    run.mark(id, 3 * DAY);
    run.store.trouble(Operation::Delete, format!("{id}/index"), true);
    let running = start(&run, quick());
    until("the deletion", || !run.store.has(&format!("{id}/meta.json"))).await;
    run.cx.stop.set();
    assert!(matches!(ending(running).await, Ending::Stopped));
    assert!(run.is_marked(id));
    assert_eq!(run.cx.metrics.running.cleanup_failures.get(), 0, "being told to stop is no failure");
}

#[tokio::test]
async fn trouble_that_may_pass_is_counted_and_tried_again() {
    let run = Run::new();
    run.store.trouble(Operation::Iter, "", false);
    let running = start(&run, quick());
    until("two retries", || run.cx.metrics.running.retries.get() >= 2).await;
    assert_eq!(run.cx.metrics.running.iterations.get(), 0);
    run.store.mend();
    until("an iteration", || run.cx.metrics.running.iterations.get() >= 1).await;
    run.cx.stop.set();
    assert!(matches!(ending(running).await, Ending::Stopped));
    assert_eq!(run.cx.metrics.running.halted.get(), 0);
}

#[tokio::test]
async fn it_stops_between_retries() {
    let run = Run::new();
    run.store.trouble(Operation::Iter, "", false);
    let running = start(&run, Repetition { interval: Duration::from_secs(86_400), ..quick() });
    until("a retry", || run.cx.metrics.running.retries.get() == 1).await;
    run.cx.stop.set();
    assert!(matches!(ending(running).await, Ending::Stopped));
}

#[tokio::test]
async fn a_sync_that_takes_longer_than_its_deadline_is_trouble_that_may_pass() {
    let mut run = Run::new();
    run.configure(|config| config.sync_deadline = Some(Duration::from_millis(1)));
    run.store.trouble(Operation::Iter, "", true);
    let running = start(&run, quick());
    until("two retries", || run.cx.metrics.running.retries.get() >= 2).await;
    run.cx.stop.set();
    assert!(matches!(ending(running).await, Ending::Stopped));
    assert!(run.cx.metrics.sync_failures.get() >= 2);
}

#[tokio::test]
async fn after_an_error_that_a_person_must_see_nothing_more_is_touched_until_it_is_told_to_stop() {
    let run = Run::new();
    overlap(&run);
    let running = start(&run, quick());
    until("the halt", || run.cx.metrics.running.halted.get() == 1).await;
    let asked = run.store.operations();
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
    assert_eq!(run.store.operations(), asked);
    assert_eq!((run.cx.metrics.running.iterations.get(), run.cx.metrics.running.retries.get()), (0, 0));
    run.cx.stop.set();
    assert!(matches!(ending(running).await, Ending::Stopped));
    assert_eq!(run.cx.metrics.running.halted.get(), 1);
}

#[tokio::test]
async fn cleaning_goes_on_while_it_is_halted() {
    let run = Run::new();
    overlap(&run);
    let running = start(&run, Repetition { cleanup_interval: Some(Duration::from_millis(1)), ..quick() });
    until("the halt", || run.cx.metrics.running.halted.get() == 1).await;
    let cleanings = run.cx.metrics.running.cleanup_loops.get();
    until("more cleanings", || run.cx.metrics.running.cleanup_loops.get() >= cleanings + 2).await;
    run.cx.stop.set();
    assert!(matches!(ending(running).await, Ending::Stopped));
}

#[tokio::test]
async fn without_halting_the_same_error_ends_it() {
    let run = Run::new();
    overlap(&run);
    let Ending::Failed(failures) = ending(start(&run, Repetition { halt_on_error: false, ..quick() })).await else {
        panic!("it stopped")
    };
    assert_eq!(failures[0].severity(), Severity::Halting);
    assert_eq!(run.cx.metrics.running.halted.get(), 0);
}

#[tokio::test]
async fn an_error_that_no_iteration_mends_ends_it_and_what_works_beside_it() {
    let run = Run::new();
    run.block(1, 10 * DAY, &[("fails", "1")]);
    run.block(2, 9 * DAY, &[("fails", "1")]);
    let repetition = Repetition { cleanup_interval: Some(Duration::from_secs(86_400)), ..quick() };
    let Ending::Failed(failures) = ending(start(&run, repetition)).await else { panic!("it stopped") };
    assert_eq!(failures[0].severity(), Severity::Fatal);
    assert!(run.cx.stop.is_set());
}

#[tokio::test]
async fn an_iteration_that_was_told_to_stop_is_not_complete() {
    let run = Run::new();
    run.cx.stop.set();
    let iteration = iterate(&run.cx).await;
    assert!(!iteration.is_complete() && iteration.failures.iter().all(lithify_compactor::Failure::is_stop));
}

#[tokio::test]
async fn the_work_ahead_is_counted_also_where_a_run_would_halt() {
    let run = Run::new();
    overlap(&run);
    let todo = TodoMetrics::register(&Registry::new(), true).unwrap();
    let (cx, gauges) = (run.cx.clone(), todo.clone());
    let repetition = Repetition { progress_interval: Some(Duration::from_millis(1)), ..quick() };
    let running = tokio::spawn(async move { repeat(&cx, repetition, Some(gauges)).await });
    until("the count", || todo.compactions.get() == 1).await;
    assert_eq!((todo.compaction_blocks.get(), todo.deletion_blocks.get()), (2, 0));
    run.cx.stop.set();
    assert!(matches!(ending(running).await, Ending::Stopped));
}

/// A bucket with a block of a resolution that nobody writes: compaction does not mind, the count does.
fn uncountable(isolate_failures: bool) -> Run {
    let mut run = Run::new();
    run.configure(|config| (config.downsampling, config.isolate_failures) = (true, isolate_failures));
    run.changed_block(1, 10 * DAY, &[("a", "1")], |meta| meta.thanos.resolution = 124);
    run
}

#[tokio::test]
async fn a_count_that_fails_for_good_does_not_end_a_process_that_leaves_out_what_fails() {
    let run = uncountable(true);
    let todo = TodoMetrics::register(&Registry::new(), true).unwrap();
    let repetition = Repetition { progress_interval: Some(Duration::from_millis(1)), ..quick() };
    let cx = run.cx.clone();
    let running = tokio::spawn(async move { repeat(&cx, repetition, Some(todo)).await });
    until("many looks at the bucket", || run.cx.metrics.syncs.get() >= 20).await;
    run.cx.stop.set();
    assert!(matches!(ending(running).await, Ending::Stopped));
    assert_eq!(run.cx.metrics.running.retries.get(), 0);
}

#[tokio::test]
async fn a_count_that_fails_for_good_ends_the_process() {
    let run = uncountable(false);
    let todo = TodoMetrics::register(&Registry::new(), true).unwrap();
    let repetition = Repetition { progress_interval: Some(Duration::from_millis(1)), ..quick() };
    let ended = timeout(PATIENCE, repeat(&run.cx, repetition, Some(todo))).await.expect("it hangs");
    assert!(matches!(ended, Ending::Failed(_)));
}
