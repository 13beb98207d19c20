//! Budgets over seven days: kept in the bucket, reserved before the first mark, never spent twice.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use lithify_block::{
    BlockFacts, BlockId, Timestamp,
    budget::WINDOW_MS,
    policy::{Context as Question, PolicyError, ProposedDeletion, Retention},
    rails::{Mode, Rails, RetentionRule, Share},
};
use lithify_bucket::Operation;
use lithify_compactor::{Bound, iterate};
use lithify_kit::memory::Store;
use proptest::prelude::*;

use crate::{
    fixtures::{HOUR, NOW, Run},
    retention::{DAY, built_in, foreign, ruling},
};

const RESERVATIONS: &str = "lithify/retention-budget/";

/// Proposes what it is told to, as far as it is shown, and remembers each question.
#[derive(Default)]
struct Chosen {
    blocks: Mutex<BTreeSet<BlockId>>,
    questions: Mutex<Vec<BTreeSet<BlockId>>>,
    /// Another process that reserves this while the rule is asked.
    rival: Option<(Store, String)>,
}

impl Retention for Chosen {
    fn evaluate(&self, _: &Question, blocks: &[BlockFacts]) -> Result<Vec<ProposedDeletion>, PolicyError> {
        self.questions.lock().unwrap().push(blocks.iter().map(|facts| facts.id).collect());
        if let Some((store, text)) = &self.rival {
            store.put(&format!("{RESERVATIONS}01JN84MHR04YBZBA82BD4X333E.json"), text.clone());
        }
        let chosen = self.blocks.lock().unwrap();
        let proposed = blocks.iter().enumerate().filter(|(_, facts)| chosen.contains(&facts.id));
        Ok(proposed
            .map(|(block, _)| ProposedDeletion { block, rule: "told".to_owned(), reason: "told to".to_owned() })
            .collect())
    }
}

/// Puts a rule with these bounds in place that proposes `blocks`.
fn propose(run: &mut Run, rails: Rails, blocks: &[BlockId]) -> Arc<Chosen> {
    let policy = Arc::new(Chosen { blocks: Mutex::new(blocks.iter().copied().collect()), ..Chosen::default() });
    run.cx.policies.retention = vec![RetentionRule { policy: Arc::<Chosen>::clone(&policy), ..foreign(0, rails) }];
    policy
}

fn a_week(blocks: u64) -> Rails {
    Rails { week_blocks_max: Some(blocks), ..Rails::default() }
}

/// Blocks that ended a hundred days ago.
fn old(run: &Run, count: u128) -> Vec<BlockId> {
    (1..=count).map(|number| run.block(number, 100 * DAY, &[("a", &number.to_string())])).collect()
}

fn marked(run: &Run, blocks: &[BlockId]) -> Vec<bool> {
    blocks.iter().map(|id| run.is_marked(*id)).collect()
}

/// A process that knows nothing but the bucket.
fn restarted(run: &Run) -> Run {
    let mut other = Run::new();
    other.cx.bucket = Arc::new(run.store.clone());
    other.store = run.store.clone();
    other.clock.set(run.cx.ambient.timestamp());
    other.clock.skip_ids(run.store.operations());
    other
}

#[tokio::test]
async fn what_went_counts_for_seven_days_in_every_process() {
    let mut run = Run::new();
    let blocks = old(&run, 4);
    propose(&mut run, a_week(2), &blocks[..2]);
    assert_eq!(iterate(&run.cx).await.let_go, 2);
    assert_eq!(run.store.names(RESERVATIONS).len(), 1);

    let mut other = restarted(&run);
    for (after, goes) in [(DAY, 0), (WINDOW_MS - 1, 0), (WINDOW_MS, 2)] {
        other.clock.set(Timestamp(NOW.0 + after));
        propose(&mut other, a_week(2), &blocks[2..]);
        let ruling = ruling(&other).await;
        let refused = ruling.verdicts[0].refused.first().map(|refused| refused.bound.clone());
        let expected = Bound::WeekBlocks { spent: 2, proposed: 2, max: 2 };
        assert_eq!(refused, (goes == 0).then_some(expected), "{after}");
        assert_eq!(iterate(&other.cx).await.let_go, goes, "{after}");
    }
}

