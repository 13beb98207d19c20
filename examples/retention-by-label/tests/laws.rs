//! A retention rule is a plain function: no WebAssembly is needed to test it.

use lithify_sdk::{Block, Context, Label, Policy, Retention, Silent, laws};
use retention_by_label::ByLabel;

const DAY: i64 = 86_400_000;

fn block(id: &str, tenant: &str, end_day: i64) -> Block {
    let label = Label { name: "tenant".into(), value: tenant.into() };
    Block { external_labels: vec![label], ..laws::block(id, (end_day - 1) * DAY, end_day * DAY) }
}

fn rule() -> ByLabel {
    ByLabel::configure(r#"{"label": "tenant", "days": {"acme": 90, "test": 7}}"#).unwrap()
}

#[test]
fn each_tenant_has_its_own_time_and_others_are_kept() {
    let blocks = [block("01", "test", 90), block("02", "test", 95), block("03", "acme", 90), block("04", "other", 0)];
    let cx = Context { now: 100 * DAY, ..laws::context() };
    let answer = rule().evaluate(&cx, &blocks, &mut Silent).unwrap();
    assert_eq!(answer.len(), 1);
    assert_eq!((answer[0].block, answer[0].reason.as_str()), (0, "older than the 7 days of tenant=test"));
}

#[test]
fn it_obeys_the_laws_of_retention_rules() {
    let blocks: Vec<Block> =
        (0..40).map(|i| block(&format!("{i:02}"), ["acme", "test", "other"][i as usize % 3], 5 * i)).collect();
    for day in [0, 50, 100, 1000] {
        laws::retention(&rule(), &Context { now: day * DAY, ..laws::context() }, &blocks).unwrap();
    }
}

#[test]
fn configurations_that_cannot_be_used_are_named() {
    let error = |text: &str| ByLabel::configure(text).err().unwrap().message;
    assert_eq!(error("{}"), "`label` is missing");
    assert_eq!(error(r#"{"label": "a", "days": {"x": 0}}"#), "`days.x` must be a whole number above zero");
    assert_eq!(error(r#"{"label": "a", "days": {}, "day": 1}"#), "unknown key `day`");
}
