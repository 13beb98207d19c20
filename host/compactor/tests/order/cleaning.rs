//! What is deleted, when, in which order, and what never is.

use lithify_block::{BlockId, Timestamp};
use lithify_bucket::Operation;
use lithify_compactor::{Severity, clean_partial_uploads, delete_marked, iterate, sync};

use crate::fixtures::{HOUR, NOW, Run};

const DAY: i64 = 24 * HOUR;

#[tokio::test]
async fn a_marked_block_goes_when_its_mark_is_older_than_the_delay_and_not_before() {
    for (age, gone) in [(15 * HOUR, false), (25 * HOUR, false), (48 * HOUR, false), (48 * HOUR + 1000, true)] {
        let run = Run::new();
        let id = run.block(1, 10 * DAY, &[("a", "1")]);
        run.mark(id, age);
        let iteration = iterate(&run.cx).await;
        assert!(iteration.is_complete(), "{:?}", iteration.failures);
        assert_eq!((run.is_gone(id), run.is_whole(id)), (gone, !gone), "{age}");
        assert_eq!(iteration.deleted, usize::from(gone));
        assert_eq!(run.cx.metrics.running.blocks_cleaned.get(), u64::from(gone));
    }
}

#[tokio::test]
async fn a_delay_of_zero_lets_the_second_of_the_mark_pass() {
    let mut run = Run::new();
    run.configure(|config| config.delete_delay_ms = 0);
    let id = run.block(1, 10 * DAY, &[("a", "1")]);
    run.mark(id, 0);
    iterate(&run.cx).await;
    assert!(run.is_whole(id));
    run.clock.set(Timestamp(NOW.0 + 1));
    iterate(&run.cx).await;
    assert!(run.is_gone(id));
}

#[tokio::test]
async fn meta_json_goes_first_and_the_mark_last() {
    let run = Run::new();
    let id = run.block(1, 10 * DAY, &[("a", "1")]);
    run.store.put(&format!("{id}/no-compact-mark.json"), "{}");
    run.mark(id, 3 * DAY);
    iterate(&run.cx).await;
    let deleted: Vec<String> =
        run.store.deleted().iter().map(|name| name.trim_start_matches(&format!("{id}/")).to_owned()).collect();
    assert_eq!(deleted.first().map(String::as_str), Some("meta.json"));
    let objects: Vec<&String> = deleted.iter().filter(|name| !name.is_empty() && !name.ends_with('/')).collect();
    assert_eq!(objects.len(), 5);
    assert_eq!(objects.last().map(|name| name.as_str()), Some("deletion-mark.json"));
}

#[tokio::test]
async fn a_mark_that_names_another_block_deletes_neither() {
    let run = Run::new();
    let (id, other) = (run.block(1, 10 * DAY, &[("a", "1")]), run.block(2, 9 * DAY, &[("a", "1")]));
    run.mark_naming(id, other, 5 * DAY);
    let iteration = iterate(&run.cx).await;
    assert!(iteration.is_complete());
    assert!(run.is_whole(id) && run.is_whole(other) && run.is_marked(id) && !run.is_marked(other));
}

#[tokio::test]
async fn a_block_that_is_not_seen_is_not_deleted_however_old_its_mark() {
    let mut run = Run::new();
    run.configure(|config| {
        config.delete_delay_ms = 0;
        config.time_partition.from = lithify_compactor::Moment::FromNow(-20 * DAY);
    });
    let young = run.block(1, HOUR / 4, &[("a", "1")]);
    let outside = run.block(2, 30 * DAY, &[("a", "1")]);
    for id in [young, outside] {
        run.mark(id, 5 * DAY);
    }
    iterate(&run.cx).await;
    assert!(run.is_whole(young) && run.is_whole(outside));
    assert_eq!(run.store.deleted(), Vec::<String>::new());
}

#[tokio::test]
async fn a_deletion_that_fails_leaves_the_others_and_ends_the_iteration() {
    let run = Run::new();
    let (stuck, other) = (run.block(1, 10 * DAY, &[("a", "1")]), run.block(2, 9 * DAY, &[("a", "1")]));
    for id in [stuck, other] {
        run.mark(id, 3 * DAY);
    }
    run.store.trouble(Operation::Delete, format!("{stuck}/index"), false);
    let iteration = iterate(&run.cx).await;
    assert_eq!(iteration.severity(), Some(Severity::Fatal));
    assert_eq!(iteration.failures[0].blocks, [stuck]);
    assert!(run.is_gone(other) && run.is_marked(stuck));
    let counted = &run.cx.metrics.running;
    assert_eq!((counted.blocks_cleaned.get(), counted.cleanup_failures.get()), (1, 1));
    assert_eq!(run.cx.metrics.garbage_collections.get(), 0, "nothing comes after it");

    // What is left has no meta.json, so it is partial, and still known to be wanted gone.
    assert!(!run.store.has(&format!("{stuck}/meta.json")));
}

#[tokio::test]
async fn sources_that_were_just_deleted_get_no_new_marks() {
    let run = Run::new();
    let sources = [run.block(1, 10 * DAY, &[("a", "1")]), run.block(2, 10 * DAY - 2 * HOUR, &[("a", "1")])];
    let parent = run.changed_block(3, 9 * DAY, &[("a", "1")], |meta| {
        meta.compaction.sources = sources.to_vec();
        meta.compaction.level = 2;
        meta.range.min = Timestamp(NOW.0 - 11 * DAY);
    });
    let unmarked = run.block(4, 10 * DAY - 4 * HOUR, &[("b", "1")]);
    for id in sources {
        run.mark(id, 3 * DAY);
    }
    iterate(&run.cx).await;
    assert!(sources.iter().all(|id| run.is_gone(*id)));
    assert!(run.is_whole(parent) && !run.is_marked(parent) && !run.is_marked(unmarked));
}

