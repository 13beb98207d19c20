//! Downsamplers: the built-in one, those that misbehave, and the one that stands in.

use std::{path::PathBuf, sync::Arc, time::Duration};

use lithify_block::{
    BlockId, Timestamp,
    columns::{Aggregates, BucketSpan, Column, HistogramColumn, HistogramLayout, ResetHint},
    policy::{Aggregator, Outcome, PolicyError},
};
use lithify_plugin::{Choice, Door, Kind, Limits, OnError, Settings};
use serde_json::json;

use crate::{
    fixtures::{builtins, context, load},
    guests,
};

const MINUTES: i64 = 60_000;
const WINDOW: i64 = 5 * MINUTES;

/// Two runs and an empty one between them.
fn rows() -> Column {
    Column {
        offsets: vec![0, 3, 3, 4],
        timestamps: vec![MINUTES, 2 * MINUTES, 6 * MINUTES, 7 * MINUTES],
        values: vec![1.0, 3.0, 2.0, 9.0],
    }
}

/// One run of two histograms with two buckets.
fn histograms() -> HistogramColumn {
    let spans = vec![BucketSpan { offset: -3, length: 2 }];
    HistogramColumn {
        offsets: vec![0, 2],
        timestamps: vec![MINUTES, 2 * MINUTES],
        hints: vec![ResetHint::Unknown; 2],
        counts: vec![3.0, 5.0],
        sums: vec![1.0, 2.0],
        zero_counts: vec![1.0, 1.0],
        layouts: vec![HistogramLayout { schema: 3, positive_spans: spans, ..HistogramLayout::default() }],
        layout_rows: vec![0],
        buckets: vec![1.0, 1.0, 2.0, 2.0],
    }
}

fn begin(door: &Door, choice: &Choice) -> Box<dyn Aggregator> {
    begun(door, choice).unwrap()
}

fn begun(door: &Door, choice: &Choice) -> Result<Box<dyn Aggregator>, PolicyError> {
    let policies = door.load(choice)?;
    policies.downsampler.begin(&context(), BlockId::from_parts(Timestamp(0), 1))
}

/// The guest of `tests/data/guests`, told to do something.
pub(crate) fn misbehaving(deed: &str) -> Settings {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/guests/misbehaving.wasm");
    Settings {
        plugin: path.to_str().unwrap().to_owned(),
        sha256: None,
        config: json!({ "do": deed }).to_string(),
        limits: Limits { memory_bytes: 512 << 20, fuel: 1_000_000_000, answer_bytes: 64 << 20, ..guests::limits() },
        on_error: OnError::Halt,
    }
}

fn asked(settings: Settings) -> Result<Aggregates, PolicyError> {
    let door = Door::open(None, false).unwrap();
    let mut aggregator = begin(&door, &Choice { downsampler: settings, ..builtins() });
    let answer = aggregator.raw(WINDOW, &[], &rows());
    let outcome = answer.as_ref().err().map_or(Outcome::Ok, |error| error.outcome);
    let counted = door.metrics().calls.into_keys().map(|key| (key.kind, key.outcome)).collect::<Vec<_>>();
    assert_eq!(counted, [(Kind::Downsampler, outcome)], "the outcome is counted");
    if answer.is_err() {
        let again = aggregator.raw(WINDOW, &[], &rows()).unwrap_err();
        assert_eq!(again.message, "it failed before and is not asked again");
    }
    answer
}

#[track_caller]
fn refused(deed: &str, outcome: Outcome, message: &str) {
    let error = asked(misbehaving(deed)).unwrap_err();
    assert_eq!((error.kind, error.outcome), ("downsampler", outcome), "{error}");
    assert!(error.message.contains(message), "{error}");
    assert!(error.plugin.ends_with("misbehaving.wasm"), "{error}");
}

#[test]
fn the_built_in_aggregates_windows_of_each_run_and_is_loaded_when_it_begins() {
    let door = Door::open(None, false).unwrap();
    let policies = door.load(&builtins()).unwrap();
    assert_eq!(door.metrics().prepared, 2, "grouper and planner");
    assert!(policies.loaded.iter().all(|loaded| loaded.kind != Kind::Downsampler));
    let mut aggregator = policies.downsampler.begin(&context(), BlockId::from_parts(Timestamp(0), 1)).unwrap();
    assert_eq!(door.metrics().prepared, 3);
    assert!(!aggregator.wants_labels());
    for _ in 0..2 {
        let answer = aggregator.raw(WINDOW, &[], &rows()).unwrap();
        assert_eq!(answer.count.offsets, [0, 2, 2, 3]);
        assert_eq!(answer.count.values, [2.0, 1.0, 1.0]);
        assert_eq!(answer.sum.values, [4.0, 2.0, 9.0]);
        assert_eq!((answer.min.values, answer.max.values), (vec![1.0, 2.0, 9.0], vec![3.0, 2.0, 9.0]));
        assert_eq!(answer.counter.values, [3.0, 5.0, 9.0], "a drop from 3 to 2 is a reset");
    }
    let answer = aggregator.raw_histograms(WINDOW, &[], &histograms()).unwrap();
    assert_eq!((answer.count.values, answer.sum.counts), (vec![2.0], vec![8.0]));
}

