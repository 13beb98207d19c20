//! What is answered over HTTP, request by request, beside what the reference answered on the same bucket.

use std::{collections::BTreeMap, fs, path::Path};

use serde_json::{Map, Value};

use super::{ask::*, read, untold};
use crate::{
    behaviour::put_case,
    program::{compact_with, copy, data, filesystem},
    running::{Running, wait_until},
};

/// Requests that we answer otherwise: how they begin, our status, and what README says of it.
const ON_PURPOSE: [(&str, u16, &str); 8] = [
    ("GET /favicon.ico", 404, PAGE),
    ("GET /manifest.json", 404, PAGE),
    ("GET /static/", 404, PAGE),
    ("GET /debug/pprof/heap", 404, PROFILES),
    ("GET /debug/pprof/goroutine", 404, PROFILES),
    ("GET /debug/pprof/symbol", 404, PROFILES),
    ("GET /debug/fgprof", 404, PROFILES),
    ("GET /api/v1/status/buildinfo", 200, "`goVersion` is empty"),
];

const PAGE: &str = "one page with links stands for the pages of the viewer";
const PROFILES: &str = "There are no Go profiles and no Go runtime metrics";

/// Headers that clients act upon.
const HEADERS: [&str; 11] = [
    "access-control-allow-headers",
    "access-control-allow-methods",
    "access-control-allow-origin",
    "access-control-expose-headers",
    "allow",
    "cache-control",
    "content-encoding",
    "content-type",
    "location",
    "vary",
    "x-content-type-options",
];

/// The program with the flags of this run of the reference, after its first iteration.
struct Served {
    running: Running,
    address: String,
    work: tempfile::TempDir,
}

impl Served {
    fn start(run: &str, flags: &[&str]) -> Self {
        let work = tempfile::tempdir().unwrap();
        let bucket = work.path().join("bucket");
        // The halted one has overlapping blocks, the others the bucket of these cases.
        let (flags, ended) = match run {
            "halted" => {
                put_case("overlap-halt", &bucket);
                ([flags, &["--no-compact.isolate-failures"]].concat(), "critical error detected; halting")
            }
            _ => {
                copy(&data("cli/in-good"), &bucket);
                (flags.to_vec(), "iteration is over")
            }
        };
        let mut running = Running::start(compact_with(&filesystem(&bucket), work.path(), &flags));
        let address = running.address();
        running.until(&[ended]);
        Self { running, address, work }
    }

    fn ask(&self, request: &Value) -> Answer {
        let text = |name: &str| request[name].as_str().unwrap_or_default();
        let given = request["headers"].as_object().into_iter().flatten();
        let headers: Vec<_> = given.map(|(name, value)| (name.as_str(), value.as_str().unwrap())).collect();
        ask(&self.address, (text("method"), text("path")), &headers, text("body").as_bytes())
    }

    /// Waits until the view of the whole bucket has been made once.
    fn seen(&self) {
        wait_until("the global view", || {
            let answer = ask(&self.address, ("GET", "/api/v1/blocks"), &[], b"");
            !answer.text().contains("\"refreshedAt\":\"0001-01-01T00:00:00Z\"")
        });
    }
}

fn recorded() -> Map<String, Value> {
    serde_json::from_str(&read("http.json")).unwrap()
}

/// Asks everything that was asked in this run of the reference.
fn check(run: &str) -> Served {
    let recorded = recorded();
    let words = recorded[run]["flags"].as_array().unwrap().iter();
    let flags: Vec<_> = words.map(|word| word.as_str().unwrap()).collect();
    let served = Served::start(run, &flags);
    if !flags.contains(&"--web.disable") {
        served.seen();
    }
    let wrong = wrong(&served, recorded[run]["requests"].as_array().unwrap(), (run, &recorded));
    assert!(wrong.is_empty(), "{run}:\n  {}", wrong.join("\n  "));
    served
}

