//! `lithify plugin unmark` as a program: it lifts the marks of one rule, and no others.

#![expect(
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a test that cannot go on panics; ages count from now"
)]

use std::{
    fs,
    path::Path,
    process::Command,
    time::{SystemTime, UNIX_EPOCH},
};

use lithify_block::{BlockId, DeletionMark, Provenance, Timestamp};
use serde_json::Value;

const HOUR_MS: i64 = 3_600_000;

fn id(number: u128) -> BlockId {
    BlockId::from_parts(Timestamp(1_740_787_200_000), number)
}

fn ago(hours: i64) -> Timestamp {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    Timestamp(i64::try_from(now.as_millis()).expect("before the year 292277026") - hours * HOUR_MS)
}

fn by(rule: &str) -> String {
    let own = |text: &str| text.to_owned();
    Provenance {
        rule: own(rule),
        plugin: format!("./{rule}.wasm"),
        version: own("1.0.0"),
        digest: own("5f1c"),
        run: own("r"),
    }
    .details("tenant: gone")
}

fn mark(bucket: &Path, number: u128, named: BlockId, (details, at): (&str, Timestamp)) {
    let directory = bucket.join(id(number).to_string());
    fs::create_dir_all(&directory).expect("a directory");
    fs::write(directory.join("meta.json"), "{}").expect("a file");
    let text = DeletionMark::new(named, details, at).to_json();
    fs::write(directory.join("deletion-mark.json"), text).expect("a file");
}

/// Two young marks of acme, and one of everything that must stay.
fn fill(bucket: &Path) {
    let (acme, other) = (by("acme"), by("other"));
    mark(bucket, 1, id(1), (&acme, ago(1)));
    mark(bucket, 2, id(2), (&acme, ago(2)));
    mark(bucket, 3, id(3), (&acme, ago(30)));
    mark(bucket, 4, id(4), (&other, ago(1)));
    mark(bucket, 5, id(5), ("by hand, because of acme", ago(1)));
    mark(bucket, 6, id(1), (&acme, ago(1)));
    mark(bucket, 7, id(7), (&acme, ago(1)));
    fs::remove_file(bucket.join(id(7).to_string()).join("meta.json")).expect("it was there");
}

/// Status, standard output and log.
fn unmark(bucket: &Path, rule: &str, more: &[&str]) -> (i32, String, String) {
    let yaml = format!("{{type: FILESYSTEM, config: {{directory: {}}}}}", bucket.display());
    let output = Command::new(env!("CARGO_BIN_EXE_lithify"))
        .args(["plugin", "unmark", rule, &format!("--objstore.config={yaml}")])
        .args(more)
        .output()
        .expect("the program runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().expect("it ends by itself"), text(&output.stdout), text(&output.stderr))
}

fn is_marked(bucket: &Path, number: u128) -> bool {
    bucket.join(id(number).to_string()).join("deletion-mark.json").exists()
}

#[test]
fn marks_of_a_rule_since_a_time_are_lifted_and_no_others() {
    let bucket = tempfile::tempdir().expect("a directory");
    let bucket = bucket.path();
    fill(bucket);
    let (status, text, log) = unmark(bucket, "acme", &["--since=-3h"]);
    assert_eq!(status, 0, "{log}");
    assert!(text.contains("would be lifted") && text.contains("--no-dry-run lifts them"), "{text}");
    assert!((1..=7).all(|number| is_marked(bucket, number)), "it only shows them");

    let (status, text, log) = unmark(bucket, "./acme.wasm", &["--since=-3h", "--no-dry-run", "--output=json"]);
    assert_eq!(status, 0, "{log}");
    let report: Value = serde_json::from_str(&text).expect("JSON");
    let marks = report["marks"].as_array().expect("a list").iter();
    let told: Vec<_> = marks.map(|mark| (mark["block"].as_str(), mark["outcome"].as_str())).collect();
    let names = [id(1).to_string(), id(2).to_string(), id(7).to_string()];
    let late = "too late, its deletion has begun";
    let expected = [(names[0].as_str(), "lifted"), (&names[1], "lifted"), (&names[2], late)];
    assert_eq!(told, expected.map(|(block, outcome)| (Some(block), Some(outcome))));
    assert_eq!(report["marks"][0]["reason"], "tenant: gone");
    assert_eq!(report["rules_left_alone"], serde_json::json!(["acme", "other"]));
    let left: Vec<u128> = (1..=7).filter(|number| is_marked(bucket, *number)).collect();
    assert_eq!(left, [3, 4, 5, 6, 7]);

    let (status, text, _) = unmark(bucket, "acme", &["--since=-3h", "--no-dry-run"]);
    assert!(status == 0 && text.contains("too late"), "{text}");
    let (status, text, _) = unmark(bucket, "nobody", &["--since=2020-01-01T00:00:00Z"]);
    assert_eq!(status, 0);
    assert!(text.contains("no deletion mark by nobody since 2020-01-01 00:00"), "{text}");
    assert!(text.contains("stay, by acme, other"), "{text}");
}

#[test]
fn the_time_is_required_and_lies_in_the_past() {
    let bucket = tempfile::tempdir().expect("a directory");
    let (status, _, log) = unmark(bucket.path(), "acme", &[]);
    assert_eq!(status, 2);
    assert!(log.contains("required flag --since not provided"), "{log}");
    let (status, _, log) = unmark(bucket.path(), "acme", &["--since=2h"]);
    assert_eq!(status, 1);
    assert!(log.contains("--since lies in the future; two hours ago is --since=-2h"), "{log}");
}
