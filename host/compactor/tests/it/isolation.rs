//! One broken block costs one block, one failing group costs one group.

use std::sync::Arc;

use lithify_block::{
    BlockId, Group, NoCompactMark,
    policy::{self, Outcome, Plan, Planner, PolicyError},
};
use lithify_compactor::{Config, Context, Iteration, Severity, iterate};
use lithify_kit::memory::Store;

use crate::world::{Block, HOUR, block, bucket, config, context, deletion, id, metas, worst};

fn isolating() -> Config {
    Config { isolate_failures: true, ..config() }
}

/// The sources of what was made, by result.
fn merged(iteration: &Iteration) -> Vec<Vec<BlockId>> {
    let sources = |sources: &[lithify_block::BlockFacts]| sources.iter().map(|block| block.id).collect();
    iteration.outcomes.iter().map(|outcome| sources(&outcome.sources)).collect()
}

/// What was left out: how bad it is, and its text.
fn left_out(iteration: &Iteration) -> Vec<(Severity, String)> {
    iteration.left_out.iter().map(|failure| (failure.severity(), failure.chain())).collect()
}

fn truncate_index(store: &Store, number: u128) {
    let index = format!("{}/index", id(number));
    let content = store.objects().remove(&index).unwrap();
    store.put(&index, content.slice(..content.len() - 3));
}

fn of(cluster: &'static str, block: Block) -> Block {
    Block { labels: vec![("cluster", cluster)], ..block }
}

fn gauge(cx: &Context) -> (i64, i64) {
    let left_out = &cx.metrics.running.left_out;
    (left_out.with_label_values(&["block", "index"]).get(), left_out.with_label_values(&["group", "overlap"]).get())
}

#[tokio::test]
async fn a_broken_block_is_left_out_and_the_rest_of_its_group_goes_on() {
    let store = bucket(&[block(1, 0, 2), block(2, 2, 4), block(3, 4, 6)]);
    truncate_index(&store, 1);
    let cx = context(&store, isolating());
    let iteration = iterate(&cx).await;
    assert_eq!(worst(&iteration), None);
    assert_eq!(merged(&iteration), [[id(2), id(3)]]);
    let left_out = left_out(&iteration);
    assert_eq!((left_out.len(), left_out[0].0), (1, Severity::Fatal));
    assert!(left_out[0].1.contains(&format!("block {}: index", id(1))), "{left_out:?}");
    assert_eq!(deletion(&store, id(1)), None);
    assert!(!iteration.is_complete());
    assert_eq!(gauge(&cx), (1, 0));
}

#[tokio::test]
async fn a_broken_block_is_reported_again_but_not_read_again_until_one_of_its_objects_changes() {
    let store = bucket(&[block(1, 0, 2), block(2, 2, 4)]);
    let whole = store.objects().remove(&format!("{}/index", id(2))).unwrap();
    truncate_index(&store, 2);
    let cx = context(&store, isolating());
    iterate(&cx).await;
    store.break_names_with("/index");
    let again = iterate(&cx).await;
    assert_eq!((worst(&again), left_out(&again).len(), again.outcomes.len()), (None, 1, 0));
    store.mend();
    store.put(&format!("{}/index", id(2)), whole);
    let mended = iterate(&cx).await;
    assert!(mended.is_complete(), "{:?}", mended.left_out);
    assert_eq!(merged(&mended), [[id(1), id(2)]]);
    assert_eq!(gauge(&cx), (0, 0));
}

#[tokio::test]
async fn a_group_whose_blocks_overlap_is_left_out_and_the_others_go_on() {
    let healthy = [of("us1", block(3, 0, 2)), of("us1", block(4, 2, 4))];
    let store = bucket(&[block(1, 0, 2), block(2, 1, 3)]);
    healthy.iter().for_each(|block| block.put(&store));
    let cx = context(&store, isolating());
    let iteration = iterate(&cx).await;
    assert_eq!(worst(&iteration), None);
    assert_eq!(merged(&iteration), [[id(3), id(4)]]);
    let left_out = left_out(&iteration);
    assert_eq!((left_out.len(), left_out[0].0), (1, Severity::Halting));
    assert_eq!(gauge(&cx), (0, 1));
}

