//! Overlapping chunks of one series, against what the reference's own functions return for them.

use std::path::Path;

use lithify_tsdb::{
    Deduplication,
    chunk::{
        Encoding,
        aggregate::{SubChunk, join},
        xor,
    },
};
use serde_json::Value;

use crate::sample::{Block, Chunk, deduplicate, present, read};

/// A block far away in time: most vectors reach to the ends of their chunks, which a range must not cut off.
const RANGE: (i64, i64) = (-1_000_000, 100_000_000_000);

fn vectors(op: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/downsampling/vectors.json");
    let all: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    all["vectors"].as_array().unwrap().iter().filter(|vector| vector["op"] == op).cloned().collect()
}

pub(crate) fn unhex(digits: &str) -> Vec<u8> {
    let pairs = digits.as_bytes().chunks(2);
    pairs.map(|two| u8::from_str_radix(std::str::from_utf8(two).unwrap(), 16).unwrap()).collect()
}

fn chunks(list: &Value) -> Vec<Chunk> {
    let chunk = |chunk: &Value| Chunk {
        min: chunk["mint"].as_i64().unwrap(),
        max: chunk["maxt"].as_i64().unwrap(),
        encoding: match chunk["enc"].as_str().unwrap() {
            "xor" => 1,
            "histogram" => 2,
            "float_histogram" => 3,
            _ => 0xff,
        },
        data: unhex(chunk["hex"].as_str().unwrap()),
    };
    list.as_array().unwrap().iter().map(chunk).collect()
}

/// Merges chunk lists in this order, which is that in which they come off the heap of series.
fn merged(lists: &[Vec<Chunk>], deduplication: Deduplication) -> Result<Vec<Chunk>, lithify_tsdb::Error> {
    let mut order: Vec<&Vec<Chunk>> = lists.iter().collect();
    // The first comes off first, then the last, as that took its place.
    order.get_mut(1..).unwrap_or_default().reverse();
    let sources: Vec<_> =
        (1..).zip(order).map(|(n, chunks)| present(n, RANGE, &Block::new(&[("a=1", chunks)]))).collect();
    let (_, files) = deduplicate(&sources, deduplication)?;
    let mut series = read(&files);
    assert_eq!(series.len(), 1);
    Ok(series.remove(0).1)
}

/// The input of the vector that describes its input in words: 140 windows of one sample each.
fn generated(offset: i64) -> Vec<Chunk> {
    let mut times: Vec<i64> = (0..139).map(|i| 300_000 * (i + 1) - 1).collect();
    times.push(300_000 * 139 + offset);
    let values: Vec<f64> = (1..=140).map(f64::from).collect();
    let float = |times: &[i64], values: &[f64]| {
        let mut data = Vec::new();
        xor::encode(times, values, &mut data).unwrap();
        data
    };
    let (min, max) = (*times.first().unwrap(), *times.last().unwrap());
    let plain = [float(&times, &[1.0; 140]), float(&times, &values), float(&times, &values), float(&times, &values)];
    let counter =
        float(&[&[offset], times.as_slice(), &[max]].concat(), &[&[1.0], values.as_slice(), &[140.0]].concat());
    let slots: Vec<_> = plain.iter().chain([&counter]).map(|data| SubChunk { encoding: Encoding::Xor, data }).collect();
    vec![Chunk { min, max, encoding: 0xff, data: join(std::array::from_fn(|slot| slots.get(slot).copied())) }]
}

fn check(op: &str, deduplication: Deduplication) -> usize {
    let vectors = vectors(op);
    for vector in &vectors {
        let id = vector["id"].as_str().unwrap();
        let lists = match vector["input"]["series"].as_array() {
            Some(series) => series.iter().map(chunks).collect(),
            None => vec![generated(7), generated(90_007)],
        };
        let got = merged(&lists, deduplication);
        if vector["output"].get("error").is_some() {
            assert!(matches!(got, Err(lithify_tsdb::Error::Samples { .. })), "{id}");
        } else {
            assert_eq!(got.unwrap(), chunks(&vector["output"]["chunks"]), "{id}");
        }
    }
    vectors.len()
}

#[test]
fn the_vectors_of_penalty_hold() {
    assert_eq!(check("merge_penalty", Deduplication::Penalty), 17);
}

#[test]
fn the_vectors_of_one_to_one_hold() {
    assert_eq!(check("merge_chain", Deduplication::OneToOne), 8);
}