#[tokio::test]
async fn gauges_show_what_is_used_of_a_budget_and_its_limit() {
    let mut run = Run::new();
    let blocks = old(&run, 9);
    let rails = Rails { week_blocks_max: Some(3), week_share_max: Some(Share(9_000)), ..Rails::default() };
    propose(&mut run, rails, &blocks[..2]);
    assert_eq!(iterate(&run.cx).await.let_go, 2);
    let running = &run.cx.metrics.running;
    let labels = |of| ["acme", "", of];
    assert_eq!(running.retention_budget_used.with_label_values(&labels("blocks")).get(), 2);
    assert_eq!(running.retention_budget_limit.with_label_values(&labels("blocks")).get(), 3);
    let bytes = running.retention_budget_used.with_label_values(&labels("bytes")).get();
    let limit = running.retention_budget_limit.with_label_values(&labels("bytes")).get();
    assert!(0 < bytes && bytes < limit, "{bytes} of {limit}");

    // In another process, tenant by tenant: the share is that of the tenant's blocks.
    let mut other = restarted(&run);
    let rails = Rails { week_share_max: Some(Share(10_000)), tenant_label: Some("a".to_owned()), ..Rails::default() };
    propose(&mut other, rails, &blocks[3..4]);
    assert_eq!(iterate(&other.cx).await.let_go, 1);
    let running = &other.cx.metrics.running;
    for (tenant, used) in [("4", 1), ("5", 0)] {
        assert_eq!(
            running.retention_budget_used.with_label_values(&["acme", tenant, "blocks"]).get(),
            used,
            "{tenant}"
        );
        assert_eq!(running.retention_budget_limit.with_label_values(&["acme", tenant, "blocks"]).get(), 1, "{tenant}");
    }
}

#[tokio::test]
async fn reservations_that_count_no_more_are_removed_with_the_next_one() {
    let mut run = Run::new();
    let blocks = old(&run, 2);
    propose(&mut run, a_week(1), &blocks[..1]);
    iterate(&run.cx).await;
    let first = run.store.names(RESERVATIONS);
    run.clock.set(Timestamp(NOW.0 + WINDOW_MS + DAY));
    propose(&mut run, a_week(1), &blocks[1..]);
    assert_eq!(iterate(&run.cx).await.let_go, 1);
    let left = run.store.names(RESERVATIONS);
    assert!(left.len() == 1 && left != first, "{left:?}");
}

#[tokio::test]
async fn what_was_reserved_and_not_marked_is_marked_later_and_counts_once() {
    let mut run = Run::new();
    let blocks = old(&run, 3);
    propose(&mut run, a_week(2), &blocks[..2]);
    run.store.trouble(Operation::Upload, blocks[1], false);
    assert!(!iterate(&run.cx).await.is_complete());
    assert_eq!(marked(&run, &blocks), [true, false, false]);
    run.store.mend();

    let mut run = restarted(&run);
    propose(&mut run, a_week(2), &blocks[1..2]);
    assert_eq!(iterate(&run.cx).await.let_go, 1);
    propose(&mut run, a_week(2), &blocks[2..]);
    assert_eq!(iterate(&run.cx).await.let_go, 0, "both are spent");
}

#[tokio::test]
async fn nothing_is_marked_that_could_not_be_reserved() {
    for operation in [Operation::Upload, Operation::Iter] {
        let mut run = Run::new();
        let blocks = old(&run, 1);
        propose(&mut run, a_week(2), &blocks);
        run.store.trouble(operation, RESERVATIONS, false);
        assert!(!iterate(&run.cx).await.is_complete());
        assert_eq!(marked(&run, &blocks), [false]);
    }
}

