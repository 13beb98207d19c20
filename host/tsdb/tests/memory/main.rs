//! What a merge takes at its peak is below what was stated beforehand.
#![expect(clippy::unwrap_used, reason = "a test says by panicking what went wrong")]

mod allocator;

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use allocator::{NOW, PEAK};
use lithify_block::{BlockId, TimeRange, Timestamp};
use lithify_tsdb::{
    BlockFile, BlockWriter, Deduplication, Memory, NewChunk, Nowhere, Options, Progress, Source, chunk::xor, compact,
    index::Index, memory_estimate,
};

/// The nth of some blocks in a row: `series` of them, with one label value each that nobody else has if `unique`, and
/// values that the other blocks do not have if `churn`.
fn source(n: u8, series: u32, unique: bool, churn: bool) -> Source {
    let block = if churn { n } else { 0 };
    let labels = |i: u32| {
        let last = if unique { format!("{block}-{i:08}") } else { format!("{block}-{:02}", i % 50) };
        let values = [format!("metric_{:05}", i / 50), format!("host-{:03}", i % 7), last];
        ["__name__", "instance", "pod"].into_iter().zip(values).collect::<Vec<_>>()
    };
    let mut all: Vec<_> = (0..series).map(labels).collect();
    all.sort();
    let mut symbols: Vec<String> = all.iter().flatten().map(|(_, value)| value.clone()).collect();
    symbols.extend(["__name__", "instance", "pod"].map(str::to_owned));
    symbols.sort();
    symbols.dedup();
    let mut memory = Memory::default();
    let mut writer = BlockWriter::new(&mut memory, &symbols, 0).unwrap();
    let (min, data) = (i64::from(n) * 100, [0, 9, 1, 2, 3, 4, 5, 6, 7, 8]);
    for labels in &all {
        writer.series(labels, &[NewChunk { min, max: min + 50, encoding: 1, data: &data }]).unwrap();
    }
    writer.finish().unwrap();
    let files = memory.files();
    let file = |file| Box::new(files.get(&file).unwrap().clone());
    Source {
        id: BlockId::from_parts(Timestamp(1), u128::from(n)),
        range: TimeRange::new(min, min + 100),
        index: file(BlockFile::Index),
        segments: vec![("000001".to_owned(), file(BlockFile::Segment(1)))],
        tombstones: None,
    }
}

/// Bytes that a merge takes at its peak, and how many it states beforehand.
fn measure(sources: &[Source], deduplication: Deduplication) -> (u64, u64) {
    let sizes: Vec<_> =
        sources.iter().map(|source| Index::open(source.index.as_ref()).unwrap().sizes().unwrap()).collect();
    let bound = memory_estimate(&sizes);
    let (cancel, progress) = (AtomicBool::new(false), Progress::default());
    let options =
        Options { segment_bytes: 0, accept_malformed: false, deduplication, cancel: &cancel, progress: &progress };
    let range = sources.iter().map(|source| source.range).reduce(TimeRange::union).unwrap();
    let before = NOW.load(Relaxed);
    PEAK.store(before, Relaxed);
    compact(sources, range, &mut Nowhere, &options).unwrap();
    ((PEAK.load(Relaxed) - before) as u64, bound)
}

// One test, as two at a time would count each other's memory.
#[test]
fn the_stated_bound_holds_for_few_and_many_series_labels_and_blocks() {
    for (blocks, series, unique, churn) in [
        (1, 10, false, false),
        (4, 20_000, false, false),
        (4, 20_000, false, true),
        (3, 20_000, true, false),
        (3, 20_000, true, true),
        (12, 5_000, true, true),
    ] {
        let sources: Vec<Source> = (0..blocks).map(|n| source(n, series, unique, churn)).collect();
        let (taken, bound) = measure(&sources, Deduplication::OneToOne);
        assert!(taken <= bound, "{blocks} {series} {unique} {churn}: {taken} taken, {bound} stated");
        println!("{blocks} blocks, {series} series, unique {unique}, churn {churn}: {taken} of {bound}");
    }
    for (series, samples) in [(2000, 480), (20, 11_520)] {
        let sources: Vec<Source> = (0..3).map(|n| replica(n, series, samples)).collect();
        for deduplication in [Deduplication::OneToOne, Deduplication::Penalty] {
            let (taken, bound) = measure(&sources, deduplication);
            assert!(taken <= bound, "{series} {samples} {deduplication:?}: {taken} taken, {bound} stated");
            println!("3 replicas, {series} series of {samples} samples, {deduplication:?}: {taken} of {bound}");
        }
    }
}

/// A replica of series with real samples, all of which overlap those of another.
fn replica(n: u8, series: u32, samples: i64) -> Source {
    let names: Vec<String> = (0..series).map(|i| format!("{i:06}")).collect();
    let mut symbols = names.clone();
    symbols.push("a".to_owned());
    let mut memory = Memory::default();
    let mut writer = BlockWriter::new(&mut memory, &symbols, 0).unwrap();
    let times: Vec<i64> = (0..samples).map(|i| i * 15_000 + i64::from(n)).collect();
    let parts: Vec<(i64, i64, Vec<u8>)> = times
        .chunks(120)
        .map(|times| {
            let values: Vec<f64> =
                times.iter().map(|time| f64::from_bits(time.unsigned_abs().wrapping_mul(1 << 40))).collect();
            let mut data = Vec::new();
            xor::encode(times, &values, &mut data).unwrap();
            (*times.first().unwrap(), *times.last().unwrap(), data)
        })
        .collect();
    let chunks: Vec<NewChunk<'_>> =
        parts.iter().map(|(min, max, data)| NewChunk { min: *min, max: *max, encoding: 1, data }).collect();
    for name in &names {
        writer.series(&[("a", name)], &chunks).unwrap();
    }
    writer.finish().unwrap();
    let files = memory.files();
    let file = |file| Box::new(files.get(&file).unwrap().clone());
    Source {
        id: BlockId::from_parts(Timestamp(1), u128::from(n)),
        range: TimeRange::new(0, samples * 15_000 + 100),
        index: file(BlockFile::Index),
        segments: vec![("000001".to_owned(), file(BlockFile::Segment(1)))],
        tombstones: None,
    }
}
