//! What a whole block costs with the aggregates as a component and as native code: decoding, aggregating and encoding, in
//! one thread, from memory to nowhere. In time a sample, without loading the component.
//!
//! `cargo bench -p lithify-plugin --bench block`
#![expect(clippy::unwrap_used, reason = "a benchmark says by panicking what went wrong")]

mod builtin;

use std::{sync::atomic::AtomicBool, time::Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use lithify_block::{BlockId, TimeRange, Timestamp, policy::Aggregator};
use lithify_kit::aggregator::FiveAggregates;
use lithify_tsdb::{
    Blob, BlockFile, BlockWriter, Deduplication, Downsampling, Memory, NewChunk, Nowhere, Options, Progress, Source,
    chunk::xor, downsample,
};

const SCRAPE_MS: i64 = 15_000;
const SCRAPES: i64 = 2 * 86_400_000 / SCRAPE_MS;
/// Samples in a chunk, as Prometheus cuts them.
const CHUNK: usize = 120;
const SERIES: u64 = 200;
/// Rounds of which the fastest counts.
const ROUNDS: usize = 30;

struct Noise(u64);

impl Noise {
    fn below(&mut self, limit: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        u32::try_from(self.0 >> 33).unwrap() % limit
    }
}

/// The chunks of a series that counts or goes up and down.
fn series(number: u64) -> Vec<(i64, i64, Vec<u8>)> {
    let mut noise = Noise(number + 1);
    let mut value = 1.0;
    let mut sample = |i: i64| {
        let step = f64::from(noise.below(1000));
        value = if number.is_multiple_of(2) { value + step } else { step / 8.0 };
        (i * SCRAPE_MS + i64::from(noise.below(20)), value)
    };
    let (times, values): (Vec<i64>, Vec<f64>) = (0..SCRAPES).map(&mut sample).unzip();
    let chunks = times.chunks(CHUNK).zip(values.chunks(CHUNK));
    let encoded = chunks.map(|(times, values)| {
        let mut data = Vec::new();
        xor::encode(times, values, &mut data).unwrap();
        (*times.first().unwrap(), *times.last().unwrap(), data)
    });
    encoded.collect()
}

fn block() -> Source {
    let names: Vec<String> = (0..SERIES).map(|number| format!("{number:04}")).collect();
    let mut symbols = names.clone();
    symbols.push("a".to_owned());
    let mut memory = Memory::default();
    let mut writer = BlockWriter::new(&mut memory, &symbols, 0).unwrap();
    for (number, name) in (0..).zip(&names) {
        let made = series(number);
        let chunks: Vec<_> =
            made.iter().map(|(min, max, data)| NewChunk { min: *min, max: *max, encoding: 1, data }).collect();
        writer.series(&[("a", name)], &chunks).unwrap();
    }
    writer.finish().unwrap();
    let files = memory.files();
    let file = |file| Box::new(files.get(&file).unwrap().clone()) as Box<dyn Blob>;
    Source {
        id: BlockId::from_parts(Timestamp(1), 1),
        range: TimeRange::new(0, SCRAPES * SCRAPE_MS),
        index: file(BlockFile::Index),
        segments: vec![("000001".to_owned(), file(BlockFile::Segment(1)))],
        tombstones: None,
    }
}

/// Nanoseconds a sample of both, the fastest of many rounds in turn, and what the first is of the second.
#[expect(clippy::print_stderr, reason = "criterion knows no ratios")]
#[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
fn measure(_: &mut Criterion) {
    let (source, policies) = (block(), builtin::policies());
    let (cancel, progress) = (AtomicBool::new(false), Progress::default());
    let options = Options {
        segment_bytes: 0,
        accept_malformed: false,
        deduplication: Deduplication::OneToOne,
        cancel: &cancel,
        progress: &progress,
    };
    let wasm = || builtin::aggregator(&policies);
    let native = || Box::new(FiveAggregates) as Box<dyn Aggregator>;
    let mut fastest = [f64::MAX; 2];
    for _ in 0..ROUNDS {
        for (begin, fastest) in [&wasm as &dyn Fn() -> Box<dyn Aggregator>, &native].into_iter().zip(&mut fastest) {
            let how = Downsampling { from_ms: 0, to_ms: 300_000, aggregators: vec![begin()] };
            let start = Instant::now();
            downsample(&source, source.range, how, &mut Nowhere, &options).unwrap();
            *fastest = fastest.min(start.elapsed().as_secs_f64());
        }
    }
    let samples = f64::from(u32::try_from(SERIES).unwrap()) * f64::from(u32::try_from(SCRAPES).unwrap());
    let [wasm, native] = fastest.map(|seconds| seconds * 1e9 / samples);
    eprintln!("a block of floats: wasm {wasm:.2} ns, native {native:.2} ns a sample, ratio {:.2}", wasm / native);
}

criterion_group!(benches, measure);
criterion_main!(benches);