#[tokio::test]
async fn a_damaged_reservation_stops_rules_with_a_budget_until_it_is_removed_and_no_others() {
    for text in ["", "{", "{}", r#"{"version":2,"run":"r","at_ms":1,"spent":[]}"#] {
        let mut run = Run::new();
        let blocks = old(&run, 2);
        let object = format!("{RESERVATIONS}01JN84MHR04YBZBA82BD4X333E.json");
        run.store.put(&object, text);
        propose(&mut run, a_week(2), &blocks[..1]);
        let told = ruling(&run).await.verdicts[0].refused[0].bound.to_string();
        assert!(told.contains(&object) && told.contains("restore it, or remove it"), "{told}");
        assert_eq!(iterate(&run.cx).await.let_go, 0);
        assert_eq!(run.cx.metrics.running.retention_refusals.with_label_values(&["acme", "budget"]).get(), 1);
        run.cx.policies.retention.push(built_in(99 * DAY));
        assert_eq!(iterate(&run.cx).await.let_go, 2, "{text}");

        let fresh = old(&run, 3)[2];
        lithify_bucket::Bucket::delete(&run.store, &object).await.unwrap();
        propose(&mut run, a_week(2), &[fresh]);
        assert_eq!(iterate(&run.cx).await.let_go, 1, "{text}");
    }
}

#[tokio::test]
async fn of_two_that_reserve_at_once_the_later_one_withdraws() {
    let mut run = Run::new();
    let blocks = old(&run, 1);
    let rival = format!(
        r#"{{"version":1,"run":"rival","at_ms":{},"spent":[{{"rule":"acme","blocks":{{"01JN7XRTG03VFYBWAG63B5R8VR":1}}}}]}}"#,
        NOW.0
    );
    let policy = Chosen {
        blocks: Mutex::new(blocks.iter().copied().collect()),
        rival: Some((run.store.clone(), rival)),
        ..Chosen::default()
    };
    run.cx.policies.retention = vec![RetentionRule { policy: Arc::new(policy), ..foreign(0, a_week(1)) }];
    let iteration = iterate(&run.cx).await;
    assert!(iteration.is_complete());
    assert_eq!(marked(&run, &blocks), [false]);
    assert_eq!(run.store.names(RESERVATIONS), [format!("{RESERVATIONS}01JN84MHR04YBZBA82BD4X333E.json")]);
    let refusals = &run.cx.metrics.running.retention_refusals;
    assert_eq!(refusals.with_label_values(&["acme", "max-blocks-per-week"]).get(), 1);
}

#[tokio::test]
async fn rules_without_a_budget_and_rules_in_the_shadow_reserve_nothing() {
    let mut run = Run::new();
    let blocks = old(&run, 1);
    propose(&mut run, a_week(0), &blocks);
    run.cx.policies.retention[0].mode = Mode::Shadow;
    assert_eq!(ruling(&run).await.verdicts[0].refused[0].bound.name(), "max-blocks-per-week");
    iterate(&run.cx).await;
    assert_eq!(marked(&run, &blocks), [false]);
    propose(&mut run, Rails::default(), &blocks);
    assert_eq!(iterate(&run.cx).await.let_go, 1);
    assert_eq!(run.store.names("lithify/"), Vec::<String>::new());
}

#[tokio::test]
async fn with_a_tenant_label_each_tenant_is_asked_about_and_bounded_alone() {
    let mut run = Run::new();
    let block =
        |number: u128, tenant: &str| run.block(number, 100 * DAY, &[("n", &number.to_string()), ("tenant", tenant)]);
    let (a, b) = ([block(1, "a"), block(2, "a"), block(3, "a")], [block(4, "b"), block(5, "b")]);
    let nobodys = run.block(6, 100 * DAY, &[("n", "6")]);
    let rails = Rails {
        blocks_max: Some(2),
        share_max: Some(Share(5000)),
        tenant_label: Some("tenant".to_owned()),
        ..a_week(1)
    };
    let policy = propose(&mut run, rails.clone(), &[a[0], a[1], a[2], b[0], nobodys]);
    let verdict = ruling(&run).await.verdicts.remove(0);
    let questions = std::mem::take(&mut *policy.questions.lock().unwrap());
    assert_eq!(questions, [BTreeSet::from(a), BTreeSet::from(b)], "one call a tenant, nobody's block in none");
    assert_eq!(verdict.refused.len(), 1);
    assert_eq!((verdict.refused[0].tenant.as_deref(), verdict.refused[0].bound.name()), (Some("a"), "max-blocks"));
    assert_eq!(iterate(&run.cx).await.let_go, 1);
    assert!(run.is_marked(b[0]) && !run.is_marked(nobodys));

    propose(&mut run, rails, &[a[0], b[1]]);
    let verdict = ruling(&run).await.verdicts.remove(0);
    let refused: Vec<_> = verdict.refused.iter().map(|r| (r.tenant.as_deref(), r.bound.name())).collect();
    assert_eq!(refused, [(Some("b"), "max-blocks-per-week")], "the budget of b is spent, that of a is not");
    let spent: BTreeMap<_, _> = verdict.spent.iter().map(|(tenant, spent)| (tenant.as_deref(), spent.blocks)).collect();
    assert_eq!(spent, [(Some("a"), 0), (Some("b"), 1)].into());
    assert_eq!(iterate(&run.cx).await.let_go, 1);
    assert!(run.is_marked(a[0]) && !run.is_marked(b[1]));
}

