//! The same buckets with `--wait`: what the program counts in its first iteration, and how it ends when it is told to.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    process::{Child, Stdio},
};

use super::*;

/// How often the program is asked whether its first iteration is over; a minute or more, since an answer takes its time.
const QUESTIONS: usize = 200_000;
/// How often it is asked once more for counts that work in the background is still to raise; some seconds.
const SETTLING: usize = 20_000;

/// Families, or single series, that differ on purpose: the case, how the series begins, why.
///
/// Source: `thanos-compactor.md` 17.3.
const ON_PURPOSE: [(&str, &str, &str); 12] = [
    ("bucket-object-named-like-a-block", "", "the object is no block, so no sync fails"),
    ("bucket-object-named-like-a-block-recursive", "", "the object is no block, so nothing is cleaned"),
    ("downsample-mark-on-5m", "thanos_compact_downsample_total", "no copy is made again"),
    ("downsample-mark-on-5m", "thanos_blocks_meta_synced", "no copy is made again"),
    ("partial-uploads", "thanos_blocks_meta_synced", "directories that are named like no block are none"),
    ("partial-uploads", "thanos_compact_aborted_partial_uploads_deletion_attempts_total", "likewise"),
    ("partial-uploads", "thanos_compact_blocks_cleaned_total", "likewise"),
    ("partial-uploads-recursive", "thanos_blocks_meta_synced", "likewise"),
    ("partial-uploads-recursive", "thanos_compact_aborted_partial_uploads_deletion_attempts_total", "likewise"),
    ("partial-uploads-recursive", "thanos_compact_blocks_cleaned_total", "likewise"),
    ("no-external-labels", "prometheus_tsdb_compactions_total", "refused before the merge instead of after it"),
    ("no-external-labels", "thanos_compact_group_compactions_total", "refused before the merge instead of after it"),
];

/// Values by series, as the case wants them, without the label that names the bucket.
type Values = BTreeMap<String, f64>;

/// A program that runs until it is told to end.
struct Running {
    child: Child,
    address: String,
}

impl Running {
    fn start(command: &Value, work: &Path, bucket: &Path) -> Self {
        let words = command.as_array().unwrap().iter().map(|word| word.as_str().unwrap());
        let mut child = lithify()
            .args(words)
            .arg("--no-compact.isolate-failures")
            .arg(format!("--objstore.config={}", filesystem(bucket)))
            .arg(format!("--data-dir={}", work.join("data").display()))
            .arg("--http-address=127.0.0.1:0")
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        let address = lines.by_ref().find_map(|line| {
            let (_, address) = line.split_once("listening for requests and metrics")?.1.split_once("address=")?;
            Some(address.trim_end().to_owned())
        });
        // The pipe must not fill up.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, address: address.expect("the program says where it listens") }
    }

    /// Values of all series; `None` where nobody listens any more.
    fn scrape(&self) -> Option<Values> {
        let mut stream = TcpStream::connect(&self.address).ok()?;
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").ok()?;
        let mut text = String::new();
        stream.read_to_string(&mut text).ok()?;
        let series = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
            let (series, value) = line.rsplit_once(' ')?;
            Some((without_bucket(series), value.parse().ok()?))
        });
        Some(series.collect())
    }

    /// What is counted when the first iteration is over, however it ended; nothing if the program has ended with it.
    fn first_iteration(&mut self) -> Option<Values> {
        for _ in 0..QUESTIONS {
            if self.child.try_wait().unwrap().is_some() {
                return None;
            }
            let values = self.scrape()?;
            let ends = ["iterations_total", "halted", "retries_total"];
            if ends.iter().any(|end| values.get(&format!("thanos_compact_{end}")).is_some_and(|value| *value > 0.0)) {
                // Counters are read one after the other: those read before this one may have moved since.
                return self.scrape().or(Some(values));
            }
        }
        None
    }

    /// What is counted when the work in the background has come as far as the iteration, or does not get there.
    fn settled(&self, mut found: Values, case: &Case, counted: &serde_json::Map<String, Value>) -> Values {
        for _ in 0..SETTLING {
            if miscounted(&found, case, counted).is_empty() {
                break;
            }
            let Some(values) = self.scrape() else { break };
            found = values;
        }
        found
    }

    /// Tells the program to end, if it has not ended; its exit status.
    fn end(mut self) -> Option<i32> {
        let told = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).output();
        told.expect("a signal can be sent");
        self.child.wait().unwrap().code()
    }
}

