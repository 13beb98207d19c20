//! Raw float samples side by side, cut into the runs that become a chunk each.

use std::ops::Range;

use lithify_block::columns::Column;

use super::{
    Hurdle, extract,
    target::{batches, raw_target},
};

/// Runs in the making.
#[derive(Debug)]
pub(super) struct FloatRuns {
    /// Behind `end` are rows of earlier runs, so that nothing has to be cleared before it is written.
    rows: Column,
    end: usize,
    /// First row of the stretch that is not cut yet.
    start: usize,
    /// Whether a NaN is in that stretch.
    nan: bool,
}

impl Default for FloatRuns {
    fn default() -> Self {
        Self { rows: empty(), end: 0, start: 0, nan: false }
    }
}

impl FloatRuns {
    pub(super) fn clear(&mut self) {
        (self.start, self.end) = (0, 0);
        self.rows.offsets.truncate(1);
    }

    /// All runs so far.
    pub(super) fn rows(&mut self) -> &Column {
        self.rows.timestamps.truncate(self.end);
        self.rows.values.truncate(self.end);
        &self.rows
    }

    /// Adds the samples of a chunk, the first `length` bytes of `data`, to the present stretch.
    pub(super) fn chunk(&mut self, data: &[u8], length: usize) -> Result<(), Hurdle> {
        let (end, nan) = extract::floats_over(data, length, self.end, &mut self.rows)?;
        (self.end, self.nan) = (end, self.nan | nan);
        Ok(())
    }

    /// Adds the samples of several chunks, each a range of `data`. `false` if they have to be added one by one: nothing
    /// was added then.
    pub(super) fn several(&mut self, data: &[u8], chunks: &[Range<usize>]) -> bool {
        let Some((end, nan)) = extract::several_over(data, chunks, self.end, &mut self.rows) else { return false };
        (self.end, self.nan) = (end, self.nan | nan);
        true
    }

    /// Cuts the present stretch into as many runs as it should have; returns how many there are.
    pub(super) fn close(&mut self, resolution: i64) -> Result<usize, Hurdle> {
        let start = self.start;
        let stretch = self.rows.timestamps.get(start..self.end).unwrap_or_default();
        let chunks = raw_target(stretch, resolution);
        let before = self.rows.offsets.len();
        for end in batches(stretch, resolution, chunks) {
            self.rows.offsets.push(row_number(start + end)?);
        }
        if std::mem::take(&mut self.nan) {
            self.drop_nans(before);
        }
        self.start = self.end;
        Ok(self.rows.offsets.len() - before)
    }

    /// Takes NaNs out of the runs whose ends begin at `first`, and runs of which nothing is left.
    #[cold]
    fn drop_nans(&mut self, first: usize) {
        let ends = self.rows.offsets.split_off(first);
        let (mut row, mut kept) = (self.start, self.start);
        for end in ends {
            let before = kept;
            while row < end as usize {
                kept = self.keep(row, kept);
                row += 1;
            }
            if kept > before {
                // Not above `end`, which fitted.
                self.rows.offsets.push(u32::try_from(kept).unwrap_or(end));
            }
        }
        self.end = kept;
    }

    /// Moves a row to `to` unless its value is NaN; returns the row behind it.
    #[inline]
    fn keep(&mut self, row: usize, to: usize) -> usize {
        let Column { timestamps, values, .. } = &mut self.rows;
        let (Some(&time), Some(&value)) = (timestamps.get(row), values.get(row)) else { return to };
        if let (Some(to_time), Some(to_value)) = (timestamps.get_mut(to), values.get_mut(to)) {
            (*to_time, *to_value) = (time, value);
        }
        to + usize::from(!value.is_nan())
    }
}

/// A number of rows as offsets have it.
pub(super) fn row_number(rows: usize) -> Result<u32, Hurdle> {
    u32::try_from(rows).map_err(|_| Hurdle::TooManyRows { rows, limit: u32::MAX })
}

/// A column without runs.
pub(super) fn empty() -> Column {
    Column { offsets: vec![0], ..Column::default() }
}

/// Takes out everything, but keeps the memory.
pub(super) fn clear(column: &mut Column) {
    column.offsets.truncate(1);
    column.timestamps.clear();
    column.values.clear();
}

/// The rows of a run; none where offsets lead nowhere.
pub(super) fn rows(column: &Column, run: usize) -> (&[i64], &[f64]) {
    let offset = |at: usize| column.offsets.get(at).map_or(0, |offset| *offset as usize);
    let range = offset(run)..offset(run + 1);
    (column.timestamps.get(range.clone()).unwrap_or_default(), column.values.get(range).unwrap_or_default())
}
