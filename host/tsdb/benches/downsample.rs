//! Two days of raw samples to windows of five minutes, from memory to nowhere, with the built-in aggregates as native code;
//! and the decoding of its chunks alone. In time a sample.
//!
//! `cargo bench -p lithify-tsdb --bench downsample`
#![expect(clippy::unwrap_used, reason = "a benchmark says by panicking what went wrong")]

use std::{hint::black_box, sync::atomic::AtomicBool};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use lithify_block::{BlockId, TimeRange, Timestamp};
use lithify_kit::aggregator::FiveAggregates;
use lithify_tsdb::{
    Blob, BlockFile, BlockWriter, Deduplication, Downsampling, Memory, NewChunk, Nowhere, Options, Progress, Source,
    chunk::{Appended, Hint, HistogramAppender, Integer, IntegerHistogram, Layout, Span, xor},
    downsample,
};

const SCRAPE_MS: i64 = 15_000;
const SCRAPES: i64 = 2 * 86_400_000 / SCRAPE_MS;
/// Samples in a chunk, as Prometheus cuts them.
const CHUNK: usize = 120;

/// First and last millisecond, encoding and data of a chunk.
type Chunk = (i64, i64, u8, Vec<u8>);

/// The scrapes of two days, one in four a little late.
fn scrapes(noise: &mut Noise) -> Vec<i64> {
    (0..SCRAPES)
        .map(|i| {
            let late = if noise.below(4) == 0 { i64::from(noise.below(20)) } else { 0 };
            i * SCRAPE_MS + late
        })
        .collect()
}

/// A series that stands still, counts or goes up and down.
fn floats(series: u64) -> Vec<Chunk> {
    let noise = &mut Noise(series + 1);
    let times = scrapes(noise);
    let mut value = 1.0;
    let mut next = || {
        match series % 4 {
            0 => {}
            1 | 2 => value += f64::from(noise.below(1000)),
            _ => value = f64::from(noise.below(1_000_000)) / 1000.0,
        }
        value
    };
    let values: Vec<f64> = times.iter().map(|_| next()).collect();
    let chunks = times.chunks(CHUNK).zip(values.chunks(CHUNK));
    let encoded = chunks.map(|(times, values)| {
        let mut data = Vec::new();
        xor::encode(times, values, &mut data).unwrap();
        (*times.first().unwrap(), *times.last().unwrap(), 1, data)
    });
    encoded.collect()
}

/// Histograms of 20 buckets that count.
fn histograms(series: u64) -> Vec<Chunk> {
    let noise = &mut Noise(series + 1);
    let times = scrapes(noise);
    let layout = Layout {
        schema: 3,
        zero_threshold: 1e-128,
        positive: vec![Span { offset: -4, length: 12 }, Span { offset: 2, length: 8 }],
        negative: Vec::new(),
        custom_values: Vec::new(),
    };
    let mut buckets = [0_i64; 20];
    let mut chunks = Vec::new();
    for times in times.chunks(CHUNK) {
        let mut appender = HistogramAppender::<Integer>::with_flag(Hint::NotCounterReset);
        for time in times {
            buckets.iter_mut().for_each(|bucket| *bucket += i64::from(noise.below(8)));
            let mut before = 0;
            let positive = buckets.iter().map(|bucket| bucket - std::mem::replace(&mut before, *bucket)).collect();
            let count = buckets.iter().sum::<i64>();
            let mut histogram = IntegerHistogram {
                hint: Hint::Unknown,
                layout: layout.clone().into(),
                count: count.unsigned_abs(),
                zero_count: 0,
                #[expect(clippy::cast_precision_loss, reason = "small numbers")]
                sum: count as f64 / 3.0,
                positive,
                negative: Vec::new(),
            };
            let appended = appender.append(*time, &mut histogram).unwrap();
            assert!(!matches!(appended, Appended::NewChunk(_)), "the buckets only grow");
        }
        chunks.push((*times.first().unwrap(), *times.last().unwrap(), 2, appender.finish()));
    }
    chunks
}

/// One block of so many series.
fn block(series: u64, make: impl Fn(u64) -> Vec<Chunk>) -> (Source, Vec<Vec<u8>>) {
    let names: Vec<String> = (0..series).map(|i| format!("{i:04}")).collect();
    let mut symbols = names.clone();
    symbols.push("a".to_owned());
    let (mut memory, mut all) = (Memory::default(), Vec::new());
    let mut writer = BlockWriter::new(&mut memory, &symbols, 0).unwrap();
    for (series, name) in (0..).zip(&names) {
        let made = make(series);
        let chunk = |(min, max, encoding, data): &Chunk| (*min, *max, *encoding, data.clone());
        let kept: Vec<Chunk> = made.iter().map(chunk).collect();
        let chunks: Vec<_> = kept
            .iter()
            .map(|(min, max, encoding, data)| NewChunk { min: *min, max: *max, encoding: *encoding, data })
            .collect();
        writer.series(&[("a", name)], &chunks).unwrap();
        all.extend(made.into_iter().map(|(.., data)| data));
    }
    writer.finish().unwrap();
    let files = memory.files();
    let file = |file| Box::new(files.get(&file).unwrap().clone()) as Box<dyn Blob>;
    let source = Source {
        id: BlockId::from_parts(Timestamp(1), 1),
        range: TimeRange::new(0, SCRAPES * SCRAPE_MS),
        index: file(BlockFile::Index),
        segments: vec![("000001".to_owned(), file(BlockFile::Segment(1)))],
        tombstones: None,
    };
    (source, all)
}

struct Noise(u64);

impl Noise {
    fn below(&mut self, limit: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        u32::try_from(self.0 >> 33).unwrap() % limit
    }
}

fn downsampling(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("downsample");
    group.sample_size(10);
    let (floats, chunks) = block(200, floats);
    let (histograms, _) = block(20, histograms);
    let (cancel, progress) = (AtomicBool::new(false), Progress::default());
    let options = Options {
        segment_bytes: 0,
        accept_malformed: false,
        deduplication: Deduplication::OneToOne,
        cancel: &cancel,
        progress: &progress,
    };
    for (name, source, series) in [("floats", &floats, 200), ("histograms", &histograms, 20)] {
        group.throughput(Throughput::Elements(series * SCRAPES.unsigned_abs()));
        for threads in [1, 2] {
            group.bench_function(BenchmarkId::new(name, threads), |bencher| {
                bencher.iter(|| {
                    let how =
                        Downsampling { from_ms: 0, to_ms: 300_000, aggregators: FiveAggregates::several(threads) };
                    downsample(black_box(source), source.range, how, &mut Nowhere, &options).unwrap()
                });
            });
        }
    }
    group.throughput(Throughput::Elements(200 * SCRAPES.unsigned_abs()));
    group.bench_function("decode floats", |bencher| {
        let (mut times, mut values) = (Vec::new(), Vec::new());
        bencher.iter(|| {
            for chunk in &chunks {
                times.clear();
                values.clear();
                xor::decode(black_box(chunk), &mut times, &mut values).unwrap();
            }
        });
    });
    group.finish();
}

criterion_group!(benches, downsampling);
criterion_main!(benches);
