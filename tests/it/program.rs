//! The program, and buckets to run it on.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;
use sha2::{Digest, Sha256};

/// The program under test, which `cargo test --workspace` has built beside this test.
pub(crate) fn lithify() -> Command {
    let test = std::env::current_exe().expect("a test has a path");
    let profile = test.parent().and_then(Path::parent).expect("tests lie in target/<profile>/deps");
    let program = profile.join("lithify");
    assert!(program.exists(), "{} is not built; run `cargo build` or `cargo test --workspace`", program.display());
    Command::new(program)
}

/// `lithify compact` without downsampling on the bucket of this YAML, with its own data directory below `work`.
pub(crate) fn compact(yaml: &str, work: &Path, flags: &[&str]) -> Command {
    let mut command = downsample(yaml, work, flags);
    command.arg("--downsampling.disable");
    command
}

/// The same with downsampling.
pub(crate) fn downsample(yaml: &str, work: &Path, flags: &[&str]) -> Command {
    let mut command = compact_with(yaml, work, flags);
    command.arg("--consistency-delay=0s");
    command
}

/// `lithify compact` with these flags and no others but those that say where.
pub(crate) fn compact_with(yaml: &str, work: &Path, flags: &[impl AsRef<OsStr>]) -> Command {
    let mut command = lithify();
    command
        .arg("compact")
        .arg(format!("--objstore.config={yaml}"))
        .arg(format!("--data-dir={}", work.join("data").display()))
        .arg("--http-address=127.0.0.1:0")
        .args(flags);
    command
}

/// The YAML of a bucket in `directory`.
pub(crate) fn filesystem(directory: &Path) -> String {
    format!("{{type: FILESYSTEM, config: {{directory: '{}'}}}}", directory.display())
}

/// What the program said.
pub(crate) fn log(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

pub(crate) fn data(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data").join(path)
}

/// All files below `directory` by their path below it.
pub(crate) fn files(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut waiting = vec![directory.to_path_buf()];
    while let Some(path) = waiting.pop() {
        for entry in fs::read_dir(&path).into_iter().flatten().flatten() {
            if entry.path().is_dir() {
                waiting.push(entry.path());
                continue;
            }
            let name = entry.path().strip_prefix(directory).expect("below").display().to_string();
            found.insert(name, fs::read(entry.path()).expect("a file that was just listed"));
        }
    }
    found
}

/// Copies the objects of a bucket to `to`.
pub(crate) fn copy(from: &Path, to: &Path) {
    for (name, content) in files(from) {
        let path = to.join(name);
        fs::create_dir_all(path.parent().expect("below")).expect("a directory of a test");
        fs::write(path, content).expect("a file of a test");
    }
}

/// One line a block as in `blocks.txt`, of the blocks that `objects` has and `before` has not.
pub(crate) fn lines(objects: &BTreeMap<String, Vec<u8>>, before: &BTreeMap<String, Vec<u8>>) -> Vec<String> {
    let metas = objects.iter().filter(|(name, _)| name.ends_with("/meta.json") && !before.contains_key(*name));
    let mut lines: Vec<_> = metas.map(|(name, text)| line(name, text, objects)).collect();
    lines.sort();
    lines
}

fn line(name: &str, text: &[u8], objects: &BTreeMap<String, Vec<u8>>) -> String {
    let meta: Value = serde_json::from_slice(text).expect("meta.json is JSON");
    let block = name.trim_end_matches("meta.json");
    let mut digest = Sha256::new();
    // Segments first, in order; "chunks/" sorts before "index".
    for (_, content) in objects.iter().filter(|(name, _)| name.starts_with(&format!("{block}chunks/"))) {
        digest.update(content);
    }
    digest.update(objects.get(&format!("{block}index")).expect("a block has an index"));
    let digest: String = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    format!(
        "{} {} L{} {} {} {} {}",
        meta["minTime"],
        meta["maxTime"],
        meta["compaction"]["level"],
        meta["thanos"]["downsample"]["resolution"],
        meta["thanos"]["labels"],
        meta["stats"],
        &digest[..24]
    )
}

/// The lines of a `blocks.txt`, written as [`lines`] writes them.
pub(crate) fn expected(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).expect("a blocks.txt");
    let mut lines: Vec<_> = text
        .lines()
        .map(|line| {
            let (labels_at, stats_at) = (line.find('{').expect("labels"), line.rfind('{').expect("statistics"));
            let (head, labels) = (&line[..labels_at], &line[labels_at..stats_at]);
            let (stats, digest) = line[stats_at..].split_once("} ").expect("a digest");
            let json = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");
            format!("{head}{} {} {digest}", json(labels.trim()), json(&format!("{stats}}}")))
        })
        .collect();
    lines.sort();
    lines
}
