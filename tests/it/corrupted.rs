//! A bucket of 300 blocks, one in a hundred corrupted at random: what is healthy ends up compacted as if the broken blocks
//! were merely not to be compacted, and each broken block is listed with its reason, by log, metric and `explain`.
//!
//! Source: `thanos-compactor.md` 2.8.

mod kinds;
mod raw;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use serde_json::{Value, json};

pub(crate) use self::kinds::{KINDS, Kind};
use crate::{
    behaviour::side_by_side,
    blocks::{Block, Found, samples},
    program::{compact, copy, files, filesystem, lines, lithify, log},
    running::{Running, get},
};

/// Tenants, each with so many blocks of two hours.
const TENANTS: u8 = 10;
const BLOCKS_EACH: u8 = 30;

/// As many of them fill a window of two days. Nobody touches those after it, so nothing is found out about them.
const FULL: usize = 24;

/// One block in a hundred.
const VICTIMS: usize = 3;

/// Which kinds go together, and which blocks are corrupted.
const SEED: u64 = 7;

/// Throws that the seed gives.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % end
    }

    /// Takes one of these out.
    fn take<T>(&mut self, from: &mut Vec<T>) -> T {
        from.swap_remove(self.below(from.len()))
    }
}

/// The bucket before anything is wrong with it, and what becomes of it.
struct Pristine<'a> {
    bucket: &'a Path,
    /// Ids by tenant, in order of time.
    tenants: Vec<Vec<String>>,
    /// What is made of it.
    made: Vec<String>,
}

impl<'a> Pristine<'a> {
    fn new(bucket: &'a Path, work: &Path) -> Self {
        let put = |tenant: u8, n: u8| {
            let labels = [("tenant", &*format!("{tenant:02}"))];
            let hour = i64::from(n) * 2;
            Block { number: u128::from(tenant) + 1, hour, labels: &labels, series: &["a", "b"] }.put(bucket).to_string()
        };
        let tenants = (0..TENANTS).map(|tenant| (0..BLOCKS_EACH).map(|n| put(tenant, n)).collect()).collect();
        let made = compacted(bucket, work);
        Self { bucket, tenants, made }
    }
}

/// What is made of a copy of this bucket.
fn compacted(bucket: &Path, work: &Path) -> Vec<String> {
    let own = tempfile::tempdir_in(work).unwrap();
    let to = own.path().join("bucket");
    copy(bucket, &to);
    let before = files(&to);
    let output = compact(&filesystem(&to), own.path(), &[]).output().unwrap();
    assert!(output.status.success(), "{}", log(&output));
    lines(&files(&to), &before)
}

/// A block that is corrupted.
struct Victim {
    tenant: usize,
    id: String,
    kind: Kind,
}

impl Victim {
    fn corrupt(&self, bucket: &Path) {
        (self.kind.corrupt)(&bucket.join(&self.id));
    }

    fn is_left_out(&self) -> bool {
        self.kind.reason.is_some()
    }

    /// In place of the block, which is left out, one that nobody wants to compact.
    fn keep(&self, bucket: &Path) {
        let block = bucket.join(&self.id);
        fs::remove_dir_all(block.join("chunks")).unwrap();
        let mark = json!({"id": self.id, "version": 1, "reason": "manual"});
        fs::write(block.join("no-compact-mark.json"), mark.to_string()).unwrap();
    }
}

/// The victims of as many buckets as it takes for every kind to have its turn.
fn victims(pristine: &Pristine<'_>) -> Vec<Vec<Victim>> {
    let (mut dice, mut kinds, mut buckets) = (Dice(SEED), KINDS.to_vec(), Vec::new());
    while !kinds.is_empty() {
        let mut tenants: Vec<usize> = (0..pristine.tenants.len()).collect();
        let mut dealt = Vec::new();
        while dealt.len() < VICTIMS && !kinds.is_empty() {
            let (tenant, position) = (dice.take(&mut tenants), dice.below(FULL));
            let id = pristine.tenants[tenant][position].clone();
            dealt.push(Victim { tenant, id, kind: dice.take(&mut kinds) });
        }
        buckets.push(dealt);
    }
    buckets
}

