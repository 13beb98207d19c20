//! A block in, a block of a coarser resolution out.
//!
//! ```text
//! workers: take the next series and chunks, decode, cut into runs, ask the policy, encode, write in order
//! ```
//!
//! The workers take turns at the source and at the result, so what one reads or makes is in its own cache when it is
//! decoded or written.
//!
//! What becomes of the samples of a window is the policy's; where runs, and with them chunks, begin and end is decided here.
//!
//! Source: `downsampling.md` 2 to 5; Thanos pkg/compact/downsample.

mod coarser;
mod counter;
mod encode;
mod extract;
mod histograms;
mod hurdle;
mod order;
mod question;
mod runs;
mod target;
mod unit;
mod walk;
mod worker;

use std::{
    slice,
    sync::{Arc, Mutex, PoisonError},
};

use lithify_block::{
    BlockId, TimeRange,
    policy::{Aggregator, Outcome, PolicyError},
};

use crate::{
    Error, Merged, Options, Output, Source,
    index::{self, ChunkMeta, Limits, Symbols},
    merge::{Block, first_defect},
    outlet::{Behind, Outlet},
    segment::{self, Record},
    unite::unite,
};
pub use hurdle::Hurdle;
use order::Order;
use unit::{Finished, Unit};
use walk::Walk;
pub(crate) use walk::{HISTOGRAM_WEIGHT, UNIT_SAMPLES};
use worker::Worker;

/// Finished units that may wait for their turn, beside those at work. They are small, and so many take some milliseconds: a
/// worker that has lost its core to somebody else holds nobody up meanwhile.
pub(crate) const UNITS_AHEAD: usize = 16;

/// How a block is to be made coarser.
pub struct Downsampling {
    /// Resolution of the source, milliseconds; 0 for raw samples.
    pub from_ms: i64,
    /// Resolution of the result, milliseconds; above that of the source.
    pub to_ms: i64,
    /// One for each thread that is to aggregate, at least one.
    pub aggregators: Vec<Box<dyn Aggregator>>,
}

/// What every part of the work needs to know.
struct Job<'a> {
    block: BlockId,
    from_ms: i64,
    to_ms: i64,
    range: TimeRange,
    symbols: Arc<Symbols>,
    options: &'a Options<'a>,
}

/// The source, from which one worker at a time takes a unit. `None` behind the last unit.
type Turn<'a> = Mutex<Option<Walk<'a>>>;

/// Writes `source` in a coarser resolution; `range` is its range and that of the result.
///
/// The index of the source is checked on the way, as in [`compact`](crate::compact), and so is the range of what is
/// written; with `accept_malformed` neither is. Of [`Merged::stats`] only series, chunks and samples (which are windows)
/// belong into the result's meta.json: the reference takes the others from the source. A result without series is a
/// block all the same. Tombstones are not applied.
///
/// # Errors
/// As [`compact`](crate::compact), of the source; [`Error::NotCoarser`], [`Error::Downsample`] with series and chunk, and
/// [`Error::Policy`].
pub fn downsample(
    source: &Source,
    range: TimeRange,
    how: Downsampling,
    output: &mut dyn Output,
    options: &Options<'_>,
) -> Result<Merged, Error> {
    match run(source, range, how, output, options) {
        Err(error) if error.is_about_a_source() && !options.accept_malformed => {
            Err(first_defect(slice::from_ref(source), options)?.unwrap_or(error))
        }
        other => other,
    }
}

fn run(
    source: &Source,
    range: TimeRange,
    how: Downsampling,
    output: &mut dyn Output,
    options: &Options<'_>,
) -> Result<Merged, Error> {
    let Downsampling { from_ms, to_ms, aggregators } = how;
    if from_ms < 0 || to_ms <= from_ms {
        return Err(Error::NotCoarser { block: source.id, from_ms, to_ms });
    }
    if aggregators.is_empty() {
        return Err(no_aggregator().into());
    }
    options.report(0)?;
    let index = source.open()?;
    let (symbols, mut maps) = unite(&[(source, index)])?;
    let map = maps.pop().expect("one map for one source");
    let symbols = Arc::new(symbols);
    let job = Job { block: source.id, from_ms, to_ms, range, symbols: Arc::clone(&symbols), options };
    let turn = Mutex::new(Some(Walk::new(source, index, map, &job)?));
    std::thread::scope(|scope| {
        let mut outlet = Behind::new(scope, output);
        let merged = make(&job, &turn, aggregators, &mut outlet);
        let closed = outlet.close();
        let merged = merged?;
        closed?;
        Ok(merged)
    })
}

