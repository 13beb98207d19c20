//! The slow engine against what the reference's own functions return.
#![expect(clippy::unwrap_used, reason = "a test says by panicking what went wrong")]

use std::{path::Path, sync::Arc};

use lithify_block::{TimeRange, columns::Column, policy::Aggregator};
use lithify_kit::{
    aggregator::FiveAggregates,
    compare,
    slow::{
        self, Block, Chunk, Deduplication, Series, Timed, counter_samples, downsample, downsample_groups,
        downsample_run, extract, merge_series, penalty_fold, target_chunks,
    },
};
use lithify_tsdb::chunk::{
    Encoding, FloatHistogram, Hint, IntegerHistogram, Layout, Sample, Span, XorAppender,
    aggregate::{self, Aggregate, SubChunk},
};
use serde_json::Value;

/// Vectors of what only queries do: nothing of ours could be held against them.
const ASIDE: [(&str, &str); 4] = [
    ("D052", "averages of windows are taken when they are queried"),
    ("D053", "averages of windows are taken when they are queried"),
    ("D054", "averages of windows are taken when they are queried"),
    ("D062", "counters are adjusted when replicas are queried, never when they are merged"),
];

fn vectors() -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/downsampling/vectors.json");
    let all: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    all["vectors"].as_array().unwrap().clone()
}

fn bytes(hex: &Value) -> Vec<u8> {
    let digits = hex.as_str().unwrap().as_bytes();
    digits.chunks(2).map(|two| u8::from_str_radix(std::str::from_utf8(two).unwrap(), 16).unwrap()).collect()
}

fn float(value: &Value) -> f64 {
    match value.as_str() {
        Some(text) => f64::from_bits(u64::from_str_radix(text.strip_prefix("bits:").unwrap(), 16).unwrap()),
        None => value.as_f64().unwrap(),
    }
}

fn list<T>(value: &Value, of: impl Fn(&Value) -> T) -> Vec<T> {
    value.as_array().into_iter().flatten().map(of).collect()
}

fn sample(value: &Value) -> Timed {
    let time = value[0].as_i64().unwrap();
    let value = &value[1];
    if !value.is_object() {
        return (time, Sample::Float(float(value).to_bits()));
    }
    let hint = match value["hint"].as_str().unwrap() {
        "unknown" => Hint::Unknown,
        "reset" => Hint::CounterReset,
        "not_reset" => Hint::NotCounterReset,
        "gauge" => Hint::Gauge,
        other => panic!("{other}"),
    };
    let spans = |name: &str| {
        list(&value[name], |span| Span {
            offset: span[0].as_i64().unwrap().try_into().unwrap(),
            length: span[1].as_u64().unwrap().try_into().unwrap(),
        })
    };
    let layout = Arc::new(Layout {
        schema: value["schema"].as_i64().unwrap().try_into().unwrap(),
        zero_threshold: float(&value["zero_threshold"]),
        positive: spans("positive_spans"),
        negative: spans("negative_spans"),
        custom_values: list(&value["custom_values"], float),
    });
    let sum = float(&value["sum"]);
    let sample = if value["kind"] == "float" {
        let (count, zero_count) = (float(&value["count"]), float(&value["zero_count"]));
        let (positive, negative) = (list(&value["positive_buckets"], float), list(&value["negative_buckets"], float));
        Sample::FloatHistogram(Box::new(FloatHistogram { hint, layout, count, zero_count, sum, positive, negative }))
    } else {
        let deltas = |name: &str| list(&value[name], |delta| delta.as_i64().unwrap());
        let (count, zero_count) = (value["count"].as_u64().unwrap(), value["zero_count"].as_u64().unwrap());
        let (positive, negative) = (deltas("positive_deltas"), deltas("negative_deltas"));
        Sample::Histogram(Box::new(IntegerHistogram { hint, layout, count, zero_count, sum, positive, negative }))
    };
    (time, sample)
}

fn chunk(value: &Value) -> Chunk {
    let encoding = match value["enc"].as_str().unwrap() {
        "xor" => 1,
        "histogram" => 2,
        "float_histogram" => 3,
        "aggr" => 0xff,
        other => panic!("{other}"),
    };
    let (min, max) = (value["mint"].as_i64().unwrap(), value["maxt"].as_i64().unwrap());
    Chunk { min, max, encoding, data: bytes(&value["hex"]) }
}

/// The chunks that a vector expects, or that it expects none.
fn check(vector: &Value, found: slow::Result<Vec<Chunk>>) {
    let (id, output) = (&vector["id"], &vector["output"]);
    match found {
        Ok(found) => {
            assert!(output["error"].is_null(), "{id}: {} expected, {found:?} found", output["error"]);
            assert_eq!(found, list(&output["chunks"], chunk), "{id}: {}", vector["title"]);
        }
        Err(error) => assert!(!output["error"].is_null(), "{id}: {error}"),
    }
}

