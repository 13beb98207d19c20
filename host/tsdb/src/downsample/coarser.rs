//! Chunks of aggregates side by side, grouped into the runs that become a chunk each.
//!
//! Source: `downsampling.md` 3.

use std::{borrow::Cow, ops::Range};

use lithify_block::columns::{Aggregates, Column, HistogramAggregates};

use super::{
    Hurdle,
    counter::CounterReader,
    extract,
    histograms::HistogramRuns,
    runs::{clear, empty, row_number},
    target::target,
};
use crate::chunk::{
    Encoding,
    aggregate::{Aggregate, SubChunk, slot},
    sample_count,
};

/// A chunk or a group that cannot be worked with, by its first and last millisecond.
pub(super) type Blocked = ((i64, i64), Hurdle);

/// A chunk of aggregates, from the source or made of an ordinary chunk inside it.
#[derive(Debug)]
pub(super) struct Chunk<'a> {
    /// First and last millisecond, as the index has them.
    pub(super) min: i64,
    pub(super) max: i64,
    pub(super) data: Cow<'a, [u8]>,
}

impl Chunk<'_> {
    /// Whether its counter slot can be read and holds histograms.
    ///
    /// Source: `downsampling.md` 1.4.
    fn has_histograms(&self) -> bool {
        let counter = slot(&self.data, Aggregate::Counter).ok().flatten();
        counter.is_some_and(|counter| matches!(counter.encoding, Encoding::Histogram | Encoding::FloatHistogram))
    }

    fn samples(&self) -> u64 {
        sample_count(Encoding::Aggregate, &self.data).map_or(0, u64::from)
    }
}

