//! Our blocks against those of the reference: same ranges, levels, labels, statistics and bytes, from every kind of bucket.

use std::{
    fs,
    path::{Path, PathBuf},
};

use lithify_kit::s3;

use crate::program::{compact, compact_with, copy, data, expected, files, filesystem, lines, log};

/// Each case: a bucket, the flags of the reference, and the blocks that it made.
struct Case {
    name: String,
    flags: Vec<String>,
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for entry in fs::read_dir(data("bytes")).unwrap().flatten() {
        let Ok(text) = fs::read_to_string(entry.path().join("cmd")) else { continue };
        let flags = text.split_once("compact ").unwrap().1.split_whitespace();
        let name = entry.file_name().to_string_lossy().into_owned();
        cases.push(Case { name, flags: flags.map(str::to_owned).collect() });
    }
    cases.sort_by(|one, next| one.name.cmp(&next.name));
    assert_eq!(cases.len(), 18);
    cases
}

impl Case {
    fn before(&self) -> PathBuf {
        data(&format!("bytes/{}/in", self.name))
    }

    fn wanted(&self) -> Vec<String> {
        expected(&data(&format!("bytes/{}/blocks.txt", self.name)))
    }

    fn run(&self, yaml: &str, work: &Path) {
        let output = compact_with(yaml, work, &self.flags).output().unwrap();
        assert!(output.status.success(), "{}: {}", self.name, log(&output));
    }
}

#[test]
fn a_filesystem_bucket_gets_the_blocks_of_the_reference() {
    for case in cases() {
        let work = tempfile::tempdir().unwrap();
        let bucket = work.path().join("bucket");
        copy(&case.before(), &bucket);
        let before = files(&bucket);
        case.run(&filesystem(&bucket), work.path());
        let after = files(&bucket);
        assert_eq!(lines(&after, &before), case.wanted(), "{}", case.name);
        // Nothing that was there is changed.
        assert!(before.iter().all(|(name, content)| after.get(name) == Some(content)), "{}", case.name);
        assert!(!after.keys().any(|name| name.starts_with(".tmp")), "{}", case.name);
    }
}

#[test]
fn an_s3_bucket_gets_the_blocks_of_the_reference() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for case in cases() {
        let work = tempfile::tempdir().unwrap();
        let server = runtime.block_on(s3::Server::start());
        let before = files(&case.before());
        for (name, content) in &before {
            server.put(name, content.clone());
        }
        case.run(&server.yaml(""), work.path());
        assert_eq!(lines(&server.objects(), &before), case.wanted(), "{}", case.name);
    }
}

#[test]
fn meta_json_of_the_result_is_that_of_the_reference_but_for_ids_and_time() {
    let work = tempfile::tempdir().unwrap();
    let bucket = work.path().join("bucket");
    copy(&data("bytes/histograms/in"), &bucket);
    assert!(compact(&filesystem(&bucket), work.path(), &[]).status().unwrap().success());
    let theirs =
        fs::read_dir(data("bytes/histograms/out")).unwrap().flatten().map(|entry| entry.path().join("meta.json"));
    let theirs = fs::read_to_string(theirs.into_iter().find(|path| path.exists()).unwrap()).unwrap();
    let after = files(&bucket);
    let ours = after.iter().filter(|(name, _)| name.ends_with("/meta.json"));
    let ours = ours.map(|(_, text)| String::from_utf8(text.clone()).unwrap());
    let ours = ours.into_iter().find(|text| text.contains("\"parents\"")).unwrap();
    let kept = |text: &str| -> Vec<String> {
        let varies = |line: &str| line.starts_with("\t\"ulid\"") || line.contains("\"upload_time\"");
        text.lines().filter(|line| !varies(line)).map(str::to_owned).collect()
    };
    assert_eq!(kept(&ours), kept(&theirs));
    assert!(ours.ends_with("}\n"));
}

#[test]
fn a_second_run_finds_nothing_to_do() {
    let work = tempfile::tempdir().unwrap();
    let bucket = work.path().join("bucket");
    copy(&data("bytes/labels/in"), &bucket);
    for _ in 0..2 {
        assert!(compact(&filesystem(&bucket), work.path(), &[]).status().unwrap().success());
    }
    let once = files(&bucket);
    assert!(compact(&filesystem(&bucket), work.path(), &[]).status().unwrap().success());
    assert_eq!(files(&bucket), once);
}