fn number(vector: &Value, name: &str) -> i64 {
    vector["input"][name].as_i64().unwrap()
}

fn target(vector: &Value) -> Option<usize> {
    vector["input"]["num_chunks"].as_u64().map(|chunks| chunks.try_into().unwrap())
}

// Long inputs are described in words instead of listed.

fn run(samples: impl Iterator<Item = (i64, f64)>) -> Vec<Timed> {
    samples.map(|(time, value)| (time, Sample::Float(value.to_bits()))).collect()
}

/// One aggregate chunk whose slots all hold the same 3500 samples.
fn huge() -> Chunk {
    let mut appender = XorAppender::new();
    for i in 0..3500 {
        appender.append(299_999 + 300_000 * i, 1.0_f64.to_bits()).unwrap();
    }
    let data = appender.finish();
    let slot = Some(SubChunk { encoding: Encoding::Xor, data: &data });
    Chunk { min: 299_999, max: 299_999 + 300_000 * 3499, encoding: 0xff, data: aggregate::join([slot; 5]) }
}

/// Raw samples of one run.
fn raw(vector: &Value) {
    let samples = if vector["id"] == "D027" {
        run((0..2880).map(|i| (1_600_000_000_000 + 60_000 * i, f64::from((37 * i32::try_from(i).unwrap()) % 101))))
    } else {
        list(&vector["input"]["samples"], sample)
    };
    check(vector, downsample_run(&samples, number(vector, "resolution"), target(vector)));
}

fn target_chunk_count(vector: &Value) {
    for row in rows(vector) {
        let of = |name: &str| row[name].as_i64().unwrap();
        let range = (of("mint"), of("maxt"));
        let samples = of("samples").try_into().unwrap();
        let chunks = target_chunks(range, of("input_resolution"), of("output_resolution"), samples);
        assert_eq!(i64::try_from(chunks).unwrap(), of("chunks"), "{row}");
    }
}

fn rows(vector: &Value) -> Vec<Value> {
    list(&vector["output"]["rows"], Value::clone)
}

/// The last millisecond of a window is in it, the next one is not: said of the built-in policy itself.
fn window_end(vector: &Value) {
    for row in rows(vector) {
        let of = |name: &str| row[name].as_i64().unwrap();
        let (end, resolution) = (of("end"), of("resolution"));
        let timestamps = vec![of("t"), end, end + 1, end + resolution];
        let asked = Column { offsets: vec![0, 4], timestamps, values: vec![1.0; 4] };
        let windows = FiveAggregates.raw(resolution, &[], &asked).unwrap().count;
        assert_eq!((windows.timestamps, windows.values), (vec![end, end + resolution], vec![2.0; 2]), "{row}");
    }
}

fn series(vector: &Value) {
    let chunks = if vector["id"] == "D046" { vec![huge()] } else { list(&vector["input"]["chunks"], chunk) };
    check(vector, downsample(&chunks, number(vector, "input_resolution"), number(vector, "resolution")));
}

fn aggr_loop(vector: &Value) {
    let chunks = list(&vector["input"]["chunks"], chunk);
    check(vector, downsample_groups(&chunks, 0, number(vector, "resolution"), target(vector)));
}

fn expand(vector: &Value) {
    let chunk = chunk(&vector["input"]["chunk"]);
    let found = extract(chunk.encoding, &chunk.data).unwrap();
    assert_eq!(found, list(&vector["output"]["samples"], sample), "{}", vector["id"]);
}

fn counter_iterator(vector: &Value) {
    let pair = |value: &Value| (value[0].as_i64().unwrap(), float(&value[1]));
    let lists = list(&vector["input"]["lists"], |of_chunk| list(of_chunk, pair));
    let (found, last) = counter_samples(&lists);
    assert_eq!(found, list(&vector["output"]["samples"], pair), "{}", vector["id"]);
    assert_eq!(last.to_bits(), float(&vector["output"]["last_raw"]).to_bits(), "{}", vector["id"]);
}

fn penalty_samples(vector: &Value) {
    let found = penalty_fold(list(&vector["input"]["replicas"], |replica| list(replica, sample)));
    assert_eq!(found, list(&vector["output"]["samples"], sample), "{}", vector["id"]);
}

