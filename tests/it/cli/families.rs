//! Metric families: names, types, labels, and what is counted in a first iteration.

use std::collections::{BTreeMap, BTreeSet};

use super::{ask::ask, read, untold};
use crate::{
    program::{compact_with, copy, data, filesystem},
    running::{Running, wait_until},
};

/// Families that the reference has not: how they begin, and what README says of them.
const OURS: [(&str, &str); 3] = [
    ("lithify_", "Metrics that begin with `lithify_` are new"),
    ("thanos_compact_downsample_failed_total", "two names that only the dashboard knows"),
    ("thanos_compact_blocks_marked_for_deletion_total", "two names that only the dashboard knows"),
];

/// Series of which the values depend on how often somebody looked, or on what was read where.
const VARYING: [&str; 5] = [
    "thanos_blocks_meta_base_syncs_total",
    "thanos_blocks_meta_syncs_total",
    "thanos_compact_todo_",
    "thanos_compact_block_cleanup_loops_total",
    "thanos_objstore_bucket_operations_total",
];

/// Type and labels of each family in the text of a scrape.
fn families(text: &str) -> BTreeMap<String, (String, BTreeSet<String>)> {
    let mut found: BTreeMap<String, (String, BTreeSet<String>)> = BTreeMap::new();
    let mut current = String::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            current = name.to_owned();
            found.insert(current.clone(), (kind.to_owned(), BTreeSet::new()));
        } else if !line.starts_with('#') {
            assert!(line.starts_with(&current), "{line} below {current}");
            let labels = line.split_once('{').map_or("", |(_, rest)| rest.rsplit_once('}').unwrap().0);
            // A label's value may hold anything but an unescaped quotation mark.
            let names =
                labels.split("\",").filter_map(|label| label.split_once("=\"")).map(|(name, _)| name.to_owned());
            found.get_mut(&current).unwrap().1.extend(names);
        }
    }
    found
}

#[test]
fn families_have_the_names_types_and_labels_of_the_reference() {
    let work = tempfile::tempdir().unwrap();
    let bucket = work.path().join("bucket");
    copy(&data("bytes/downsample-floats/in"), &bucket);
    let flags = ["--wait", "--wait-interval=1h", "--consistency-delay=0s", "--deduplication.replica-label=replica"];
    let mut running = Running::start(compact_with(&filesystem(&bucket), work.path(), &flags));
    let address = running.address();
    running.until(&["iteration is over"]);
    ask(&address, ("GET", "/api/v1/blocks"), &[], b"");
    let mut ours = BTreeMap::new();
    wait_until("every todo family", || {
        ours = families(&ask(&address, ("GET", "/metrics"), &[], b"").text());
        ours.contains_key("thanos_compact_todo_downsample_blocks")
    });
    let mut wrong = Vec::new();
    for line in read("families.txt").lines() {
        let mut columns = line.split('\t');
        let (name, kind) = (columns.next().unwrap(), columns.next().unwrap());
        let labels = columns.next().unwrap_or_default().split(',').filter(|label| !label.is_empty());
        let labels: BTreeSet<_> = labels.map(str::to_owned).collect();
        match ours.remove(name) {
            Some(found) if found == (kind.to_owned(), labels.clone()) => {}
            found => wrong.push(format!("{name}: {kind} {labels:?}, found {found:?}")),
        }
    }
    let own = |name: &String| OURS.iter().any(|(start, _)| name.starts_with(start));
    wrong.extend(ours.keys().filter(|name| !own(name)).map(|name| format!("{name} is not told of")));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for (start, _) in OURS {
        assert!(ours.keys().any(|name| name.starts_with(start)), "{start} is not there");
    }
    assert_eq!(untold(OURS.map(|(_, words)| words)), [""; 0]);
}

/// What is counted after the first iteration over the bucket of these cases, without downsampling.
pub(super) fn counted(address: &str) {
    let text = ask(address, ("GET", "/metrics"), &[], b"").text();
    let ours: BTreeMap<_, _> = text.lines().filter_map(|line| line.rsplit_once(' ')).collect();
    let without_bucket = |series: &str| {
        let (head, tail) = series.split_once("bucket=\"").unwrap_or((series, ""));
        format!("{head}{}", tail.split_once("\",").map_or("", |(_, tail)| tail))
    };
    let ours: BTreeMap<_, f64> =
        ours.into_iter().filter_map(|(series, value)| Some((without_bucket(series), value.parse().ok()?))).collect();
    let recorded = read("metrics-after-first-iteration.txt");
    let theirs = recorded.lines().map(|line| line.rsplit_once(' ').unwrap());
    let theirs = theirs.filter(|(series, _)| !VARYING.iter().any(|start| series.starts_with(start)));
    let differing = theirs.filter(|(series, value)| ours.get(*series).copied() != value.parse().ok());
    let differing: Vec<_> = differing.map(|(series, value)| (series, ours.get(series), value)).collect();
    assert!(differing.is_empty(), "ours, theirs: {differing:?}");
}
