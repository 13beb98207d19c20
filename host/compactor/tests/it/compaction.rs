//! What compaction makes of overlaps, broken blocks and blocks without samples.

use std::{collections::BTreeSet, sync::Arc};

use lithify_block::{
    BlockId, Group, Overlaps, TimeRange,
    policy::{self, Plan, PlannedJob, PlannedMark, Planner, PolicyError},
};
use lithify_compactor::{Config, ReplicaLabels, Severity, iterate};

use crate::world::{Block, HOUR, assert_complete, block, bucket, config, context, deletion, id, metas, run, worst};

fn vertical() -> Config {
    Config { overlaps: Overlaps::Merge, ..config() }
}

#[tokio::test]
async fn a_result_lists_its_parents_and_becomes_visible_after_its_files() {
    let store = bucket(&[block(1, 0, 2), block(2, 2, 4)]);
    let iteration = run(&store, config()).await;
    assert_eq!(worst(&iteration), None);
    let result = iteration.outcomes[0].result.as_ref().unwrap();
    assert_eq!(result.range, TimeRange::new(0, 4 * HOUR));
    assert_eq!(result.compaction.parents.iter().map(|parent| parent.id).collect::<Vec<_>>(), [id(1), id(2)]);
    assert_eq!(result.stats.num_samples, 24);
    let mut changes = store.changes();
    changes[3..].sort();
    let of_result = ["chunks/000001", "index", "meta.json"].map(|file| format!("{}/{file}", result.id));
    let marks = [1, 2].map(|number| format!("{}/deletion-mark.json", id(number)));
    assert_eq!(changes, [&of_result[..], &marks[..]].concat());
    assert_eq!(deletion(&store, id(1)).as_deref(), Some("source of compacted block"));
}

#[tokio::test]
async fn overlaps_halt_without_vertical_compaction_and_nothing_changes() {
    let store = bucket(&[block(1, 0, 2), block(2, 1, 3)]);
    let (severity, text) = worst(&run(&store, config()).await).unwrap();
    assert_eq!(severity, Severity::Halting);
    assert!(text.contains("--compact.enable-vertical-compaction"), "{text}");
    assert_eq!(store.changes(), [""; 0]);
}

