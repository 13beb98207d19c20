//! The vectors of `thanos-compactor.md` 5.6 and what they leave open.
//!
//! Notation: `id[min,max)` with what is special behind it: `!` failed, `#` marked no-compact, `s/t` series and tombstones,
//! `{n}` index size.

extern crate std;

use alloc::{
    string::{String, ToString},
    vec,
    vec::Vec,
};
use std::prelude::rust_2024::*;

use lithify_sdk::{Block, Context, Planner, Policy, Reason, Request, Silent, laws};

use crate::Tsdb;

mod laws_hold;
mod vectors;

const HOUR: i64 = 3_600_000;

fn context() -> Context {
    Context { now: 0, run_id: "test".into(), dry_run: false, shard: None }
}

/// One block from its notation; times are multiples of `unit`.
fn block(text: &str, unit: i64) -> Block {
    let (id, rest) = text.split_once('[').unwrap();
    let (range, flags) = rest.split_once(')').unwrap();
    let (min, max) = range.split_once(',').unwrap();
    let time = |text: &str| text.parse::<i64>().unwrap() * unit;
    let mut block = laws::block(id, time(min), time(max));
    block.failed = flags.contains('!');
    block.no_compact = flags.contains('#').then(|| "manual".to_string());
    if let Some((_, size)) = flags.split_once('{') {
        block.index_size_bytes = size.trim_end_matches('}').parse().ok();
    }
    if let Some((series, tombstones)) = flags.split_once('/') {
        block.num_series = series.parse().unwrap();
        block.num_tombstones = tombstones.trim_end_matches('#').parse().unwrap();
    }
    block
}

fn request(blocks: &str, unit: i64, ranges: &[i64]) -> Request {
    let blocks = blocks.split_whitespace().map(|text| block(text, unit)).collect();
    Request { key: "0@1".into(), labels: vec![], resolution: 0, ranges: ranges.to_vec(), blocks }
}

/// Plans and shows the outcome: planned ids, then `| mark` and the marked ids if there are any.
fn plan(planner: Tsdb, request: &Request) -> String {
    let plan = planner.make_plan(&context(), request, &mut Silent).unwrap();
    assert!(plan.jobs.len() <= 1, "the built-in plans one job at a time");
    let name = |i: &u32| request.blocks[*i as usize].id.as_str();
    let jobs = plan.jobs.iter().flat_map(|job| job.blocks.iter().map(name));
    let marks: Vec<&str> = plan.no_compact.iter().map(|mark| name(&mark.block)).collect();
    let mut shown = jobs.collect::<Vec<_>>().join(" ");
    if !marks.is_empty() {
        shown.push_str(" | mark ");
        shown.push_str(&marks.join(" "));
    }
    shown
}

/// Small ranges of the specification.
#[track_caller]
fn check(blocks: &str, expected: &str) {
    let request = request(blocks, 1, &[20, 60, 180, 540, 1620]);
    assert_eq!(plan(Tsdb::configure("{}").unwrap(), &request), expected, "{blocks}");
}

