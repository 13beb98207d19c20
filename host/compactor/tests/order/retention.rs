//! What is let go, by whom, and what holds it back.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use lithify_block::{
    BlockFacts, BlockId, Labels, Provenance, Timestamp,
    policy::{Context as Question, PolicyError, ProposedDeletion, Retention},
    rails::{Mode, Rails, RetentionRule, Share},
};
use lithify_bucket::Operation;
use lithify_compactor::{Ruling, Severity, iterate, rule_retention, sync};

use crate::fixtures::{HOUR, NOW, Run, failed};

pub(crate) const DAY: i64 = 24 * HOUR;

/// Proposes what ended so long ago, and remembers what it was shown.
struct OlderThan {
    age_ms: i64,
    shown: Mutex<BTreeSet<BlockId>>,
}

impl Retention for OlderThan {
    fn evaluate(&self, cx: &Question, blocks: &[BlockFacts]) -> Result<Vec<ProposedDeletion>, PolicyError> {
        self.shown.lock().unwrap().extend(blocks.iter().map(|facts| facts.id));
        if self.age_ms < 0 {
            return Err(failed("retention"));
        }
        let due = blocks.iter().enumerate().filter(|(_, facts)| cx.now.since(facts.meta.range.max) > self.age_ms);
        Ok(due
            .map(|(block, _)| ProposedDeletion { block, rule: "age".to_owned(), reason: "too old".to_owned() })
            .collect())
    }
}

fn rule(name: &str, plugin: &str, age_ms: i64) -> (RetentionRule, Arc<OlderThan>) {
    let policy = Arc::new(OlderThan { age_ms, shown: Mutex::default() });
    let rule = RetentionRule {
        name: name.to_owned(),
        plugin: plugin.to_owned(),
        version: "1.2.3".to_owned(),
        digest: "d".to_owned(),
        policy: Arc::<OlderThan>::clone(&policy),
        mode: Mode::Enforce,
        veto: false,
        rails: Rails::default(),
    };
    (rule, policy)
}

pub(crate) fn built_in(age_ms: i64) -> RetentionRule {
    rule("builtin:by-resolution", "builtin:by-resolution", age_ms).0
}

pub(crate) fn foreign(age_ms: i64, rails: Rails) -> RetentionRule {
    RetentionRule { rails, ..rule("acme", "acme.wasm", age_ms).0 }
}

/// Ten blocks of one stream, one for each of the last ten days but today.
pub(crate) fn ten(run: &Run) -> Vec<BlockId> {
    (1..=10).map(|day| run.block(day, i64::try_from(day).unwrap() * DAY, &[("a", "1")])).collect()
}

pub(crate) async fn ruling(run: &Run) -> Ruling {
    rule_retention(&run.cx, &sync(&run.cx).await.unwrap(), &BTreeSet::new()).await.unwrap()
}

