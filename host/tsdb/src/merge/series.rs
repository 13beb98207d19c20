//! Series of several sources in one order, and the chunks of each.

use lithify_block::TimeRange;

use super::{Block, Cursor, Merged, Options, STEPS_BETWEEN_CHECKS};
use crate::{
    Error,
    heap::Heap,
    index::{self, ChunkMeta},
    outlet::Outlet,
    segment,
};

pub(super) struct SeriesMerge<'a> {
    cursors: Vec<Cursor<'a>>,
    /// First and last millisecond of the result, both inside.
    range: (i64, i64),
    block: Block,
    /// Cursors by their present series.
    by_series: Heap<usize>,
    /// The cursors that have the present series, in the order in which they left the heap.
    group: Vec<usize>,
    /// Cursors of the group by their present chunk.
    by_chunk: Heap<usize>,
    /// What was written of the present series.
    written: Vec<ChunkMeta>,
}

impl<'a> SeriesMerge<'a> {
    pub(super) fn new(
        cursors: Vec<Cursor<'a>>,
        range: TimeRange,
        index: index::Writer,
        segments: segment::Writer,
    ) -> Self {
        Self {
            group: (0..cursors.len()).collect(),
            cursors,
            range: (range.min.0, range.max.0.saturating_sub(1)),
            block: Block::new(index, segments),
            by_series: Heap::new(),
            by_chunk: Heap::new(),
            written: Vec::new(),
        }
    }

    pub(super) fn run(mut self, options: &Options<'_>, outlet: &mut dyn Outlet) -> Result<Merged, Error> {
        options.report(0)?;
        let mut steps = 0;
        while self.next_group(options.accept_malformed)? {
            steps += 1 + self.written.len();
            if steps >= STEPS_BETWEEN_CHECKS {
                options.report(self.block.stats.num_series)?;
                steps = 0;
            }
            self.written.clear();
            self.block.segments.begin_series();
            match *self.group.as_slice() {
                [only] => self.copy(only, outlet)?,
                _ => self.interleave(outlet)?,
            }
            let cursor = self.group.first().and_then(|first| self.cursors.get(*first));
            if let Some(cursor) = cursor
                && !self.written.is_empty()
            {
                let added = self.block.series(&cursor.series.labels, &self.written, outlet);
                added.map_err(|error| self.blame(error))?;
            }
        }
        let merged = self.block.finish(outlet)?;
        options.report(merged.stats.num_series)?;
        Ok(merged)
    }

    /// Names the sources of the present series in an error that cannot know them.
    #[cold]
    fn blame(&self, error: Error) -> Error {
        let Error::Rule { rule, .. } = error else { return error };
        let members = self.group.iter().filter_map(|member| self.cursors.get(*member));
        Error::Rule { rule, blocks: members.map(|cursor| cursor.source.id).collect() }
    }

    /// Finds the cursors that have the next series.
    ///
    /// Source: `tsdb-format.md` 6.7: those taken before go back in the order in which they were taken.
    fn next_group(&mut self, accept_malformed: bool) -> Result<bool, Error> {
        let symbols = self.block.index.symbols();
        for taken in self.group.drain(..) {
            let Some(cursor) = self.cursors.get_mut(taken) else { continue };
            if cursor.advance(symbols, accept_malformed)? {
                self.by_series.push(taken, less_by_series(&self.cursors));
            }
        }
        let Some(first) = self.by_series.pop(less_by_series(&self.cursors)) else { return Ok(false) };
        self.group.push(first);
        while let Some(next) = self.by_series.top()
            && labels(&self.cursors, next) == labels(&self.cursors, first)
        {
            self.by_series.pop(less_by_series(&self.cursors));
            self.group.push(next);
        }
        Ok(true)
    }

    /// Takes the chunks of a series that one source has, as they are.
    fn copy(&mut self, only: usize, outlet: &mut dyn Outlet) -> Result<(), Error> {
        while let Some(chunk) = self.take(only) {
            self.write(only, chunk, outlet)?;
        }
        Ok(())
    }