fn merged(vector: &Value, deduplication: Deduplication) {
    let lists = if vector["id"] == "D072" {
        [7, 90_007]
            .map(|from| {
                downsample_run(&run((0..140).map(|i| (300_000 * i + from, (i + 1) as f64))), 300_000, None).unwrap()
            })
            .to_vec()
    } else {
        list(&vector["input"]["series"], |chunks| list(chunks, chunk))
    };
    check(vector, merge_series(lists.iter().map(Vec::as_slice), deduplication));
}

/// Blocks that all hold the same four series hand them over in this order: both engines make of them what is made of
/// chunk lists in this order, and of them in another order something else is made.
fn label_merge_order(vector: &Value) {
    for row in rows(vector) {
        let count = row["blocks"].as_i64().unwrap();
        // Block n has n and samples of its own; others share its last ones.
        let one = |block: i64| {
            let mut appender = XorAppender::new();
            let times = [0, 100 + block, 200, 300, 400 + block, 500];
            times.iter().for_each(|time| appender.append(*time, (block as f64).to_bits()).unwrap());
            vec![Chunk { min: 0, max: 500, encoding: 1, data: appender.finish() }]
        };
        let labels = |number: u8| vec![(b"a".to_vec(), vec![b'0' + number])];
        let of = |block| (0..4).map(move |n| Series { labels: labels(n), chunks: one(block), deleted: Vec::new() });
        let blocks: Vec<Block> =
            (0..count).map(|block| Block { range: TimeRange::new(0, 1000), series: of(block).collect() }).collect();
        compare::merge(&blocks, lithify_tsdb::Deduplication::OneToOne).unwrap();
        let (_, series) = slow::merge(&blocks, Deduplication::OneToOne).unwrap();
        for ((_, found), order) in series.iter().zip(row["series_order"].as_array().unwrap()) {
            let lists = list(order, |block| one(block.as_i64().unwrap()));
            let in_order = merge_series(lists.iter().map(Vec::as_slice), Deduplication::OneToOne).unwrap();
            assert_eq!(*found, in_order, "{order}");
            let mut swapped: Vec<&[Chunk]> = lists.iter().map(Vec::as_slice).collect();
            swapped[lists.len() - 2..].reverse();
            assert_ne!(*found, merge_series(swapped.into_iter(), Deduplication::OneToOne).unwrap(), "{order}");
        }
    }
}

fn aggr_encode(vector: &Value) {
    let names = ["count", "sum", "min", "max", "counter"];
    let slots = names.map(|name| {
        let samples = vector["input"]["slots"][name].as_array()?;
        let mut appender = XorAppender::new();
        for (time, value) in samples.iter().map(sample) {
            let Sample::Float(bits) = value else { return None };
            appender.append(time, bits).unwrap();
        }
        Some(appender.finish())
    });
    let view = slots.each_ref().map(|slot| {
        let data = slot.as_deref()?;
        Some(SubChunk { encoding: Encoding::Xor, data })
    });
    let joined = aggregate::join(view);
    assert_eq!(joined, bytes(&vector["output"]["hex"]), "{}", vector["id"]);
    for (name, aggregate) in names.into_iter().zip(Aggregate::ALL) {
        let found = match aggregate::slot(&joined, aggregate) {
            Ok(Some(_)) => "ok",
            Ok(None) => "absent",
            Err(_) => "error: invalid size",
        };
        assert_eq!(vector["output"]["readable"][name], found, "{} {name}", vector["id"]);
    }
}

/// Holds a vector against the slow engine; `false` if there is nothing to hold it against.
fn hold(vector: &Value) -> bool {
    match vector["op"].as_str().unwrap() {
        "raw" | "raw_loop" => raw(vector),
        "target_chunk_count" => target_chunk_count(vector),
        "window_end" => window_end(vector),
        "series" => series(vector),
        "aggr_loop" => aggr_loop(vector),
        "expand" => expand(vector),
        "counter_iterator" => counter_iterator(vector),
        "penalty_samples" if vector["input"]["counter_adjust"] != true => penalty_samples(vector),
        "merge_penalty" => merged(vector, Deduplication::Penalty),
        "merge_chain" => merged(vector, Deduplication::OneToOne),
        "label_merge_order" => label_merge_order(vector),
        "aggr_encode" => aggr_encode(vector),
        _ => return false,
    }
    true
}

#[test]
fn every_vector_holds_or_stands_aside_for_a_reason() {
    let all = vectors();
    let (held, aside): (Vec<&Value>, Vec<&Value>) = all.iter().partition(|vector| hold(vector));
    assert_eq!(
        list(&Value::from_iter(aside.into_iter().map(|vector| vector["id"].clone())), |id| id.clone()),
        ASIDE.map(|(id, _)| id)
    );
    assert_eq!(held.len() + ASIDE.len(), 114);
}
