//! Our blocks against those of the reference: same ranges, levels, labels, statistics and bytes, from every kind of bucket.

use std::fs;

use lithify_kit::s3;

use crate::program::{compact, copy, data, downsample, expected, files, filesystem, lines, log};

const CASES: [&str; 7] = ["churn", "dense", "fortnight", "histograms", "labels", "plain", "sparse"];

/// What the reference made by compaction; `fortnight` was made with downsampling, which the runs here are without.
fn expected_of(case: &str) -> Vec<String> {
    let downsampled = [" 300000 {", " 3600000 {"];
    let lines = expected(&data(&format!("bytes/{case}/blocks.txt")));
    lines.into_iter().filter(|line| !downsampled.iter().any(|resolution| line.contains(resolution))).collect()
}

#[test]
fn a_filesystem_bucket_gets_the_blocks_of_the_reference() {
    for case in CASES {
        let work = tempfile::tempdir().unwrap();
        let bucket = work.path().join("bucket");
        copy(&data(&format!("bytes/{case}/in")), &bucket);
        let before = files(&bucket);
        let output = compact(&filesystem(&bucket), work.path(), &[]).output().unwrap();
        assert!(output.status.success(), "{case}: {}", log(&output));
        let after = files(&bucket);
        assert_eq!(lines(&after, &before), expected_of(case), "{case}");
        // Nothing that was there is changed, and each source of a block is marked.
        assert!(before.iter().all(|(name, content)| after.get(name) == Some(content)), "{case}");
        assert!(!after.keys().any(|name| name.starts_with(".tmp")), "{case}");
    }
}

#[test]
fn an_s3_bucket_gets_the_blocks_of_the_reference() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for case in CASES {
        let work = tempfile::tempdir().unwrap();
        let server = runtime.block_on(s3::Server::start());
        let before = files(&data(&format!("bytes/{case}/in")));
        for (name, content) in &before {
            server.put(name, content.clone());
        }
        let output = compact(&server.yaml(""), work.path(), &[]).output().unwrap();
        assert!(output.status.success(), "{case}: {}", log(&output));
        assert_eq!(lines(&server.objects(), &before), expected_of(case), "{case}");
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
fn downsampled_blocks_are_those_of_the_reference() {
    for case in ["downsample-floats", "downsample-histograms", "downsample-twice", "fortnight"] {
        let work = tempfile::tempdir().unwrap();
        let bucket = work.path().join("bucket");
        copy(&data(&format!("bytes/{case}/in")), &bucket);
        let before = files(&bucket);
        let output = downsample(&filesystem(&bucket), work.path(), &[]).output().unwrap();
        assert!(output.status.success(), "{case}: {}", log(&output));
        assert_eq!(lines(&files(&bucket), &before), expected(&data(&format!("bytes/{case}/blocks.txt"))), "{case}");
    }
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
