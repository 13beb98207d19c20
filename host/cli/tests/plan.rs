//! `lithify plan` as a program: what goes, what is cleaned up, and that looking changes nothing.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::Command,
    time::{Duration, SystemTime},
};

use serde_json::{Value, json};

const OLD: &str = "01JN84MHR04YBZBA82BD4X333E";
const MARKED: &str = "01JN7XRTG03VFYBWAG63B5R8VR";
const MARKED_LATE: &str = "01JN7XRTG03VFYBWAG63B5R8VS";
const PARTIAL: &str = "01JN7G1C00K0TA2JNSQJN0YTMD";
const PARTIAL_FRESH: &str = "01JN7G1C00K0TA2JNSQJN0YTME";
const BAD: &str = "01JN7G1C00K0TA2JNSQJN0YTMF";
const COVERED: &str = "01JN7PX380VCMWNYV1GC9165AQ";
const COVERING: &str = "01JN7PX380J79NF36ZKCH2Z7TC";

/// 2025, in seconds.
const LONG_AGO: u64 = 1_740_787_200;
/// 2100, in seconds.
const FAR_AHEAD: u64 = 4_102_444_800;

fn write(bucket: &Path, id: &str, file: &str, text: &str) {
    fs::create_dir_all(bucket.join(id)).expect("a directory");
    fs::write(bucket.join(id).join(file), text).expect("a file");
}

fn meta(bucket: &Path, id: &str, sources: &[&str], source: &str) {
    let text = json!({
        "version": 1, "ulid": id, "minTime": 0, "maxTime": 7_200_000, "stats": { "numSamples": 1 },
        "compaction": { "level": 1, "sources": sources },
        "thanos": { "labels": { "a": id }, "downsample": { "resolution": 0 }, "source": source },
    });
    write(bucket, id, "meta.json", &text.to_string());
}

fn mark(bucket: &Path, id: &str, seconds: u64) {
    let text = json!({ "id": id, "version": 1, "details": "by hand", "deletion_time": seconds });
    write(bucket, id, "deletion-mark.json", &text.to_string());
}

/// One block of each kind that goes, will go, or is left alone.
fn fill(bucket: &Path) {
    meta(bucket, OLD, &[OLD], "sidecar");
    meta(bucket, MARKED, &[MARKED], "sidecar");
    mark(bucket, MARKED, LONG_AGO);
    meta(bucket, MARKED_LATE, &[MARKED_LATE], "sidecar");
    mark(bucket, MARKED_LATE, FAR_AHEAD);
    let text = json!({
        "version": 1, "ulid": COVERING, "minTime": 0, "maxTime": 7_200_000, "stats": { "numSamples": 1 },
        "compaction": { "level": 2, "sources": [COVERED, COVERING] },
        "thanos": { "labels": { "a": COVERED }, "downsample": { "resolution": 0 }, "source": "compactor" },
    });
    write(bucket, COVERING, "meta.json", &text.to_string());
    meta(bucket, COVERED, &[COVERED], "sidecar");
    write(bucket, PARTIAL, "index", "twelve bytes");
    let old = SystemTime::UNIX_EPOCH + Duration::from_secs(LONG_AGO);
    let index = fs::File::options().write(true).open(bucket.join(PARTIAL).join("index")).expect("it was made");
    index.set_modified(old).expect("times can be set");
    write(bucket, PARTIAL_FRESH, "index", "x");
    write(bucket, BAD, "meta.json", "{");
}

fn files(directory: &Path) -> BTreeMap<String, (Vec<u8>, SystemTime)> {
    let blocks = fs::read_dir(directory).expect("a bucket").flatten();
    let all = blocks.flat_map(|block| fs::read_dir(block.path()).expect("a block").flatten());
    let read = |file: fs::DirEntry| {
        let modified = file.metadata().expect("a file").modified().expect("it has a time");
        (file.path().display().to_string(), (fs::read(file.path()).expect("a file"), modified))
    };
    all.map(read).collect()
}

fn plan(directory: &Path, more: &[&str]) -> (i32, String, String) {
    let yaml = format!("type: FILESYSTEM\nconfig:\n  directory: {}\n", directory.join("bucket").display());
    let output = Command::new(env!("CARGO_BIN_EXE_lithify"))
        .arg("plan")
        .arg(format!("--objstore.config={yaml}"))
        .arg(format!("--data-dir={}", directory.join("data").display()))
        .args(more)
        .output()
        .expect("the program runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().expect("it ends by itself"), text(&output.stdout), text(&output.stderr))
}

fn blocks<'a>(report: &'a Value, list: &str) -> Vec<&'a str> {
    report[list].as_array().expect("a list").iter().filter_map(|entry| entry["block"].as_str()).collect()
}