#[test]
fn several_threads_share_one_downsampler() {
    let door = Door::open(None, false).unwrap();
    let downsampler = Arc::clone(&door.load(&builtins()).unwrap().downsampler);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut aggregator = downsampler.begin(&context(), BlockId::from_parts(Timestamp(0), 1)).unwrap();
                assert_eq!(aggregator.raw(WINDOW, &[], &rows()).unwrap().count.values.len(), 3);
            });
        }
    });
    assert_eq!(door.metrics().prepared, 3, "it is loaded once");
}

#[test]
fn each_limit_ends_the_call_and_names_itself() {
    refused("trap", Outcome::Panic, "it gave up");
    refused("loop", Outcome::OutOfFuel, "it used up its fuel of 1000000000");
    refused("recurse", Outcome::StackOrBounds, "");
    refused("memory", Outcome::MemoryLimit, "the limit is 536870912");
    refused("huge", Outcome::AnswerTooBig, "larger than the limit of 67108864 bytes");
    refused("refuse", Outcome::PluginError, "unsupported: not today");
    let slow = Limits { fuel: u64::MAX, timeout: Duration::from_millis(50), ..guests::limits() };
    let error = asked(Settings { limits: slow, ..misbehaving("loop") }).unwrap_err();
    assert_eq!(error.outcome, Outcome::Deadline, "{error}");
}

#[test]
fn an_answer_that_is_wrong_in_one_row_is_refused_with_its_run() {
    refused("position", Outcome::BadAnswer, "column sum, run 0: its rows lie in 360001 to 360001; it was given 60000");
    refused("twice", Outcome::BadAnswer, "column max has 5 offsets; the question has 4");
    refused("count", Outcome::BadAnswer, "column count, run 0: a count of samples is -1");
}

#[test]
fn every_nan_of_an_answer_has_the_same_bits() {
    let answer = asked(misbehaving("nan")).unwrap();
    assert!(answer.sum.values.iter().all(|value| value.to_bits() == 0xfff8_0000_0000_0000));
}

#[test]
fn histograms_of_an_answer_must_make_sense() {
    let door = Door::open(None, false).unwrap();
    for (deed, message) in [
        ("position", "column sum: layouts do not begin at row 0"),
        ("twice", "column sum: 2 layouts, but 1 rows at which one begins"),
        ("huge", "column sum: 5 buckets; its layouts have 4"),
        ("count", "column sum: layout 0: there is no schema -77"),
        ("trap", "column sum: row 0: 4 is no hint"),
    ] {
        let mut aggregator = begin(&door, &Choice { downsampler: misbehaving(deed), ..builtins() });
        let error = aggregator.raw_histograms(WINDOW, &[], &histograms()).unwrap_err();
        assert_eq!((error.outcome, error.message.contains(message)), (Outcome::BadAnswer, true), "{error}");
    }
    let mut aggregator = begin(&door, &Choice { downsampler: misbehaving("nan"), ..builtins() });
    let answer = aggregator.raw_histograms(WINDOW, &[], &histograms()).unwrap();
    assert!(answer.sum.sums.iter().all(|sum| sum.to_bits() == 0xfff8_0000_0000_0000));
}

#[test]
fn the_built_in_stands_in_for_the_rest_of_the_block() {
    let settings = Settings { on_error: OnError::Builtin, ..misbehaving("trap") };
    let door = Door::open(None, false).unwrap();
    let mut aggregator = begin(&door, &Choice { downsampler: settings, ..builtins() });
    for _ in 0..2 {
        assert_eq!(aggregator.raw(WINDOW, &[], &rows()).unwrap().count.values, [2.0, 1.0, 1.0]);
    }
    let calls: Vec<_> = door.metrics().calls.into_iter().map(|(key, calls)| (key.outcome, calls.count)).collect();
    assert_eq!(calls, [(Outcome::Panic, 1), (Outcome::Ok, 2)]);
}

#[test]
fn a_downsampler_from_outside_is_loaded_at_once() {
    let choice = Choice { downsampler: misbehaving("nothing of the kind"), ..builtins() };
    let error = Door::open(None, false).unwrap().load(&choice).err().unwrap();
    assert_eq!((error.kind, error.outcome), ("downsampler", Outcome::PluginError));
    let loaded = load(&Choice { downsampler: misbehaving("trap"), ..builtins() }).loaded;
    assert!(loaded.iter().any(|loaded| loaded.kind == Kind::Downsampler));
}
