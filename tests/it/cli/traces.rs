//! `--tracing.config`: what a collector is sent of a run, and what a run makes of a collector that is none.

mod collector;

use std::{collections::BTreeMap, path::Path, process::Output};

use self::collector::{Collector, Manners, Span};
use super::ask::ask;
use crate::{
    program::{compact, copy, data, filesystem, log},
    running::{Running, wait_until},
};

const SECRET: &str = "hush-7f3a";

fn config(endpoint: &str, more: &str) -> String {
    format!(
        "--tracing.config={{type: OTLP, config: {{client_type: http, endpoint: '{endpoint}', insecure: true, \
         service_name: compact, resource_attributes: {{zone: a}}, headers: {{x-token: {SECRET}}}, {more}}}}}"
    )
}

/// One run over a bucket of three jobs.
fn run(work: &Path, tracing: &str) -> Output {
    let bucket = work.join("bucket");
    copy(&data("bytes/plain/in"), &bucket);
    compact(&filesystem(&bucket), work, &[tracing]).output().unwrap()
}

fn count(spans: &[Span]) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    spans.iter().for_each(|span| *counts.entry(span.name.as_str()).or_default() += 1);
    counts
}

#[test]
fn a_collector_is_sent_the_spans_of_the_reference() {
    let (collector, work) = (Collector::start(Manners::Good), tempfile::tempdir().unwrap());
    let output = run(work.path(), &config(&collector.address, ""));
    assert!(output.status.success(), "{}", log(&output));
    assert!(!log(&output).contains(SECRET) && !log(&output).contains("group.key"), "{}", log(&output));
    let received = collector.received();
    assert!(received.iter().all(|request| request.head.starts_with("POST /v1/traces HTTP/1.1\r\n")));
    assert!(received.iter().all(|request| request.head.contains(&format!("x-token: {SECRET}\r\n"))));
    let resource = &received[0].resource;
    assert_eq!((&*resource["service.name"], &*resource["zone"]), ("compact", "a"));

    let spans: Vec<_> = received.iter().flat_map(|request| &request.spans).cloned().collect();
    // The fourth group run is the look that finds nothing more to do.
    let expected = [
        ("compaction", 3),
        ("compaction_block_delete", 12),
        ("compaction_block_download", 12),
        ("compaction_block_upload", 3),
        ("compaction_group", 4),
        ("compaction_planning", 4),
    ];
    assert_eq!(count(&spans), BTreeMap::from(expected));
    let groups: BTreeMap<_, _> =
        spans.iter().filter(|span| span.name == "compaction_group").map(|span| (&span.id, span)).collect();
    assert!(groups.values().all(|group| group.parent.is_empty() && group.attributes["group.key"].starts_with("0@")));
    for span in spans.iter().filter(|span| span.name != "compaction_group") {
        let group = groups[&span.parent];
        assert_eq!((&span.trace, span.error.as_ref()), (&group.trace, None), "{span:?}");
        assert!(group.begun <= span.begun && span.begun <= span.ended && span.ended <= group.ended, "{span:?}");
        let has_block = ["compaction_block_delete", "compaction_block_download"].contains(&&*span.name);
        assert_eq!(span.attributes.contains_key("block.id"), has_block, "{span:?}");
    }
}

#[test]
fn what_fails_is_marked_in_its_span() {
    let (collector, work) = (Collector::start(Manners::Good), tempfile::tempdir().unwrap());
    let bucket = work.path().join("bucket");
    copy(&data("bytes/plain/in"), &bucket);
    let broken = std::fs::read_dir(&bucket).unwrap().map(|entry| entry.unwrap().path()).min().unwrap();
    std::fs::write(broken.join("index"), "garbage").unwrap();
    let output = compact(&filesystem(&bucket), work.path(), &[&config(&collector.address, "")]).output().unwrap();
    assert!(!output.status.success());
    let failed: Vec<_> = collector.spans().into_iter().filter(|span| span.error.is_some()).collect();
    let names: Vec<_> = failed.iter().map(|span| &*span.name).collect();
    assert!(names.contains(&"compaction") && names.contains(&"compaction_group"), "{names:?}");
    assert!(failed.iter().all(|span| span.error.as_ref().unwrap().contains("index")), "{failed:?}");
}

