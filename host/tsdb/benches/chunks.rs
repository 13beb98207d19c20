//! Reading chunk records with their checksums, and copying them into new segments.
#![expect(clippy::unwrap_used, reason = "a benchmark says by panicking what went wrong")]

mod input;

use std::{hint::black_box, sync::atomic::AtomicBool};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use lithify_tsdb::{BlockReader, Deduplication, Nowhere, Options, Progress, Source, compact};

/// Few series with the chunks of many: the index hardly counts.
const SERIES: u32 = 10_000;

/// Bytes of a source's files.
fn size(source: &Source) -> u64 {
    source.index.size() + source.segments.iter().map(|(_, blob)| blob.size()).sum::<u64>()
}

fn chunks(criterion: &mut Criterion) {
    let source = input::block(0, SERIES, false);
    let mut group = criterion.benchmark_group("chunks");
    group.throughput(Throughput::Bytes(size(&source)));
    group.bench_function("read_40kchunks", |bencher| {
        bencher.iter(|| {
            let reader = BlockReader::open(black_box(&source)).unwrap();
            let mut cursor = reader.series().unwrap();
            let mut samples = 0;
            while cursor.advance().unwrap() {
                for chunk in cursor.series().chunks.clone() {
                    samples += u64::from(cursor.chunk(chunk).unwrap().samples());
                }
            }
            samples
        });
    });
    let (cancel, progress) = (AtomicBool::new(false), Progress::default());
    let options = Options {
        segment_bytes: 0,
        accept_malformed: false,
        deduplication: Deduplication::OneToOne,
        cancel: &cancel,
        progress: &progress,
    };
    let range = source.range;
    let sources = [source];
    group.bench_function("copy_40kchunks", |bencher| {
        bencher.iter(|| compact(black_box(&sources), range, &mut Nowhere, &options).unwrap());
    });
    group.finish();
}

criterion_group!(benches, chunks);
criterion_main!(benches);
