//! Blocks made coarser: as the reference makes them, and as the slow engine of the kit does.
#![expect(clippy::unwrap_used, reason = "a test says by panicking what went wrong")]

mod errors;
mod golden;
mod laws;
mod random;
mod vectors;

use std::{collections::BTreeMap, sync::atomic::AtomicBool};

use bytes::Bytes;
use lithify_block::{BlockId, TimeRange, Timestamp, policy::Aggregator};
use lithify_kit::{
    aggregator::FiveAggregates,
    slow::{Block, Chunk, Labels, Series, read},
};
use lithify_tsdb::{
    Blob, BlockFile, Deduplication, Downsampling, Error, Memory, Merged, Options, Progress, Source, downsample,
};

/// The files of a result, and what was said of it.
type Made = (Merged, BTreeMap<BlockFile, Bytes>);

/// Makes `source` coarser on so many threads.
fn coarser_on(threads: usize, source: &Source, (from_ms, to_ms): (i64, i64), accept: bool) -> Result<Made, Box<Error>> {
    coarser_by(FiveAggregates::several(threads), source, (from_ms, to_ms), accept)
}

fn coarser_by(
    aggregators: Vec<Box<dyn Aggregator>>,
    source: &Source,
    (from_ms, to_ms): (i64, i64),
    accept_malformed: bool,
) -> Result<Made, Box<Error>> {
    let (cancel, progress) = (AtomicBool::new(false), Progress::default());
    let deduplication = Deduplication::OneToOne;
    let options = Options { segment_bytes: 0, accept_malformed, deduplication, cancel: &cancel, progress: &progress };
    let mut memory = Memory::default();
    let how = Downsampling { from_ms, to_ms, aggregators };
    let merged = downsample(source, source.range, how, &mut memory, &options)?;
    Ok((merged, memory.files()))
}

/// A block in memory with these series, named `a="0"` and so on.
fn source(series: &[Vec<Chunk>]) -> Source {
    let times = || series.iter().flatten();
    let (min, max) = (times().map(|chunk| chunk.min).min(), times().map(|chunk| chunk.max).max());
    let series = series.iter().enumerate().map(|(number, chunks)| Series {
        labels: vec![(b"a".to_vec(), format!("{number:04}").into_bytes())],
        chunks: chunks.clone(),
        deleted: Vec::new(),
    });
    let range = TimeRange::new(min.unwrap_or(0), max.unwrap_or(0).saturating_add(1));
    Block { range, series: series.collect() }.source(1).unwrap()
}

/// What a result holds.
fn content(files: &BTreeMap<BlockFile, Bytes>) -> Vec<(Labels, Vec<Chunk>)> {
    let blob = |bytes: &Bytes| Box::new(bytes.clone()) as Box<dyn Blob>;
    let segments = files.iter().filter_map(|(file, bytes)| match file {
        BlockFile::Segment(number) => Some((format!("{number:06}"), blob(bytes))),
        BlockFile::Index => None,
    });
    let source = Source {
        id: BlockId::from_parts(Timestamp(0), 2),
        range: TimeRange::new(0, 1),
        index: blob(&files[&BlockFile::Index]),
        segments: segments.collect(),
        tombstones: None,
    };
    read(&source).unwrap()
}

/// The chunks that become of a series.
fn series(chunks: &[Chunk], resolutions: (i64, i64)) -> Result<Vec<Chunk>, Box<Error>> {
    let (_, files) = coarser_on(1, &source(&[chunks.to_vec()]), resolutions, true)?;
    Ok(content(&files).into_iter().flat_map(|(_, chunks)| chunks).collect())
}