#[test]
fn a_sampler_that_keeps_nothing_sends_nothing() {
    let (collector, work) = (Collector::start(Manners::Good), tempfile::tempdir().unwrap());
    let output = run(work.path(), &config(&collector.address, "sampler_type: neversample, nope: 1"));
    assert!(output.status.success(), "{}", log(&output));
    assert!(log(&output).contains("key nope of the tracing configuration is not known"), "{}", log(&output));
    assert!(collector.received().is_empty());
}

#[test]
fn a_collector_that_is_not_there_or_refuses_changes_nothing_of_the_run() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let refusing = Collector::start(Manners::Refusing);
    for endpoint in [&nobody, &refusing.address] {
        let work = tempfile::tempdir().unwrap();
        let output = run(work.path(), &config(endpoint, ""));
        let log = log(&output);
        assert!(output.status.success(), "{log}");
        assert!(log.contains("compactions=3"), "{log}");
        assert_eq!(log.matches("traces could not be exported and are lost").count(), 1, "{log}");
        assert!(log.contains("not_taken=38") && !log.contains(SECRET), "{log}");
    }
}

#[test]
fn a_collector_that_never_answers_holds_up_the_end_for_a_few_seconds_only() {
    let (collector, work) = (Collector::start(Manners::Silent), tempfile::tempdir().unwrap());
    let output = run(work.path(), &config(&collector.address, "timeout: 1h"));
    let log = log(&output);
    assert!(output.status.success(), "{log}");
    assert!(log.contains("compactions=3") && log.contains("did not take the last ones in time"), "{log}");
}

#[test]
fn requests_to_the_api_are_traced_and_told_their_trace() {
    let (collector, work) = (Collector::start(Manners::Good), tempfile::tempdir().unwrap());
    let bucket = work.path().join("bucket");
    copy(&data("bytes/plain/in"), &bucket);
    // Only what is forced or comes from a kept trace is kept.
    let flags = [&*config(&collector.address, "sampler_type: parentbasedneversample"), "--wait"];
    let mut running = Running::start(compact(&filesystem(&bucket), work.path(), &flags));
    let address = running.address();
    running.until(&["iteration is over"]);
    let trace_of = |path: &str, headers: &[(&str, &str)]| {
        let answer = ask(&address, ("GET", path), headers, b"");
        answer.headers.iter().find(|(name, _)| *name == "x-thanos-trace-id").map(|(_, value)| value.clone())
    };
    let flags = "/api/v1/status/flags?x=1";
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let forced = trace_of(flags, &[("X-Thanos-Force-Tracing", "1"), ("X-Request-ID", "mine")]).unwrap();
    let followed = trace_of("/api/v1/blocks", &[("traceparent", parent)]).unwrap();
    assert_eq!(followed, "0af7651916cd43dd8448eb211c80319c");
    for path in [flags, "/loaded", "/metrics", "/api/v1/nonsense"] {
        assert_eq!(trace_of(path, &[]), None, "{path}");
    }
    running.terminate();
    wait_until("both spans", || collector.count() == 2);
    let spans: BTreeMap<_, _> = collector.spans().into_iter().map(|span| (span.name.clone(), span)).collect();
    let (forced_span, followed_span) = (&spans["/status_flags HTTP[server]"], &spans["/blocks HTTP[server]"]);
    assert_eq!((&*forced_span.trace, &*forced_span.parent, forced_span.kind), (&*forced, "", 2));
    assert_eq!((&*followed_span.trace, &*followed_span.parent), (&*followed, "b7ad6b7169203331"));
    let told = [("http.method", "GET"), ("http.url", flags), ("request_id", "mine"), ("thanos.force_tracing", "true")];
    let told = told.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(forced_span.attributes, BTreeMap::from(told));
    assert_eq!(followed_span.attributes["request_id"].len(), 26);
}

#[test]
fn nothing_is_said_of_traces_unless_they_are_wanted() {
    let work = tempfile::tempdir().unwrap();
    let bucket = work.path().join("bucket");
    copy(&data("bytes/plain/in"), &bucket);
    let output = compact(&filesystem(&bucket), work.path(), &[]).output().unwrap();
    assert!(output.status.success() && !log(&output).contains("trace"), "{}", log(&output));
}