#[test]
fn what_goes_is_told_with_its_reason_and_nothing_is_written() {
    let directory = tempfile::tempdir().unwrap();
    let bucket = directory.path().join("bucket");
    fill(&bucket);
    let before = files(&bucket);
    let (status, text, log) = plan(directory.path(), &["--output=json", "--retention.resolution-raw=60d"]);
    let report: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(status, 0, "{log}");

    assert_eq!(blocks(&report, "deletions"), [MARKED, MARKED_LATE]);
    let [due, late] = [&report["deletions"][0], &report["deletions"][1]];
    assert_eq!((&due["is_due"], &late["is_due"]), (&json!(true), &json!(false)));
    let delay = due["due_at_ms"].as_i64().unwrap() - due["marked_at_ms"].as_i64().unwrap();
    assert_eq!(delay, 48 * 3_600_000);

    assert_eq!(blocks(&report, "superseded"), [COVERED]);
    assert_eq!(report["superseded"][0]["reason"], format!("all its samples are in {COVERING}"));

    assert_eq!(blocks(&report, "partial"), [PARTIAL, PARTIAL_FRESH, BAD]);
    assert_eq!((&report["partial"][0]["is_due"], &report["partial"][1]["is_due"]), (&json!(true), &json!(false)));
    assert_eq!(report["partial"][0]["size_bytes"], 12);
    assert_eq!(blocks(&report, "left_out"), [BAD]);

    // What is marked already goes for that.
    assert_eq!(blocks(&report, "retention"), [COVERING, OLD]);
    let rule = &report["retention_rules"][0];
    assert_eq!((&rule["plugin"], &rule["mode"]), (&json!("builtin:by-resolution"), &json!("enforce")));
    let kinds: Vec<_> = report["policies"].as_array().unwrap().iter().map(|policy| &policy["kind"]).collect();
    assert!(kinds.contains(&&json!("planner")) && kinds.contains(&&json!("retention")), "{kinds:?}");

    let (_, text, _) = plan(directory.path(), &["--retention.resolution-raw=60d"]);
    for part in ["deleting\n", "cleaning up\n", "retention\n", "later: 1 block", "decided by ", MARKED, PARTIAL, OLD] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    assert_eq!(files(&bucket), before);
}

#[test]
fn a_refused_answer_names_the_bound_and_a_rule_in_the_shadow_what_would_differ() {
    let directory = tempfile::tempdir().unwrap();
    fill(&directory.path().join("bucket"));
    let rules = "retention:\n\
        - {plugin: 'builtin:by-resolution', name: bounded, config: {raw-ms: 1}, rails: {max-blocks: 1}}\n\
        - {plugin: 'builtin:by-resolution', name: tried, config: {raw-ms: 1}, mode: shadow}\n";
    let (status, text, log) = plan(directory.path(), &["--output=json", &format!("--plugins.config={rules}")]);
    assert_eq!(status, 0, "{log}");
    let report: Value = serde_json::from_str(&text).expect("JSON");
    let [bounded, tried] = [&report["retention_rules"][0], &report["retention_rules"][1]];
    assert_eq!(bounded["refused_by"], "max-blocks");
    assert_eq!(bounded["accepted"], 0);
    assert_eq!(tried["mode"], "shadow");
    assert!(tried["would_let_go"].as_array().unwrap().iter().any(|block| block == OLD), "{tried}");
    assert_eq!(blocks(&report, "retention"), Vec::<&str>::new());
}

#[test]
fn what_a_rule_has_spent_within_seven_days_is_told_and_holds_it_back() {
    let directory = tempfile::tempdir().unwrap();
    let bucket = directory.path().join("bucket");
    fill(&bucket);
    let kept = bucket.join("lithify/retention-budget");
    fs::create_dir_all(&kept).unwrap();
    let object = kept.join(format!("{OLD}.json"));
    let text = format!(
        r#"{{"version":1,"run":"r","at_ms":{},"spent":[{{"rule":"bounded","tenant":"{OLD}","blocks":{{"{PARTIAL}":7}}}}]}}"#,
        FAR_AHEAD * 1000
    );
    fs::write(&object, text).unwrap();
    let rules = "retention:\n\
        - {plugin: 'builtin:by-resolution', name: bounded, config: {raw-ms: 1}, \
           rails: {max-blocks-per-week: 1, tenant-label: a}}\n";
    let rules = format!("--plugins.config={rules}");
    let (status, text, log) = plan(directory.path(), &["--output=json", &rules]);
    assert_eq!(status, 0, "{log}");
    let report: Value = serde_json::from_str(&text).expect("JSON");
    let rule = &report["retention_rules"][0];
    assert_eq!(rule["refused_tenants"][0]["tenant"], OLD);
    assert_eq!(rule["refused_tenants"][0]["refused_by"], "max-blocks-per-week");
    let spent = rule["budget"].as_array().unwrap().iter().find(|budget| budget["tenant"] == OLD).unwrap();
    assert_eq!(
        (&spent["spent_blocks"], &spent["spent_bytes"], &spent["max_blocks"]),
        (&json!(1), &json!(7), &json!(1))
    );
    assert!(!blocks(&report, "retention").contains(&OLD));
    let (_, text, _) = plan(directory.path(), &[&rules]);
    assert!(
        text.contains(&format!("tenant {OLD}: 1 block, 7 B went within seven days, at most 1 block may")),
        "{text}"
    );

    fs::write(&object, "{").unwrap();
    let (status, text, _) = plan(directory.path(), &[&rules]);
    assert_eq!(status, 0);
    assert!(text.contains(&format!("lithify/retention-budget/{OLD}.json is damaged")), "{text}");
    assert!(text.contains("nothing is let go"), "{text}");
}
