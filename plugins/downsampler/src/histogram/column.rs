//! Histogram samples of many runs, as they come and as they are given back.

use alloc::vec::Vec;

use super::{Hint, Histogram, Layout, Row, block::Block, shape::Shapes};
use crate::{Refused, rows, window::position};

/// Histogram samples. Run `i` owns the rows `offsets[i] .. offsets[i + 1]`.
#[derive(Clone, Copy, Debug)]
pub struct HistogramRows<'a> {
    /// Where the runs begin and the last one ends: one more than runs, first 0, never falling.
    pub offsets: &'a [u32],
    /// Milliseconds since the Unix epoch, one a row.
    pub timestamps: &'a [i64],
    /// A [`Hint`] a row.
    pub hints: &'a [u8],
    /// Observations, one a row.
    pub counts: &'a [f64],
    /// Sums of observations, one a row.
    pub sums: &'a [f64],
    /// Observations in the zero bucket, one a row.
    pub zero_counts: &'a [f64],
    /// How buckets are laid out, for stretches of rows.
    pub layouts: &'a [Layout],
    /// The first row of each of `layouts`: the first is 0, then they rise.
    pub layout_rows: &'a [u32],
    /// Row by row the absolute counts of the positive buckets, then of the negative ones.
    pub buckets: &'a [f64],
}

/// Histogram samples that were made here; the fields are those of [`HistogramRows`].
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "they are described above")]
pub struct HistogramColumn {
    pub offsets: Vec<u32>,
    pub timestamps: Vec<i64>,
    pub hints: Vec<u8>,
    pub counts: Vec<f64>,
    pub sums: Vec<f64>,
    pub zero_counts: Vec<f64>,
    pub layouts: Vec<Layout>,
    pub layout_rows: Vec<u32>,
    pub buckets: Vec<f64>,
}

impl HistogramColumn {
    /// The samples as they would be shown to an aggregation.
    #[must_use]
    pub fn rows(&self) -> HistogramRows<'_> {
        HistogramRows {
            offsets: &self.offsets,
            timestamps: &self.timestamps,
            hints: &self.hints,
            counts: &self.counts,
            sums: &self.sums,
            zero_counts: &self.zero_counts,
            layouts: &self.layouts,
            layout_rows: &self.layout_rows,
            buckets: &self.buckets,
        }
    }

    /// Room for `rows` rows like those of `like`.
    pub(super) fn with_room(rows: usize, like: &HistogramRows<'_>) -> Self {
        let buckets = like.buckets.len().checked_div(like.timestamps.len()).unwrap_or_default();
        Self {
            hints: Vec::with_capacity(rows),
            counts: Vec::with_capacity(rows),
            sums: Vec::with_capacity(rows),
            zero_counts: Vec::with_capacity(rows),
            buckets: Vec::with_capacity(buckets * rows),
            ..Self::default()
        }
    }

    /// Appends a row; its time and run are known otherwise.
    pub(super) fn push(&mut self, histogram: &Histogram) {
        if !self.layouts.last().is_some_and(|layout| layout.same(&histogram.layout)) {
            self.layouts.push(histogram.layout.clone());
            self.layout_rows.push(position(self.counts.len()));
        }
        self.hints.push(histogram.hint as u8);
        self.counts.push(histogram.count);
        self.sums.push(histogram.sum);
        self.zero_counts.push(histogram.zero_count);
        self.buckets.extend_from_slice(&histogram.positive);
        self.buckets.extend_from_slice(&histogram.negative);
    }
}

/// Gives rows out, forwards.
pub(super) struct Reader<'a> {
    rows: HistogramRows<'a>,
    shapes: &'a Shapes<'a>,
    /// The layout that the row before had.
    stretch: usize,
    /// Buckets that are not read yet.
    buckets: &'a [f64],
}