/// The requests that are answered otherwise, and not on purpose.
fn wrong(served: &Served, requests: &[Value], (run, recorded): (&str, &Map<String, Value>)) -> Vec<String> {
    let mut wrong = Vec::new();
    for request in requests {
        let name = format!("{} {}", request["method"].as_str().unwrap(), request["path"].as_str().unwrap());
        let answer = served.ask(request);
        let differs = differing(request, &answer, (run, recorded));
        let on_purpose = ON_PURPOSE.iter().filter(|(start, ..)| name.starts_with(start)).max_by_key(|(s, ..)| s.len());
        match on_purpose {
            None => wrong.extend(differs.map(|what| format!("{name}: {what}"))),
            Some((_, status, _)) if differs.is_some() && answer.status == *status => {}
            Some(_) => wrong.push(format!("{name}: not the difference that is meant, {} {differs:?}", answer.status)),
        }
    }
    wrong
}

/// How our answer differs.
fn differing(request: &Value, answer: &Answer, (run, recorded): (&str, &Map<String, Value>)) -> Option<String> {
    if request["status"].as_u64() != Some(answer.status.into()) {
        return Some(format!("status {}", answer.status));
    }
    let theirs = request["answer_headers"].as_object().unwrap().iter();
    let theirs: BTreeMap<_, _> = theirs.map(|(name, value)| (name.to_lowercase(), value.as_str().unwrap())).collect();
    let ours = answer.headers.iter().filter(|(name, _)| HEADERS.contains(&name.as_str()));
    let ours: BTreeMap<_, _> = ours.map(|(name, value)| (name.clone(), value.as_str())).collect();
    if theirs != ours {
        return Some(format!("{ours:?} instead of {theirs:?}"));
    }
    let path = if request["method"] == "GET" { request["path"].as_str().unwrap() } else { "" };
    let is_zipped = ours.contains_key("content-encoding");
    match (path, &request["answer"]) {
        ("/api/v1/status/flags", _) => flags_differ(&answer.text(), &recorded["status-flags"]),
        ("/api/v1/status/runtimeinfo", _) => {
            let names = |value: &Value| value["data"].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
            let ours = names(&serde_json::from_str(&answer.text()).unwrap());
            (ours != names(&recorded["status-runtimeinfo"])).then(|| format!("{ours:?}"))
        }
        ("/api/v1/blocks" | "/api/v1/blocks?view=global" | "/api/v1/blocks?view=other", Value::Null) if !is_zipped => {
            blocks_differ(&answer.text(), &recorded["blocks-global"], run)
        }
        ("/api/v1/blocks?view=loaded", Value::Null) => blocks_differ(&answer.text(), &recorded["blocks-loaded"], run),
        (_, Value::String(text)) => {
            (answer.text() != *text).then(|| format!("{:?} instead of {text:?}", answer.text()))
        }
        _ => None,
    }
}

/// Flags that the reference has not, or has no more.
const OUR_FLAGS: [&str; 6] = [
    "block-sync-concurrency",
    "compact.isolate-failures",
    "compact.memory-budget",
    "debug.disable-downsampling",
    "plugins.config",
    "plugins.config-file",
];

/// Every flag of the reference stands there with its value, and ours beside them; those that say where things are in a
/// test differ.
fn flags_differ(ours: &str, theirs: &Value) -> Option<String> {
    let places = ["data-dir", "http-address"];
    let ours: Value = serde_json::from_str(ours).unwrap();
    let more = ours["data"].as_object().unwrap().keys().filter(|name| theirs["data"].get(name).is_none());
    assert_eq!(more.collect::<Vec<_>>(), OUR_FLAGS);
    let theirs = theirs["data"].as_object().unwrap().iter();
    let differing = theirs.filter(|(name, value)| !places.contains(&name.as_str()) && ours["data"][name] != **value);
    let differing: Vec<_> =
        differing.map(|(name, value)| format!("{name}: {}, not {value}", ours["data"][name])).collect();
    (!differing.is_empty()).then(|| differing.join(", "))
}