impl Pristine<'_> {
    /// What is made of the bucket if broken blocks are merely not to be compacted.
    fn made_without(&self, victims: &[Victim], work: &Path) -> Vec<String> {
        let other = work.join("other");
        for id in victims.iter().flat_map(|victim| &self.tenants[victim.tenant]) {
            copy(&self.bucket.join(id), &other.join(id));
        }
        victims
            .iter()
            .for_each(|victim| if victim.is_left_out() { victim.keep(&other) } else { victim.corrupt(&other) });
        let touched: Vec<String> =
            victims.iter().map(|victim| format!("\"tenant\":\"{:02}\"", victim.tenant)).collect();
        let is_touched = |line: &&String| touched.iter().any(|tenant| line.contains(tenant));
        let mut made = compacted(&other, work);
        assert!(made.iter().all(|line| is_touched(&line)));
        made.extend(self.made.iter().filter(|line| !is_touched(line)).cloned());
        made.sort();
        made
    }

    /// What is wrong with a run over a copy of the bucket with these blocks corrupted.
    fn wrong(&self, victims: &[Victim]) -> Vec<String> {
        let work = tempfile::tempdir().unwrap();
        let bucket = work.path().join("bucket");
        copy(self.bucket, &bucket);
        victims.iter().for_each(|victim| victim.corrupt(&bucket));
        let broken: BTreeSet<String> =
            victims.iter().filter(|victim| victim.is_left_out()).map(|victim| victim.id.clone()).collect();
        // Some of what is coped with says a sample twice.
        let healthy: BTreeSet<Found> = samples(&bucket, &broken).into_iter().collect();
        let before = files(&bucket);

        let (said, metrics) = run(&bucket, work.path());
        let after = files(&bucket);
        let mut wrong = Vec::new();
        let of_broken = |name: &&String| broken.iter().any(|id| name.starts_with(id));
        if !after.keys().filter(of_broken).eq(before.keys().filter(of_broken)) {
            wrong.push("broken blocks are not left alone".to_owned());
        }
        if !before.iter().all(|(name, content)| after.get(name) == Some(content)) {
            wrong.push("something that was there has changed".to_owned());
        }
        if lines(&after, &before) != self.made_without(victims, work.path()) {
            wrong.push("what is healthy is not compacted as it would be without what is broken".to_owned());
        }
        if samples(&bucket, &broken).into_iter().collect::<BTreeSet<_>>() != healthy {
            wrong.push("a healthy sample is lost or altered".to_owned());
        }
        wrong.extend(victims.iter().flat_map(|victim| victim.unlisted(&said, &bucket, work.path())));
        let counted = |line: &&str| line.starts_with("lithify_left_out{") && line.contains("what=\"block\"");
        let counted: Vec<&str> = metrics.lines().filter(counted).collect();
        if counted != expected_counts(victims) {
            wrong.push(format!("counted: {counted:#?}"));
        }
        wrong
    }
}

/// One iteration of a run that goes on: what it said, line by line, and its metrics.
fn run(bucket: &Path, work: &Path) -> (Vec<Value>, String) {
    let flags = ["--wait", "--wait-interval=1h", "--compact.concurrency=2", "--log.format=json"];
    let mut running = Running::start(compact(&filesystem(bucket), work, &flags));
    running.until(&["listening for requests and metrics"]);
    running.until(&["iteration is over"]);
    let said = |line: &str| serde_json::from_str::<Value>(line).unwrap();
    let address = running.log.lines().find_map(|line| said(line)["address"].as_str().map(ToOwned::to_owned)).unwrap();
    let metrics = get(&address, "/metrics");
    let (_, _, log) = running.terminate();
    (log.lines().map(said).collect(), metrics)
}

fn expected_counts(victims: &[Victim]) -> Vec<String> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    victims.iter().filter_map(|victim| victim.kind.reason).for_each(|reason| *counts.entry(reason).or_default() += 1);
    counts
        .into_iter()
        .map(|(reason, count)| format!("lithify_left_out{{reason=\"{reason}\",what=\"block\"}} {count}"))
        .collect()
}

impl Victim {
    /// What log and `explain` do not say about it, and should; or say, and should not.
    fn unlisted(&self, said: &[Value], bucket: &Path, work: &Path) -> Option<String> {
        let about: Vec<&Value> =
            said.iter().filter(|line| line["level"] == "error" && line["blocks"] == self.id.as_str()).collect();
        let Some(reason) = self.kind.reason else {
            return (!about.is_empty()).then(|| format!("{}: {about:#?}", self.kind.name));
        };
        let Some(line) = about.iter().find(|line| line["reason"] == reason) else {
            let other = said.iter().filter(|line| line.to_string().contains(&self.id)).collect::<Vec<_>>();
            return Some(format!("{} of {}: the log does not say so: {about:#?} {other:#?}", self.kind.name, self.id));
        };
        let mut explain = lithify();
        explain.args(["explain", &self.id, "--output=json", "--consistency-delay=0s", "--downsampling.disable"]);
        explain.arg(format!("--objstore.config={}", filesystem(bucket)));
        explain.arg(format!("--data-dir={}", work.join("data").display()));
        let output = explain.output().unwrap();
        let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        let is_told = report.to_string().contains(line["err"].to_string().trim_matches('"'));
        (!is_told).then(|| format!("{}: {line:#} is not in {report:#} {}", self.kind.name, log(&output)))
    }
}

#[test]
fn what_is_healthy_is_compacted_and_what_is_corrupted_is_listed() {
    let work = tempfile::tempdir().unwrap();
    let bucket = work.path().join("pristine");
    let pristine = Pristine::new(&bucket, work.path());
    assert_eq!(pristine.tenants.iter().map(Vec::len).sum::<usize>(), 300);
    let buckets = victims(&pristine);
    let judge = |victims: Vec<Victim>| {
        let names: Vec<&str> = victims.iter().map(|victim| victim.kind.name).collect();
        (names.join(", "), pristine.wrong(&victims))
    };
    let failed = side_by_side(buckets, judge);
    assert!(failed.is_empty(), "{} buckets go wrong\n{}", failed.len(), failed.join("\n"));
}
