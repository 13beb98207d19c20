//! A day in fast motion: sidecars keep filling a bucket, iteration after iteration, while the program compacts it. Two
//! tenants with two replicas each; some blocks are late, and now and then one of a tenant's is broken.
//!
//! What the process holds must not grow, what is healthy must end up compacted with every sample once, and what is broken
//! must be named and left alone.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use lithify_compactor::iterate;
use serde_json::{Value, json};
use tokio::runtime::Builder;

use crate::{
    blocks::{Block, Found, samples},
    corrupted::{KINDS, Kind},
    program::{compact_with, files, filesystem, lithify},
    running::{Running, get, wait_until},
    wired::wired,
};

/// Iterations in which blocks arrive; each brings the next two hours of every replica.
const ITERATIONS: i64 = 200;

/// Iterations from one broken block to the next: each kind has its turn.
const BROKEN_EVERY: i64 = 9;

/// Iterations whose measures are compared: the first after everything that is done once is done, and the last.
const WARM: i64 = 50;
const MEASURED: i64 = 20;

/// Iterations in which a bucket that nothing is added to comes to rest.
const ITERATIONS_TO_REST: usize = 20;

/// How much more memory the process may hold in the end: the bucket has four times as many blocks then.
const GROWTH_BYTES_MAX: u64 = 2 << 20;

/// Without caches for each thread, which fill up for hundreds of iterations, the memory of a process is what it uses.
const PLAIN_ALLOCATOR: &str = "glibc.malloc.arena_max=1:glibc.malloc.tcache_count=0";

/// Threads for whatever waits for the disk; those that wait for work end after ten seconds. Most are deletions, of which
/// there are 32 at a time, and reads of metas, of which there are 20.
const THREADS_MAX: u64 = 80;

/// A look at the bucket may take no longer than the time between two iterations. Blocks go as soon as they are marked.
const FLAGS: [&str; 7] = [
    "--wait",
    "--wait-interval=200ms",
    "--compact.cleanup-interval=1s",
    "--compact.progress-interval=1s",
    "--consistency-delay=0s",
    "--delete-delay=0s",
    "--deduplication.replica-label=replica",
];

/// The kinds of corruption for which a block is left out.
fn broken_kinds() -> impl Iterator<Item = &'static Kind> {
    KINDS.iter().filter(|kind| kind.reason.is_some())
}

/// What the sidecars have shipped, and what of it is healthy.
struct Sidecars {
    bucket: PathBuf,
    staging: PathBuf,
    dice: u64,
    late: Vec<(i64, PathBuf)>,
    expected: BTreeSet<Found>,
    broken: BTreeMap<String, Broken>,
}

/// A block that is broken.
struct Broken {
    /// Why it is left out.
    reason: &'static str,
    /// Its objects, which are to stay as they are.
    objects: BTreeMap<String, Vec<u8>>,
}

impl Sidecars {
    fn new(work: &Path) -> Self {
        let [bucket, staging] = ["bucket", "staging"].map(|name| work.join(name));
        for path in [&bucket, &staging] {
            fs::create_dir_all(path).unwrap();
        }
        Self { bucket, staging, dice: 7, late: Vec::new(), expected: BTreeSet::new(), broken: BTreeMap::new() }
    }

    fn throw(&mut self) -> i64 {
        self.dice = self.dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        i64::try_from(self.dice >> 40).unwrap()
    }

    /// What is held back until then.
    fn ship_late(&mut self, turn: i64) {
        let (due, late): (Vec<_>, Vec<_>) = std::mem::take(&mut self.late).into_iter().partition(|(at, _)| *at <= turn);
        self.late = late;
        due.iter().for_each(|(_, path)| self.upload(path));
    }

