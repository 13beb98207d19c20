//! A bucket of 300 blocks, some of them corrupted at random, each in a way of its own: what is healthy ends up compacted
//! as if the broken blocks were merely not to be compacted, and each broken block is listed with its reason.
//!
//! Source: `thanos-compactor.md` 2.8.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use lithify_block::{BlockId, Timestamp};
use serde_json::{Value, json};

use crate::{
    blocks::{Block, HOUR, samples},
    program::{compact, files, filesystem, lines, log},
};

const TENANTS: u64 = 30;
const BLOCKS_EACH: i64 = 10;

/// What a block is corrupted by, and the reason by which it is counted.
pub(crate) type Kind = (&'static str, fn(&Path));

/// Every kind of breakage.
pub(crate) const KINDS: &[Kind] = &[
    ("missing-object", |block| fs::remove_file(block.join("index")).unwrap()),
    ("index", |block| fs::write(block.join("index"), b"").unwrap()),
    ("index", |block| cut(&block.join("index"), 100)),
    ("index", |block| flip(&block.join("index"), 0)),
    ("index", |block| flip_from_end(&block.join("index"), 10)),
    ("chunks", |block| fs::remove_file(block.join("chunks/000001")).unwrap()),
    ("chunks", |block| cut(&block.join("chunks/000001"), 3)),
    ("chunks", |block| flip(&block.join("chunks/000001"), 0)),
    ("chunks", |block| flip_from_end(&block.join("chunks/000001"), 1)),
    ("outside-range", |block| {
        change_meta(block, |meta| meta["maxTime"] = json!(meta["maxTime"].as_i64().unwrap() - HOUR))
    }),
    ("unsupported-version", |block| change_meta(block, |meta| meta["version"] = json!(20))),
    ("misnamed", |block| {
        change_meta(block, |meta| meta["ulid"] = json!(BlockId::from_parts(Timestamp(9), 9).to_string()))
    }),
];

fn cut(path: &Path, bytes: usize) {
    let content = fs::read(path).unwrap();
    fs::write(path, &content[..content.len() - bytes]).unwrap();
}

fn flip(path: &Path, at: usize) {
    let mut content = fs::read(path).unwrap();
    content[at] ^= 0xff;
    fs::write(path, content).unwrap();
}

fn flip_from_end(path: &Path, back: usize) {
    flip(path, fs::read(path).unwrap().len() - back);
}

fn change_meta(block: &Path, change: impl FnOnce(&mut Value)) {
    let path = block.join("meta.json");
    let mut meta = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    change(&mut meta);
    fs::write(path, meta.to_string()).unwrap();
}

/// Writes the block of `tenant` that begins after so many hours.
fn put(bucket: &Path, tenant: u64, hour: i64) -> BlockId {
    let tenant_name = format!("{tenant:02}");
    let block =
        Block { number: u128::from(tenant) + 1, hour, labels: &[("tenant", &tenant_name)], series: &["a", "b"] };
    block.put(bucket)
}

/// Tenants in an order that the seed gives.
fn shuffled(mut seed: u64) -> Vec<u64> {
    let mut tenants: Vec<u64> = (0..TENANTS).collect();
    tenants.sort_by_cached_key(|_| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        seed >> 33
    });
    tenants
}

#[test]
fn what_is_healthy_is_compacted_and_what_is_corrupted_is_listed() {
    let work = tempfile::tempdir().unwrap();
    let (bucket, other) = (work.path().join("bucket"), work.path().join("other"));
    let mut ids = BTreeMap::new();
    for directory in [&bucket, &other] {
        for tenant in 0..TENANTS {
            ids.extend((0..BLOCKS_EACH).map(|n| ((tenant, n), put(directory, tenant, n * 2).to_string())));
        }
    }
    assert_eq!(ids.len(), 300);
    // One victim a tenant, among those that a full window holds, so that each is come upon.
    let positions = (0..).map(|n| n % 8);
    let chosen = shuffled(7).into_iter().zip(positions).zip(KINDS);
    let victims: Vec<_> = chosen.map(|(place, kind)| (&ids[&place], kind)).collect();
    let broken: BTreeSet<String> = victims.iter().map(|(id, _)| (*id).clone()).collect();
    let healthy = samples(&bucket, &broken);
    assert_eq!(healthy.len(), (300 - KINDS.len()) * 12);
    for (id, (_, corrupt)) in &victims {
        corrupt(&bucket.join(id));
        let keeper = other.join(id);
        fs::remove_dir_all(keeper.join("chunks")).unwrap();
        let mark = json!({"id": id, "version": 1, "reason": "manual"});
        fs::write(keeper.join("no-compact-mark.json"), mark.to_string()).unwrap();
    }
    let (before, before_other) = (files(&bucket), files(&other));
    let output = compact(&filesystem(&other), &work.path().join("1"), &[]).output().unwrap();
    assert!(output.status.success(), "{}", log(&output));
    let output = compact(&filesystem(&bucket), &work.path().join("2"), &["--compact.concurrency=2"]).output().unwrap();
    let log = log(&output);
    assert_eq!(output.status.code(), Some(1), "{log}");

    for (id, (reason, _)) in &victims {
        let about = |line: &&str| line.contains("level=error") && line.contains(&format!("blocks={id} "));
        let lines: Vec<&str> = log.lines().filter(about).collect();
        assert!(
            lines.iter().any(|line| line.contains(&format!("reason={reason} "))),
            "{id} {reason}: {lines:#?}\n{log}"
        );
    }
    let after = files(&bucket);
    let of_broken = |name: &&String| broken.iter().any(|id| name.starts_with(id));
    assert!(after.keys().filter(of_broken).eq(before.keys().filter(of_broken)), "broken blocks are left alone");
    assert!(before.iter().all(|(name, content)| after.get(name) == Some(content)), "nothing that was there changes");
    let made = lines(&after, &before);
    assert!(made.len() >= 60 - KINDS.len(), "{} blocks were made", made.len());
    assert_eq!(made, lines(&files(&other), &before_other));
    assert!(samples(&bucket, &broken) == healthy, "no healthy sample is lost or altered");
}
