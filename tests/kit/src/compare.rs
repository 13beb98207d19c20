//! The streaming engine beside the slow one: the same bytes for any blocks, or both refuse.

use std::{collections::BTreeMap, slice, sync::atomic::AtomicBool};

use bytes::Bytes;
use lithify_block::{BlockId, TimeRange, Timestamp};
use lithify_tsdb::{
    Blob, BlockFile, Deduplication, Downsampling, Error, Memory, Merged, Options, Progress, Source, compact, downsample,
};

use crate::{
    aggregator::FiveAggregates,
    slow::{self, Block, Chunk, Labels},
};

type Files = BTreeMap<BlockFile, Bytes>;
type Listed = Vec<(Labels, Vec<Chunk>)>;

/// Runs the engine into memory with ordinary options.
fn into_memory(
    deduplication: Deduplication,
    accept_malformed: bool,
    run: impl FnOnce(&mut Memory, &Options<'_>) -> Result<Merged, Error>,
) -> Result<Files, Error> {
    let (cancel, progress, mut memory) = (AtomicBool::new(false), Progress::default(), Memory::default());
    let options = Options { segment_bytes: 0, accept_malformed, deduplication, cancel: &cancel, progress: &progress };
    run(&mut memory, &options)?;
    Ok(memory.files())
}

/// Merges with both engines. Blocks that the format does not allow are not compared.
///
/// # Errors
/// What differs, with the blocks.
pub fn merge(blocks: &[Block], deduplication: Deduplication) -> Result<(), String> {
    let sources: Result<Vec<Source>, _> = blocks.iter().zip(1..).map(|(block, number)| block.source(number)).collect();
    let range = blocks.iter().map(|block| block.range).reduce(TimeRange::union);
    let (Ok(sources), Some(range)) = (sources, range) else { return Ok(()) };
    let slowly = match deduplication {
        Deduplication::OneToOne => slow::Deduplication::OneToOne,
        Deduplication::Penalty => slow::Deduplication::Penalty,
    };
    let expected = slow::merge(blocks, slowly).and_then(|(symbols, series)| {
        let files = slow::files(symbols, &series, 0).map_err(|error| error.to_string())?;
        Ok((series, files))
    });
    let found = into_memory(deduplication, false, |memory, options| compact(&sources, range, memory, options));
    judge(blocks, range, found, expected)
}

/// Makes a block coarser with both engines, from one resolution to another in milliseconds.
///
/// # Errors
/// What differs, with the block.
pub fn coarsen(block: &Block, from_ms: i64, to_ms: i64) -> Result<(), String> {
    let Ok(source) = block.source(1) else { return Ok(()) };
    let coarse = |series: &slow::Series| Ok((series.labels.clone(), slow::downsample(&series.chunks, from_ms, to_ms)?));
    let expected: slow::Result<Listed> = block.series.iter().map(coarse).collect();
    let expected = expected.and_then(|mut series| {
        series.retain(|(_, chunks)| !chunks.is_empty());
        let files = slow::files(block.symbols(), &series, 0).map_err(|error| error.to_string())?;
        Ok((series, files))
    });
    let found = natively(&source, block.range, from_ms, to_ms);
    judge(slice::from_ref(block), block.range, found, expected)
}

/// Makes a block coarser by the built-in policy without its sandbox. What is wrong with ranges is accepted.
///
/// # Errors
/// Those of [`downsample`].
pub fn natively(source: &Source, range: TimeRange, from_ms: i64, to_ms: i64) -> Result<Files, Error> {
    let how = Downsampling { from_ms, to_ms, aggregators: FiveAggregates::several(2) };
    into_memory(Deduplication::OneToOne, true, |memory, options| downsample(source, range, how, memory, options))
}

fn judge(
    blocks: &[Block],
    range: TimeRange,
    found: Result<Files, Error>,
    expected: slow::Result<(Listed, Files)>,
) -> Result<(), String> {
    match (found, expected) {
        (Ok(found), Ok((_, files))) if found == files => Ok(()),
        (Ok(found), Ok((expected, _))) => {
            let found = content(&found, range).map_err(|error| error.to_string())?;
            let missing: Listed = expected.iter().filter(|series| !found.contains(series)).cloned().collect();
            let strange: Listed = found.into_iter().filter(|series| !expected.contains(series)).collect();
            Err(format!("{}\nfound {strange:?}\nexpected {missing:?}", drawn(blocks)))
        }
        (Err(_), Err(_)) => Ok(()),
        (Ok(_), Err(why)) => Err(format!("{}\nmade, but should be refused: {why}", drawn(blocks))),
        (Err(why), Ok((series, _))) => Err(format!("{}\nrefused: {why:?}\nexpected {series:?}", drawn(blocks))),
    }
}

fn content(files: &Files, range: TimeRange) -> Result<Listed, Error> {
    let blob = |bytes: &Bytes| Box::new(bytes.clone()) as Box<dyn Blob>;
    let segments = files.iter().filter_map(|(file, bytes)| match file {
        BlockFile::Segment(number) => Some((format!("{number:06}"), blob(bytes))),
        BlockFile::Index => None,
    });
    let index = files.get(&BlockFile::Index).cloned().unwrap_or_default();
    let id = BlockId::from_parts(Timestamp(0), 0);
    slow::read(&Source { id, range, index: blob(&index), segments: segments.collect(), tombstones: None })
}

/// Blocks as a reader of a failure wants them: one line a chunk.
fn drawn(blocks: &[Block]) -> String {
    let mut lines = Vec::new();
    for block in blocks {
        lines.push(format!("block {}..{}", block.range.min.0, block.range.max.0));
        for series in &block.series {
            lines.push(format!("  series, deleted {:?}", series.deleted));
            lines.extend(series.chunks.iter().map(|chunk| format!("    {chunk:?}")));
        }
    }
    lines.join("\n")
}
