//! SIGTERM in every state: the program ends soon, with the status that its mode has for it, and leaves nothing half-done.
//!
//! Source: `thanos-compactor.md` 2.2, 2.5 and 17.1.

use std::{path::Path, process::Command, time::Duration};

use lithify_kit::s3::{Fault, Server};

use crate::{
    program::{compact, copy, data, downsample, files, filesystem},
    running::{Running, get, wait_until},
};

/// Far less than the 30 seconds that orchestrators grant.
const SOON: Duration = Duration::from_secs(10);

/// The modes, and the status with which each ends when it is told to stop.
const MODES: [(&[&str], i32); 2] = [(&["--wait", "--wait-interval=1h"], 0), (&[], 1)];

fn assert_ends(running: Running, expected: i32, state: &str) -> String {
    let (status, took, log) = running.terminate();
    assert_eq!(status.code(), Some(expected), "{state}: {log}");
    assert!(took < SOON, "{state}: took {took:?}\n{log}");
    assert!(log.contains("caught signal. Exiting."), "{state}: {log}");
    assert_eq!(log.contains("stopped by a signal before everything was done"), expected == 1, "{state}: {log}");
    log
}

/// Runs `command` in both modes on a bucket whose server stops answering requests that begin with `requests`, and tells it
/// to stop when it waits for such an answer. `BLOCK` stands for one of the blocks that are there.
async fn while_it_waits(state: &str, case: &str, requests: &str, command: fn(&str, &Path, &[&str]) -> Command) {
    for (flags, expected) in MODES {
        let server = Server::start().await;
        for (name, content) in files(&data(case)) {
            server.put(&name, content);
        }
        let before = server.objects();
        let block = before.keys().next().unwrap().split('/').next().unwrap().to_owned();
        let stalled = requests.replace("BLOCK", &block);
        server.fail(&stalled, usize::MAX, Fault::Stall);
        let work = tempfile::tempdir().unwrap();
        let mut running = Running::start(command(&server.yaml(""), work.path(), flags));
        let address = running.address();
        running.until(&["status=healthy"]);
        wait_until(&stalled, || {
            // Whatever it waits for, its probes answer.
            assert!(get(&address, "/-/healthy").starts_with("HTTP/1.1 200"), "{state}");
            server.count(&stalled) > 0
        });
        let log = assert_ends(running, expected, state);
        assert!(!log.contains("halting"), "{state}: {log}");
        assert!(server.objects() == before, "{state}: the bucket has changed");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_it_syncs() {
    while_it_waits("syncing", "bytes/plain/in", "GET /bucket/BLOCK/meta.json", compact).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_it_compacts() {
    while_it_waits("opening the sources", "bytes/plain/in", "GET /bucket/BLOCK/index", compact).await;
    while_it_waits("compacting", "bytes/plain/in", "GET /bucket/BLOCK/chunks/", compact).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_it_downsamples() {
    while_it_waits("downsampling", "bytes/downsample-twice/in", "GET /bucket/BLOCK/chunks/", downsample).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_it_uploads() {
    while_it_waits("uploading what was compacted", "bytes/plain/in", "PUT /bucket/", compact).await;
    while_it_waits("uploading what was downsampled", "bytes/downsample-twice/in", "PUT /bucket/", downsample).await;
}

/// The objects of a block are its segments, its index and meta.json; then come the marks of its sources.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_it_uploads_the_rest_of_a_block() {
    for ((flags, expected), taken) in MODES.into_iter().flat_map(|mode| (1..=3).map(move |taken| (mode, taken))) {
        let server = Server::start().await;
        for (name, content) in files(&data("bytes/plain/in")) {
            server.put(&name, content);
        }
        let before = server.objects();
        // The first objects are taken, with their whole answers; the next is never answered.
        server.fail("PUT /bucket/", taken, Fault::Cut(usize::MAX));
        server.fail("PUT /bucket/", usize::MAX, Fault::Stall);
        let work = tempfile::tempdir().unwrap();
        let running = Running::start(compact(&server.yaml(""), work.path(), flags));
        wait_until("the next upload", || server.count("PUT /bucket/") > taken);
        assert_ends(running, expected, &format!("uploading, {taken} objects are taken"));
        let after = server.objects();
        assert!(before.iter().all(|(name, content)| after.get(name) == Some(content)), "what was there has changed");
        // Before meta.json what is left is no block. A source is marked only after it.
        let new: Vec<_> = after.keys().filter(|name| !before.contains_key(*name) && name.ends_with(".json")).collect();
        let is_block = taken == 3;
        assert_eq!(new.len(), usize::from(is_block), "{new:?}");
        assert!(new.iter().all(|name| name.ends_with("/meta.json")), "{new:?}");
    }
}

/// Runs `--wait` on a case of the reference until it says these words.
fn until_it_says(state: &str, case: &str, flags: &[&str], words: &str) {
    let work = tempfile::tempdir().unwrap();
    let bucket = work.path().join("bucket");
    crate::behaviour::put_case(case, &bucket);
    let before = files(&bucket);
    let mut all = vec!["--wait", "--wait-interval=1h"];
    all.extend(flags);
    let mut running = Running::start(compact(&filesystem(&bucket), work.path(), &all));
    running.until(&[words]);
    assert_ends(running, 0, state);
    assert_eq!(files(&bucket), before, "{state}");
}

#[test]
fn while_it_is_halted() {
    until_it_says("halted", "overlap-halt", &["--no-compact.isolate-failures"], "critical error detected; halting");
    until_it_says("halted by what was left out", "overlap-halt", &[], "iteration is over");
}

#[test]
fn while_it_waits_to_try_again() {
    until_it_says("retrying", "meta-version-20", &["--no-compact.isolate-failures"], "retriable error");
}

#[test]
fn while_it_is_idle() {
    let work = tempfile::tempdir().unwrap();
    let bucket = work.path().join("bucket");
    copy(&data("bytes/plain/in"), &bucket);
    let flags = ["--wait", "--wait-interval=1h"];
    let mut running = Running::start(compact(&filesystem(&bucket), work.path(), &flags));
    running.until(&["iteration is over"]);
    assert_ends(running, 0, "idle");
    assert!(files(&bucket).keys().any(|name| name.ends_with("/deletion-mark.json")), "the iteration has compacted");
}
