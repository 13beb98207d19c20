//! The house rules that a machine can see.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Who may import whom from the workspace, and what from outside besides thiserror and tracing. `*` is anything.
const MAY_IMPORT: &[(&str, &[&str], &[&str])] = &[
    ("host/block", &[], &["serde", "serde_json", "ulid"]),
    ("host/tsdb", &["lithify-block"], &["bytes", "crc32c"]),
    (
        "host/bucket",
        &["lithify-block"],
        &[
            "object_store",
            "tokio",
            "serde",
            "serde_yaml",
            "prometheus",
            "bytes",
            "http-body-util",
            "quick-xml",
            "serde_json",
            "zeroize",
            "*transport",
        ],
    ),
    ("host/plugin", &["lithify-block"], &["wasmtime", "*build"]),
    (
        "host/compactor",
        &["lithify-block", "lithify-bucket", "lithify-tsdb"],
        &["bytes", "prometheus", "serde_json", "sha2", "tokio", "ulid"],
    ),
    ("host/cli", &["*"], &["*"]),
    ("plugins/sdk", &[], &["wit-bindgen", "*small"]),
    ("plugins/selector", &["lithify-sdk"], &["*small"]),
    ("plugins/grouper", &["lithify-sdk"], &["*small"]),
    ("plugins/planner", &["lithify-sdk"], &["*small"]),
    ("plugins/downsampler", &["lithify-sdk"], &["*small"]),
    ("plugins/retention", &["lithify-sdk"], &["*small"]),
    ("tests", &["*"], &["*"]),
    ("tests/kit", &["*"], &["*"]),
];

/// Families that the table names with a star.
const TRANSPORT: &[&str] = &[
    "async-trait",
    "base64",
    "futures-util",
    "futures-core",
    "http",
    "http-body",
    "hmac",
    "md-5",
    "rand",
    "reqwest",
    "ring",
    "rustls",
    "rustls-native-certs",
    "sha2",
    "url",
    "webpki-roots",
];
const BUILD: &[&str] = &[
    "getrandom",
    "hmac",
    "rustix",
    "serde",
    "serde_json",
    "sha2",
    "toml",
    "wasm-encoder",
    "wasmparser",
    "wit-component",
    "wit-parser",
];
const SMALL: &[&str] =
    &["dlmalloc", "md-5", "regex-automata", "regex-lite", "regex-syntax", "serde", "serde_json", "xxhash-rust"];

