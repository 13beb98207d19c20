//! The chunks of one series, as several sources have them, become the chunks of the result.
//!
//! Source: `tsdb-format.md` 6.6 and 6.8, `downsampling.md` 6.2 to 6.7; Prometheus storage/merge.go, Thanos
//! pkg/dedup/chunk_iter.go.

mod aggregate;
mod chain;
mod cut;
mod encode;
mod obstacle;
mod penalty;

use std::ops::Range;

use super::{
    Deduplication,
    run::{Piece, Run},
};
use crate::{
    chunk::{Encoding, Sample, Samples, xor},
    heap::Heap,
};
use chain::{Survivors, Waiting};
pub use obstacle::Obstacle;
use penalty::Fold;

/// Where a run could not be woven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Trouble {
    /// Position of the series in the run.
    pub(super) series: usize,
    /// The chunk.
    pub(super) piece: Piece,
    pub(super) obstacle: Obstacle,
}

/// Weaves runs, one after the other, and keeps the memory that it takes for the next.
#[derive(Default)]
pub(super) struct Weaver {
    deduplication: Deduplication,
    /// Chunks of the present series: those of its members, then those that were made.
    pieces: Vec<Piece>,
    /// Ranges of `pieces` that were not taken yet.
    cursors: Vec<Range<usize>>,
    /// Cursors by their first chunk.
    heap: Heap<usize>,
    /// What overlaps the present chunk.
    others: Vec<Piece>,
    columns: Columns,
}

impl Weaver {
    pub(super) fn new(deduplication: Deduplication) -> Self {
        Self { deduplication, ..Self::default() }
    }

    /// Makes the result of every series of the run.
    pub(super) fn weave(&mut self, run: &mut Run) -> Result<(), Trouble> {
        for series in 0..run.len() {
            let woven = self.series(run, series);
            woven.map_err(|(piece, obstacle)| Trouble { series, piece, obstacle })?;
            run.end_woven(series);
        }
        Ok(())
    }

    fn series(&mut self, run: &mut Run, series: usize) -> Result<(), (Piece, Obstacle)> {
        self.pieces.clear();
        self.cursors.clear();
        self.heap.clear();
        let mut is_cut = false;
        for member in run.members(series) {
            let start = self.pieces.len();
            self.pieces.extend_from_slice(member);
            self.cursors.push(start..self.pieces.len());
            is_cut |= member.iter().any(|piece| !run.cuts(piece).is_empty());
        }
        if is_cut {
            self.cut(run)?;
        }
        if let [only] = self.cursors.as_slice() {
            run.woven.extend_from_slice(self.pieces.get(only.clone()).unwrap_or_default());
            return Ok(());
        }
        for cursor in 0..self.cursors.len() {
            self.push(cursor);
        }
        while let Some(base) = self.pop() {
            self.gather(run, base);
            let chunk = if self.has_overlap(run) { self.merge(run, base)? } else { base };
            run.woven.push(chunk);
        }
        Ok(())
    }

    /// Cuts what is to be cut out of the chunks of all members.
    fn cut(&mut self, run: &mut Run) -> Result<(), (Piece, Obstacle)> {
        let pieces = std::mem::take(&mut self.pieces);
        for cursor in &mut self.cursors {
            let start = self.pieces.len();
            for piece in pieces.get(cursor.clone()).unwrap_or_default() {
                if run.cuts(piece).is_empty() {
                    self.pieces.push(*piece);
                } else {
                    match cut::cut(run, piece).map_err(|obstacle| (*piece, obstacle))? {
                        Some(rest) => self.pieces.push(rest),
                        None => run.emptied.push(*piece),
                    }
                }
            }
            *cursor = start..self.pieces.len();
        }
        Ok(())
    }

    /// Takes the first chunk, and its cursor goes on.
    fn pop(&mut self) -> Option<Piece> {
        let cursor = self.heap.pop(less(&self.cursors, &self.pieces))?;
        let range = self.cursors.get_mut(cursor)?;
        let piece = self.pieces.get(range.start).copied()?;
        range.start += 1;
        self.push(cursor);
        Some(piece)
    }

    fn push(&mut self, cursor: usize) {
        if self.cursors.get(cursor).is_some_and(|range| !range.is_empty()) {
            self.heap.push(cursor, less(&self.cursors, &self.pieces));
        }
    }

