//! A process that dies anywhere leaves a bucket that the next run understands.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{
    blocks::Block,
    corrupted::KINDS,
    program::{compact, copy, data, downsample, expected, files, filesystem, lines, log},
};

const CASE: &str = "bytes/plain";

/// Each block that is complete by its files, by its sources.
fn complete(objects: &BTreeMap<String, Vec<u8>>) -> BTreeMap<String, BTreeSet<String>> {
    let metas = objects.iter().filter_map(|(name, text)| Some((name.strip_suffix("/meta.json")?, text)));
    metas
        .map(|(block, text)| {
            let meta: Value = serde_json::from_slice(text).expect("no half meta.json is ever visible");
            for file in meta["thanos"]["files"].as_array().into_iter().flatten() {
                let name = format!("{block}/{}", file["rel_path"].as_str().expect("a path"));
                let object = objects.get(&name).unwrap_or_else(|| panic!("{name} is not there, but meta.json is"));
                let size = file["size_bytes"].as_u64();
                assert!(size.is_none_or(|size| size == object.len() as u64), "{name} is half");
            }
            let sources = meta["compaction"]["sources"].as_array().expect("sources").iter();
            (block.to_owned(), sources.map(|id| id.as_str().expect("an id").to_owned()).collect())
        })
        .collect()
}

/// A source is marked only when a complete block holds its samples.
fn check(directory: &Path) {
    let objects = files(directory);
    let blocks = complete(&objects);
    for marked in objects.keys().filter_map(|name| name.strip_suffix("/deletion-mark.json")) {
        let sources = &blocks[marked];
        let successor = blocks.iter().any(|(block, held)| block != marked && sources.is_subset(held));
        assert!(successor, "{marked} is marked, but no complete block holds its samples");
    }
}