    /// The next two hours of everybody.
    fn ship(&mut self, turn: i64) {
        for (number, (tenant, replica, own)) in
            (1..).zip([("a", "1", "own1"), ("a", "2", "own2"), ("b", "1", "own1"), ("b", "2", "own2")])
        {
            let labels = [("tenant", tenant), ("replica", replica)];
            let block = Block { number, hour: turn * 2, labels: &labels, series: &["a", "b", own] };
            let id = block.put(&self.staging).to_string();
            let path = self.staging.join(&id);
            if number == 1 && turn % BROKEN_EVERY == 5 {
                let kind = broken_kinds().nth(usize::try_from(turn / BROKEN_EVERY).unwrap()).unwrap();
                (kind.corrupt)(&path);
                self.broken.insert(id, Broken { reason: kind.reason.unwrap(), objects: files(&path) });
            } else {
                self.expected.extend(block.samples());
                if self.throw() % 16 == 0 {
                    let until = turn + 2 + self.throw() % 40;
                    self.late.push((until, path));
                    continue;
                }
            }
            self.upload(&path);
        }
    }

    /// The block is there at once, and all of it.
    fn upload(&self, path: &Path) {
        fs::rename(path, self.bucket.join(path.file_name().unwrap())).unwrap();
    }
}

/// What the process holds.
#[derive(Clone, Copy, Debug, Default)]
struct Held {
    bytes: u64,
    files: u64,
    threads: u64,
}

impl Held {
    fn by(process: u32) -> Self {
        let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
        let number = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.trim_start_matches(':').trim().trim_end_matches(" kB").parse::<u64>().unwrap()
        };
        let files = fs::read_dir(format!("/proc/{process}/fd")).unwrap().count() as u64;
        Self { bytes: number("VmRSS") << 10, files, threads: number("Threads") }
    }

    /// The least of each: what is held now and then is no leak.
    fn least(all: &[Self]) -> Self {
        let least = |of: fn(&Self) -> u64| all.iter().map(of).min().unwrap_or_default();
        Self { bytes: least(|held| held.bytes), files: least(|held| held.files), threads: least(|held| held.threads) }
    }
}

/// Waits until an iteration is over that nothing has ended early.
fn iteration(running: &mut Running) -> String {
    running.until(&["iteration is over", " failures=0 "])
}

fn is_idle(iteration: &str) -> bool {
    ["compactions", "downsampled", "superseded", "deleted"].iter().all(|did| iteration.contains(&format!(" {did}=0 ")))
}

#[test]
fn a_day_in_fast_motion() {
    let work = tempfile::tempdir().unwrap();
    let mut sidecars = Sidecars::new(work.path());
    let bucket = sidecars.bucket.clone();
    let mut program = compact_with(&filesystem(&bucket), work.path(), &FLAGS);
    program.env("GLIBC_TUNABLES", PLAIN_ALLOCATOR);
    let mut running = Running::start(program);
    let address = running.address();
    let (mut early, mut late) = (Vec::new(), Vec::new());
    for turn in 0..ITERATIONS {
        sidecars.ship_late(turn);
        sidecars.ship(turn);
        iteration(&mut running);
        match turn {
            WARM.. if turn < WARM + MEASURED => early.push(Held::by(running.id())),
            _ if turn >= ITERATIONS - MEASURED => late.push(Held::by(running.id())),
            _ => {}
        }
    }
    sidecars.ship_late(i64::MAX);
    let mut idle = 0;
    for round in 0.. {
        assert!(round < ITERATIONS_TO_REST, "no rest:\n{}", running.log);
        idle = if is_idle(&iteration(&mut running)) { idle + 1 } else { 0 };
        if idle == 3 {
            break;
        }
    }
    let metrics = get(&address, "/metrics");
    let (status, _, log) = running.terminate();
    assert_eq!(status.code(), Some(0), "{log}");
    nothing_has_leaked(Held::least(&early), Held::least(&late));
    let kept: BTreeSet<String> = files(&work.path().join("data/meta-syncer")).into_keys().collect();
    let metas: BTreeSet<String> = files(&bucket).into_keys().filter(|name| name.ends_with("meta.json")).collect();
    assert!(kept.is_subset(&metas), "metas of blocks that are gone are kept: {:?}", kept.difference(&metas));
    broken_blocks_are_named_and_left_alone(&sidecars, &log, &metrics);
    everything_healthy_is_compacted(&sidecars, work.path());
}

