//! Two replicas of the same series, half an interval apart, merged: the cost in proportion to the overlap's length.
#![expect(clippy::unwrap_used, reason = "a benchmark says by panicking what went wrong")]

use std::{hint::black_box, sync::atomic::AtomicBool};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use lithify_block::{BlockId, TimeRange, Timestamp};
use lithify_tsdb::{
    Blob, BlockFile, BlockWriter, Deduplication, Memory, NewChunk, Nowhere, Options, Progress, Source, chunk::xor,
    compact,
};

const SERIES: usize = 20;
const SCRAPE_MS: i64 = 15_000;
const HOUR_MS: i64 = 3_600_000;

/// One block of `hours` with a scrape lost now and then, in chunks of 120 samples.
fn replica(n: u8, hours: i64) -> Source {
    let names: Vec<String> = (0..SERIES).map(|i| format!("{i:03}")).collect();
    let mut symbols = names.clone();
    symbols.push("a".to_owned());
    let mut memory = Memory::default();
    let mut writer = BlockWriter::new(&mut memory, &symbols, 0).unwrap();
    for (series, name) in (1..).zip(&names) {
        let mut noise = Noise((series << 8) + u64::from(n) + 1);
        let scrapes = (0..hours * HOUR_MS / SCRAPE_MS).map(|i| i * SCRAPE_MS + i64::from(n) * SCRAPE_MS / 2);
        let times: Vec<i64> = scrapes.filter(|_| !noise.next().is_multiple_of(200)).collect();
        let mut value = 0_u32;
        let values = times.iter().map(|_| {
            value += u32::from(noise.next().to_le_bytes()[0]);
            f64::from(value)
        });
        let values: Vec<f64> = values.collect();
        let mut chunks = Vec::new();
        for (times, values) in times.chunks(120).zip(values.chunks(120)) {
            let mut data = Vec::new();
            xor::encode(times, values, &mut data).unwrap();
            chunks.push((*times.first().unwrap(), *times.last().unwrap(), data));
        }
        let chunks: Vec<_> = chunks
            .iter()
            .map(|(min, max, data)| NewChunk { min: *min, max: *max, encoding: 1, data: data.as_slice() })
            .collect();
        writer.series(&[("a", name)], &chunks).unwrap();
    }
    writer.finish().unwrap();
    let files = memory.files();
    let file = |file| Box::new(files.get(&file).unwrap().clone()) as Box<dyn Blob>;
    Source {
        id: BlockId::from_parts(Timestamp(1), u128::from(n)),
        range: TimeRange::new(0, hours * HOUR_MS),
        index: file(BlockFile::Index),
        segments: vec![("000001".to_owned(), file(BlockFile::Segment(1)))],
        tombstones: None,
    }
}

struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

fn overlap(criterion: &mut Criterion) {
    for (name, deduplication) in [("one_to_one", Deduplication::OneToOne), ("penalty", Deduplication::Penalty)] {
        let mut group = criterion.benchmark_group(name);
        group.sample_size(20);
        for hours in [2, 8, 24, 48] {
            let sources = [replica(0, hours), replica(1, hours)];
            let range = TimeRange::new(0, hours * HOUR_MS);
            let (cancel, progress) = (AtomicBool::new(false), Progress::default());
            let options = Options {
                segment_bytes: 0,
                accept_malformed: false,
                deduplication,
                cancel: &cancel,
                progress: &progress,
            };
            let samples = 2 * SERIES as u64 * (hours * HOUR_MS / SCRAPE_MS).unsigned_abs();
            group.throughput(Throughput::Elements(samples));
            group.bench_function(BenchmarkId::from_parameter(format!("{hours}h")), |bencher| {
                bencher.iter(|| compact(black_box(&sources), range, &mut Nowhere, &options).unwrap());
            });
        }
        group.finish();
    }
}

criterion_group!(benches, overlap);
criterion_main!(benches);