/// Kills runs of `command` over the bucket that `put` makes at ten moments, and lets another run end what each has begun:
/// the blocks that are made are those of a run that nobody kills, which are `golden` if they are known.
#[expect(clippy::disallowed_methods, reason = "the moments of killing are spread over the time that a run takes")]
fn kill_at_ten_moments(put: impl Fn(&Path), golden: Option<Vec<String>>, command: impl Fn(&Path, &Path) -> Command) {
    let (length, expected) = {
        let work = tempfile::tempdir().unwrap();
        let bucket = work.path().join("bucket");
        put(&bucket);
        let before = files(&bucket);
        let started = Instant::now();
        assert!(command(&bucket, work.path()).status().unwrap().success());
        (started.elapsed(), lines(&files(&bucket), &before))
    };
    assert!(golden.is_none_or(|golden| golden == expected), "{expected:#?}");
    for moment in 1..=10u32 {
        let work = tempfile::tempdir().unwrap();
        let bucket = work.path().join("bucket");
        put(&bucket);
        let before = files(&bucket);
        let mut child = command(&bucket, work.path()).stderr(Stdio::null()).spawn().unwrap();
        let deadline = Instant::now() + length * moment / 11;
        while Instant::now() < deadline && child.try_wait().unwrap().is_none() {
            std::thread::park_timeout(Duration::from_micros(200));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        check(&bucket);
        let output = command(&bucket, work.path()).output().unwrap();
        assert!(output.status.success(), "{moment}: {}", log(&output));
        check(&bucket);
        let after = files(&bucket);
        assert_eq!(unsuperseded(&lines(&after, &before), &expected), expected, "{moment}");
    }
}

/// The same over a case of the reference.
fn kill_over_case(case: &str, command: impl Fn(&Path, &Path) -> Command) {
    let golden = expected(&data(&format!("{case}/blocks.txt")));
    kill_at_ten_moments(|bucket| copy(&data(&format!("{case}/in")), bucket), Some(golden), command);
}

#[test]
fn killed_at_random_moments_it_loses_nothing_and_a_clean_run_ends_as_ever() {
    kill_over_case(CASE, |bucket, work| compact(&filesystem(bucket), work, &[]));
}

#[test]
fn killed_while_it_merges_replicas_it_loses_nothing_and_a_clean_run_ends_as_ever() {
    kill_over_case("bytes/receivers-one-to-one", |bucket, work| {
        compact(&filesystem(bucket), work, &["--deduplication.replica-label=receive_replica"])
    });
}

#[test]
fn killed_while_it_downsamples_it_loses_nothing_and_a_clean_run_ends_as_ever() {
    kill_over_case("bytes/downsample-twice", |bucket, work| downsample(&filesystem(bucket), work, &[]));
}

/// In each of these tenants' first four blocks one has to be repaired before it can be merged with the others.
const REPAIRED: u8 = 20;

#[test]
fn killed_while_it_repairs_it_loses_nothing_and_a_clean_run_ends_as_ever() {
    let kind = KINDS.iter().find(|kind| kind.name == "issue-347").unwrap();
    let put = |bucket: &Path| {
        for tenant in 0..REPAIRED {
            let labels = [("tenant", &*format!("{tenant:02}"))];
            for hour in (0..10).step_by(2) {
                let block = Block { number: u128::from(tenant) + 1, hour, labels: &labels, series: &["a", "b"] };
                let id = block.put(bucket);
                if hour == 2 {
                    (kind.corrupt)(&bucket.join(id.to_string()));
                }
            }
        }
    };
    kill_at_ten_moments(put, None, |bucket, work| compact(&filesystem(bucket), work, &[]));
}

/// A process that died before it marked its sources has made a block that its successor did not make again, so the
/// blocks are the same; one that died later likewise.
fn unsuperseded(lines: &[String], expected: &[String]) -> Vec<String> {
    let mut lines = lines.to_vec();
    lines.dedup();
    assert!(lines.len() <= expected.len(), "{lines:#?}");
    lines
}

#[test]
fn a_signal_stops_it_at_once_and_says_what_was_left_undone() {
    let work = tempfile::tempdir().unwrap();
    let bucket = work.path().join("bucket");
    copy(&data(&format!("{CASE}/in")), &bucket);
    let before = files(&bucket);
    let mut stopped = 0;
    for signal in ["-TERM", "-INT"] {
        let child = compact(&filesystem(&bucket), work.path(), &[]).stderr(Stdio::piped()).spawn().unwrap();
        let pid = child.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
        let output = child.wait_with_output().unwrap();
        check(&bucket);
        // A signal that comes before it is caught ends the process at once; one that is caught ends it with status 1.
        if let Some(code) = output.status.code() {
            assert!(code == 1 && log(&output).contains("stopped by a signal") || code == 0, "{}", log(&output));
        }
        stopped += 1;
    }
    assert_eq!(stopped, 2);
    assert!(before.iter().all(|(name, content)| fs::read(bucket.join(name)).unwrap() == *content));
}

#[test]
fn a_broken_block_is_named_and_nothing_of_its_group_changes() {
    type Damage = fn(&Path);
    let cases: [(&str, Damage, &str); 4] = [
        ("no index", |block| fs::remove_file(block.join("index")).unwrap(), "index"),
        ("no segment", |block| fs::remove_file(block.join("chunks/000001")).unwrap(), "chunks"),
        (
            "cut index",
            |block| fs::File::options().write(true).open(block.join("index")).unwrap().set_len(5000).unwrap(),
            "index",
        ),
        (
            "a flipped byte in a chunk",
            |block| {
                let path = block.join("chunks/000001");
                let mut bytes = fs::read(&path).unwrap();
                bytes[1000] ^= 1;
                fs::write(path, bytes).unwrap();
            },
            "chunks/000001",
        ),
    ];
    for (name, damage, file) in cases {
        let work = tempfile::tempdir().unwrap();
        let bucket = work.path().join("bucket");
        copy(&data("bytes/labels/in"), &bucket);
        let second = fs::read_dir(&bucket).unwrap().flatten().map(|entry| entry.path()).max().unwrap();
        let victims: BTreeSet<_> =
            fs::read_dir(&bucket).unwrap().flatten().map(|entry| entry.path()).filter(|path| *path != second).collect();
        let victim = victims.first().unwrap();
        damage(victim);
        let before = files(&bucket);
        // What isolation makes of broken blocks is told by `behaviour::isolated`.
        let output = compact(&filesystem(&bucket), work.path(), &["--no-compact.isolate-failures"]).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{name}");
        let id = victim.file_name().unwrap().to_string_lossy().into_owned();
        let log = log(&output);
        assert!(log.contains(&id) && log.contains(file), "{name}: {log}");
        assert_eq!(files(&bucket), before, "{name}");
    }
}