/// Makes the result, with a thread for each aggregator.
fn make(
    job: &Job<'_>,
    turn: &Turn<'_>,
    aggregators: Vec<Box<dyn Aggregator>>,
    outlet: &mut (dyn Outlet + Send),
) -> Result<Merged, Error> {
    let mut writer = Writer::new(job, outlet)?;
    let order = Order::new(UNITS_AHEAD, |finished: &Finished| writer.write(finished));
    std::thread::scope(|scope| {
        for aggregator in aggregators {
            let order = &order;
            scope.spawn(move || {
                let _presence = order.presence();
                work(Worker::new(aggregator, job), turn, |unit, result| order.hand_in(unit, result));
            });
        }
    });
    order.close()?;
    writer.finish()
}

fn no_aggregator() -> PolicyError {
    PolicyError {
        plugin: String::new(),
        kind: "downsampler",
        outcome: Outcome::LoadFailed,
        message: "no aggregator was given: at least one is needed".to_owned(),
    }
}

/// Works on units until there are no more, or nobody wants more.
fn work(mut worker: Worker<'_>, turn: &Turn<'_>, hand_in: impl Fn(u64, Result<Finished, Error>) -> Option<Finished>) {
    let (mut unit, mut out) = (Unit::default(), Finished::default());
    while let Some(read) = take(turn, &mut unit) {
        match hand_in(unit.number, read.and_then(|()| worker.work(&unit, out))) {
            Some(empty) => out = empty,
            None => break,
        }
    }
}

/// Reads the next unit, or meets the error that ends the walk.
fn take(turn: &Turn<'_>, unit: &mut Unit) -> Option<Result<(), Error>> {
    let mut turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
    let read = turn.as_mut()?.read(unit);
    if read.is_err() || unit.is_empty() {
        *turn = None;
    }
    (read.is_err() || !unit.is_empty()).then_some(read)
}

/// The result in the making.
struct Writer<'a> {
    job: &'a Job<'a>,
    outlet: &'a mut (dyn Outlet + Send),
    block: Block,
    notes: unit::Notes,
    /// The chunks of a series.
    chunks: Vec<ChunkMeta>,
}

impl<'a> Writer<'a> {
    fn new(job: &'a Job<'a>, outlet: &'a mut (dyn Outlet + Send)) -> Result<Self, Error> {
        let index = index::Writer::new(Arc::clone(&job.symbols), Limits::FORMAT, outlet)?;
        let block = Block::new(index, segment::Writer::new(job.options.segment_bytes));
        Ok(Self { job, outlet, block, notes: unit::Notes::default(), chunks: Vec::new() })
    }

    /// Appends the series of the next unit.
    fn write(&mut self, finished: &Finished) -> Result<(), Error> {
        let Self { job, outlet, block, notes, chunks } = self;
        notes.add(&finished.notes);
        for (labels, made) in finished.series() {
            chunks.clear();
            block.segments.begin_series();
            for made in made {
                job.check_range(labels, made)?;
                let record = Record::new(finished.body(made)).map_err(|damage| index::Rule::Chunk { damage })?;
                let reference = block.chunk(&record, *outlet)?;
                chunks.push(ChunkMeta { min: made.min, max: made.max, reference });
            }
            block.series(labels, chunks, *outlet)?;
        }
        job.options.report(block.stats.num_series)
    }

    fn finish(self) -> Result<Merged, Error> {
        self.notes.tell(self.job.block);
        let merged = self.block.finish(self.outlet)?;
        self.job.options.report(merged.stats.num_series)?;
        Ok(merged)
    }
}

impl Job<'_> {
    /// The error that names a series of the source, and a chunk if it is about one.
    fn hurdle(&self, labels: &[u32], chunk: Option<(i64, i64)>, reason: Hurdle) -> Error {
        Error::Downsample { block: self.block, series: self.symbols.show(labels), chunk, reason: Box::new(reason) }
    }

    /// Refuses what the check of the result's index would find.
    fn check_range(&self, labels: &[u32], made: &unit::Made) -> Result<(), Error> {
        let (from, to) = (self.range.min.0, self.range.max.0);
        if self.options.accept_malformed || from <= made.min && made.max <= to {
            return Ok(());
        }
        Err(self.hurdle(labels, Some((made.min, made.max)), Hurdle::OutsideRange { from, to }))
    }
}
