//! Whole merges from memory to nowhere: what the engine itself costs.
#![expect(clippy::unwrap_used, reason = "a benchmark says by panicking what went wrong")]

mod input;

use std::{hint::black_box, sync::atomic::AtomicBool};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use lithify_block::TimeRange;
use lithify_tsdb::{Deduplication, Nowhere, Options, Progress, Source, compact};

/// Bytes of a source's files.
fn size(source: &Source) -> u64 {
    source.index.size() + source.segments.iter().map(|(_, blob)| blob.size()).sum::<u64>()
}

fn merge(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("merge");
    group.sample_size(10);
    for (name, blocks, series, churn) in [
        ("1block_50kseries", 1, 50_000, false),
        ("4blocks_50kseries", 4, 50_000, false),
        ("4blocks_50kseries_churn", 4, 50_000, true),
    ] {
        let sources: Vec<Source> = (0..blocks).map(|n| input::block(n, series, churn)).collect();
        let range = sources.iter().map(|source| source.range).reduce(TimeRange::union).unwrap();
        let (cancel, progress) = (AtomicBool::new(false), Progress::default());
        let options = Options {
            segment_bytes: 0,
            accept_malformed: false,
            deduplication: Deduplication::OneToOne,
            cancel: &cancel,
            progress: &progress,
        };
        group.throughput(Throughput::Bytes(sources.iter().map(size).sum()));
        group.bench_function(name, |bencher| {
            bencher.iter(|| compact(black_box(&sources), range, &mut Nowhere, &options).unwrap());
        });
    }
    group.finish();
}

criterion_group!(benches, merge);
criterion_main!(benches);
