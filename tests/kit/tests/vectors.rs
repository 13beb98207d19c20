//! The slow engine against what the reference's own functions return.
#![expect(clippy::unwrap_used, reason = "a test says by panicking what went wrong")]

use std::{path::Path, sync::Arc};

use lithify_kit::slow::{
    self, Chunk, Deduplication, Timed, counter_samples, downsample, downsample_groups, downsample_run, extract,
    merge_series, penalty_fold, target_chunks,
};
use lithify_tsdb::chunk::{
    Encoding, FloatHistogram, Hint, IntegerHistogram, Layout, Sample, Span, XorAppender,
    aggregate::{self, Aggregate, SubChunk},
};
use serde_json::Value;

fn vectors(ops: &[&str]) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/downsampling/vectors.json");
    let all: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let of_op = |vector: &&Value| ops.contains(&vector["op"].as_str().unwrap());
    all["vectors"].as_array().unwrap().iter().filter(of_op).cloned().collect()
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

#[test]
fn raw_samples_become_windows() {
    for vector in vectors(&["raw", "raw_loop"]) {
        let samples = if vector["id"] == "D027" {
            run((0..2880).map(|i| (1_600_000_000_000 + 60_000 * i, ((37 * i) % 101) as f64)))
        } else {
            list(&vector["input"]["samples"], sample)
        };
        check(&vector, downsample_run(&samples, number(&vector, "resolution"), target(&vector)));
    }
    for row in vectors(&["target_chunk_count"])[0]["output"]["rows"].as_array().unwrap() {
        let of = |name: &str| row[name].as_i64().unwrap();
        let range = (of("mint"), of("maxt"));
        let samples = of("samples").try_into().unwrap();
        let chunks = target_chunks(range, of("input_resolution"), of("output_resolution"), samples);
        assert_eq!(i64::try_from(chunks).unwrap(), of("chunks"), "{row}");
    }
}

#[test]
fn series_become_series_of_windows() {
    for vector in vectors(&["series"]) {
        let chunks = if vector["id"] == "D046" { vec![huge()] } else { list(&vector["input"]["chunks"], chunk) };
        check(&vector, downsample(&chunks, number(&vector, "input_resolution"), number(&vector, "resolution")));
    }
    for vector in vectors(&["aggr_loop"]) {
        let chunks = list(&vector["input"]["chunks"], chunk);
        check(&vector, downsample_groups(&chunks, 0, number(&vector, "resolution"), target(&vector)));
    }
}

#[test]
fn samples_are_extracted_and_counters_read() {
    for vector in vectors(&["expand"]) {
        let chunk = chunk(&vector["input"]["chunk"]);
        let found = extract(chunk.encoding, &chunk.data).unwrap();
        assert_eq!(found, list(&vector["output"]["samples"], sample), "{}", vector["id"]);
    }
    for vector in vectors(&["counter_iterator"]) {
        let pair = |value: &Value| (value[0].as_i64().unwrap(), float(&value[1]));
        let lists = list(&vector["input"]["lists"], |of_chunk| list(of_chunk, pair));
        let (found, last) = counter_samples(&lists);
        assert_eq!(found, list(&vector["output"]["samples"], pair), "{}", vector["id"]);
        assert_eq!(last.to_bits(), float(&vector["output"]["last_raw"]).to_bits(), "{}", vector["id"]);
    }
}

#[test]
fn overlaps_are_merged_by_both_functions() {
    for vector in vectors(&["penalty_samples"]) {
        // Adjusting counters is a matter of queries.
        if vector["input"]["counter_adjust"] != true {
            let found = penalty_fold(list(&vector["input"]["replicas"], |replica| list(replica, sample)));
            assert_eq!(found, list(&vector["output"]["samples"], sample), "{}", vector["id"]);
        }
    }
    for vector in vectors(&["merge_penalty", "merge_chain"]) {
        let lists = if vector["id"] == "D072" {
            [7, 90_007]
                .map(|from| {
                    downsample_run(&run((0..140).map(|i| (300_000 * i + from, (i + 1) as f64))), 300_000, None).unwrap()
                })
                .to_vec()
        } else {
            list(&vector["input"]["series"], |chunks| list(chunks, chunk))
        };
        let penalty = vector["op"] == "merge_penalty";
        let deduplication = if penalty { Deduplication::Penalty } else { Deduplication::OneToOne };
        check(&vector, merge_series(lists.iter().map(Vec::as_slice), deduplication));
    }
}

#[test]
fn aggregate_chunks_are_joined_byte_by_byte() {
    for vector in vectors(&["aggr_encode"]) {
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
        assert_eq!(aggregate::slot(&joined, Aggregate::Counter).is_ok(), slots[4].is_some());
    }
}
