//! Series of several sources in one order, and the chunks of each.

use super::{Block, Cursor, Merged, Options, Pool, STEPS_BETWEEN_CHECKS, pool::RUN_BYTES, run::Run};
use crate::{
    Error,
    heap::Heap,
    index::{self, ChunkMeta},
    outlet::Outlet,
    segment,
    tombstones::Interval,
};

/// After so many series that are only copied the workers are waited for, so that copying goes without a detour again.
const COPIES_IN_RUNS: usize = 256;
/// A run is full when it has so many series, however small they are.
const RUN_SERIES: usize = 1024;

pub(super) struct SeriesMerge<'a, 'scope, 'env> {
    cursors: Vec<Cursor<'a>>,
    /// First and last millisecond of the result, both inside.
    range: Interval,
    block: Block,
    /// Cursors by their present series.
    by_series: Heap<usize>,
    /// The cursors that have the present series, in the order in which they left the heap.
    group: Vec<usize>,
    /// Cursors of the group by their present chunk.
    by_chunk: Heap<usize>,
    /// The chunks of the present series by time, if none needs to be looked into.
    copies: Vec<(usize, ChunkMeta)>,
    /// What was written of the present series.
    written: Vec<ChunkMeta>,
    /// Series whose chunks need to be looked into, and series behind them.
    run: Run,
    pool: Pool<'scope, 'env>,
    /// Series in a row that were only copied although they went through a run.
    copied: usize,
}

impl<'a, 'scope, 'env> SeriesMerge<'a, 'scope, 'env> {
    pub(super) fn new(cursors: Vec<Cursor<'a>>, range: Interval, block: Block, pool: Pool<'scope, 'env>) -> Self {
        Self {
            group: (0..cursors.len()).collect(),
            cursors,
            range,
            block,
            by_series: Heap::new(),
            by_chunk: Heap::new(),
            copies: Vec::new(),
            written: Vec::new(),
            run: Run::default(),
            pool,
            copied: 0,
        }
    }

    pub(super) fn run(mut self, options: &Options<'_>, outlet: &mut dyn Outlet) -> Result<Merged, Error> {
        options.report(0)?;
        let walked = self.walk(options, outlet);
        // What is on its way belongs before what the walk stumbled over.
        let drained = self.drain(outlet);
        drained.and(walked)?;
        let mut merged = self.block.finish(outlet)?;
        merged.found = self.cursors.iter().map(|cursor| cursor.found).collect();
        options.report(merged.stats.num_series)?;
        Ok(merged)
    }

