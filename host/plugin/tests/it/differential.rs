//! The components against the same policies as plain functions, on made-up questions: what WebAssembly, the interface and
//! the conversions do to a question and its answer is nothing.

use std::sync::LazyLock;

use lithify_block::{BlockFacts, Group, Labels, Timestamp, policy};
use lithify_plugin::{Choice, Door, Policies, Settings};
use lithify_sdk::{
    Block, Context, Grouper as _, Label, LabelSet, Planner as _, Policy, Reason, Request, Selector as _, Silent, laws,
};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::fixtures::{RANGES, block, builtins, context, load};

static DOOR: LazyLock<Door> = LazyLock::new(|| Door::open(None, true).unwrap());

fn planner_config() -> Value {
    json!({ "max-index-size-bytes": 4000, "vertical": true })
}

fn native_context() -> Context {
    Context { run_id: context().run_id, dry_run: false, ..laws::context() }
}

fn native_labels(labels: &Labels) -> Vec<Label> {
    labels.iter().map(|(name, value)| Label { name: name.to_owned(), value: value.to_owned() }).collect()
}

/// What the host tells of a block, said a second time.
fn native(facts: &BlockFacts) -> Block {
    let meta = &facts.meta;
    Block {
        level: u32::try_from(meta.compaction.level).unwrap(),
        failed: meta.compaction.failed,
        resolution: meta.thanos.resolution,
        external_labels: native_labels(&meta.thanos.labels),
        sources: meta.compaction.sources.iter().map(ToString::to_string).collect(),
        num_series: meta.stats.num_series,
        num_samples: meta.stats.num_samples,
        num_chunks: meta.stats.num_chunks,
        num_tombstones: meta.stats.num_tombstones,
        index_size_bytes: facts.index_size_bytes,
        size_bytes: facts.size_bytes,
        source: meta.thanos.source.clone(),
        uploaded_at: facts.uploaded_at.map(|time| time.0),
        no_compact: facts.no_compact.clone(),
        deletion_marked_at: facts.deletion_marked_at.map(|time| time.0),
        ..laws::block(&facts.id.to_string(), meta.range.min.0, meta.range.max.0)
    }
}

/// Up to 20 blocks of whole hours with everything that a planner looks at.
fn blocks() -> impl Strategy<Value = Vec<BlockFacts>> {
    let one = (0_i64..40, prop::sample::select(vec![1_i64, 2, 2, 2, 8, 48]), 0_u8..16, 0_u64..2000, 0_u8..3);
    prop::collection::vec(one, 0..20).prop_map(|blocks| {
        let make = |(n, (start, length, special, size, label)): (u128, (i64, i64, u8, u64, u8))| {
            let mut facts = block(n, start, start + length);
            facts.index_size_bytes = Some(size);
            facts.meta.compaction.failed = special == 1;
            facts.no_compact = (special == 2).then(|| "manual\u{e9}".to_owned());
            facts.meta.stats.num_tombstones = if special == 3 { 50 } else { 0 };
            facts.deletion_marked_at = (special == 4).then_some(Timestamp(5));
            facts.meta.thanos.labels = [("cluster", format!("c{label}"))].into_iter().collect();
            facts
        };
        (1..).zip(blocks).map(make).collect()
    })
}