    /// Takes what overlaps `base` or each other, but for duplicates.
    fn gather(&mut self, run: &Run, base: Piece) {
        self.others.clear();
        let (mut reach, mut before) = (base.max, base);
        while let Some(top) = self.heap.top()
            && let Some(next) = self.cursors.get(top).and_then(|range| self.pieces.get(range.start)).copied()
            && next.min <= reach
        {
            // The encoding is not compared.
            let is_same = (next.min, next.max) == (before.min, before.max);
            if !(is_same && run.content(&next).1 == run.content(&before).1) {
                self.others.push(next);
                reach = reach.max(next.max);
                before = next;
            }
            self.pop();
        }
    }

    /// Whether there is something to merge `base` with. What there is and is of no use to `penalty` is dropped.
    fn has_overlap(&self, run: &Run) -> bool {
        match self.deduplication {
            Deduplication::OneToOne => !self.others.is_empty(),
            Deduplication::Penalty => self.others.iter().any(|piece| {
                let (encoding, data) = run.content(piece);
                encoding != Encoding::Aggregate.byte() || aggregate::has_count(data)
            }),
        }
    }

    /// Merges `base` with the others; the first of the resulting chunks is returned, the rest goes back onto the heap.
    fn merge(&mut self, run: &mut Run, base: Piece) -> Result<Piece, (Piece, Obstacle)> {
        let start = self.pieces.len();
        match self.deduplication {
            Deduplication::OneToOne => self.chain(run, &base)?,
            Deduplication::Penalty => self.penalty(run, &base)?,
        }
        let first = self.pieces.get(start).copied().ok_or((base, Obstacle::Nothing))?;
        self.cursors.push(start + 1..self.pieces.len());
        self.push(self.cursors.len() - 1);
        Ok(first)
    }

    fn chain(&mut self, run: &mut Run, base: &Piece) -> Result<(), (Piece, Obstacle)> {
        let columns = &mut self.columns;
        columns.clear();
        for piece in self.others.iter().chain([base]) {
            columns.read(run, piece).map_err(|obstacle| (*piece, obstacle))?;
        }
        let encoded = columns.chain(run, base, &mut self.pieces);
        encoded.map_err(|obstacle| (*base, obstacle))
    }

    fn penalty(&mut self, run: &mut Run, base: &Piece) -> Result<(), (Piece, Obstacle)> {
        let (encoding, _) = run.content(base);
        if encoding == Encoding::Aggregate.byte() {
            let merged = aggregate::penalty(run, base, &self.others, &mut self.pieces);
            return merged.map_err(|obstacle| (*base, obstacle));
        }
        let columns = &mut self.columns;
        columns.clear();
        columns.read(run, base).map_err(|obstacle| (*base, obstacle))?;
        for piece in self.others.iter().filter(|piece| run.content(piece).0 == encoding) {
            columns.read(run, piece).map_err(|obstacle| (*piece, obstacle))?;
        }
        let encoded = columns.penalty(run, base, &mut self.pieces);
        encoded.map_err(|obstacle| (*base, obstacle))
    }
}

/// Orders cursors by first and last millisecond of their first chunk.
fn less(cursors: &[Range<usize>], pieces: &[Piece]) -> impl Fn(usize, usize) -> bool {
    let times = |cursor: usize| {
        let first = cursors.get(cursor).and_then(|range| pieces.get(range.start));
        first.map(|piece| (piece.min, piece.max))
    };
    move |a, b| times(a) < times(b)
}

/// The samples of an overlap, decoded.
#[derive(Default)]
struct Columns {
    times: Vec<i64>,
    /// Values by time, while all chunks are of floats.
    values: Vec<f64>,
    /// Samples by time, as soon as one chunk is not.
    samples: Vec<Sample>,
    is_mixed: bool,
    /// Where the samples of each chunk are.
    streams: Vec<Range<usize>>,
    heap: Heap<Waiting>,
    scratch: Heap<Waiting>,
    floats: Fold<f64>,
    picks: Fold<usize>,
}

impl Columns {
    fn clear(&mut self) {
        self.times.clear();
        self.values.clear();
        self.samples.clear();
        self.is_mixed = false;
        self.streams.clear();
    }

