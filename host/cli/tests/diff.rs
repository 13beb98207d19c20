//! `lithify plugin diff` as a program: what other policies would decide over the same bucket, and that nothing changes.

use std::{fs, path::Path, process::Command};

use serde_json::{Value, json};

const OLD: &str = "01JN84MHR04YBZBA82BD4X333E";
const OLDER: &str = "01JN7PX380VCMWNYV1GC9165AQ";

fn meta(bucket: &Path, id: &str, hours: i64) {
    let text = json!({
        "version": 1, "ulid": id, "minTime": (hours - 2) * 3_600_000, "maxTime": hours * 3_600_000,
        "stats": { "numSamples": 1 }, "compaction": { "level": 1, "sources": [id] },
        "thanos": { "labels": { "a": "1" }, "downsample": { "resolution": 0 }, "source": "sidecar" },
    });
    fs::create_dir_all(bucket.join(id)).expect("a directory");
    fs::write(bucket.join(id).join("meta.json"), text.to_string()).expect("a file");
}

/// Status, standard output and log.
fn diff(directory: &Path, other: &str, more: &[&str]) -> (i32, String, String) {
    let file = directory.join("other.yaml");
    fs::write(&file, other).expect("a file");
    let yaml = format!("{{type: FILESYSTEM, config: {{directory: {}}}}}", directory.join("bucket").display());
    let output = Command::new(env!("CARGO_BIN_EXE_lithify"))
        .args(["plugin", "diff"])
        .arg(&file)
        .arg(format!("--objstore.config={yaml}"))
        .arg(format!("--data-dir={}", directory.join("data").display()))
        .args(more)
        .output()
        .expect("the program runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().expect("it ends by itself"), text(&output.stdout), text(&output.stderr))
}

const KEEP: &str = "retention: []\n";
const LET_GO: &str = "retention:\n- {plugin: 'builtin:by-resolution', name: short, config: {raw-ms: 1}}\n";

#[test]
fn what_would_be_decided_otherwise_is_told_and_nothing_is_written() {
    let directory = tempfile::tempdir().unwrap();
    let bucket = directory.path().join("bucket");
    meta(&bucket, OLD, 2);
    meta(&bucket, OLDER, 12);
    let (status, text, log) = diff(directory.path(), "", &["--output=json"]);
    let report: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!((status, &report["only_before"], &report["only_after"]), (0, &json!([]), &json!([])), "{log}");

    let (status, text, log) = diff(directory.path(), LET_GO, &["--output=json"]);
    assert_eq!(status, 1, "{log}");
    let report: Value = serde_json::from_str(&text).expect("JSON");
    let let_go = report["only_after"].as_array().unwrap().iter().filter(|decision| decision["decision"] == "let go");
    let blocks: Vec<_> = let_go.map(|decision| decision["blocks"][0].as_str().unwrap().to_owned()).collect();
    assert_eq!(blocks, [OLDER, OLD]);
    assert_eq!(report["only_before"], json!([]));
    let kinds = |side: &str| {
        let policies = report[side].as_array().unwrap().iter();
        policies.map(|policy| policy["kind"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert!(!kinds("policies_before").contains(&"retention".to_owned()));
    assert!(kinds("policies_after").contains(&"retention".to_owned()));

    // The other way round, against what the flags name.
    let named = format!("--plugins.config={LET_GO}");
    let (status, text, log) = diff(directory.path(), KEEP, &[&named]);
    assert_eq!(status, 1, "{log}");
    assert!(text.contains("-  let go") && text.contains(OLD) && !text.contains("+  "), "{text}");
    let (status, text, log) = diff(directory.path(), LET_GO, &[&named]);
    assert_eq!(status, 0, "{log}");
    assert!(text.contains("and none differs"), "{text}");
    let mut names: Vec<_> = fs::read_dir(&bucket).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, [OLDER, OLD]);
    assert!(names.iter().all(|name| fs::read_dir(bucket.join(name)).unwrap().count() == 1));
}

#[test]
fn what_cannot_be_compared_has_a_status_of_its_own() {
    let directory = tempfile::tempdir().unwrap();
    meta(&directory.path().join("bucket"), OLD, 2);
    for (other, reason) in [
        ("retention: 7", "parse --plugins.config"),
        ("planner: {plugin: 'builtin:none'}", "there is no built-in"),
        ("planner: {plugin: $(NO_SUCH_VARIABLE)}", "NO_SUCH_VARIABLE"),
    ] {
        let (status, text, log) = diff(directory.path(), other, &[]);
        assert_eq!((status, text.as_str()), (2, ""), "{log}");
        assert!(log.contains(reason), "{log}");
    }
}
