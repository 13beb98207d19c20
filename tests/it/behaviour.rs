//! Whole buckets before and after: each case as the reference ends it, but for those where we differ on purpose.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    path::Path,
    process::{Command, Output},
    sync::Mutex,
    time::{Duration, SystemTime},
};

use serde_json::Value;

use crate::program::{data, files, filesystem, lithify, log};

mod case;
mod isolated;
mod named;
mod purpose;
mod waiting;

use case::{Bucket, Case, Objects, put};

/// Fills `directory` with the bucket before the case `name`.
pub(crate) fn put_case(name: &str, directory: &Path) {
    Case::read(name).put(directory);
}

/// What differs between the bucket that `case` wants and the one that the program leaves.
fn differences(case: &Case, more: &[&str]) -> Vec<String> {
    let work = tempfile::tempdir().unwrap();
    let directory = work.path().join("bucket");
    case.put(&directory);
    let output = run(case, more, work.path(), &directory);
    let found = Bucket::new(files(&directory), case);
    purpose::judge(case, &output, &found).unwrap_or_else(|| {
        let mut differences = found.differences(&case.after("out"));
        // Where two results are possible, either will do.
        if case.has("out-alternative") {
            let other = found.differences(&case.after("out-alternative"));
            if other.len() < differences.len() {
                differences = other;
            }
        }
        if case.status != output.status.code() {
            differences.push(format!(
                "status {:?}, {:?} expected: {}",
                output.status.code(),
                case.status,
                last(&output)
            ));
        }
        differences
    })
}

/// The command of `case` on `bucket`, with `more` flags.
fn command(case: &Case, more: &[&str], work: &Path, bucket: &Path) -> Command {
    let mut command = lithify();
    command.args(&case.command).args(more);
    command.arg(format!("--objstore.config={}", filesystem(bucket)));
    command.arg(format!("--data-dir={}", work.join("data").display()));
    command.arg("--http-address=127.0.0.1:0");
    command
}

fn run(case: &Case, more: &[&str], work: &Path, bucket: &Path) -> Output {
    command(case, more, work, bucket).output().unwrap()
}

/// The last lines of the log.
fn last(output: &Output) -> String {
    let log = log(output);
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(2)..].join(" | ")
}

/// Runs `judge` on all of these, as many at a time as there are cores: a paragraph for each with something wrong.
pub(crate) fn side_by_side<T: Send>(cases: Vec<T>, judge: impl Fn(T) -> (String, Vec<String>) + Sync) -> Vec<String> {
    let cases = Mutex::new(cases);
    let failed = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                while let Some(case) = { cases.lock().unwrap().pop() } {
                    let (name, wrong) = judge(case);
                    if !wrong.is_empty() {
                        failed.lock().unwrap().push(format!("{name}:\n    {}", wrong.join("\n    ")));
                    }
                }
            });
        }
    });
    let mut failed = failed.into_inner().unwrap();
    failed.sort();
    failed
}

#[test]
fn whole_buckets_end_as_the_reference_leaves_them() {
    let as_there = ["--no-compact.isolate-failures"];
    let judge = |name: String| (name.clone(), differences(&Case::read(&name), &as_there));
    let failed = side_by_side(Case::names(), judge);
    assert!(failed.is_empty(), "{} cases differ\n{}", failed.len(), failed.join("\n"));
}