/// Index sizes against a limit of 100 bytes.
#[track_caller]
fn check_sizes(blocks: &str, expected: &str) {
    let request = request(blocks, 1, &[20, 60, 180, 540, 1620]);
    let planner = Tsdb::configure(r#"{"max-index-size-bytes": 100}"#).unwrap();
    assert_eq!(plan(planner, &request), expected, "{blocks}");
}

/// Default ranges, times in hours.
#[track_caller]
fn check_hours(blocks: &str, expected: &str) {
    let ranges = [1, 2, 8, 48, 336].map(|hours| hours * HOUR);
    let request = request(blocks, HOUR, &ranges);
    assert_eq!(plan(Tsdb::configure("{}").unwrap(), &request), expected, "{blocks}");
}

#[test]
fn configuration_comes_from_the_flags() {
    let planner = Tsdb::configure(r#"{"max-index-size-bytes": 5, "vertical": true}"#).unwrap();
    assert_eq!(planner, Tsdb { max_index_size_bytes: 5, vertical: true });
    assert_eq!(Tsdb::configure("{}").unwrap(), Tsdb { max_index_size_bytes: 68_719_476_736, vertical: false });
    assert_eq!(Tsdb::configure(r#"{"level": 5}"#).unwrap_err().message, "unknown key `level`");
}

#[test]
fn the_default_limit_is_85_percent_of_64_gb() {
    let sum = |first: u64| std::format!("1[0,20){{{first}}} 2[20,40){{1}} 3[40,60){{1}} 4[60,80){{1}}");
    check(&sum(58_411_555_222), "1 2 3");
    check(&sum(58_411_555_223), "2 3 | mark 1");
}

#[test]
fn without_blocks_there_is_nothing_to_do() {
    check("", "");
}

#[test]
fn ranges_that_are_no_lengths_are_an_error() {
    for ranges in [&[][..], &[0], &[20, -1]] {
        let planner = Tsdb::configure("{}").unwrap();
        assert!(planner.make_plan(&context(), &request("", 1, ranges), &mut Silent).is_err());
    }
}

#[test]
fn a_planned_block_whose_index_size_is_not_known_is_an_error_that_names_it() {
    let mut request = request("1[0,20) 2[20,40) 3[40,60) 4[60,80)", 1, &[20, 60, 180]);
    request.blocks[1].index_size_bytes = None;
    let error = Tsdb::configure("{}").unwrap().make_plan(&context(), &request, &mut Silent).unwrap_err();
    assert_eq!(error.message, "the size of the index of block 2 is not known");
}

#[test]
fn vertical_compaction_parks_overlapping_downsampled_blocks() {
    let mut request = request("1[0,20) 2[10,40) 3[30,50)", 1, &[20, 60, 180]);
    request.resolution = 300_000;
    for block in &mut request.blocks {
        block.resolution = 300_000;
    }
    let vertical = Tsdb::configure(r#"{"vertical": true}"#).unwrap();
    assert_eq!(plan(vertical, &request), " | mark 1 2 3");
    assert_eq!(plan(Tsdb::configure("{}").unwrap(), &request), "1 2 3");
}

#[test]
fn vertical_compaction_plans_overlapping_raw_blocks() {
    let request = request("1[0,20) 2[10,40) 3[30,50)", 1, &[20, 60, 180]);
    assert_eq!(plan(Tsdb::configure(r#"{"vertical": true}"#).unwrap(), &request), "1 2 3");
}

#[test]
fn every_block_is_told_why() {
    let ranges = [1, 2, 8, 48, 336].map(|hours| hours * HOUR);
    let explained = |blocks: &str| {
        let mut reasons: Vec<Reason> = Vec::new();
        let planner = Tsdb::configure("{}").unwrap();
        planner.make_plan(&context(), &request(blocks, HOUR, &ranges), &mut reasons).unwrap();
        let show = |reason: &Reason| std::format!("{} {}: {}\n", reason.subject, reason.rule, reason.message);
        reasons.iter().map(show).collect::<String>()
    };
    assert_eq!(
        explained("A[0,2) B[2,4)# C[4,6) D[6,8) E[8,10) F[10,12)"),
        "A range: not planned: 8h window: after what is planned now; 48h window: not full, and more may come; \
         336h window: not full, and more may come\n\
         B no-compact: left out: marked no-compact, manual\n\
         C range: planned: fill a window of 8h\n\
         D range: planned: fill a window of 8h\n\
         E range: not planned: 8h window: alone; 48h window: not full, and more may come; \
         336h window: not full, and more may come\n\
         F fresh: set aside: the newest block of the group\n"
    );
    assert_eq!(
        explained("A[0,2) B[1,3) C[4,6)"),
        "A overlap: planned: blocks overlap\nB overlap: planned: blocks overlap\n\
         C overlap: waits: overlapping blocks come first\n"
    );
}