fn triples(reasons: &[Reason]) -> Vec<(String, String, String)> {
    reasons.iter().map(|r| (r.subject.clone(), r.rule.clone(), r.message.clone())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_planner_plans_and_explains_the_same(blocks in blocks(), coarse: bool) {
        static POLICIES: LazyLock<Policies> = LazyLock::new(|| {
            DOOR.load(&Choice { planner: Settings::builtin("tsdb", &planner_config()), ..builtins() }).unwrap()
        });
        let mut blocks = blocks;
        let resolution = if coarse { 300_000 } else { 0 };
        blocks.iter_mut().for_each(|block| block.meta.thanos.resolution = resolution);
        let group = Group::new("k".to_owned(), Labels::default(), resolution, blocks);
        let request = Request {
            key: "k".to_owned(),
            labels: Vec::new(),
            resolution,
            ranges: RANGES.to_vec(),
            blocks: group.blocks.iter().map(native).collect(),
        };
        let mut reasons: Vec<Reason> = Vec::new();
        let planner = lithify_planner::Tsdb::configure(&planner_config().to_string()).unwrap();
        let expected = planner.make_plan(&native_context(), &request, &mut reasons).unwrap();
        let plan = POLICIES.planner.plan(&context(), &group, &RANGES).unwrap();
        let jobs: Vec<(Vec<u32>, String)> = plan
            .jobs
            .iter()
            .map(|job| (job.blocks.iter().map(|i| *i as u32).collect(), job.reason.clone()))
            .collect();
        prop_assert_eq!(jobs, expected.jobs.into_iter().map(|job| (job.blocks, job.reason)).collect::<Vec<_>>());
        let marks = |block: usize, reason: &str, details: &str| (block, reason.to_owned(), details.to_owned());
        let found: Vec<_> = plan.no_compact.iter().map(|mark| marks(mark.block, &mark.reason, &mark.details)).collect();
        let wanted: Vec<_> =
            expected.no_compact.iter().map(|mark| marks(mark.block as usize, &mark.reason, &mark.details)).collect();
        prop_assert_eq!(found, wanted);
        let told: Vec<_> =
            plan.reasons.into_iter().map(|policy::Reason { subject, rule, message }| (subject, rule, message)).collect();
        prop_assert_eq!(told, triples(&reasons));
    }

    #[test]
    fn the_grouper_groups_the_same(blocks in blocks()) {
        static POLICIES: LazyLock<Policies> = LazyLock::new(|| load(&builtins()));
        let grouper = lithify_grouper::ExternalLabels::configure("{}").unwrap();
        let question: Vec<Block> = blocks.iter().map(native).collect();
        laws::grouper(&grouper, &question).unwrap();
        let expected = grouper.group(&native_context(), &question, &mut Silent).unwrap();
        let groups = POLICIES.grouper.group(&context(), &blocks).unwrap();
        let found: Vec<_> = groups.into_iter().map(|one| (one.block, one.key, native_labels(&one.labels))).collect();
        let wanted: Vec<_> = expected.into_iter().map(|one| (one.block as usize, one.key, one.labels)).collect();
        prop_assert_eq!(found, wanted);
    }

    #[test]
    fn the_selector_selects_the_same(values in prop::collection::vec("[a-cé\\n1]{0,6}", 0..20)) {
        let rules = json!({ "rules": [
            { "source_labels": ["v"], "regex": "(?i)(a|b*)+[^c]*.?", "action": "keep" },
            { "source_labels": ["v"], "regex": "(.*)b(.*)", "target_label": "w", "replacement": "$2-${1}" },
            { "source_labels": ["v"], "target_label": "h", "action": "hashmod", "modulus": 7 },
        ] });
        static POLICIES: LazyLock<Door> = LazyLock::new(|| Door::open(None, false).unwrap());
        let choice = Choice { selector: Some(Settings::builtin("relabel", &rules)), ..builtins() };
        let policies = POLICIES.load(&choice).unwrap();
        let set = |value: &String| -> Labels { [("__block_id", "X"), ("v", value)].into_iter().collect() };
        let sets: Vec<Labels> = values.iter().map(set).collect();
        let selector = lithify_selector::Relabel::configure(&rules.to_string()).unwrap();
        let question = sets.iter().map(|labels| LabelSet { labels: native_labels(labels) }).collect();
        let expected = selector.select(&native_context(), question, &mut Silent).unwrap();
        // The host refuses values with control characters that a rule made; here that is the second rule alone.
        let odd = |set: &LabelSet| set.labels.iter().any(|label| label.name == "w" && label.value.contains('\n'));
        match policies.selector.unwrap().select(&context(), &sets) {
            Ok(answer) => {
                let found: Vec<_> = answer.iter().map(|set| set.as_ref().map(native_labels)).collect();
                prop_assert_eq!(found, expected.into_iter().map(|set| set.map(|set| set.labels)).collect::<Vec<_>>());
            }
            Err(error) => prop_assert!(expected.iter().flatten().any(odd), "{error}"),
        }
    }
}