#[tokio::test]
async fn replicas_lose_their_label_and_become_one_block() {
    let replica = |number, name| Block { labels: vec![("cluster", "eu1"), ("replica", name)], ..block(number, 0, 2) };
    let store = bucket(&[replica(1, "a"), replica(2, "b")]);
    let replica_labels = ReplicaLabels::new(["replica".to_owned()]);
    let iteration = run(&store, Config { replica_labels, ..vertical() }).await;
    assert_eq!(worst(&iteration), None);
    let result = iteration.outcomes[0].result.as_ref().unwrap();
    assert_eq!(result.thanos.labels.to_string(), r#"{cluster="eu1"}"#);
    assert_eq!((result.stats.num_samples, result.stats.num_series), (12, 2));
}

#[tokio::test]
async fn digests_are_recorded_on_request() {
    let store = bucket(&[block(1, 0, 2), block(2, 2, 4)]);
    let iteration = run(&store, Config { hash_files: true, ..config() }).await;
    let files = &iteration.outcomes[0].result.as_ref().unwrap().thanos.files;
    let hashed: Vec<_> = files.iter().map(|file| (file.rel_path.as_str(), file.hash.is_some())).collect();
    assert_eq!(hashed, [("chunks/000001", true), ("index", true), ("meta.json", false)]);
    assert!(files[0].hash.as_ref().unwrap().value.chars().all(|digit| digit.is_ascii_hexdigit()));
}

#[tokio::test]
async fn a_block_of_issue_347_is_repaired_once_and_merged_in_the_next_pass() {
    let broken = Block { issue_347: true, ..block(2, 2, 4) };
    let store = bucket(&[block(1, 0, 2), broken]);
    let iteration = run(&store, config()).await;
    assert_eq!(worst(&iteration), None);
    assert_eq!(deletion(&store, id(2)).as_deref(), Some("source of repaired block"));
    let metas = metas(&store);
    let repaired: Vec<_> = metas.values().filter(|meta| meta.thanos.source == "compactor.repair").collect();
    assert_eq!(repaired.len(), 1);
    assert_eq!((repaired[0].compaction.level, &*repaired[0].compaction.sources), (1, &[id(2)][..]));
    assert_eq!(repaired[0].stats.num_samples, 12);
    let result = iteration.outcomes[0].result.as_ref().unwrap();
    let parents: Vec<BlockId> = result.compaction.parents.iter().map(|parent| parent.id).collect();
    assert_eq!(parents, [id(1), repaired[0].id]);
    assert_eq!(iteration.outcomes.len(), 1);
}

#[tokio::test]
async fn a_downsampled_block_of_issue_347_is_not_repaired() {
    let copy = |number, from| Block { resolution: 300_000, ..block(number, from, from + 2) };
    let store = bucket(&[copy(1, 0), Block { issue_347: true, ..copy(2, 2) }]);
    let iteration = run(&store, config()).await;
    assert_eq!(worst(&iteration).unwrap().0, Severity::Fatal);
    assert_eq!(store.changes(), [""; 0]);
}

#[tokio::test]
async fn blocks_without_samples_are_marked_once_and_not_planned_again() {
    let empty = |number, from| Block { series: vec![], ..block(number, from, from + 2) };
    let store = bucket(&[empty(1, 0), empty(2, 2)]);
    let iteration = run(&store, config()).await;
    assert_eq!(worst(&iteration), None);
    assert_eq!((iteration.passes, iteration.outcomes.len()), (2, 1));
    let marks = [1, 2].map(|number| format!("{}/deletion-mark.json", id(number)));
    assert_eq!(store.changes().into_iter().collect::<BTreeSet<_>>(), marks.into());
}

#[tokio::test]
async fn samples_that_are_claimed_and_not_there_halt_and_nothing_is_marked() {
    let hollow = Block { series: vec![], claimed_samples: 7, ..block(1, 0, 2) };
    let store = bucket(&[hollow, Block { series: vec![], ..block(2, 2, 4) }]);
    let (severity, text) = worst(&run(&store, config()).await).unwrap();
    assert_eq!(severity, Severity::Halting);
    assert!(text.contains(&format!("block {} claims 7", id(1))), "{text}");
    assert_eq!(store.changes(), [""; 0]);
}

#[tokio::test]
async fn wherever_the_store_fails_the_next_run_ends_as_ever() {
    let blocks = [block(1, 0, 2), Block { issue_347: true, ..block(2, 2, 4) }];
    let count = {
        let store = bucket(&blocks);
        run(&store, config()).await;
        store.operations()
    };
    for operation in 0..count {
        let store = bucket(&blocks);
        store.fail_from(operation);
        run(&store, config()).await;
        assert_complete(&store);
        store.mend();
        let iteration = run(&store, config()).await;
        assert_eq!(worst(&iteration), None, "{operation}");
        let metas = metas(&store);
        let left: Vec<_> = metas.iter().filter(|(id, _)| deletion(&store, **id).is_none()).collect();
        let samples: Vec<_> = left.iter().map(|(_, meta)| meta.stats.num_samples).collect();
        assert_eq!(samples, [24], "{operation}: {left:?}");
    }
}

/// Marks the first block that has no mark, until only two are left, which it merges.
struct OneMarkAtATime;

impl Planner for OneMarkAtATime {
    fn plan(&self, _: &policy::Context, group: &Group, _: &[i64]) -> Result<Plan, PolicyError> {
        let unmarked = |position: &usize| group.blocks[*position].no_compact.is_none();
        let blocks: Vec<usize> = (0..group.blocks.len()).filter(unmarked).collect();
        let reason = "one".to_owned();
        Ok(match blocks.as_slice() {
            [block, _, _, ..] => {
                let mark = PlannedMark { block: *block, reason, details: String::new() };
                Plan { no_compact: vec![mark], ..Plan::default() }
            }
            [_, _] => Plan { jobs: vec![PlannedJob { blocks, reason }], ..Plan::default() },
            _ => Plan::default(),
        })
    }
}

#[tokio::test]
async fn a_planner_that_only_marks_is_asked_again_in_the_same_pass() {
    let store = bucket(&[block(1, 0, 2), block(2, 2, 4), block(3, 4, 6), block(4, 6, 8)]);
    let mut cx = context(&store, config());
    cx.policies.planner = Arc::new(OneMarkAtATime);
    let iteration = iterate(&cx).await;
    let sources: Vec<_> = iteration.outcomes[0].sources.iter().map(|block| block.id).collect();
    assert_eq!((sources, iteration.passes), (vec![id(3), id(4)], 2));
    let marked = [1, 2, 3, 4].map(|number| store.text(&format!("{}/no-compact-mark.json", id(number))).is_some());
    assert_eq!(marked, [true, true, false, false]);
}

#[tokio::test]
async fn marks_of_an_earlier_answer_are_written_though_nothing_is_left_to_be_planned() {
    let empty = |number, from| Block { series: vec![], ..block(number, from, from + 2) };
    let store = bucket(&[block(1, 0, 2), empty(2, 2), empty(3, 4)]);
    for spent in [2, 3].map(id) {
        let mark = format!(r#"{{"id":"{spent}","version":1,"deletion_time":999999999,"details":""}}"#);
        store.put(&format!("{spent}/deletion-mark.json"), mark);
    }
    let mut cx = context(&store, config());
    cx.policies.planner = Arc::new(OneMarkAtATime);
    let iteration = iterate(&cx).await;
    assert_eq!((worst(&iteration), iteration.outcomes.len()), (None, 0));
    assert_eq!(store.changes(), [format!("{}/no-compact-mark.json", id(1))]);
}