/// A series without the label `bucket`, which names a directory of this run.
fn without_bucket(series: &str) -> String {
    match series.split_once("bucket=\"") {
        Some((head, tail)) => {
            let tail = tail.split_once('"').map_or("", |(_, tail)| tail);
            format!("{head}{}", tail.strip_prefix(',').unwrap_or(tail))
        }
        None => series.to_owned(),
    }
}

fn differences(case: &Case) -> Vec<String> {
    let wanted = case.content("wait");
    let work = tempfile::tempdir().unwrap();
    let bucket = work.path().join("bucket");
    case.put(&bucket);
    let mut running = Running::start(&wanted["cmd"], work.path(), &bucket);
    let counted = wanted["metrics"].as_object().unwrap();
    let found = running.first_iteration().map(|found| running.settled(found, case, counted));
    let status = running.end();
    let mut differences = Vec::new();
    // What the reference does not survive, or what needs SIGKILL there, ends in good order here.
    if status.map(i64::from) != Some(wanted["rc"].as_i64().unwrap_or(0))
        && case.name != "bucket-object-named-like-a-block"
    {
        differences.push(format!("status {status:?}, {} expected", wanted["rc"]));
    }
    // Where the reference ends by itself it was too late to ask it.
    let Some(found) = found.or_else(|| counted.is_empty().then(Values::new)) else {
        differences.push("it ended before it could be asked".to_owned());
        return differences;
    };
    differences.extend(miscounted(&found, case, counted));
    differences
}

/// What is counted otherwise than the reference counts it, but for what differs on purpose.
fn miscounted(found: &Values, case: &Case, counted: &serde_json::Map<String, Value>) -> Vec<String> {
    let purpose =
        |series: &str| ON_PURPOSE.iter().any(|(name, start, _)| case.name == *name && series.starts_with(start));
    let differs = counted.iter().filter(|(series, value)| found.get(*series).copied() != value.as_f64());
    let differs = differs.filter(|(series, _)| !purpose(series));
    differs.map(|(series, value)| format!("{series} is {:?}, {value} expected", found.get(series))).collect()
}

#[test]
fn the_first_iteration_counts_what_the_reference_counts_and_sigterm_ends_it() {
    let names: Vec<_> = Case::names().into_iter().filter(|name| Case::read(name).has("wait")).collect();
    assert_eq!(names.len(), 76);
    let failed = side_by_side(names, |name| (name.clone(), differences(&Case::read(&name))));
    assert!(failed.is_empty(), "{} cases differ\n{}", failed.len(), failed.join("\n"));
}

#[test]
fn what_is_no_block_is_neither_counted_nor_cleaned() {
    for (name, cleaned) in [("partial-uploads", 8.0), ("bucket-object-named-like-a-block-recursive", 0.0)] {
        let case = Case::read(name);
        let work = tempfile::tempdir().unwrap();
        let bucket = work.path().join("bucket");
        case.put(&bucket);
        let mut running = Running::start(&case.content("wait")["cmd"], work.path(), &bucket);
        let found = running.first_iteration().unwrap();
        for family in ["blocks_cleaned_total", "aborted_partial_uploads_deletion_attempts_total"] {
            assert_eq!(found[&format!("thanos_compact_{family}")], cleaned, "{name}: {family}");
        }
        assert_eq!(found["thanos_compact_block_cleanup_failures_total"], 0.0, "{name}");
        assert_eq!(running.end(), Some(0));
    }
}