    fn walk(&mut self, options: &Options<'_>, outlet: &mut dyn Outlet) -> Result<(), Error> {
        let mut steps = 0;
        while self.next_group(options.accept_malformed)? {
            steps += 1 + self.written.len();
            if steps >= STEPS_BETWEEN_CHECKS {
                options.report(self.block.stats.num_series)?;
                steps = 0;
            }
            let is_copied = self.find_copies();
            self.copied = if is_copied { self.copied + 1 } else { 0 };
            if self.copied == COPIES_IN_RUNS {
                self.drain(outlet)?;
            }
            if is_copied && self.run.len() == 0 && self.pool.is_idle() {
                self.copy(outlet)?;
            } else {
                self.enqueue(is_copied, outlet)?;
                steps += self.group.len();
            }
        }
        Ok(())
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

    /// Puts the chunks of the present series in order; says whether they can be copied as they are, which is so if
    /// nothing is cut out of them and those of several sources do not overlap.
    fn find_copies(&mut self) -> bool {
        self.copies.clear();
        let cursors = &self.cursors;
        if self.group.iter().any(|member| cursors.get(*member).is_some_and(Cursor::has_cuts)) {
            return false;
        }
        if let [only] = *self.group.as_slice() {
            let chunks = cursors.get(only).map(|cursor| cursor.series.chunks.iter());
            self.copies.extend(chunks.into_iter().flatten().map(|chunk| (only, *chunk)));
            return true;
        }
        self.by_chunk.clear();
        for &member in &self.group {
            self.by_chunk.push(member, less_by_chunk(&self.cursors));
        }
        let mut before_max = None;
        while let Some((member, chunk)) = self.pop_chunk() {
            if before_max.is_some_and(|before_max| chunk.min <= before_max) {
                self.rewind();
                return false;
            }
            before_max = Some(chunk.max);
            self.copies.push((member, chunk));
        }
        true
    }

    fn rewind(&mut self) {
        for member in &self.group {
            if let Some(cursor) = self.cursors.get_mut(*member) {
                cursor.rewind();
            }
        }
    }

    /// The next chunk by time; its cursor goes on and back into the heap.
    fn pop_chunk(&mut self) -> Option<(usize, ChunkMeta)> {
        let member = self.by_chunk.pop(less_by_chunk(&self.cursors))?;
        let cursor = self.cursors.get_mut(member)?;
        let chunk = cursor.chunk()?;
        cursor.step();
        if cursor.chunk().is_some() {
            self.by_chunk.push(member, less_by_chunk(&self.cursors));
        }
        Some((member, chunk))
    }

    /// Writes the chunks of the present series as they are.
    fn copy(&mut self, outlet: &mut dyn Outlet) -> Result<(), Error> {
        self.written.clear();
        self.block.segments.begin_series();
        for (member, chunk) in &self.copies {
            let Some(cursor) = self.cursors.get_mut(*member) else { continue };
            let record = cursor.read(chunk.reference)?;
            let reference = self.block.chunk(&record, outlet)?;
            self.written.push(ChunkMeta { reference, ..*chunk });
        }
        let first = self.group.first().and_then(|first| self.cursors.get(*first));
        if let Some(cursor) = first
            && !self.written.is_empty()
        {
            let added = self.block.series(&cursor.series.labels, &self.written, outlet);
            added.map_err(|error| blame(error, &self.cursors, self.group.iter().copied()))?;
        }
        Ok(())
    }

    /// Reads the chunks of the present series into the run, and hands that on when it is full.
    fn enqueue(&mut self, is_copied: bool, outlet: &mut dyn Outlet) -> Result<(), Error> {
        if is_copied {
            for (member, chunk) in &self.copies {
                let Some(cursor) = self.cursors.get_mut(*member) else { continue };
                self.run.push_chunk(*chunk, cursor.read(chunk.reference)?.body(), *member, &[]);
            }
            self.run.end_member();
        } else {
            for &member in &self.group {
                let Some(cursor) = self.cursors.get_mut(member) else { continue };
                while let Some(chunk) = cursor.chunk() {
                    let (record, cuts) = cursor.read_present(chunk.reference)?;
                    self.run.push_chunk(chunk, record.body(), member, cuts);
                    cursor.step();
                }
                self.run.end_member();
            }
        }
        self.run.end_series(labels(&self.cursors, self.group.first().copied().unwrap_or_default()).unwrap_or_default());
        if self.run.bytes.len() >= RUN_BYTES || self.run.len() >= RUN_SERIES {
            self.hand_on(outlet)?;
        }
        Ok(())
    }

    /// Gives the run to the workers, and takes others back if there are many.
    fn hand_on(&mut self, outlet: &mut dyn Outlet) -> Result<(), Error> {
        while self.pool.is_full() {
            self.write_next(outlet)?;
        }
        let fresh = self.pool.fresh();
        self.pool.give(std::mem::replace(&mut self.run, fresh))
    }

    /// Waits until all series read so far are written.
    fn drain(&mut self, outlet: &mut dyn Outlet) -> Result<(), Error> {
        if self.run.len() > 0 {
            self.hand_on(outlet)?;
        }
        while self.write_next(outlet)? {}
        Ok(())
    }

    /// Writes the first run that is on its way; `false` if none is.
    fn write_next(&mut self, outlet: &mut dyn Outlet) -> Result<bool, Error> {
        let Some((run, outcome)) = self.pool.take()? else { return Ok(false) };
        for series in 0..outcome.map_or_else(|trouble| trouble.series, |()| run.len()) {
            self.write(&run, series, outlet)?;
        }
        if let Err(trouble) = outcome {
            let (labels, piece) = (run.labels(trouble.series), trouble.piece);
            let source = self.cursors.get(piece.source).map(|cursor| cursor.source);
            return Err(Error::Samples {
                block: source.map_or_else(Default::default, |source| source.id),
                series: self.block.index.symbols().show(labels),
                min: piece.min,
                max: piece.max,
                obstacle: trouble.obstacle,
            });
        }
        for piece in &run.emptied {
            if let Some(cursor) = self.cursors.get_mut(piece.source) {
                let is_inside = self.range.contains(piece.min) && self.range.contains(piece.max);
                let found = &mut cursor.found;
                *(if is_inside { &mut found.deleted_chunks } else { &mut found.outside_chunks }) += 1;
            }
        }
        self.pool.recycle(run);
        Ok(true)
    }

    /// Writes the result of a series of a run.
    fn write(&mut self, run: &Run, series: usize, outlet: &mut dyn Outlet) -> Result<(), Error> {
        let (labels, woven) = run.result(series);
        if woven.is_empty() {
            return Ok(());
        }
        self.written.clear();
        self.block.segments.begin_series();
        for piece in woven {
            let record = segment::Record::new(run.body(piece)).map_err(|damage| index::Rule::Chunk { damage })?;
            let reference = self.block.chunk(&record, outlet)?;
            self.written.push(ChunkMeta { min: piece.min, max: piece.max, reference });
        }
        let added = self.block.series(labels, &self.written, outlet);
        let mut sources: Vec<usize> = run.members(series).flatten().map(|piece| piece.source).collect();
        sources.dedup();
        added.map_err(|error| blame(error, &self.cursors, sources.into_iter()))
    }
}

/// Names the sources of a series in an error that cannot know them.
fn blame(error: Error, cursors: &[Cursor<'_>], members: impl Iterator<Item = usize>) -> Error {
    let Error::Rule { rule, .. } = error else { return error };
    let members = members.filter_map(|member| cursors.get(member));
    Error::Rule { rule, blocks: members.map(|cursor| cursor.source.id).collect() }
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