#[tokio::test]
async fn when_told_to_stop_no_further_block_is_deleted() {
    let run = Run::new();
    let id = run.block(1, 10 * DAY, &[("a", "1")]);
    run.mark(id, 3 * DAY);
    let view = sync(&run.cx).await.unwrap();
    run.cx.stop.set();
    let (gone, deleted) = delete_marked(&run.cx, &view).await;
    assert!(gone.is_empty() && deleted.unwrap_err().is_stop() && run.is_whole(id));
}

/// A partial block whose objects were written so long ago.
fn partial(run: &Run, number: u128, ages: &[i64]) -> BlockId {
    let id = BlockId::from_parts(Timestamp(NOW.0 - 60 * DAY), number);
    for (file, age) in ages.iter().enumerate() {
        run.store.put_at(&format!("{id}/chunks/{file:06}"), "x", Timestamp(NOW.0 - age));
    }
    id
}

#[tokio::test]
async fn a_partial_block_goes_when_nothing_was_written_to_it_for_48_hours() {
    let run = Run::new();
    let old = partial(&run, 1, &[49 * HOUR, 60 * HOUR]);
    let fresh = partial(&run, 2, &[60 * HOUR, HOUR]);
    let at_the_limit = partial(&run, 3, &[48 * HOUR]);
    let corrupt = partial(&run, 4, &[50 * HOUR]);
    run.store.put_at(&format!("{corrupt}/meta.json"), "{ not a json", Timestamp(NOW.0 - 50 * HOUR));
    let marked = partial(&run, 5, &[50 * HOUR]);
    run.store.put_at(&format!("{marked}/deletion-mark.json"), "{}", Timestamp(NOW.0 - 50 * HOUR));
    let iteration = iterate(&run.cx).await;
    assert!(iteration.is_complete());
    for id in [old, corrupt, marked] {
        assert!(run.is_gone(id), "{id}");
    }
    for id in [fresh, at_the_limit] {
        assert!(!run.is_gone(id), "{id}");
    }
    let counted = &run.cx.metrics.running;
    assert_eq!((counted.partial_attempts.get(), counted.blocks_cleaned.get(), counted.cleanup_loops.get()), (3, 3, 1));
}

#[tokio::test]
async fn a_partial_block_is_cleaned_and_counted_once() {
    let run = Run::new();
    let ours = partial(&run, 1, &[50 * HOUR]);
    let theirs = partial(&run, 2, &[50 * HOUR]);
    sync(&run.cx).await.unwrap();
    // Somebody else is faster with one of them.
    let file = format!("{theirs}/chunks/000000");
    lithify_bucket::Bucket::delete(&run.store, &file).await.unwrap();
    for _ in 0..3 {
        clean_partial_uploads(&run.cx).await;
    }
    assert!(run.is_gone(ours));
    let counted = &run.cx.metrics.running;
    assert_eq!((counted.partial_attempts.get(), counted.blocks_cleaned.get(), counted.cleanup_loops.get()), (1, 1, 3));
}

#[tokio::test]
async fn a_partial_block_that_was_completed_since_the_sync_stays() {
    let run = Run::new();
    let id = partial(&run, 1, &[50 * HOUR]);
    sync(&run.cx).await.unwrap();
    run.store.put(&format!("{id}/meta.json"), "{}");
    clean_partial_uploads(&run.cx).await;
    assert_eq!(run.store.names(&id.to_string()).len(), 2);
}

#[tokio::test]
async fn a_partial_block_that_cannot_be_listed_or_deleted_is_tried_again() {
    let run = Run::new();
    let id = partial(&run, 1, &[50 * HOUR]);
    sync(&run.cx).await.unwrap();
    run.store.trouble(Operation::Iter, id, false);
    clean_partial_uploads(&run.cx).await;
    let counted = &run.cx.metrics.running;
    assert_eq!((counted.partial_attempts.get(), counted.cleanup_failures.get()), (0, 0), "nothing proves its age");

    run.store.mend();
    run.store.trouble(Operation::Delete, id, false);
    clean_partial_uploads(&run.cx).await;
    assert_eq!((counted.partial_attempts.get(), counted.cleanup_failures.get()), (1, 1));

    run.store.mend();
    clean_partial_uploads(&run.cx).await;
    assert_eq!((counted.partial_attempts.get(), counted.blocks_cleaned.get()), (2, 1));
    assert!(run.is_gone(id));
}

#[tokio::test]
async fn misnamed_blocks_and_foreign_objects_are_never_cleaned() {
    let run = Run::new();
    let id = BlockId::from_parts(Timestamp(NOW.0 - 60 * DAY), 1);
    run.changed_block(2, 60 * DAY, &[("a", "1")], |_| {});
    let misnamed = run.changed_block(3, 60 * DAY, &[("b", "1")], |meta| meta.id = id);
    for name in ["debug/metas/x", "01JN8BG9006V1WHJJWFFNSHB7N", "01jn8bg9006v1whjjwffnshb7n/index"] {
        run.store.put_at(name, "x", Timestamp(0));
    }
    let before = run.store.names("");
    iterate(&run.cx).await;
    assert_eq!(run.store.names(""), before);
    assert!(run.is_whole(misnamed));
}