/// The same blocks, in any order. In another run, which has blocks of its own, only how they are told is compared.
fn blocks_differ(ours: &str, theirs: &Value, run: &str) -> Option<String> {
    let sorted = |value: &Value| {
        let mut blocks = value["data"]["blocks"].as_array().unwrap().clone();
        blocks.sort_by_key(|block| block["ulid"].to_string());
        blocks
    };
    let ours: Value = serde_json::from_str(ours).unwrap();
    let shape = |value: &Value| value["data"].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let differ = shape(&ours) != shape(theirs)
        || !ours["data"]["err"].is_null()
        || (run == "answers" && sorted(&ours) != sorted(theirs));
    differ.then(|| ours.to_string())
}

#[test]
fn each_request_is_answered_as_in_the_reference() {
    let served = check("answers");
    let loaded = ask(&served.address, ("GET", "/api/v1/blocks?view=loaded"), &[], b"").text();
    let loaded: Value = serde_json::from_str(&loaded).unwrap();
    assert_eq!(loaded["data"]["label"], "cluster");
    assert_eq!(loaded["data"]["blocks"].as_array().unwrap().len(), 5);
    marked(served.work.path());
    super::families::counted(&served.address);
    assert_eq!(untold(ON_PURPOSE.map(|(.., words)| words)), [""; 0]);
}

#[test]
fn odd_requests_are_answered_as_in_the_reference() {
    let recorded = recorded();
    let words = recorded["answers"]["flags"].as_array().unwrap().iter();
    let served = Served::start("odd", &words.map(|word| word.as_str().unwrap()).collect::<Vec<_>>());
    served.seen();
    let requests: Vec<Value> = serde_json::from_str(&read("odd.json")).unwrap();
    let wrong = wrong(&served, &requests, ("odd", &recorded));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // What is refused here on purpose: a long URL, and an id of 26 letters of which one is none of a ULID.
    let long = format!("/loaded?{}", "x".repeat(70_000));
    assert_eq!(ask(&served.address, ("GET", &long), &[], b"").status, 414);
    let mark = "/api/v1/blocks/mark?action=DELETION&id=01JN84MHR04YBZBA82BD4X333U";
    assert!(ask(&served.address, ("POST", mark), &[], b"").text().contains("ulid: bad data characters"));
    assert_eq!(untold(["an id with a letter that no ULID has", "a URL or form of more than 64 KiB"]), [""; 0]);
}

/// The marks that these requests have written are those of the reference.
fn marked(work: &Path) {
    for (name, text) in recorded()["marks-after-post"].as_object().unwrap() {
        let ours: Value = serde_json::from_slice(&fs::read(work.join("bucket").join(name)).unwrap()).unwrap();
        let now = ours["deletion_time"].as_u64().or(ours["no_compact_time"].as_u64()).unwrap();
        let theirs: Value = serde_json::from_str(&text.as_str().unwrap().replace("<now>", &now.to_string())).unwrap();
        assert_eq!(ours, theirs, "{name}");
    }
}

#[test]
fn flags_of_the_viewer_change_the_answers_as_in_the_reference() {
    for run in ["web-disable", "disable-admin", "disable-cors"] {
        check(run);
    }
    let words = OUR_FLAGS.map(|flag| format!("`--{}", flag.replace("config-file", "*").replace("config", "*")));
    let more = ["`/api/v1/status/flags` shows them as well".to_owned()];
    assert_eq!(untold(words.iter().chain(&more).map(String::as_str)), [""; 0]);
}

#[test]
fn links_of_the_page_begin_with_the_prefix() {
    for (run, headers, link) in [
        ("external-prefix", &[] as &[(&str, &str)], "\"/pre/fix/metrics\""),
        ("prefix-header", &[("X-Prefix", "/a/b/")], "\"/a/b/metrics\""),
    ] {
        let page = ask(&check(run).address, ("GET", "/loaded"), headers, b"").text();
        assert!(page.contains(link), "{page}");
    }
}

#[test]
fn a_halted_program_answers_as_in_the_reference() {
    let served = check("halted");
    let metrics = ask(&served.address, ("GET", "/metrics"), &[], b"").text();
    for line in ["thanos_compact_halted 1", "thanos_compact_retries_total 0", "thanos_compact_iterations_total 0"] {
        assert!(metrics.lines().any(|found| found == line), "{line}: {metrics}");
    }
    let (status, ..) = served.running.terminate();
    assert_eq!(status.code(), Some(0));
}