impl<'a> Reader<'a> {
    /// # Errors
    /// [`Refused`] if the columns do not fit together.
    pub(super) fn new(rows: HistogramRows<'a>, shapes: &'a Shapes<'a>) -> Result<Self, Refused> {
        let count = rows.timestamps.len();
        rows::check(rows.offsets, count)?;
        let lengths = [rows.hints.len(), rows.counts.len(), rows.sums.len(), rows.zero_counts.len()];
        if lengths.iter().any(|length| *length != count) {
            return Err(Refused::because("the columns of histograms are not equally long"));
        }
        if rows.layouts.len() != rows.layout_rows.len() || rows.layout_rows.windows(2).any(|pair| pair[0] >= pair[1]) {
            return Err(Refused::because("the first rows of layouts do not rise, or are not as many as layouts"));
        }
        if rows.layout_rows.first().map_or(count > 0, |first| *first != 0) {
            return Err(Refused::because("the first row has no layout"));
        }
        let ends = rows.layout_rows.iter().skip(1).map(|row| *row as usize).chain([count]);
        let wanted =
            rows.layout_rows.iter().zip(ends).zip(&shapes.sizes).try_fold(0_usize, |sum, ((row, end), size)| {
                let rows = end.checked_sub(*row as usize)?;
                size.0.checked_add(size.1)?.checked_mul(rows)?.checked_add(sum)
            });
        if wanted != Some(rows.buckets.len()) {
            return Err(Refused::because("the buckets of histograms are not as many as their layouts say"));
        }
        Ok(Self { rows, shapes, stretch: 0, buckets: rows.buckets })
    }

    /// The layout of row `row`, which must not be before the row that was asked for last.
    pub(super) fn stretch(&mut self, row: usize) -> usize {
        while self.rows.layout_rows.get(self.stretch + 1).is_some_and(|start| *start as usize <= row) {
            self.stretch += 1;
        }
        self.stretch
    }

    /// Layouts of the rows from `start` to `end`, of which there is at least one.
    pub(super) fn layouts(&mut self, start: usize, end: usize) -> &'a [Layout] {
        let first = self.stretch(start);
        let more = self.rows.layout_rows[first + 1..].iter().take_while(|row| (**row as usize) < end).count();
        &self.rows.layouts[first..=first + more]
    }

    /// The rows from `row` on and before `end` that have its layout and its hint. `row` must be as for [`Reader::row`], and
    /// stays the one that is asked for next.
    ///
    /// # Errors
    /// [`Refused`] if its hint is none.
    pub(super) fn block(&mut self, row: usize, end: usize) -> Result<Block<'a>, Refused> {
        let buckets = self.buckets;
        let first = self.row(row)?;
        self.buckets = buckets;
        let next = self.rows.layout_rows.get(self.stretch + 1).map_or(end, |start| end.min(*start as usize));
        let hint = self.rows.hints[row];
        let rows = leading(&self.rows.hints[row..next], hint);
        let width = first.positive.len() + first.negative.len();
        Ok(Block {
            first,
            zero_counts: &self.rows.zero_counts[row..row + rows],
            counts: &self.rows.counts[row..row + rows],
            sums: &self.rows.sums[row..row + rows],
            buckets: &buckets[..rows * width],
        })
    }

    /// Leaves out the rows of a block.
    pub(super) fn skip(&mut self, block: &Block<'_>) {
        let width = block.first.positive.len() + block.first.negative.len();
        self.buckets = &self.buckets[block.counts.len() * width..];
    }

    /// Row `row`, which must be the one behind the row that was asked for last.
    ///
    /// # Errors
    /// [`Refused`] if its hint is none.
    #[inline(always)] // Handed over through memory, a row is read before it has arrived there.
    pub(super) fn row(&mut self, row: usize) -> Result<Row<'a>, Refused> {
        let stretch = self.stretch(row);
        let (positive, negative) = self.shapes.sizes[stretch];
        let (positive, rest) = self.buckets.split_at(positive);
        let (negative, rest) = rest.split_at(negative);
        self.buckets = rest;
        Ok(Row {
            hint: Hint::of(self.rows.hints[row])?,
            layout: &self.rows.layouts[stretch],
            shape: Some(self.shapes.numbers[stretch]),
            covered: self.shapes.covered[stretch],
            zero_count: self.rows.zero_counts[row],
            count: self.rows.counts[row],
            sum: self.rows.sums[row],
            positive,
            negative,
        })
    }
}

/// How many leading numbers are `number`. Eight a turn, because the host looks at fuel and clock once a turn.
fn leading(numbers: &[u8], number: u8) -> usize {
    let eights = numbers.as_chunks::<8>().0.iter().take_while(|eight| **eight == [number; 8]).count();
    let known = 8 * eights;
    known + numbers[known..].iter().take_while(|other| **other == number).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_one_hint_are_counted_up_to_the_first_other_one() {
        for length in 0..20 {
            for place in 0..=length {
                let mut hints = [2; 20];
                hints[place] = 1;
                assert_eq!(leading(&hints[..length], 2), place);
            }
        }
    }
}
