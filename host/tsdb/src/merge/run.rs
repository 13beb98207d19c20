//! A run of series that were read and wait to be woven: what goes from the reading thread to a worker and back.

use crate::{index::ChunkMeta, tombstones::Interval};

/// A chunk of a series: its record in the bytes of the run, and where it came from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Piece {
    /// First millisecond, inside.
    pub(super) min: i64,
    /// Last millisecond, inside.
    pub(super) max: i64,
    /// Where encoding, data and checksum begin.
    start: usize,
    /// Where they end.
    end: usize,
    /// Position of the source; of a piece that was made, that of the first one merged.
    pub(super) source: usize,
    /// The chunk's reference in its source.
    pub(super) reference: u64,
    /// Which intervals of the run are cut out of it.
    cuts: (usize, usize),
}

/// Where the parts of a series end in the lists of its run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Ends {
    labels: usize,
    members: usize,
    woven: usize,
}

/// Some series with all their chunks.
#[derive(Debug, Default)]
pub(super) struct Run {
    /// Records: those that were read, then those that were made.
    pub(super) bytes: Vec<u8>,
    /// Chunks as read, by series and member.
    pieces: Vec<Piece>,
    /// For each member of each series, where its chunks end in `pieces`.
    members: Vec<usize>,
    labels: Vec<u32>,
    intervals: Vec<Interval>,
    series: Vec<Ends>,
    /// The chunks of the result, by series.
    pub(super) woven: Vec<Piece>,
    /// Chunks of which the cutting left nothing.
    pub(super) emptied: Vec<Piece>,
}

impl Run {
    /// Begins anew with the memory of before.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.pieces.clear();
        self.members.clear();
        self.labels.clear();
        self.intervals.clear();
        self.series.clear();
        self.woven.clear();
        self.emptied.clear();
    }

    /// How many series there are.
    pub(super) fn len(&self) -> usize {
        self.series.len()
    }

    /// Adds a chunk of the present member of the present series: encoding, data and checksum, and what is cut out of it.
    pub(super) fn push_chunk(&mut self, meta: ChunkMeta, body: &[u8], source: usize, cuts: &[Interval]) {
        let (start, first) = (self.bytes.len(), self.intervals.len());
        self.bytes.extend_from_slice(body);
        self.intervals.extend_from_slice(cuts);
        self.pieces.push(Piece {
            min: meta.min,
            max: meta.max,
            start,
            end: self.bytes.len(),
            source,
            reference: meta.reference,
            cuts: (first, self.intervals.len()),
        });
    }

    /// Completes the present member.
    pub(super) fn end_member(&mut self) {
        self.members.push(self.pieces.len());
    }

    /// Completes the present series.
    pub(super) fn end_series(&mut self, labels: &[u32]) {
        self.labels.extend_from_slice(labels);
        self.series.push(Ends { labels: self.labels.len(), members: self.members.len(), woven: 0 });
    }

    /// For each member of a series, its chunks as read.
    pub(super) fn members(&self, series: usize) -> impl ExactSizeIterator<Item = &[Piece]> {
        let (first, behind) = (self.before(series).members, self.ends(series).members);
        let mut start = first.checked_sub(1).and_then(|before| self.members.get(before)).copied().unwrap_or_default();
        self.members.get(first..behind).unwrap_or_default().iter().map(move |end| {
            let chunks = self.pieces.get(start..*end).unwrap_or_default();
            start = *end;
            chunks
        })
    }

    /// Label numbers of a series.
    pub(super) fn labels(&self, series: usize) -> &[u32] {
        self.labels.get(self.before(series).labels..self.ends(series).labels).unwrap_or_default()
    }

    /// Label numbers and resulting chunks of a series.
    pub(super) fn result(&self, series: usize) -> (&[u32], &[Piece]) {
        let (before, ends) = (self.before(series), self.ends(series));
        (self.labels(series), self.woven.get(before.woven..ends.woven).unwrap_or_default())
    }

    /// Completes the result of a series; those before are complete.
    pub(super) fn end_woven(&mut self, series: usize) {
        if let Some(ends) = self.series.get_mut(series) {
            ends.woven = self.woven.len();
        }
    }

    /// Encoding, data and checksum of a chunk.
    pub(super) fn body(&self, piece: &Piece) -> &[u8] {
        self.bytes.get(piece.start..piece.end).unwrap_or_default()
    }

    /// The encoding byte of a chunk and its data.
    pub(super) fn content(&self, piece: &Piece) -> (u8, &[u8]) {
        let content = self.body(piece).split_last_chunk::<4>().and_then(|(content, _)| content.split_first());
        content.map_or((0, &[]), |(encoding, data)| (*encoding, data))
    }

    /// What is cut out of a chunk.
    pub(super) fn cuts(&self, piece: &Piece) -> &[Interval] {
        self.intervals.get(piece.cuts.0..piece.cuts.1).unwrap_or_default()
    }

    /// Puts a checksum behind the content, encoding and data, that was appended to the bytes from `start` on, and makes it
    /// a chunk in the place of `origin`.
    pub(super) fn seal(&mut self, start: usize, (min, max): (i64, i64), origin: &Piece) -> Piece {
        let checksum = crc32c::crc32c(self.bytes.get(start..).unwrap_or_default());
        self.bytes.extend(checksum.to_be_bytes());
        Piece { min, max, start, end: self.bytes.len(), cuts: (0, 0), ..*origin }
    }

    fn ends(&self, series: usize) -> Ends {
        self.series.get(series).copied().unwrap_or_default()
    }

    fn before(&self, series: usize) -> Ends {
        series.checked_sub(1).map_or(Ends::default(), |before| self.ends(before))
    }
}