/// Longest file without a reason at its top, lines.
const LINES_MAX: usize = 400;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ has a parent").to_path_buf()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// All files below `directory` that end in `extension`, build products apart.
fn files(directory: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut waiting = vec![directory.to_path_buf()];
    while let Some(directory) = waiting.pop() {
        for entry in fs::read_dir(&directory).expect("a directory of the house").flatten() {
            let (path, name) = (entry.path(), entry.file_name());
            if path.is_dir() {
                if !["target", "corpus", "artifacts"].iter().any(|skip| name == *skip) {
                    waiting.push(path);
                }
            } else if path.extension().is_some_and(|found| found == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn sources() -> Vec<(PathBuf, String)> {
    let rooms = ["host", "plugins", "tests", "examples"];
    let paths = rooms.iter().flat_map(|room| files(&root().join(room), "rs"));
    paths.map(|path| (path.clone(), read(&path))).filter(|(path, _)| !path.ends_with("tests/tidy.rs")).collect()
}

fn complain(rule: &str, offenders: &[String]) {
    assert!(offenders.is_empty(), "{rule}:\n  {}", offenders.join("\n  "));
}

fn dependencies(crate_path: &str) -> BTreeSet<String> {
    let manifest: toml::Table = read(&root().join(crate_path).join("Cargo.toml")).parse().expect("a Cargo.toml");
    let table = manifest.get("dependencies").and_then(toml::Value::as_table);
    table.map(|table| table.keys().cloned().collect()).unwrap_or_default()
}

#[test]
fn crates_import_what_the_table_allows() {
    let mut offenders = Vec::new();
    for (crate_path, inside, outside) in MAY_IMPORT {
        for name in dependencies(crate_path) {
            let list = if name.starts_with("lithify-") { inside } else { outside };
            let family = |star: &str, family: &[&str]| list.contains(&star) && family.contains(&name.as_str());
            let allowed = list.contains(&"*")
                || list.contains(&name.as_str())
                || ["thiserror", "tracing"].contains(&name.as_str())
                || family("*transport", TRANSPORT)
                || family("*build", BUILD)
                || family("*small", SMALL);
            if !allowed {
                offenders.push(format!("{crate_path} imports {name}"));
            }
        }
    }
    complain("the table of imports in host/ARCHITECTURE.md", &offenders);
}

#[test]
fn every_member_is_in_the_table() {
    let manifest: toml::Table = read(&root().join("Cargo.toml")).parse().expect("a Cargo.toml");
    let members =
        manifest["workspace"]["members"].as_array().expect("a list").iter().map(|m| m.as_str().expect("text"));
    let missing: Vec<_> =
        members.filter(|member| !MAY_IMPORT.iter().any(|(path, ..)| path == member)).map(str::to_owned).collect();
    complain("each member has its row in the table", &missing);
}

#[test]
fn pure_crates_cannot_name_the_outside() {
    let pure = [
        "host/block",
        "plugins/sdk",
        "plugins/selector",
        "plugins/grouper",
        "plugins/planner",
        "plugins/downsampler",
        "plugins/retention",
    ];
    let offenders: Vec<_> = pure
        .iter()
        .filter(|path| !read(&root().join(path).join("src/lib.rs")).contains("#![no_std]"))
        .map(ToString::to_string)
        .collect();
    complain("pure crates are no_std", &offenders);
}

#[test]
fn only_the_plugin_crate_knows_wasmtime_and_only_the_bucket_crate_object_store() {
    let mut offenders = Vec::new();
    for (path, text) in sources() {
        let inside = |room: &str| path.starts_with(root().join(room));
        for (word, room) in [("wasmtime::", "host/plugin"), ("object_store::", "host/bucket")] {
            if text.contains(word) && !inside(room) && !inside("tests") {
                offenders.push(format!("{} names {word}", path.display()));
            }
        }
    }
    complain("one room a concern", &offenders);
}

#[test]
fn long_files_say_why_at_the_top() {
    let offenders: Vec<_> = sources()
        .iter()
        .filter(|(_, text)| text.lines().count() > LINES_MAX)
        .filter(|(_, text)| !text.lines().take(12).any(|line| line.contains("One file")))
        .map(|(path, text)| format!("{}: {} lines", path.display(), text.lines().count()))
        .collect();
    complain("files above 400 lines are split by noun or say why", &offenders);
}

#[test]
fn nothing_is_left_for_later_or_skipped() {
    let words = ["#[ignore", "todo!(", "unimplemented!(", "dbg!(", "#[allow(", "#![allow(", "TODO", "FIXME"];
    let mut offenders = Vec::new();
    for (path, text) in sources() {
        for word in words.iter().filter(|word| text.contains(**word)) {
            offenders.push(format!("{}: {word}", path.display()));
        }
    }
    complain("nothing is left for later or skipped", &offenders);
}

#[test]
fn tests_do_not_sleep() {
    let words = ["thread::sleep", "tokio::time::sleep"];
    let is_test = |path: &Path| path.components().any(|part| part.as_os_str() == "tests") || path.ends_with("tests.rs");
    let offenders: Vec<_> = sources()
        .iter()
        .filter(|(path, text)| is_test(path) && words.iter().any(|word| text.contains(word)))
        .map(|(path, _)| path.display().to_string())
        .collect();
    complain("tests do not sleep", &offenders);
}

#[test]
fn files_are_named_by_what_they_hold() {
    let vague = ["utils", "util", "common", "helpers", "types", "manager", "misc"];
    let offenders: Vec<_> = sources()
        .iter()
        .filter(|(path, _)| path.file_stem().is_some_and(|stem| vague.iter().any(|name| stem == *name)))
        .map(|(path, _)| path.display().to_string())
        .collect();
    complain("files are named by what they hold", &offenders);
}

#[test]
fn unsafe_code_stands_in_few_small_files() {
    let offenders: Vec<_> = sources()
        .iter()
        .filter(|(_, text)| text.contains("unsafe {") || text.contains("unsafe impl") || text.contains("unsafe fn"))
        .filter(|(_, text)| text.lines().count() > 150 || !text.contains("reason = \""))
        .map(|(path, _)| path.display().to_string())
        .collect();
    complain("unsafe code stands in small files with their reason", &offenders);
}

#[test]
fn the_top_level_is_what_it_is_said_to_be() {
    let fixed = [
        "Cargo.toml",
        "Cargo.lock",
        "host",
        "plugins",
        "wit",
        "examples",
        "tests",
        "README.md",
        "LICENSE",
        "CHANGELOG.md",
    ];
    let offenders: Vec<_> = fs::read_dir(root())
        .expect("the top level")
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| !name.starts_with('.') && name != "target" && !fixed.contains(&name.as_str()))
        .collect();
    complain("the top level is fixed", &offenders);
}

#[test]
fn the_map_is_short_and_names_every_room() {
    let map = read(&root().join("host/ARCHITECTURE.md"));
    assert!(map.lines().count() <= 200, "host/ARCHITECTURE.md has {} lines, 200 are allowed", map.lines().count());
    let missing: Vec<_> =
        MAY_IMPORT.iter().map(|(path, ..)| *path).filter(|path| !map.contains(path)).map(str::to_owned).collect();
    complain("host/ARCHITECTURE.md names every room", &missing);
}
