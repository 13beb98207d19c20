//! Counters of several chunks read as one, drops added back.
//!
//! Source: `downsampling.md` 3.4, steps 1 and 2; Thanos pkg/compact/downsample, ApplyCounterResetsSeriesIterator.

use lithify_block::columns::Column;

use crate::chunk::{ChunkError, xor};

/// What sums of infinities become; the bits that x86 processors give.
pub(super) const INDEFINITE: f64 = f64::from_bits(0xfff8_0000_0000_0000);

/// Reads the counter slots of a group of chunks in order.
#[derive(Debug, Default)]
pub(super) struct CounterReader {
    /// Time, value and total of the last sample that counted.
    last: Option<(i64, f64, f64)>,
    /// Times before this one are not given out.
    seek: Option<i64>,
    slots: usize,
    /// Last time that was kept.
    kept: i64,
    times: Vec<i64>,
    values: Vec<f64>,
}

impl CounterReader {
    /// Begins with another group.
    pub(super) fn start(&mut self) {
        (self.last, self.seek, self.slots, self.kept) = (None, None, 0, 0);
    }

    /// The last raw value.
    pub(super) fn last_value(&self) -> f64 {
        self.last.map_or(0.0, |(_, value, _)| value)
    }

    /// Appends times and totals of a slot to `column`, whose offsets stay as they are.
    pub(super) fn slot(&mut self, data: &[u8], column: &mut Column) -> Result<(), ChunkError> {
        self.times.clear();
        self.values.clear();
        xor::decode(data, &mut self.times, &mut self.values)?;
        if self.slots > 0 {
            let next = self.last.map_or(1, |(time, _, _)| time.wrapping_add(1));
            self.seek = Some(self.seek.map_or(next, |seek| seek.max(next)));
        }
        self.slots += 1;
        for (time, value) in self.times.iter().zip(&self.values).filter(|(_, value)| !value.is_nan()) {
            let total = match self.last {
                None => *value,
                Some((before, last, total)) if *time > before => {
                    let sum = if *value >= last { total + (value - last) } else { total + value };
                    if sum.is_nan() { INDEFINITE } else { sum }
                }
                Some((before, _, total)) => {
                    if *time == before {
                        // The repeated time has the true last value.
                        self.last = Some((before, *value, total));
                    }
                    continue;
                }
            };
            self.last = Some((*time, *value, total));
            if self.seek.is_some_and(|seek| *time < seek) {
                continue;
            }
            self.seek = None;
            if *time >= self.kept {
                self.kept = *time;
                column.timestamps.push(*time);
                column.values.push(total);
            }
        }
        Ok(())
    }
}
