//! Policies from outside: what they may do, and what happens when they do something else.

use std::fs;

use sha2::{Digest, Sha256};

use crate::program::{compact, copy, data, files, filesystem, lithify, log};

/// Runs the program with the planner that misbehaves as `how` says, and gives status and log; the bucket is untouched.
fn misbehave(how: &str, more: &str) -> (Option<i32>, String) {
    let work = tempfile::tempdir().unwrap();
    let bucket = work.path().join("bucket");
    copy(&data("bytes/labels/in"), &bucket);
    let before = files(&bucket);
    let plugin = data("guests/misbehaving.wasm");
    let plugins = format!(
        "planner: {{plugin: '{}', config: {{do: {how}}}, limits: {{fuel: 2e9, timeout: 60s}}{more}}}",
        plugin.display()
    );
    let output =
        compact(&filesystem(&bucket), work.path(), &[&format!("--plugins.config={plugins}")]).output().unwrap();
    assert_eq!(files(&bucket), before, "{how}");
    (output.status.code(), log(&output))
}

#[test]
fn a_planner_that_does_what_it_must_not_is_refused_with_its_name_and_the_reason() {
    for (how, reason) in [
        ("trap", "panic"),
        ("loop", "out of fuel"),
        ("recurse", "stack or bounds"),
        ("memory", "memory limit"),
        ("position", "bad answer"),
        ("twice", "bad answer"),
        ("huge", "limit"),
        ("refuse", "not today"),
    ] {
        let (status, log) = misbehave(how, "");
        assert_eq!(status, Some(1), "{how}: {log}");
        assert!(log.contains("misbehaving") && log.contains(reason), "{how}: {log}");
    }
}

#[test]
fn with_on_error_builtin_the_built_in_planner_stands_in() {
    let work = tempfile::tempdir().unwrap();
    let bucket = work.path().join("bucket");
    copy(&data("bytes/labels/in"), &bucket);
    let before = files(&bucket);
    let plugin = data("guests/misbehaving.wasm");
    let plugins = format!("planner: {{plugin: '{}', config: {{do: trap}}, on-error: builtin}}", plugin.display());
    let output =
        compact(&filesystem(&bucket), work.path(), &[&format!("--plugins.config={plugins}")]).output().unwrap();
    assert!(output.status.success(), "{}", log(&output));
    assert!(files(&bucket).len() > before.len());
}

#[test]
fn another_file_than_the_pinned_one_is_refused_before_anything_is_asked() {
    let (status, log) = misbehave("trap", &format!(", sha256: {}", "0".repeat(64)));
    assert_eq!(status, Some(1));
    assert!(log.contains("sha256") || log.contains("digest"), "{log}");
}

#[test]
fn inspect_tells_of_a_component_without_running_it() {
    let path = data("guests/misbehaving.wasm");
    let output = lithify().args(["plugin", "inspect"]).arg(&path).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let digest: String = Sha256::digest(fs::read(&path).unwrap()).iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(text.contains("name: misbehaving") && text.contains("kinds: planner") && text.contains(&digest), "{text}");
    let output = lithify().args(["plugin", "inspect"]).arg(data("bytes/README.md")).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn plan_shows_what_compact_does_and_changes_nothing() {
    let work = tempfile::tempdir().unwrap();
    let bucket = work.path().join("bucket");
    copy(&data("bytes/labels/in"), &bucket);
    let before = files(&bucket);
    let plan = |output: &str| {
        lithify()
            .arg("plan")
            .arg(format!("--objstore.config={}", filesystem(&bucket)))
            .arg(format!("--data-dir={}", work.path().join("data").display()))
            .args(["--consistency-delay=0s", "--downsampling.disable", output])
            .output()
            .unwrap()
    };
    let json: serde_json::Value = serde_json::from_slice(&plan("--output=json").stdout).unwrap();
    let planned: Vec<_> = json["passes"][0]["groups"][0]["jobs"][0]["blocks"].as_array().unwrap().clone();
    assert!(String::from_utf8(plan("--output=table").stdout).unwrap().contains("fill a window of 8h"));
    assert_eq!(files(&bucket), before);
    assert!(compact(&filesystem(&bucket), work.path(), &[]).status().unwrap().success());
    let marked: Vec<_> = files(&bucket)
        .into_keys()
        .filter_map(|name| name.strip_suffix("/deletion-mark.json").map(str::to_owned))
        .collect();
    assert_eq!(marked, planned.iter().map(|id| id.as_str().unwrap().to_owned()).collect::<Vec<_>>());
}

#[test]
fn selector_rules_leave_blocks_to_others() {
    let work = tempfile::tempdir().unwrap();
    let bucket = work.path().join("bucket");
    copy(&data("bytes/labels/in"), &bucket);
    let before = files(&bucket);
    let rules = "--selector.relabel-config=[{action: drop, source_labels: [cluster], regex: 'eu\\d'}]";
    assert!(compact(&filesystem(&bucket), work.path(), &[rules]).status().unwrap().success());
    assert_eq!(files(&bucket), before);
    let output =
        compact(&filesystem(&bucket), work.path(), &["--selector.relabel-config=[{action: labeldrop, regex: x}]"])
            .output()
            .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(log(&output).contains("unsupported relabel action: labeldrop"), "{}", log(&output));
}
