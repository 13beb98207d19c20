//! What a policy costs: a call, and the way to it.
//!
//! `cargo bench -p lithify-plugin`

use std::{hint::black_box, path::Path, time::Duration};

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use lithify_block::{BlockFacts, BlockId, Group, Labels, Meta, TimeRange, Timestamp, policy::Context};
use lithify_plugin::{Choice, Door, Kind, Policies, Settings};
use serde_json::json;

const HOUR: i64 = 3_600_000;
const RANGES: [i64; 5] = [HOUR, 2 * HOUR, 8 * HOUR, 48 * HOUR, 336 * HOUR];

fn context() -> Context {
    Context { now: Timestamp(0), run_id: "bench".to_owned(), dry_run: false, shard: None }
}

/// Blocks of two hours, one behind the other, each with four labels and four sources.
fn blocks(count: u32) -> Vec<BlockFacts> {
    let labels: Labels =
        [("cluster", "eu1"), ("region", "europe-west"), ("replica", "a"), ("tenant", "t1")].into_iter().collect();
    let id = |n: u32| BlockId::from_parts(Timestamp(i64::from(n)), 0);
    let block = |n: u32| {
        let mut meta = Meta::from_json(b"{\"version\":1}").expect("a meta.json");
        meta.id = id(n);
        meta.range = TimeRange::new(i64::from(2 * n) * HOUR, i64::from(2 * n + 2) * HOUR);
        meta.compaction.sources = (0..4).map(|i| id(4 * n + i)).collect();
        meta.thanos.labels = labels.clone();
        meta.thanos.source = "sidecar".to_owned();
        BlockFacts {
            id: id(n),
            meta,
            index_size_bytes: Some(1000),
            size_bytes: Some(100_000),
            uploaded_at: None,
            no_compact: None,
            no_downsample: None,
            deletion_marked_at: None,
        }
    };
    (0..count).map(block).collect()
}

fn choice(selector: bool) -> Choice {
    let rule = json!({"source_labels": ["cluster"], "regex": "eu.*", "action": "keep"});
    let planner = Settings::builtin("tsdb", &json!({}));
    let downsampler = Settings::builtin("five-aggregates", &json!({})).usual_for(Kind::Downsampler);
    Choice {
        selector: selector.then(|| Settings::builtin("relabel", &json!({ "rules": [rule] }))),
        grouper: Settings::builtin("external-labels", &json!({})),
        planner: planner.clone(),
        builtin_planner: planner,
        downsampler: downsampler.clone(),
        builtin_downsampler: downsampler,
        retention: Vec::new(),
    }
}

fn door(data_directory: Option<&Path>) -> Door {
    Door::open(data_directory, false).expect("an engine")
}

fn load(door: &Door, selector: bool) -> Policies {
    door.load(&choice(selector)).expect("the built-ins load")
}

fn calls(criterion: &mut Criterion) {
    let door = door(None);
    let policies = load(&door, true);
    let labels: Labels = [("cluster", "eu1")].into_iter().collect();
    let group = |count| Group::new("0@1".to_owned(), labels.clone(), 0, blocks(count));
    for count in [0, 5, 10_000] {
        let group = group(count);
        criterion.bench_function(&format!("call/plan_{count}_blocks"), |bencher| {
            bencher.iter(|| policies.planner.plan(&context(), black_box(&group), &RANGES).expect("a plan"));
        });
    }
    let blocks = blocks(10_000);
    criterion.bench_function("call/group_10000_blocks", |bencher| {
        bencher.iter(|| policies.grouper.group(&context(), black_box(&blocks)).expect("groups"));
    });
    let sets: Vec<Labels> = blocks.iter().map(|block| block.meta.thanos.labels.clone()).collect();
    let selector = policies.selector.as_ref().expect("there are rules");
    criterion.bench_function("call/select_10000_blocks", |bencher| {
        bencher.iter(|| selector.select(&context(), black_box(&sets)).expect("a selection"));
    });
}

fn loads(criterion: &mut Criterion) {
    for (name, selector) in [("planner_grouper", false), ("planner_grouper_selector", true)] {
        criterion.bench_function(&format!("load/cold_{name}"), |bencher| {
            bencher.iter_batched(|| door(None), |door| load(&door, selector), BatchSize::PerIteration);
        });
        let door = door(None);
        load(&door, selector);
        let cold = door.metrics().loading_cpu;
        let directory = std::env::temp_dir().join(format!("lithify-bench-{}", std::process::id()));
        let warm_door = self::door(Some(&directory));
        load(&warm_door, selector);
        let before = warm_door.metrics().loading_cpu;
        load(&warm_door, selector);
        let warm = warm_door.metrics().loading_cpu - before;
        report(name, cold, warm);
        criterion.bench_function(&format!("load/warm_{name}"), |bencher| {
            bencher.iter(|| load(&warm_door, selector));
        });
        std::fs::remove_dir_all(&directory).expect("the cache goes");
    }
}

#[expect(clippy::print_stderr, reason = "CPU time is not what criterion measures")]
fn report(name: &str, cold: Duration, warm: Duration) {
    eprintln!("load/{name}: CPU cold {cold:?}, warm {warm:?}");
}

criterion_group!(benches, calls, loads);
criterion_main!(benches);
