extern crate std;

use std::format;

use lithify_sdk::{Reason, Silent, laws};
use proptest::prelude::*;

use super::*;

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

fn rule() -> ByResolution {
    ByResolution::configure(r#"{"raw-ms": 86400000, "5m-ms": 604800000, "1h-ms": 1209600000}"#).unwrap()
}

fn block(id: &str, resolution: i64, max_time: i64) -> Block {
    Block { resolution, ..laws::block(id, max_time.saturating_sub(2 * HOUR), max_time) }
}

fn at(now: i64) -> Context {
    Context { now, ..laws::context() }
}

#[test]
fn ages_decide_as_in_the_table_of_the_reference() {
    // Resolution, age of the end in days, whether it goes.
    let table = [
        (0, 0, false),
        (0, 1, true),
        (300_000, 6, false),
        (300_000, 7, true),
        (3_600_000, 13, false),
        (3_600_000, 14, true),
        (1000, 100, false),
    ];
    let now = 1000 * DAY;
    for (resolution, days, goes) in table {
        // The reference's clock has moved on by the time it asks.
        let block = block("01", resolution, now - days * DAY);
        let answer = rule().evaluate(&at(now + 1), &[block], &mut Silent).unwrap();
        assert_eq!(answer.len(), usize::from(goes), "{resolution} after {days} days");
    }
}

#[test]
fn at_the_very_age_a_block_stays_and_its_end_counts_in_whole_seconds() {
    let now = 1000 * DAY;
    let is_due = |max_time| rule().is_due(now, &block("01", 0, max_time)).is_some();
    assert!(!is_due(now - DAY));
    assert!(!is_due(now - DAY + 999));
    assert!(is_due(now - DAY - 1));
    assert!(is_due(i64::MIN), "no arithmetic overflows");
    assert!(!is_due(i64::MAX));
}

#[test]
fn nothing_goes_unless_an_age_is_set() {
    let rule = ByResolution::configure("{}").unwrap();
    let blocks = [0, 300_000, 3_600_000].map(|resolution| block("01", resolution, -70 * 365 * DAY));
    assert!(rule.evaluate(&at(1000 * DAY), &blocks, &mut Silent).unwrap().is_empty());
}

#[test]
fn rule_and_reason_are_those_that_operators_know() {
    let mut reasons: Vec<Reason> = Vec::new();
    let blocks = [block("01", 300_000, 0), block("02", 0, 0), block("03", 0, 1000 * DAY)];
    let answer = rule().evaluate(&at(1000 * DAY), &blocks, &mut reasons).unwrap();
    assert_eq!((answer[0].block, answer[0].rule.as_str()), (0, "retention.resolution-5m"));
    assert_eq!(answer[0].reason, "block exceeding retention of 168h0m0s");
    assert_eq!((answer[1].block, answer[1].reason.as_str()), (1, "block exceeding retention of 24h0m0s"));
    assert_eq!((reasons.len(), reasons[0].subject.as_str()), (2, "01"));
}

#[test]
fn marks_keep_no_block() {
    let marked = Block {
        no_compact: Some("manual".into()),
        no_downsample: Some("manual".into()),
        deletion_marked_at: Some(5),
        ..block("01", 0, 0)
    };
    assert_eq!(rule().evaluate(&at(1000 * DAY), &[marked], &mut Silent).unwrap().len(), 1);
}

#[test]
fn durations_read_as_go_writes_them() {
    for (ms, text) in [
        (0, "0s"),
        (250, "250ms"),
        (1000, "1s"),
        (1500, "1.5s"),
        (60_000, "1m0s"),
        (61_001, "1m1.001s"),
        (3_600_000, "1h0m0s"),
        (86_400_000, "24h0m0s"),
        (90_061_050, "25h1m1.05s"),
    ] {
        assert_eq!(go_duration(ms), text);
    }
}

#[test]
fn configurations_are_checked_and_odd_ones_warned_about() {
    let error = |text| ByResolution::configure(text).unwrap_err().message;
    assert_eq!(error(r#"{"1d-ms": 1}"#), "unknown key `1d-ms`");
    assert_eq!(error(r#"{"raw-ms": "30d"}"#), "`raw-ms` must be a whole number");
    assert!(rule().warnings().is_empty());
    let odd = ByResolution { raw_ms: 0, five_minutes_ms: 5, hour_ms: 6 };
    assert_eq!(odd.warnings().len(), 1);
}

proptest! {
    #[test]
    fn the_rule_obeys_the_laws(
        blocks in prop::collection::vec((0_usize..4, -10_i64..2000), 0..20),
        ages in [0_u64..100_000_000_000, 0..100_000_000_000, 0..100_000_000_000],
    ) {
        let [raw_ms, five_minutes_ms, hour_ms] = ages;
        let rule = ByResolution { raw_ms, five_minutes_ms, hour_ms };
        let make = |(i, (resolution, day)): (usize, (usize, i64))| {
            block(&format!("{i:02}"), [0, 300_000, 3_600_000, 1000][resolution], day * DAY)
        };
        let blocks: Vec<Block> = blocks.into_iter().enumerate().map(make).collect();
        prop_assert_eq!(laws::retention(&rule, &at(1000 * DAY), &blocks), Ok(()));
    }
}
