//! Pieces of work: some series on their way to a worker, and what became of them on their way back.

use std::ops::Range;

use lithify_block::BlockId;

use crate::chunk::Encoding;

/// A chunk of the source.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece {
    /// First and last millisecond, as the index has them.
    pub(super) min: i64,
    pub(super) max: i64,
    pub(super) encoding: Encoding,
    /// Where its data is among the unit's bytes.
    start: usize,
    end: usize,
}

impl Piece {
    /// Where its data is among [`Unit::bytes`].
    pub(super) fn range(&self) -> Range<usize> {
        self.start..self.end
    }
}

/// Whole series of the source, in order.
#[derive(Debug, Default)]
pub(super) struct Unit {
    bytes: Vec<u8>,
    pieces: Vec<Piece>,
    labels: Vec<u32>,
    /// Ends of each series in `labels` and `pieces`.
    ends: Vec<(usize, usize)>,
    /// What it will be like when it is decoded, in float samples.
    pub(super) weight: usize,
    /// Which unit of the source it is, from 0 on.
    pub(super) number: u64,
}

impl Unit {
    /// Takes out everything, but keeps the memory.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.pieces.clear();
        self.labels.clear();
        self.ends.clear();
        self.weight = 0;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Adds a chunk to the series that [`Unit::end_series`] will complete.
    pub(super) fn push(&mut self, (min, max): (i64, i64), encoding: Encoding, data: &[u8]) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(data);
        self.pieces.push(Piece { min, max, encoding, start, end: self.bytes.len() });
    }

    pub(super) fn end_series(&mut self, labels: &[u32]) {
        self.labels.extend_from_slice(labels);
        self.ends.push((self.labels.len(), self.pieces.len()));
    }

    /// The labels of a series by its number.
    pub(super) fn labels(&self, series: usize) -> &[u32] {
        let end = |at: usize| self.ends.get(at).map_or(0, |(labels, _)| *labels);
        self.labels.get(series.checked_sub(1).map_or(0, end)..end(series)).unwrap_or_default()
    }

    /// Labels and chunks of each series.
    pub(super) fn series(&self) -> impl Iterator<Item = (&[u32], &[Piece])> {
        let mut starts = (0, 0);
        self.ends.iter().map(move |&(labels, pieces)| {
            let series = (self.labels.get(starts.0..labels), self.pieces.get(starts.1..pieces));
            starts = (labels, pieces);
            (series.0.unwrap_or_default(), series.1.unwrap_or_default())
        })
    }

    /// The encoded samples of a chunk.
    pub(super) fn data(&self, piece: &Piece) -> &[u8] {
        self.bytes.get(piece.start..piece.end).unwrap_or_default()
    }

    /// The encoded samples of all chunks, among which [`Piece::range`] says where those of one are.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// As [`Unit::data`], and behind them those of the chunks that follow.
    pub(super) fn data_and_more(&self, piece: &Piece) -> &[u8] {
        self.bytes.get(piece.start..).unwrap_or_default()
    }
}

/// A chunk of the result.
#[derive(Clone, Debug, Default)]
pub(super) struct Made {
    /// First and last millisecond, for the index.
    pub(super) min: i64,
    pub(super) max: i64,
    /// Where encoding, data and checksum are among the bytes.
    pub(super) body: Range<usize>,
}

/// What a worker made of a unit.
#[derive(Debug, Default)]
pub(super) struct Finished {
    pub(super) bytes: Vec<u8>,
    pub(super) made: Vec<Made>,
    pub(super) labels: Vec<u32>,
    /// Ends of each series in `labels` and `made`.
    pub(super) ends: Vec<(usize, usize)>,
    pub(super) notes: Notes,
}

impl Finished {
    /// Takes out everything, but keeps the memory.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.made.clear();
        self.labels.clear();
        self.ends.clear();
        self.notes = Notes::default();
    }

    /// Labels and chunks of each series.
    pub(super) fn series(&self) -> impl Iterator<Item = (&[u32], &[Made])> {
        let mut starts = (0, 0);
        self.ends.iter().map(move |&(labels, made)| {
            let series = (self.labels.get(starts.0..labels), self.made.get(starts.1..made));
            starts = (labels, made);
            (series.0.unwrap_or_default(), series.1.unwrap_or_default())
        })
    }

    /// Encoding, data and checksum of a chunk.
    pub(super) fn body(&self, made: &Made) -> &[u8] {
        self.bytes.get(made.body.clone()).unwrap_or_default()
    }
}

/// What is worth telling though it is no error: the reference does the same.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Notes {
    /// Series of which nothing is left.
    pub(super) vanished: u64,
    /// Chunks without samples inside a block of aggregates.
    pub(super) empty_chunks: u64,
    /// Windows lost because a later histogram of their chunk could not stand in it.
    pub(super) lost_windows: u64,
    /// The first series that lost windows.
    pub(super) lost_of: Option<String>,
}

impl Notes {
    pub(super) fn add(&mut self, other: &Self) {
        self.vanished += other.vanished;
        self.empty_chunks += other.empty_chunks;
        self.lost_windows += other.lost_windows;
        if self.lost_of.is_none() {
            self.lost_of.clone_from(&other.lost_of);
        }
    }

    /// Says it once a block.
    pub(super) fn tell(&self, block: BlockId) {
        let Self { vanished, empty_chunks, lost_windows, lost_of } = self;
        if *vanished > 0 {
            tracing::warn!(%block, series = vanished, "series without samples left are not in the downsampled block");
        }
        if *empty_chunks > 0 {
            tracing::warn!(%block, chunks = empty_chunks, "chunks without samples were left out");
        }
        if *lost_windows > 0 {
            tracing::warn!(
                %block, windows = lost_windows, series = lost_of.as_deref(),
                "histograms whose zero threshold, bounds or kind changes: sum and counter of earlier windows are not kept"
            );
        }
    }
}
