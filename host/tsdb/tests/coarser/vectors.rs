//! Series of the specification and what the reference makes of them. Its finer vectors are held against the slow engine of
//! the kit.

use std::path::Path;

use lithify_kit::slow::Chunk;
use lithify_tsdb::chunk::{
    Encoding, XorAppender,
    aggregate::{self, SubChunk},
};
use serde_json::Value;

use super::series;

fn vectors() -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/downsampling/vectors.json");
    let all: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    all["vectors"].as_array().unwrap().clone()
}

fn chunk(value: &Value) -> Chunk {
    let encoding = match value["enc"].as_str().unwrap() {
        "xor" => 1,
        "histogram" => 2,
        "float_histogram" => 3,
        "aggr" => 0xff,
        other => panic!("{other}"),
    };
    let digits = value["hex"].as_str().unwrap().as_bytes();
    let data = digits.chunks(2).map(|two| u8::from_str_radix(std::str::from_utf8(two).unwrap(), 16).unwrap()).collect();
    Chunk { min: value["mint"].as_i64().unwrap(), max: value["maxt"].as_i64().unwrap(), encoding, data }
}

fn chunks(value: &Value) -> Vec<Chunk> {
    value.as_array().into_iter().flatten().map(chunk).collect()
}

/// The bits of a value.
fn value(value: &Value) -> u64 {
    match value.as_str() {
        Some(text) => u64::from_str_radix(text.strip_prefix("bits:").unwrap(), 16).unwrap(),
        None => value.as_f64().unwrap().to_bits(),
    }
}

fn xor(samples: impl Iterator<Item = (i64, u64)>) -> Vec<u8> {
    let mut appender = XorAppender::new();
    samples.for_each(|(time, value)| appender.append(time, value).unwrap());
    appender.finish()
}

/// Samples that are not in chunks in the vectors.
fn one_chunk(samples: impl Iterator<Item = (i64, u64)> + Clone) -> Vec<Chunk> {
    let times = samples.clone().map(|(time, _)| time);
    let (min, max) = (times.clone().min().unwrap(), times.max().unwrap());
    vec![Chunk { min, max, encoding: 1, data: xor(samples) }]
}

/// One chunk whose five slots hold the same 3500 windows.
fn huge() -> Vec<Chunk> {
    let data = xor((0..3500).map(|i| (299_999 + 300_000 * i, 1.0_f64.to_bits())));
    let slot = Some(SubChunk { encoding: Encoding::Xor, data: &data });
    let data = aggregate::join([slot; 5]);
    vec![Chunk { min: 299_999, max: 299_999 + 300_000 * 3499, encoding: 0xff, data }]
}

fn check(vector: &Value, chunks: &[Chunk], from_ms: i64) {
    let (id, output) = (&vector["id"], &vector["output"]);
    match series(chunks, (from_ms, vector["input"]["resolution"].as_i64().unwrap())) {
        Ok(found) => {
            assert!(output["error"].is_null(), "{id}: {} expected, {found:?} found", output["error"]);
            assert_eq!(found, self::chunks(&output["chunks"]), "{id}: {}", vector["title"]);
        }
        Err(error) => assert!(!output["error"].is_null(), "{id}: {error}"),
    }
}

#[test]
fn series_become_the_reference_s_chunks_or_errors() {
    let mut checked = 0;
    for vector in vectors().iter().filter(|vector| vector["op"] == "series") {
        // Chunks that overlap cannot be written here; the merge of them is refused by a test in the crate. Nothing is
        // coarser than itself.
        if vector["id"] == "D030" || vector["id"] == "D037" {
            continue;
        }
        let input = &vector["input"];
        let chunks = if vector["id"] == "D046" { huge() } else { chunks(&input["chunks"]) };
        check(vector, &chunks, input["input_resolution"].as_i64().unwrap());
        checked += 1;
    }
    assert_eq!(checked, 37);
}

#[test]
fn raw_samples_become_the_reference_s_chunks() {
    let mut checked = 0;
    for vector in vectors().iter().filter(|vector| vector["op"] == "raw") {
        let chunks = if vector["id"] == "D027" {
            one_chunk(
                (0..2880_u32).map(|i| (1_600_000_000_000 + 60_000 * i64::from(i), f64::from((37 * i) % 101).to_bits())),
            )
        } else {
            let samples = vector["input"]["samples"].as_array().unwrap();
            one_chunk(samples.iter().map(|sample| (sample[0].as_i64().unwrap(), value(&sample[1]))))
        };
        check(vector, &chunks, 0);
        checked += 1;
    }
    assert_eq!(checked, 16);
}