/// The groups of a series' chunks that become a chunk each, and whether they hold histograms.
pub(super) fn groups(chunks: &[Chunk<'_>], from_ms: i64, to_ms: i64) -> Result<Vec<(Range<usize>, bool)>, Blocked> {
    let (mut groups, mut start) = (Vec::new(), 0);
    for stretch in chunks.chunk_by(|a, b| a.has_histograms() == b.has_histograms()) {
        let (Some(first), Some(last)) = (stretch.first(), stretch.last()) else { continue };
        let samples = stretch.iter().map(Chunk::samples).sum();
        let wanted = target(first.min, last.max, from_ms, to_ms, samples);
        let together = usize::try_from(wanted).map_or(0, |wanted| stretch.len() / wanted);
        if together == 0 {
            let chunks = i64::try_from(stretch.len()).unwrap_or(i64::MAX);
            return Err(((first.min, last.max), Hurdle::TooLarge { wanted, chunks }));
        }
        let end = start + stretch.len();
        let histograms = first.has_histograms();
        groups.extend((start..end).step_by(together).map(|at| (at..(at + together).min(end), histograms)));
        start = end;
    }
    Ok(groups)
}

/// Runs of float aggregates in the making.
#[derive(Debug)]
pub(super) struct FloatGroups {
    pub(super) rows: Aggregates,
    /// The last raw value of each run's counter.
    pub(super) last_values: Vec<f64>,
    counter: CounterReader,
}

impl Default for FloatGroups {
    fn default() -> Self {
        let rows = Aggregates { count: empty(), sum: empty(), min: empty(), max: empty(), counter: empty() };
        Self { rows, last_values: Vec::new(), counter: CounterReader::default() }
    }
}

impl FloatGroups {
    pub(super) fn clear(&mut self) {
        let Aggregates { count, sum, min, max, counter } = &mut self.rows;
        [count, sum, min, max, counter].into_iter().for_each(clear);
        self.last_values.clear();
    }

    /// Adds a group as one run.
    pub(super) fn group(&mut self, group: &[Chunk<'_>]) -> Result<(), Blocked> {
        let Aggregates { count, sum, min, max, counter } = &mut self.rows;
        let mut plain = [
            (Aggregate::Count, &mut *count),
            (Aggregate::Sum, &mut *sum),
            (Aggregate::Min, &mut *min),
            (Aggregate::Max, &mut *max),
        ];
        self.counter.start();
        for chunk in group {
            let here = |reason: Hurdle| ((chunk.min, chunk.max), reason);
            for (aggregate, column) in &mut plain {
                if let Some(data) = float_slot(&chunk.data, *aggregate).map_err(here)? {
                    extract::floats(data, column).map_err(|error| here(error.into()))?;
                }
            }
            let data = float_slot(&chunk.data, Aggregate::Counter).map_err(here)?;
            let data = data.ok_or_else(|| here(Hurdle::NoCounter))?;
            self.counter.slot(data, counter).map_err(|error| here(error.into()))?;
        }
        self.last_values.push(self.counter.last_value());
        end_run(group, [count, sum, min, max, counter])
    }
}

/// Runs of histogram aggregates in the making.
#[derive(Debug)]
pub(super) struct HistogramGroups {
    count: Column,
    sum: HistogramRuns,
    counter: HistogramRuns,
}

impl Default for HistogramGroups {
    fn default() -> Self {
        Self { count: empty(), sum: HistogramRuns::default(), counter: HistogramRuns::default() }
    }
}

impl HistogramGroups {
    pub(super) fn clear(&mut self) {
        clear(&mut self.count);
        self.sum.clear();
        self.counter.clear();
    }

    /// Adds a group as one run.
    pub(super) fn group(&mut self, group: &[Chunk<'_>]) -> Result<(), Blocked> {
        for chunk in group {
            let here = |reason: Hurdle| ((chunk.min, chunk.max), reason);
            for (aggregate, runs) in [(Aggregate::Counter, &mut self.counter), (Aggregate::Sum, &mut self.sum)] {
                let found = slot(&chunk.data, aggregate).map_err(|error| here(error.into()))?;
                let Some(SubChunk { encoding, data }) = found else { continue };
                if encoding == Encoding::Xor {
                    return Err(here(unexpected(aggregate, encoding)));
                }
                runs.chunk(encoding, data).map_err(|error| here(error.into()))?;
            }
            if let Some(data) = float_slot(&chunk.data, Aggregate::Count).map_err(here)? {
                extract::floats(data, &mut self.count).map_err(|error| here(error.into()))?;
            }
        }
        let all = times(group);
        for (slot, runs) in [("counter", &mut self.counter), ("sum", &mut self.sum)] {
            if runs.is_level() {
                return Err((all, Hurdle::NoHistograms { slot }));
            }
            runs.close_one().map_err(|reason| (all, reason))?;
        }
        end_run(group, [&mut self.count])
    }

    /// Gives the runs out as a question, and takes them back with [`HistogramGroups::put_back`].
    pub(super) fn take(&mut self) -> HistogramAggregates {
        HistogramAggregates {
            count: std::mem::take(&mut self.count),
            sum: std::mem::take(&mut self.sum.rows),
            counter: std::mem::take(&mut self.counter.rows),
        }
    }

    pub(super) fn put_back(&mut self, rows: HistogramAggregates) {
        (self.count, self.sum.rows, self.counter.rows) = (rows.count, rows.sum, rows.counter);
    }
}

/// The data of a slot that can only hold floats.
fn float_slot(data: &[u8], aggregate: Aggregate) -> Result<Option<&[u8]>, Hurdle> {
    match slot(data, aggregate)? {
        Some(SubChunk { encoding: Encoding::Xor, data }) => Ok(Some(data)),
        Some(SubChunk { encoding, .. }) => Err(unexpected(aggregate, encoding)),
        None => Ok(None),
    }
}

fn unexpected(aggregate: Aggregate, encoding: Encoding) -> Hurdle {
    Hurdle::SlotKind { slot: aggregate as usize, encoding: encoding.byte() }
}

/// From the first millisecond of a group to its last.
fn times(group: &[Chunk<'_>]) -> (i64, i64) {
    (group.first().map_or(0, |chunk| chunk.min), group.last().map_or(0, |chunk| chunk.max))
}

fn end_run<const N: usize>(group: &[Chunk<'_>], columns: [&mut Column; N]) -> Result<(), Blocked> {
    for column in columns {
        let end = row_number(column.timestamps.len()).map_err(|reason| (times(group), reason))?;
        column.offsets.push(end);
    }
    Ok(())
}
