//! One broken block costs one block, one failing group costs one group: the cases with something broken in them, run as
//! users run them.
//!
//! Source: `thanos-compactor.md` 2.8.

use super::*;
use crate::running::{Running, get};

/// What is broken in a case.
struct Broken {
    case: &'static str,
    /// Positions of the broken blocks among all, by id.
    blocks: &'static [usize],
    /// What is left out because of them, and by which reason it is counted.
    counted: (&'static str, &'static str),
}

const fn block(case: &'static str, position: &'static [usize], reason: &'static str) -> Broken {
    Broken { case, blocks: position, counted: ("block", reason) }
}

const fn group(case: &'static str, blocks: &'static [usize]) -> Broken {
    Broken { case, blocks, counted: ("group", "overlap") }
}

/// Every case that ends with an error in the reference because something in the bucket is broken.
const BROKEN: &[Broken] = &[
    block("broken-chunk-bad-magic", &[1], "chunks"),
    block("broken-chunk-completely-outside", &[1], "outside-range"),
    block("broken-chunk-completely-outside+accept", &[1], "outside-range"),
    block("broken-chunk-crc", &[1], "chunks"),
    block("broken-chunk-encoding", &[1], "chunks"),
    block("broken-chunk-outside-after", &[1], "outside-range"),
    block("broken-chunk-outside-after+accept", &[1], "outside-range"),
    block("broken-chunk-outside-after+nohalt", &[1], "outside-range"),
    block("broken-chunk-truncated", &[1], "chunks"),
    block("broken-duplicate-chunks", &[1], "chunks"),
    block("broken-duplicate-chunks+skip", &[1], "chunks"),
    block("broken-empty-index", &[1], "index"),
    block("broken-index-bad-magic", &[1], "index"),
    block("broken-missing-index", &[1], "missing-object"),
    block("broken-missing-segment", &[1], "chunks"),
    block("broken-out-of-order-chunks", &[1], "out-of-order-chunks"),
    block("broken-out-of-order-chunks+accept", &[1], "out-of-order-chunks"),
    block("broken-out-of-order-labels", &[1], "out-of-order-labels"),
    block("broken-overlapping-chunks", &[1], "out-of-order-chunks"),
    block("broken-series-without-chunks", &[1], "index"),
    block("broken-truncated-index", &[1], "index"),
    block("deletion-mark-version-2", &[0], "unsupported-version"),
    block("downsample-broken-chunk-crc", &[0], "chunks"),
    block("downsample-broken-missing-index", &[0], "missing-object"),
    block("downsample-broken-outside", &[0], "outside-range"),
    block("downsample-broken-resolution-124", &[0], "resolution"),
    group("error-in-first-group", &[0, 2]),
    group("error-in-first-group-concurrency-2", &[0, 2]),
    group("error-in-second-group", &[0, 2, 5]),
    group("error-skips-retention", &[1, 3]),
    block("meta-empty-object", &[1], "unsupported-version"),
    block("meta-other-ulid", &[1], "misnamed"),
    block("meta-thanos-version-2", &[1], "unsupported-version"),
    block("meta-version-20", &[1], "unsupported-version"),
    block("no-compact-mark-version-2", &[1], "unsupported-version"),
    block("no-downsample-mark-version-2", &[0], "unsupported-version"),
    group("no-compact-overlap", &[0, 1, 2, 3]),
    group("overlap-halt", &[0, 1, 2, 3]),
];

impl Broken {
    fn ids(&self, objects: &Objects) -> Vec<String> {
        let all: BTreeSet<&str> = objects.keys().filter_map(|path| Some(path.split_once('/')?.0)).collect();
        let all: Vec<_> = all.into_iter().collect();
        self.blocks.iter().map(|position| all[*position].to_owned()).collect()
    }