    /// Takes the chunks of a series that several sources have, by time.
    ///
    /// Source: `tsdb-format.md` 6.8, of which step 5, chunks that really overlap, is refused.
    fn interleave(&mut self, outlet: &mut dyn Outlet) -> Result<(), Error> {
        self.by_chunk.clear();
        for &member in &self.group {
            self.by_chunk.push(member, less_by_chunk(&self.cursors));
        }
        while let Some((member, chunk)) = self.pop_chunk() {
            while let Some(next) = self.by_chunk.top()
                && let Some(overlapping) = self.cursors.get(next).and_then(Cursor::chunk)
                && overlapping.min <= chunk.max
            {
                self.expect_duplicate((member, chunk), (next, overlapping))?;
                self.pop_chunk();
            }
            self.write(member, chunk, outlet)?;
        }
        Ok(())
    }

    /// The next chunk by time; its cursor goes on and back into the heap.
    fn pop_chunk(&mut self) -> Option<(usize, ChunkMeta)> {
        let member = self.by_chunk.pop(less_by_chunk(&self.cursors))?;
        let chunk = self.take(member)?;
        if self.cursors.get(member).and_then(Cursor::chunk).is_some() {
            self.by_chunk.push(member, less_by_chunk(&self.cursors));
        }
        Some((member, chunk))
    }

    fn take(&mut self, member: usize) -> Option<ChunkMeta> {
        let cursor = self.cursors.get_mut(member)?;
        let chunk = cursor.chunk()?;
        cursor.step();
        Some(chunk)
    }

    /// Two chunks that overlap must be the same: times and data; the encoding is not compared.
    #[cold]
    fn expect_duplicate(&mut self, one: (usize, ChunkMeta), other: (usize, ChunkMeta)) -> Result<(), Error> {
        let mut data = |(member, chunk): (usize, ChunkMeta)| match self.cursors.get_mut(member) {
            Some(cursor) => cursor.read(chunk.reference).map(|record| record.data().to_vec()),
            None => Ok(Vec::new()),
        };
        let ((_, a), (_, b)) = (one, other);
        if (a.min, a.max) == (b.min, b.max) && data(one)? == data(other)? {
            return Ok(());
        }
        match (self.cursors.get(one.0), self.cursors.get(other.0)) {
            (Some(before), Some(after)) => Err(Error::NeedsVertical {
                series: self.block.index.symbols().show(&after.series.labels),
                block: after.source.id,
                min: b.min,
                max: b.max,
                other: before.source.id,
                other_max: a.max,
            }),
            _ => Ok(()),
        }
    }

    #[inline]
    fn write(&mut self, member: usize, chunk: ChunkMeta, outlet: &mut dyn Outlet) -> Result<(), Error> {
        let Some(cursor) = self.cursors.get_mut(member) else { return Ok(()) };
        let (from, to) = self.range;
        if chunk.min < from || chunk.max > to {
            let (block, ChunkMeta { min, max, .. }) = (cursor.source.id, chunk);
            let series = self.block.index.symbols().show(&cursor.series.labels);
            return Err(Error::NeedsTrimming { block, series, min, max, from, to });
        }
        let record = cursor.read(chunk.reference)?;
        let reference = self.block.chunk(&record, outlet)?;
        self.written.push(ChunkMeta { reference, ..chunk });
        Ok(())
    }
}

fn labels<'c>(cursors: &'c [Cursor<'_>], member: usize) -> Option<&'c [u32]> {
    cursors.get(member).map(|cursor| cursor.series.labels.as_slice())
}

fn less_by_series(cursors: &[Cursor<'_>]) -> impl Fn(usize, usize) -> bool {
    |a, b| labels(cursors, a) < labels(cursors, b)
}

fn less_by_chunk(cursors: &[Cursor<'_>]) -> impl Fn(usize, usize) -> bool {
    let times = |member: usize| cursors.get(member).and_then(Cursor::chunk).map(|chunk| (chunk.min, chunk.max));
    move |a, b| times(a) < times(b)
}