fn nothing_has_leaked(early: Held, late: Held) {
    assert!(late.bytes <= early.bytes + GROWTH_BYTES_MAX, "memory grows: {early:?}, {late:?}");
    assert!(late.files <= early.files, "open files: {early:?}, {late:?}");
    assert!(late.threads <= THREADS_MAX, "threads: {early:?}, {late:?}");
}

fn broken_blocks_are_named_and_left_alone(sidecars: &Sidecars, log: &str, metrics: &str) {
    assert_eq!(sidecars.broken.len(), broken_kinds().count());
    for (id, Broken { reason, objects }) in &sidecars.broken {
        let about = |line: &&str| line.contains("level=error") && line.contains(&format!("blocks={id} "));
        let named = log.lines().filter(about).any(|line| line.contains(&format!("reason={reason} ")));
        let errors: Vec<&str> = log.lines().filter(about).collect();
        assert!(named, "nothing names {id}, which is left out for {reason}: {errors:#?}");
        assert_eq!(errors.len(), 1, "it is said once, not every iteration: {errors:#?}");
        assert!(files(&sidecars.bucket.join(id)) == *objects, "{id} has changed, which is left out for {reason}");
    }
    let summed_up = format!("msg=\"blocks are left out as before\" count={} ", sidecars.broken.len());
    assert!(log.lines().any(|line| line.contains("level=warn") && line.contains(&summed_up)), "{summed_up}");
    let left_out = metrics.lines().filter_map(|line| line.strip_prefix("lithify_left_out{")?.rsplit_once("} "));
    let left_out: f64 = left_out.map(|(_, value)| value.parse::<f64>().unwrap()).sum();
    assert_eq!(left_out, sidecars.broken.len() as f64);
}

fn everything_healthy_is_compacted(sidecars: &Sidecars, work: &Path) {
    let bucket = &sidecars.bucket;
    let broken: BTreeSet<String> = sidecars.broken.keys().cloned().collect();
    let found = samples(bucket, &broken);
    assert_eq!(found.len(), sidecars.expected.len());
    assert!(found.iter().eq(&sidecars.expected), "every healthy sample is there once");
    for id in &broken {
        // What the process has found out, a person says to the next.
        let mark = json!({"id": id, "version": 1, "reason": "manual"});
        fs::write(bucket.join(id).join("no-compact-mark.json"), mark.to_string()).unwrap();
    }
    let output = lithify()
        .arg("plan")
        .arg(format!("--objstore.config={}", filesystem(bucket)))
        .arg(format!("--data-dir={}", work.join("plan").display()))
        .args(&FLAGS[4..])
        .arg("--output=json")
        .output()
        .unwrap();
    let plan: Value = serde_json::from_slice(&output.stdout).unwrap();
    let all = |value: &Value, key: &str| -> Vec<Value> {
        value.as_array().unwrap().iter().flat_map(|entry| entry[key].as_array().unwrap()).cloned().collect()
    };
    let groups = all(&plan["passes"], "groups");
    assert_eq!(groups.len(), 4, "broken blocks are so close that no block of their tenant is long enough for a copy");
    let groups = Value::from(groups);
    let copies = all(&plan["downsampling"], "copies");
    let planned = [all(&groups, "jobs"), all(&groups, "no_compact"), copies].concat();
    assert!(planned.is_empty(), "{planned:#?}");
    for upkeep in ["superseded", "deletions", "partial"] {
        assert_eq!(plan[upkeep], json!([]), "{upkeep}");
    }
}

#[test]
fn no_task_outlives_its_iteration() {
    let work = tempfile::tempdir().unwrap();
    let mut sidecars = Sidecars::new(work.path());
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let cx = wired(work.path(), &FLAGS[4..]);
    let mut made = 0;
    for turn in 0..30 {
        sidecars.ship_late(turn);
        sidecars.ship(turn);
        let iteration = runtime.block_on(iterate(&cx));
        assert!(iteration.failures.is_empty(), "{:#?}", iteration.failures);
        made += iteration.outcomes.len() + iteration.downsampled.len();
        // What was told to end does so when its thread comes to it.
        wait_until("tasks have ended", || runtime.metrics().num_alive_tasks() == 0);
    }
    assert!(made > 60, "{made}");
}