    /// The bucket without what is broken: a broken block keeps its place and nothing more, a group that fails is not there.
    fn without(&self, mut objects: Objects) -> Objects {
        for id in self.ids(&objects) {
            let meta = objects.get(&format!("{id}/meta.json")).cloned();
            objects.retain(|path, _| !path.starts_with(&id));
            let mut meta: Value = serde_json::from_slice(&meta.unwrap()).unwrap();
            if self.counted.0 == "group" || meta["maxTime"].is_null() {
                continue;
            }
            meta["ulid"] = id.clone().into();
            meta["version"] = 1.into();
            meta["thanos"]["version"] = 1.into();
            objects.insert(format!("{id}/meta.json"), meta.to_string().into_bytes());
            for kind in ["compact", "downsample"] {
                let mark = serde_json::json!({"id": id, "version": 1, "reason": "manual"});
                objects.insert(format!("{id}/no-{kind}-mark.json"), mark.to_string().into_bytes());
            }
        }
        objects
    }

    /// What is wrong with how the case ends.
    fn wrong(&self) -> Vec<String> {
        let case = Case::read(self.case);
        let ids = self.ids(&case.before());
        let healthy = |mut objects: Objects| {
            objects.retain(|path, _| !ids.iter().any(|id| path.starts_with(id)));
            Bucket::new(objects, &case)
        };
        let work = tempfile::tempdir().unwrap();
        let other = work.path().join("other");
        put(&self.without(case.before()), &other);
        let output = run(&case, &[], work.path(), &other);
        if !output.status.success() {
            return vec![format!("without what is broken it fails: {}", last(&output))];
        }
        let wanted = healthy(files(&other));

        let bucket = work.path().join("bucket");
        case.put(&bucket);
        let output = run(&case, &[], work.path(), &bucket);
        let after = files(&bucket);
        let mut wrong = healthy(after.clone()).differences(&wanted);
        if output.status.code() != Some(1) {
            wrong.push(format!("ended with {}", output.status));
        }
        let (what, reason) = self.counted;
        let log = log(&output);
        let named = log.lines().any(|line| {
            let named = ids.iter().filter(|id| line.contains(*id)).count();
            line.contains("level=error")
                && line.contains(&format!("reason={reason} "))
                && line.contains("way_out=")
                && named >= ids.len().min(2)
        });
        if !named {
            wrong.push(format!("not named: {log}"));
        }
        let before = case.before();
        let touched =
            |path: &&String| ids.iter().any(|id| path.starts_with(id)) && after.get(*path) != before.get(*path);
        wrong.extend(before.keys().chain(after.keys()).filter(touched).map(|path| format!("{path} was touched")));

        // Again and again, to read what is counted.
        let mut running = command(&case, &["--wait"], work.path(), &bucket);
        running.arg("--wait-interval=1h");
        let mut running = Running::start(running);
        let address = running.address();
        running.until(&["iteration is over"]);
        let metrics = get(&address, "/metrics");
        let counted = format!("lithify_left_out{{reason=\"{reason}\",what=\"{what}\"}} 1");
        if !metrics.lines().any(|line| line == counted) {
            let lines: Vec<_> = metrics.lines().filter(|line| line.contains("left_out")).collect();
            wrong.push(format!("{counted} is not among {lines:?}"));
        }
        let (status, ..) = running.terminate();
        if !status.success() {
            wrong.push(format!("with --wait ended with {status}"));
        }
        wrong
    }
}

#[test]
fn what_is_broken_is_left_out_and_named_and_everything_else_ends_as_without_it() {
    let failed = side_by_side(BROKEN.iter().collect(), |broken| (broken.case.to_owned(), broken.wrong()));
    assert!(failed.is_empty(), "{} cases go wrong\n{}", failed.len(), failed.join("\n"));
}

#[test]
fn every_case_with_something_broken_in_it_is_looked_at() {
    let about = |name: &String| {
        let starts = ["broken-", "error-", "meta-", "downsample-broken-"];
        name == "overlap-halt" || starts.iter().any(|start| name.starts_with(start))
    };
    let fails = |name: &String| Case::read(name).status == Some(1);
    let missing = Case::names().into_iter().filter(|name| about(name) && fails(name));
    let missing: Vec<_> = missing.filter(|name| BROKEN.iter().all(|broken| broken.case != name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn what_the_reference_copes_with_ends_the_same_with_isolation() {
    let copes = |name: &String| name.contains("broken-") && Case::read(name).status != Some(1);
    let names = Case::names().into_iter().filter(copes).collect();
    let failed = side_by_side(names, |name| (name.clone(), differences(&Case::read(&name), &[])));
    assert!(failed.is_empty(), "{} cases differ\n{}", failed.len(), failed.join("\n"));
}