#[tokio::test]
async fn what_is_let_go_is_marked_once_and_a_mark_that_is_there_stays() {
    let mut run = Run::new();
    let blocks = ten(&run);
    run.mark(blocks[9], DAY / 2);
    let before = run.store.text(&format!("{}/deletion-mark.json", blocks[9]));
    run.cx.policies.retention = vec![built_in(8 * DAY)];
    let iteration = iterate(&run.cx).await;
    assert!(iteration.is_complete(), "{:?}", iteration.failures);
    assert_eq!(iteration.let_go, 1);
    assert_eq!(
        run.store.text(&format!("{}/deletion-mark.json", blocks[8])).unwrap(),
        format!(r#"{{"id":"{}","version":1,"details":"too old","deletion_time":{}}}"#, blocks[8], NOW.seconds())
    );
    assert_eq!(run.store.text(&format!("{}/deletion-mark.json", blocks[9])), before);
    assert!(blocks[..8].iter().all(|id| !run.is_marked(*id)));
    assert_eq!(run.cx.metrics.blocks_marked.with_label_values(&["deletion-mark.json", ""]).get(), 1);
    assert_eq!(iterate(&run.cx).await.let_go, 0);
}

#[tokio::test]
async fn a_mark_that_cannot_be_written_ends_the_iteration() {
    let mut run = Run::new();
    let blocks = ten(&run);
    run.cx.policies.retention = vec![built_in(9 * DAY)];
    run.store.trouble(Operation::Upload, blocks[9], false);
    let iteration = iterate(&run.cx).await;
    assert_eq!(iteration.severity(), Some(Severity::Fatal));
    assert_eq!(iteration.failures[0].blocks, [blocks[9]]);
    assert_eq!(run.cx.metrics.running.cleanup_loops.get(), 0, "nothing comes after it");
}

#[tokio::test]
async fn a_rule_that_fails_ends_the_iteration_and_marks_nothing() {
    let mut run = Run::new();
    let blocks = ten(&run);
    run.cx.policies.retention = vec![built_in(5 * DAY), built_in(-1)];
    assert_eq!(iterate(&run.cx).await.severity(), Some(Severity::Fatal));
    assert!(blocks.iter().all(|id| !run.is_marked(*id)));
}

#[tokio::test]
async fn over_any_bound_the_whole_answer_is_refused() {
    let none = Rails::default();
    for (rails, bound) in [
        (Rails { blocks_max: Some(1), ..none.clone() }, "max-blocks"),
        (Rails { bytes_max: Some(10), ..none.clone() }, "max-bytes"),
        (Rails { share_max: Some(Share(1999)), ..none.clone() }, "max-share"),
        (Rails { set_share_max: Some(Share(1999)), ..none.clone() }, "max-label-set-share"),
        (Rails { week_blocks_max: Some(1), ..none.clone() }, "max-blocks-per-week"),
        (Rails { week_bytes_max: Some(10), ..none.clone() }, "max-bytes-per-week"),
        (Rails { week_share_max: Some(Share(1999)), ..none.clone() }, "max-share-per-week"),
        (Rails { age_min_ms: Some(9 * DAY + 1), ..none.clone() }, "min-age"),
        (Rails { raw_age_min_ms: Some(9 * DAY + 1), ..none.clone() }, "min-raw-age"),
        (Rails { delete_delay_floor_ms: Some(48 * HOUR + 1), ..none.clone() }, "delete-delay-floor"),
        (Rails { coverage_required: true, ..none.clone() }, "require-coverage"),
    ] {
        let mut run = Run::new();
        let blocks = ten(&run);
        run.cx.policies.retention = vec![foreign(8 * DAY + HOUR, rails)];
        assert!(iterate(&run.cx).await.is_complete());
        assert!(blocks.iter().all(|id| !run.is_marked(*id)), "{bound}");
        let refusals = &run.cx.metrics.running.retention_refusals;
        assert_eq!(refusals.with_label_values(&["acme", bound]).get(), 1, "{bound}");
    }
}

#[tokio::test]
async fn at_a_bound_the_answer_stands() {
    let rails = Rails {
        blocks_max: Some(2),
        bytes_max: Some(1 << 20),
        share_max: Some(Share(3000)),
        set_share_max: Some(Share(2000)),
        age_min_ms: Some(9 * DAY),
        raw_age_min_ms: Some(9 * DAY),
        delete_delay_floor_ms: Some(48 * HOUR),
        week_blocks_max: Some(2),
        week_bytes_max: Some(1 << 20),
        week_share_max: Some(Share(2000)),
        ..Rails::default()
    };
    let mut run = Run::new();
    let blocks = ten(&run);
    run.cx.policies.retention = vec![foreign(8 * DAY + HOUR, rails)];
    assert_eq!(iterate(&run.cx).await.let_go, 2);
    let text = run.store.text(&format!("{}/deletion-mark.json", blocks[9])).unwrap();
    let mark = lithify_block::DeletionMark::from_json(text.as_bytes()).unwrap();
    let (by, why) = Provenance::read(&mark.details).expect("a mark that names its rule");
    assert_eq!(
        (by.rule.as_str(), by.plugin.as_str(), by.version.as_str(), why),
        ("acme", "acme.wasm", "1.2.3", "age: too old")
    );
}

#[tokio::test]
async fn one_rule_over_its_bounds_does_not_hold_back_another() {
    let mut run = Run::new();
    let blocks = ten(&run);
    run.cx.policies.retention =
        vec![foreign(DAY, Rails { blocks_max: Some(1), ..Rails::default() }), built_in(9 * DAY)];
    assert_eq!(iterate(&run.cx).await.let_go, 1);
    assert!(run.is_marked(blocks[9]));
}

#[tokio::test]
async fn raw_blocks_go_when_older_coarser_ones_hold_their_sources() {
    for (age, sources, goes) in [(5 * DAY, 1, true), (HOUR, 1, false), (5 * DAY, 0, false)] {
        let mut run = Run::new();
        let raw = run.block(1, 10 * DAY, &[("a", "1")]);
        run.changed_block(2, age, &[("a", "1")], |meta| {
            meta.thanos.resolution = 300_000;
            meta.thanos.source = "compactor".to_owned();
            meta.range = lithify_block::TimeRange::new(NOW.0 - 11 * DAY, NOW.0 - 9 * DAY);
            meta.compaction.sources = if sources == 1 { vec![raw] } else { Vec::new() };
        });
        let rails = Rails { coverage_required: true, ..Rails::default() };
        run.cx.policies.retention = vec![foreign(9 * DAY + HOUR, rails)];
        assert_eq!(ruling(&run).await.let_go.len(), usize::from(goes), "{age} {sources}");
    }
}

#[tokio::test]
async fn a_veto_keeps_what_it_does_not_propose_and_a_refused_veto_keeps_everything() {
    let mut run = Run::new();
    let blocks = ten(&run);
    let veto = |rule: RetentionRule| RetentionRule { veto: true, ..rule };
    run.cx.policies.retention = vec![built_in(5 * DAY), veto(built_in(8 * DAY))];
    let ids: Vec<BlockId> = ruling(&run).await.let_go.iter().map(|go| go.id).collect();
    assert_eq!(ids, [blocks[9], blocks[8]], "by id, the oldest first");

    run.cx.policies.retention =
        vec![built_in(5 * DAY), veto(foreign(0, Rails { blocks_max: Some(1), ..Rails::default() }))];
    assert!(ruling(&run).await.let_go.is_empty());

    run.cx.policies.retention = vec![veto(built_in(5 * DAY))];
    assert!(ruling(&run).await.let_go.is_empty(), "a veto alone proposes nothing");
}

#[tokio::test]
async fn a_rule_in_the_shadow_changes_nothing() {
    let mut run = Run::new();
    let blocks = ten(&run);
    let shadow = |rule: RetentionRule| RetentionRule { mode: Mode::Shadow, ..rule };
    run.cx.policies.retention = vec![
        shadow(foreign(0, Rails::default())),
        shadow(RetentionRule { veto: true, ..built_in(i64::MAX) }),
        built_in(9 * DAY),
    ];
    let ruling = ruling(&run).await;
    assert_eq!(ruling.verdicts[0].proposed.len(), 10);
    assert_eq!(ruling.let_go.iter().map(|go| go.id).collect::<Vec<_>>(), [blocks[9]]);
    assert_eq!(iterate(&run.cx).await.let_go, 1);
}

#[tokio::test]
async fn held_blocks_are_shown_to_nobody() {
    let mut run = Run::new();
    ten(&run);
    let held = run.block(11, 10 * DAY, &[("a", "2"), ("tenant", "court")]);
    let (asked, policy) = rule("builtin:by-resolution", "builtin:by-resolution", 0);
    let hold = Labels([("tenant".to_owned(), "court".to_owned())].into());
    let holding = foreign(i64::MAX, Rails { legal_hold: vec![hold], ..Rails::default() });
    run.cx.policies.retention = vec![asked, holding];
    iterate(&run.cx).await;
    assert!(!run.is_marked(held) && !policy.shown.lock().unwrap().contains(&held));
}

#[tokio::test]
async fn rules_from_outside_are_not_shown_results_of_the_iteration_nor_what_is_marked() {
    let mut run = Run::new();
    let blocks = ten(&run);
    run.mark(blocks[3], DAY / 2);
    let (outside, policy) = rule("acme", "acme.wasm", i64::MAX);
    let (inside, built_in) = rule("builtin:by-resolution", "builtin:by-resolution", i64::MAX);
    run.cx.policies.retention = vec![outside, inside];
    let view = sync(&run.cx).await.unwrap();
    rule_retention(&run.cx, &view, &[blocks[0]].into()).await.unwrap();
    let shown = policy.shown.lock().unwrap().clone();
    assert_eq!(shown.len(), 8);
    assert!(!shown.contains(&blocks[0]) && !shown.contains(&blocks[3]));
    assert_eq!(built_in.shown.lock().unwrap().len(), 10);
}

#[tokio::test]
async fn a_clock_that_went_back_stops_rules_from_outside_only() {
    let mut run = Run::new();
    run.changed_block(1, 10 * DAY, &[("a", "1")], |meta| {
        meta.thanos.upload_time = Timestamp(NOW.0 - 9 * DAY).into();
    });
    run.clock.set(Timestamp(NOW.0 - 9 * DAY - 300_001));
    run.configure(|config| config.consistency_delay_ms = i64::MIN);
    run.cx.policies.retention = vec![foreign(0, Rails::default())];
    assert!(ruling(&run).await.let_go.is_empty());
    run.cx.policies.retention = vec![built_in(0)];
    assert_eq!(ruling(&run).await.let_go.len(), 1);
    run.clock.set(Timestamp(NOW.0 - 9 * DAY - 300_000));
    run.cx.policies.retention = vec![foreign(0, Rails::default())];
    assert_eq!(ruling(&run).await.let_go.len(), 1);
}
