//! Reading an index with every check, and writing one.
#![expect(clippy::unwrap_used, reason = "a benchmark says by panicking what went wrong")]

mod input;

use std::{hint::black_box, sync::atomic::AtomicBool};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use lithify_tsdb::{BlockReader, BlockWriter, NewChunk, Nowhere, verify};

const SERIES: u32 = 50_000;

fn index(criterion: &mut Criterion) {
    let source = input::block(0, SERIES, false);
    let mut group = criterion.benchmark_group("index");
    group.throughput(Throughput::Elements(SERIES.into()));
    let cancel = AtomicBool::new(false);
    group.bench_function("read_50kseries", |bencher| {
        bencher.iter(|| verify(black_box(&source), &cancel).unwrap());
    });

    let reader = BlockReader::open(&source).unwrap();
    let symbols: Vec<Vec<u8>> = (0..).map_while(|number| reader.symbols().get(number)).map(<[u8]>::to_vec).collect();
    let mut series = Vec::new();
    let mut cursor = reader.series().unwrap();
    while cursor.advance().unwrap() {
        let labels = cursor.labels().map(|(name, value)| (name.to_vec(), value.to_vec()));
        series.push((labels.collect::<Vec<_>>(), cursor.series().chunks.clone()));
    }
    // Chunks of two bytes: next to nothing beside the entry of their series.
    group.bench_function("write_50kseries", |bencher| {
        bencher.iter(|| {
            let mut output = Nowhere;
            let mut writer = BlockWriter::new(&mut output, black_box(&symbols), 0).unwrap();
            for (labels, chunks) in &series {
                let new = |chunk: &lithify_tsdb::index::ChunkMeta| NewChunk {
                    min: chunk.min,
                    max: chunk.max,
                    encoding: 1,
                    data: &[0, 1],
                };
                writer.series(labels, &chunks.iter().map(new).collect::<Vec<_>>()).unwrap();
            }
            writer.finish().unwrap()
        });
    });
    group.finish();
}

criterion_group!(benches, index);
criterion_main!(benches);
