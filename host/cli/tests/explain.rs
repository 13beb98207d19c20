//! `lithify explain` as a program: blocks of each standing, and ids that are none.

use std::{fs, path::Path, process::Command};

const LATE: &str = "01JN84MHR04YBZBA82BD4X333E";
const MARKED: &str = "01JN7XRTG03VFYBWAG63B5R8VR";
const PARTIAL: &str = "01JN7G1C00K0TA2JNSQJN0YTMD";
const COVERED: &str = "01JN7PX380VCMWNYV1GC9165AQ";
const COVERING: &str = "01JN7PX380J79NF36ZKCH2Z7TC";

fn write(bucket: &Path, id: &str, file: &str, text: &str) {
    fs::create_dir_all(bucket.join(id)).expect("a directory");
    fs::write(bucket.join(id).join(file), text).expect("a file");
}

fn meta(bucket: &Path, id: &str, sources: &[&str], source: &str) {
    let text = format!(
        "{{\"version\":1,\"ulid\":\"{id}\",\"minTime\":0,\"maxTime\":7200000,\"stats\":{{\"numSamples\":1}},\
         \"compaction\":{{\"level\":1,\"sources\":[\"{}\"]}},\
         \"thanos\":{{\"labels\":{{\"a\":\"1\"}},\"downsample\":{{\"resolution\":0}},\"source\":\"{source}\"}}}}",
        sources.join("\",\"")
    );
    write(bucket, id, "meta.json", &text);
}

/// Status, report and log.
fn explain(directory: &Path, id: &str, more: &[&str]) -> (i32, serde_json::Value, String) {
    let yaml = format!("type: FILESYSTEM\nconfig:\n  directory: {}\n", directory.join("bucket").display());
    let output = Command::new(env!("CARGO_BIN_EXE_lithify"))
        .args(["explain", id, "--output=json", "--log.format=json"])
        .arg(format!("--objstore.config={yaml}"))
        .arg(format!("--data-dir={}", directory.join("data").display()))
        .args(more)
        .output()
        .expect("the program runs");
    let report = serde_json::from_slice(&output.stdout).unwrap_or_default();
    (output.status.code().expect("it ends by itself"), report, String::from_utf8_lossy(&output.stderr).into_owned())
}

fn outcomes(report: &serde_json::Value) -> Vec<&str> {
    let rules = report["rules"].as_array().expect("rules");
    rules.iter().map(|rule| rule["outcome"].as_str().expect("an outcome")).collect()
}

fn next(report: &serde_json::Value) -> Vec<(&str, Option<i64>)> {
    let next = report["next"].as_array().expect("what is next");
    next.iter().map(|next| (next["what"].as_str().expect("what"), next["not_before_ms"].as_i64())).collect()
}

#[test]
fn each_standing_says_why_and_what_comes_next() {
    let directory = tempfile::tempdir().unwrap();
    let bucket = directory.path().join("bucket");
    meta(&bucket, LATE, &[LATE], "sidecar");
    meta(&bucket, MARKED, &[MARKED], "sidecar");
    let mark = format!("{{\"id\":\"{MARKED}\",\"version\":1,\"details\":\"by hand\",\"deletion_time\":1740787200}}");
    write(&bucket, MARKED, "deletion-mark.json", &mark);
    meta(&bucket, COVERED, &[COVERED], "sidecar");
    meta(&bucket, COVERING, &[COVERED, COVERING], "compactor");
    write(&bucket, PARTIAL, "index", "x");

    let (status, report, _) = explain(directory.path(), MARKED, &[]);
    assert_eq!((status, report["standing"].as_str()), (0, Some("marked-for-deletion")));
    assert_eq!(outcomes(&report)[3..6], ["passed", "failed", "not asked"]);
    assert_eq!(next(&report), [("deletion", Some(1_740_787_200_000 + 172_800_000))]);
    assert_eq!(report["marks"][0]["details"], "by hand");

    let (_, report, _) = explain(directory.path(), COVERED, &[]);
    assert_eq!(report["standing"], "duplicate");
    assert_eq!(report["rules"][6]["why"], format!("all its samples are in block {COVERING}"));
    assert_eq!(next(&report), [("deletion mark", None), ("deletion", None)]);

    let (_, report, _) = explain(directory.path(), PARTIAL, &[]);
    assert_eq!((report["standing"].as_str(), outcomes(&report)[0]), (Some("no-meta-json"), "failed"));
    assert_eq!(next(&report)[0].0, "cleaning");

    let (_, report, _) = explain(directory.path(), LATE, &["--consistency-delay=438000h"]);
    assert_eq!((report["standing"].as_str(), outcomes(&report)[3]), (Some("too-fresh"), "failed"));
    assert_eq!(next(&report)[0].0, "seen");

    let (_, report, _) = explain(directory.path(), LATE, &["--min-time=2020-01-01T00:00:00Z"]);
    assert_eq!((report["standing"].as_str(), next(&report)), (Some("time-excluded"), vec![("nothing", None)]));

    // Nothing was written: the files are those that the test made.
    assert_eq!(fs::read_dir(bucket.join(COVERED)).unwrap().count(), 1);
}

#[test]
fn blocks_that_belong_together_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let bucket = directory.path().join("bucket");
    let hour = 3_600_000_i64;
    let ids: Vec<String> = (0..5).map(|i| format!("01JN7PX380J79NF36ZKCH2Z7T{i}")).collect();
    for (i, id) in (0..).zip(&ids) {
        let text = format!(
            "{{\"version\":1,\"ulid\":\"{id}\",\"minTime\":{},\"maxTime\":{},\"stats\":{{\"numSamples\":1}},\
             \"compaction\":{{\"level\":1,\"sources\":[\"{id}\"]}},\"thanos\":{{\"labels\":{{\"a\":\"1\"}},\
             \"downsample\":{{\"resolution\":0}},\"source\":\"sidecar\"}}}}",
            i * 2 * hour,
            (i + 1) * 2 * hour
        );
        write(&bucket, id, "meta.json", &text);
        write(&bucket, id, "index", "x");
    }
    // Its index is no index, which only reading it shows.
    let (_, report, _) = explain(directory.path(), &ids[1], &["--check=index"]);
    assert_eq!((&report["check"]["defect"]["reason"], next(&report)[0].0), (&"index".into(), "left out"));
    let (status, report, log) = explain(directory.path(), &ids[1], &["--check=none"]);
    assert_eq!(status, 0, "{log}");
    assert_eq!((&report["check"]["read"], report["check"].get("defect")), (&"nothing".into(), None));
    assert_eq!(report["next"][0]["what"], "compaction");
    assert_eq!(report["next"][0]["with"], serde_json::json!([ids[0], ids[2], ids[3]]));
    assert_eq!(report["group"]["blocks"], 5);
    let (_, report, _) = explain(directory.path(), &ids[4], &[]);
    assert_eq!(next(&report)[0].0, "nothing");
    let said = report["planner"].as_array().unwrap();
    assert!(!said.is_empty());
}

#[test]
fn an_unknown_block_and_what_is_no_id_are_errors_that_say_so() {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir(directory.path().join("bucket")).unwrap();
    let (status, _, log) = explain(directory.path(), LATE, &[]);
    assert_eq!(status, 1);
    assert!(log.contains(&format!("block {LATE} is not in the bucket, which has 0 others")), "{log}");
    let (status, _, log) = explain(directory.path(), "nope", &[]);
    assert_eq!(status, 1);
    assert!(log.contains("is no block id"), "{log}");
}