#[tokio::test]
async fn a_block_of_an_unknown_version_keeps_its_place_and_is_never_deleted() {
    let store = bucket(&[block(1, 0, 2), block(2, 2, 4), block(3, 4, 6)]);
    store.put(&format!("{}/deletion-mark.json", id(2)), r#"{"version":2,"deletion_time":1}"#);
    let old = lithify_block::DeletionMark::new(id(3), "", lithify_block::Timestamp(1000));
    store.put(&format!("{}/deletion-mark.json", id(3)), old.to_json());
    let mut meta = store.text(&format!("{}/meta.json", id(3))).unwrap();
    meta = meta.replacen("\"version\": 1", "\"version\": 20", 1);
    store.put(&format!("{}/meta.json", id(3)), meta);
    let iteration = iterate(&context(&store, isolating())).await;
    assert_eq!(worst(&iteration), None);
    assert_eq!((iteration.deleted, left_out(&iteration).len(), iteration.outcomes.len()), (0, 2, 0));
    let without = iterate(&context(&store, config())).await;
    assert_eq!(worst(&without).unwrap().0, Severity::Retriable);
}

#[tokio::test]
async fn a_block_that_cannot_be_downsampled_does_not_keep_others_from_it() {
    let store =
        bucket(&[block(1, 0, 40), of("us1", block(2, 0, 40)), of("us2", Block { resolution: 124, ..block(3, 0, 2) })]);
    let chunks = format!("{}/chunks/000001", id(1));
    let content = store.objects().remove(&chunks).unwrap();
    store.put(&chunks, content.slice(..content.len() - 3));
    let cx = context(&store, Config { downsampling: true, ..isolating() });
    let iteration = iterate(&cx).await;
    assert_eq!(worst(&iteration), None);
    let copies: Vec<_> = iteration.downsampled.iter().map(|copy| copy.source.id).collect();
    assert_eq!(copies[0], id(2));
    assert_eq!(left_out(&iteration).len(), 2, "{:?}", left_out(&iteration));
}

#[tokio::test]
async fn sources_stay_while_the_block_that_holds_their_samples_is_broken() {
    let store = bucket(&[block(1, 0, 2), block(2, 2, 4), block(4, 4, 6)]);
    let cx = context(&store, isolating());
    let iteration = iterate(&cx).await;
    let result = iteration.outcomes[0].result.as_ref().unwrap().id;
    for number in [1, 2, 4] {
        store.remove(&format!("{}/deletion-mark.json", id(number)));
    }
    block(5, 6, 8).put(&store);
    let index = format!("{result}/index");
    let content = store.objects().remove(&index).unwrap();
    store.put(&index, content.slice(..content.len() - 3));
    // The first pass still believes the block; what it marks is undone to see what the next one does.
    let found = iterate(&cx).await;
    assert_eq!(left_out(&found).len(), 1);
    for number in [1, 2, 4] {
        store.remove(&format!("{}/deletion-mark.json", id(number)));
    }
    iterate(&cx).await;
    assert_eq!([1, 2, 4].map(|number| deletion(&store, id(number))), [None, None, None]);
}

#[tokio::test]
async fn a_mark_of_a_person_ends_the_matter() {
    let store = bucket(&[block(1, 0, 2), block(2, 2, 4)]);
    truncate_index(&store, 2);
    let cx = context(&store, isolating());
    iterate(&cx).await;
    let mark = NoCompactMark { id: id(2), details: String::new(), time_seconds: 1, reason: "manual".into() };
    store.put(&format!("{}/no-compact-mark.json", id(2)), mark.to_json());
    let iteration = iterate(&cx).await;
    assert!(iteration.is_complete());
    assert_eq!(metas(&store).len(), 2);
    assert_eq!(metas(&store)[&id(2)].range.max.0, 4 * HOUR);
}

/// Refuses whatever it is asked, or traps.
struct Failing(Outcome);

impl Planner for Failing {
    fn plan(&self, _: &policy::Context, _: &Group, _: &[i64]) -> Result<Plan, PolicyError> {
        let (plugin, message) = ("failing".to_owned(), "no".to_owned());
        Err(PolicyError { kind: "planner", plugin, outcome: self.0, message })
    }
}

#[tokio::test]
async fn a_planner_that_traps_is_not_put_down_to_a_block_without_an_index() {
    for (outcome, reason) in [(Outcome::PluginError, "missing-object"), (Outcome::StackOrBounds, "policy")] {
        let store = bucket(&[block(1, 0, 2), block(2, 2, 4)]);
        let name = format!("{}/meta.json", id(2));
        let mut meta = metas(&store).remove(&id(2)).unwrap();
        meta.thanos.files.clear();
        store.put(&name, meta.to_json());
        store.remove(&format!("{}/index", id(2)));
        let mut cx = context(&store, isolating());
        cx.policies.planner = Arc::new(Failing(outcome));
        let iteration = iterate(&cx).await;
        let reasons: Vec<_> = iteration.left_out.iter().map(|failure| failure.reason()).collect();
        assert_eq!(reasons.first(), Some(&reason), "{outcome}");
    }
}