    /// Adds the samples of a chunk.
    fn read(&mut self, run: &Run, piece: &Piece) -> Result<(), Obstacle> {
        let (encoding, data) = run.content(piece);
        let encoding = Encoding::try_from(encoding)?;
        let start = self.times.len();
        match encoding {
            Encoding::Xor if !self.is_mixed => xor::decode(data, &mut self.times, &mut self.values)?,
            Encoding::Aggregate => return Err(Obstacle::AggregatesOneToOne),
            Encoding::Xor | Encoding::Histogram | Encoding::FloatHistogram => {
                if !self.is_mixed {
                    self.is_mixed = true;
                    self.samples.extend(self.values.iter().map(|value| Sample::Float(value.to_bits())));
                }
                for sample in Samples::new(encoding, data)? {
                    let (time, sample) = sample?;
                    self.times.push(time);
                    self.samples.push(sample);
                }
            }
        }
        self.streams.push(start..self.times.len());
        Ok(())
    }

    /// Refuses a sample that would be lost, as both functions take its time for "none yet".
    fn check(&self) -> Result<(), Obstacle> {
        let is_first = |stream: &Range<usize>| self.times.get(stream.start) == Some(&i64::MIN);
        let is_lost =
            self.streams.len() > 1 && self.streams.iter().any(|stream| !stream.is_empty() && is_first(stream));
        if is_lost { Err(Obstacle::BeginningOfTime) } else { Ok(()) }
    }

    fn chain(&mut self, run: &mut Run, base: &Piece, out: &mut Vec<Piece>) -> Result<(), Obstacle> {
        self.check()?;
        let Self { times, values, samples, is_mixed, streams, heap, scratch, floats, picks } = self;
        let heaps = (heap, scratch);
        if *is_mixed {
            picks.times.clear();
            picks.payload.clear();
            chain::chain(times, streams, heaps, &mut Picked { times, picks });
            encode::samples(run, (&picks.times, &picks.payload), samples, base, out)?;
        } else {
            floats.times.clear();
            floats.payload.clear();
            chain::chain(times, streams, heaps, &mut Taken { times, values, taken: floats });
            encode::floats(run, &floats.times, &floats.payload, base, out)?;
        }
        Ok(())
    }

    fn penalty(&mut self, run: &mut Run, base: &Piece, out: &mut Vec<Piece>) -> Result<(), Obstacle> {
        self.check()?;
        let Self { times, values, samples, is_mixed, streams, floats, picks, .. } = self;
        if *is_mixed {
            let positions: Vec<usize> = (0..times.len()).collect();
            fold(picks, times, &positions, streams);
            encode::samples(run, (&picks.times, &picks.payload), samples, base, out)?;
        } else {
            fold(floats, times, values, streams);
            encode::floats(run, &floats.times, &floats.payload, base, out)?;
        }
        Ok(())
    }
}

fn fold<P: Copy>(fold: &mut Fold<P>, times: &[i64], payload: &[P], streams: &[Range<usize>]) {
    for (number, stream) in streams.iter().enumerate() {
        let times = times.get(stream.clone()).unwrap_or_default();
        let payload = payload.get(stream.clone()).unwrap_or_default();
        if number == 0 {
            fold.begin(times, payload);
        } else {
            fold.add(times, payload);
        }
    }
}

/// Survivors among floats.
struct Taken<'c> {
    times: &'c [i64],
    values: &'c [f64],
    taken: &'c mut Fold<f64>,
}

impl Survivors for Taken<'_> {
    #[inline]
    fn one(&mut self, at: usize) {
        self.taken.times.extend(self.times.get(at));
        self.taken.payload.extend(self.values.get(at));
    }

    fn many(&mut self, positions: Range<usize>) {
        self.taken.times.extend_from_slice(self.times.get(positions.clone()).unwrap_or_default());
        self.taken.payload.extend_from_slice(self.values.get(positions).unwrap_or_default());
    }
}

/// Survivors among samples of several kinds.
struct Picked<'c> {
    times: &'c [i64],
    picks: &'c mut Fold<usize>,
}

impl Survivors for Picked<'_> {
    fn one(&mut self, at: usize) {
        self.many(at..at + 1);
    }

    fn many(&mut self, positions: Range<usize>) {
        self.picks.times.extend_from_slice(self.times.get(positions.clone()).unwrap_or_default());
        self.picks.payload.extend(positions);
    }
}
