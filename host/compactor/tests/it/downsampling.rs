//! What the passes of downsampling make and leave.

use lithify_compactor::{Config, RESOLUTION_1H, RESOLUTION_5M, Severity, foresee, sync};
use lithify_kit::memory::Store;

use crate::world::{Block, assert_complete, block, bucket, config, context, deletion, id, metas, run, worst};

fn on() -> Config {
    Config { downsampling: true, ..config() }
}

/// Eleven days: long enough for both copies.
fn long(number: u128) -> Block {
    block(number, 0, 264)
}

/// The resolutions of all blocks, ascending.
fn resolutions(store: &Store) -> Vec<i64> {
    let mut all: Vec<i64> = metas(store).values().map(|meta| meta.thanos.resolution).collect();
    all.sort_unstable();
    all
}

#[tokio::test]
async fn a_long_block_gets_both_copies_in_one_iteration_and_stays() {
    let store = bucket(&[long(1)]);
    let iteration = run(&store, on()).await;
    assert_eq!(worst(&iteration), None);
    assert_eq!(resolutions(&store), [0, RESOLUTION_5M, RESOLUTION_1H]);
    let [fine, coarse] = &iteration.downsampled[..] else { panic!("two copies") };
    assert_eq!((fine.source.id, coarse.source.id), (id(1), fine.result.id));
    assert_eq!(deletion(&store, id(1)), None);
    let changes = store.changes();
    let of = |id| ["chunks/000001", "index", "meta.json"].map(|file| format!("{id}/{file}"));
    assert_eq!(changes, [of(fine.result.id), of(coarse.result.id)].concat());
    assert!(run(&store, on()).await.downsampled.is_empty());
}

#[tokio::test]
async fn a_copy_has_the_meta_of_its_source_but_for_what_was_counted_anew() {
    let store = bucket(&[block(1, 0, 40)]);
    let iteration = run(&store, Config { hash_files: true, ..on() }).await;
    let mut copy = iteration.downsampled[0].result.clone();
    let source = &metas(&store)[&id(1)];
    assert_eq!(metas(&store)[&copy.id], copy);
    assert_eq!((copy.thanos.resolution, &*copy.thanos.source), (RESOLUTION_5M, "compactor"));
    assert_eq!((copy.stats.num_series, copy.stats.num_chunks), (2, 2));
    // Raw samples by kind are still those of the source.
    assert_eq!(copy.stats.num_float_samples, source.stats.num_float_samples);
    assert!(copy.stats.num_samples < source.stats.num_samples);
    assert_eq!(copy.thanos.segment_files, ["000001"]);
    assert!(copy.thanos.files[0].hash.is_some());
    (copy.id, copy.stats, copy.thanos) = (source.id, source.stats, source.thanos.clone());
    assert_eq!(copy, *source);
}

#[tokio::test]
async fn short_and_marked_blocks_get_no_copy() {
    let short = Block { labels: vec![("cluster", "us1")], ..block(2, 0, 39) };
    let store = bucket(&[block(1, 0, 40), short]);
    let mark =
        lithify_block::NoDownsampleMark { id: id(1), details: String::new(), time_seconds: 1, reason: "manual".into() };
    store.put(&format!("{}/no-downsample-mark.json", id(1)), mark.to_json());
    let iteration = run(&store, on()).await;
    assert_eq!(worst(&iteration), None);
    assert_eq!(store.changes(), [""; 0]);
}

#[tokio::test]
async fn an_unknown_resolution_fails_the_pass_before_anything_is_done() {
    let odd = Block { resolution: 124, ..block(2, 0, 2) };
    let store = bucket(&[block(1, 0, 40), odd]);
    let (severity, text) = worst(&run(&store, on()).await).unwrap();
    assert_eq!(severity, Severity::Fatal);
    assert!(text.contains(&id(2).to_string()), "{text}");
    assert_eq!(store.changes(), [""; 0]);
    assert_eq!(worst(&run(&store, config()).await), None);
}

#[tokio::test]
async fn a_block_without_labels_is_refused_before_it_is_read() {
    let store = bucket(&[Block { labels: vec![], ..block(1, 0, 40) }]);
    let (severity, _) = worst(&run(&store, on()).await).unwrap();
    assert_eq!((severity, store.changes()), (Severity::Retriable, vec![]));
}

#[tokio::test]
async fn with_a_backlog_and_a_store_that_gives_no_chunks_the_pass_ends_with_a_retry_error() {
    let cluster = |number, name| Block { labels: vec![("cluster", name)], ..block(number, 0, 40) };
    let store = bucket(&[cluster(1, "a"), cluster(2, "b"), cluster(3, "c")]);
    store.break_names_with("chunks/");
    let iteration = run(&store, on()).await;
    assert_eq!((iteration.failures.len(), worst(&iteration).unwrap().0), (1, Severity::Retriable));
    assert_eq!(iteration.failures[0].blocks, [id(1)]);
}

#[tokio::test]
async fn a_stop_leaves_nothing_visible() {
    let store = bucket(&[long(1)]);
    let cx = context(&store, on());
    cx.stop.set();
    let iteration = lithify_compactor::iterate(&cx).await;
    assert!(iteration.failures.iter().all(lithify_compactor::Failure::is_stop));
    assert_eq!(store.changes(), [""; 0]);
}

#[tokio::test]
async fn the_plan_foresees_both_copies() {
    let store = bucket(&[long(1)]);
    let cx = context(&store, on());
    let view = sync(&cx).await.unwrap();
    let foresight = foresee(&cx, view).await.unwrap();
    let due = |pass: usize| foresight.downsampling[pass].iter().filter(|copy| copy.is_due()).map(|copy| copy.target);
    assert_eq!(due(0).collect::<Vec<_>>(), [RESOLUTION_5M]);
    assert_eq!(due(1).collect::<Vec<_>>(), [RESOLUTION_1H]);
    assert_eq!(store.changes(), [""; 0]);
}

#[tokio::test]
async fn wherever_the_store_fails_the_next_run_makes_what_is_missing() {
    let count = {
        let store = bucket(&[long(1)]);
        run(&store, on()).await;
        store.operations()
    };
    for operation in 0..count {
        let store = bucket(&[long(1)]);
        store.fail_from(operation);
        run(&store, on()).await;
        assert_complete(&store);
        store.mend();
        assert_eq!(worst(&run(&store, on()).await), None, "{operation}");
        assert_eq!(resolutions(&store), [0, RESOLUTION_5M, RESOLUTION_1H], "{operation}");
    }
}
