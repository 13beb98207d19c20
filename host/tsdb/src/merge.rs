//! Blocks in, one block out.
//!
//! Source: `tsdb-format.md` 6; Prometheus tsdb/compact.go.

mod cursor;
mod deduplication;
mod pool;
mod run;
mod series;
mod weave;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use lithify_block::{IndexStats, Stats, TimeRange};

use crate::{
    BlockFile, Error, Output, Source,
    index::{self, Index, Limits},
    outlet::{Behind, Outlet},
    segment,
    tombstones::Interval,
    unite::unite,
    verify::verify,
};
use cursor::Cursor;
pub use deduplication::Deduplication;
use pool::Pool;
pub(crate) use pool::{RUN_BYTES, runs};
use series::SeriesMerge;
pub use weave::Obstacle;

/// Series and chunks between two looks at the wish to stop.
const STEPS_BETWEEN_CHECKS: usize = 4096;

/// How a merge is to be done.
#[derive(Clone, Copy)]
pub struct Options<'a> {
    /// Segments are cut before they exceed this many bytes; 0 means [`segment::DEFAULT_SEGMENT_BYTES`].
    pub segment_bytes: u64,
    /// Whether label names out of order inside a series pass.
    pub accept_malformed: bool,
    /// What is done where chunks of several blocks overlap.
    pub deduplication: Deduplication,
    /// Set it to stop the merge soon.
    pub cancel: &'a AtomicBool,
    /// Counts what is done, for whoever wants to show it.
    pub progress: &'a Progress,
}

/// How far a merge is.
#[derive(Debug, Default)]
pub struct Progress {
    /// Series written.
    pub series: AtomicU64,
}

/// What was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Merged {
    /// The counts for meta.json. With 0 samples the result is no block: discard it.
    ///
    /// Source: `tsdb-format.md` 6.9.
    pub stats: Stats,
    /// The sizes for meta.json.
    pub index_stats: IndexStats,
    /// The files and their sizes in bytes: segments in order, then the index.
    pub files: Vec<(BlockFile, u64)>,
    /// What was found in each source, in the order of the sources; none for a block that was not merged from any.
    pub found: Vec<Found>,
}

/// What a source had, and what of it was not wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Series in the index.
    pub series: u64,
    /// Chunks in the index.
    pub chunks: u64,
    /// Chunks of which tombstones left nothing.
    pub deleted_chunks: u64,
    /// Chunks without a sample in the range of the result that tombstones did not delete.
    pub outside_chunks: u64,
}

/// Merges `sources`, in this order, into one block that covers `range`, the union of their ranges.
///
/// What the reference checks in a pass of its own over each source is checked on the way. If it finds something, or a
/// source cannot be read, the files that were begun are worth nothing and must not become visible.
///
/// # Errors
/// Of several defects that which the reference would have met first: those of the first block in order that has any,
/// by severity, then what hinders the merge itself.
pub fn compact(
    sources: &[Source],
    range: TimeRange,
    output: &mut dyn Output,
    options: &Options<'_>,
) -> Result<Merged, Error> {
    match merge(sources, range, output, options) {
        Err(error) if error.is_about_a_source() => Err(first_defect(sources, options)?.unwrap_or(error)),
        other => other,
    }
}

/// What a separate verification of the sources would have ended with.
pub(crate) fn first_defect(sources: &[Source], options: &Options<'_>) -> Result<Option<Error>, Error> {
    for source in sources {
        if let Some(defect) = verify(source, options.cancel)?.verdict(options.accept_malformed) {
            return Ok(Some(Error::Defect { block: source.id, defect: Box::new(defect) }));
        }
    }
    Ok(None)
}

fn merge(
    sources: &[Source],
    range: TimeRange,
    output: &mut dyn Output,
    options: &Options<'_>,
) -> Result<Merged, Error> {
    let indexes = sources
        .iter()
        .map(|source| Ok((source, source.open()?)))
        .collect::<Result<Vec<(&Source, Index<'_>)>, Error>>()?;
    let (symbols, maps) = unite(&indexes)?;
    let range = Interval { min: range.min.0, max: range.max.0.saturating_sub(1) };
    let mut cursors = Vec::new();
    for ((source, index), map) in indexes.into_iter().zip(maps) {
        cursors.push(Cursor::new(source, index, map, &symbols, range)?);
    }
    std::thread::scope(|scope| {
        let mut outlet = Behind::new(scope, output);
        let merged = index::Writer::new(symbols, Limits::FORMAT, &mut outlet).and_then(|index| {
            let block = Block::new(index, segment::Writer::new(options.segment_bytes));
            let pool = Pool::new(scope, options.deduplication);
            SeriesMerge::new(cursors, range, block, pool).run(options, &mut outlet)
        });
        let closed = outlet.close();
        let merged = merged?;
        closed?;
        Ok(merged)
    })
}

/// The parts of a result and what was counted on the way.
pub(crate) struct Block {
    pub(crate) index: index::Writer,
    pub(crate) segments: segment::Writer,
    pub(crate) stats: Stats,
    pub(crate) chunk_max_size: u64,
}

impl Block {
    pub(crate) fn new(index: index::Writer, segments: segment::Writer) -> Self {
        Self { index, segments, stats: Stats::default(), chunk_max_size: 0 }
    }

    /// Appends a chunk of the present series; returns its reference.
    #[inline]
    pub(crate) fn chunk(&mut self, record: &segment::Record<'_>, outlet: &mut dyn Outlet) -> Result<u64, Error> {
        let (samples, stats) = (u64::from(record.samples()), &mut self.stats);
        stats.num_chunks += 1;
        stats.num_samples += samples;
        match record.encoding() {
            segment::XOR => stats.num_float_samples += samples,
            segment::HISTOGRAM | segment::FLOAT_HISTOGRAM => stats.num_histogram_samples += samples,
            _ => {} // Aggregates count as samples only.
        }
        self.segments.chunk(record.body(), outlet)
    }

    /// Adds the series whose chunks were appended.
    #[inline]
    pub(crate) fn series(
        &mut self,
        labels: &[u32],
        chunks: &[index::ChunkMeta],
        outlet: &mut dyn Outlet,
    ) -> Result<(), Error> {
        // The reference looks at all but the last two chunks, and only inside a segment.
        for neighbours in chunks.windows(2).take(chunks.len().saturating_sub(2)) {
            if let [one, two] = neighbours
                && one.reference >> 32 == two.reference >> 32
            {
                self.chunk_max_size = self.chunk_max_size.max(two.reference - one.reference);
            }
        }
        self.stats.num_series += 1;
        self.index.series(labels, chunks, outlet)
    }

    pub(crate) fn finish(self, outlet: &mut dyn Outlet) -> Result<Merged, Error> {
        let segments = self.segments.finish(outlet)?;
        let (index_bytes, series_max_size) = self.index.finish(outlet)?;
        let size = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
        let numbered = (1..).map(BlockFile::Segment).zip(segments);
        Ok(Merged {
            stats: self.stats,
            index_stats: IndexStats {
                series_max_size: size(series_max_size),
                chunk_max_size: size(self.chunk_max_size),
            },
            files: numbered.chain([(BlockFile::Index, index_bytes)]).collect(),
            found: Vec::new(),
        })
    }
}

impl Options<'_> {
    /// Tells how far the merge is, and whether to stop.
    pub(crate) fn report(&self, series: u64) -> Result<(), Error> {
        self.progress.series.store(series, Ordering::Relaxed);
        if self.cancel.load(Ordering::Relaxed) { Err(Error::Cancelled) } else { Ok(()) }
    }
}
