//! What the walk over the histograms of a run knows.
//!
//! Source: `downsampling.md` 2.9 step 3 and 4, 3.5.

use core::mem;

use super::{
    Hint, Histogram, Row,
    aggregate::{Made, Wanted},
    block::Block,
    chunk::Chunk,
    reduce::Reduction,
    reset::is_reset,
};
use crate::Refused;

/// Sum of the window and counter of the run. Its memory is used for all runs of a call.
pub(super) struct State<'a> {
    wanted: Wanted,
    /// Whether the run's first histogram is a gauge.
    gauge: bool,
    counter: Histogram,
    /// Where the counter is written to, if the run's bounds change.
    chunk: Option<Chunk>,
    sum: Histogram,
    /// Whether `sum` holds something of this window.
    summed: bool,
    previous: Previous<'a>,
    /// The histogram that was reduced last, for [`Previous::Reduced`].
    held: Histogram,
    /// Memory for the one that is being reduced, and for a difference.
    fresh: Histogram,
    spare: Histogram,
}

/// The histogram before this one, at the schema of the run.
#[derive(Clone, Copy)]
enum Previous<'a> {
    /// This is the run's first.
    None,
    Row(Row<'a>),
    /// Leading buckets that its zero bucket covers.
    Reduced((usize, usize)),
}

impl<'a> State<'a> {
    pub(super) fn new(wanted: Wanted) -> Self {
        Self {
            wanted,
            gauge: false,
            counter: Histogram::default(),
            chunk: None,
            sum: Histogram::default(),
            summed: false,
            previous: Previous::None,
            held: Histogram::default(),
            fresh: Histogram::default(),
            spare: Histogram::default(),
        }
    }

    /// A run begins. `rebinned` says whether it has custom buckets of different bounds.
    pub(super) fn begin(&mut self, rebinned: bool) {
        self.previous = Previous::None;
        self.chunk = (rebinned && self.wanted.counter).then(Chunk::default);
    }

    /// A window begins.
    pub(super) fn open(&mut self) {
        self.summed = false;
    }

    /// Takes the next histogram of the run, to be seen as `reduction` has it.
    ///
    /// # Errors
    /// [`Refused`] if it cannot be added.
    pub(super) fn add(&mut self, sample: Row<'a>, reduction: Option<&Reduction>) -> Result<(), Refused> {
        let row = match reduction {
            Some(reduction) => {
                reduction.apply(sample, &mut self.fresh);
                reduction.row(&self.fresh)
            }
            None => sample,
        };
        let previous = match self.previous {
            Previous::None => None,
            Previous::Row(row) => Some(row),
            Previous::Reduced(covered) => Some(Row { shape: self.held.shape, covered, ..self.held.row() }),
        };
        if self.wanted.counter {
            match previous {
                None => self.counter.copy(row),
                // The hint is that of the reduced histogram, the comparison is made with the original one.
                Some(previous) if row.hint != Hint::Gauge && is_reset(sample, previous)? => self.counter.add(row)?,
                Some(previous) => self.counter.add_difference(row, previous, &mut self.spare)?,
            }
        }
        if self.wanted.sum {
            if mem::replace(&mut self.summed, true) {
                self.sum.add(row)?;
            } else {
                self.sum.copy(row);
            }
            self.sum.hint = Hint::Gauge;
        }
        if previous.is_none() {
            self.gauge = sample.hint == Hint::Gauge;
        }
        self.previous = match reduction {
            Some(reduction) => {
                mem::swap(&mut self.fresh, &mut self.held);
                Previous::Reduced(reduction.covered)
            }
            None => Previous::Row(sample),
        };
        Ok(())
    }

    /// Whether rows of this shape may come in blocks.
    pub(super) fn takes_blocks(&self, shape: Option<u32>) -> bool {
        let before = matches!(self.previous, Previous::Row(previous) if previous.shape == shape);
        let takes = !self.summed || self.sum.takes(shape);
        before && takes && self.counter.takes(shape) && self.wanted.sum && self.wanted.counter
    }

    /// Takes leading rows of a block, up to a reset; returns them. The shape is one that [`State::takes_blocks`].
    pub(super) fn add_block(&mut self, block: &Block<'a>) -> Option<Block<'a>> {
        let Previous::Row(previous) = self.previous else { return None };
        let block = block.start(block.until_reset(previous));
        if !block.is_plain() || block.counts.is_empty() {
            return None;
        }
        let first_summed = !mem::replace(&mut self.summed, true);
        if first_summed {
            self.sum.copy(block.first);
        }
        self.sum.hint = Hint::Gauge;
        let hint = block.first.hint;
        self.counter.hint = self.counter.hint.joined(hint.joined(previous.hint));
        if block.counts.len() > 1 {
            self.counter.hint = self.counter.hint.joined(hint);
        }
        block.add_to(&mut self.sum, &mut self.counter, previous, first_summed);
        self.previous = Previous::Row(block.last());
        Some(block)
    }

    /// A window ends.
    ///
    /// # Errors
    /// [`Refused`] if the counter cannot be written.
    pub(super) fn close(&mut self, made: &mut Made) -> Result<(), Refused> {
        if self.wanted.sum {
            made.sum.push(&self.sum);
        }
        if self.wanted.counter {
            // Aggregates carry the hint of gauges anyway.
            if self.wanted.sum && self.gauge {
                self.counter.hint = Hint::Gauge;
            }
            if let Some(chunk) = &mut self.chunk {
                chunk.append(&mut self.counter)?;
            }
            made.counter.push(&self.counter);
        }
        Ok(())
    }
}