/// A run: how long after the last one, how many new blocks it proposes, and what fails.
#[derive(Clone, Debug)]
struct Turn {
    hours: i64,
    blocks: usize,
    fails: Fails,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Fails {
    Nothing,
    Reserving,
    LookingAgain,
    MarkingOne,
}

fn turns() -> impl Strategy<Value = Vec<Turn>> {
    let fails = prop_oneof![
        3 => Just(Fails::Nothing),
        1 => Just(Fails::Reserving),
        1 => Just(Fails::LookingAgain),
        2 => Just(Fails::MarkingOne),
    ];
    let turn = (0_i64..80, 0_usize..4, fails).prop_map(|(hours, blocks, fails)| Turn { hours, blocks, fails });
    proptest::collection::vec(turn, 1..14)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// However runs follow each other and wherever they die: no seven days see more marks than the budget has, and a run
    /// marks all that it proposes exactly when the budget allows it and nothing hinders it.
    #[test]
    fn no_seven_days_see_more_marks_than_the_budget_has(turns in turns(), max in 1_u64..5) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut run = Run::new();
            let blocks = old(&run, 40);
            let (mut now, mut unmarked): (i64, Vec<BlockId>) = (NOW.0, blocks.clone());
            let (mut marks, mut reserved): (Vec<i64>, BTreeMap<BlockId, i64>) = (Vec::new(), BTreeMap::new());
            for turn in turns {
                now += turn.hours * HOUR;
                run = restarted(&run);
                run.clock.set(Timestamp(now));
                let proposed: Vec<BlockId> = unmarked.iter().copied().take(turn.blocks).collect();
                propose(&mut run, a_week(max), &proposed);
                let is_spent = |(id, at): &(&BlockId, &i64)| now - **at < WINDOW_MS && !proposed.contains(*id);
                let spent = reserved.iter().filter(is_spent).count();
                let is_allowed = (spent + proposed.len()) as u64 <= max;
                let reads_fail = turn.fails == Fails::LookingAgain && !run.store.names(RESERVATIONS).is_empty();
                if is_allowed && turn.fails != Fails::Reserving && !reads_fail {
                    reserved.extend(proposed.iter().map(|id| (*id, now)));
                }
                match turn.fails {
                    Fails::Nothing => {}
                    Fails::Reserving => run.store.trouble(Operation::Upload, RESERVATIONS, false),
                    Fails::LookingAgain => run.store.trouble(Operation::Get, RESERVATIONS, false),
                    Fails::MarkingOne => {
                        proposed.first().into_iter().for_each(|id| run.store.trouble(Operation::Upload, id, false));
                    }
                }
                iterate(&run.cx).await;
                run.store.mend();
                let before = unmarked.len();
                unmarked.retain(|id| !run.is_marked(*id) && !run.is_gone(*id));
                let new = before - unmarked.len();
                marks.extend(std::iter::repeat_n(now, new));
                let in_window = marks.iter().filter(|at| now - **at < WINDOW_MS).count();
                assert!(in_window as u64 <= max, "{in_window} marks within seven days of {now}");
                let is_marked = is_allowed && turn.fails == Fails::Nothing;
                assert_eq!(new, if is_marked { proposed.len() } else { 0 }, "{turn:?} with {spent} of {max} spent");
            }
        });
    }
}
