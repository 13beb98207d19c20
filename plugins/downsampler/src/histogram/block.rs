//! Several rows of one layout at once, which most windows are made of.
//!
//! Row by row each bucket of sum and counter would be read and written again. Here a few columns of buckets go down all rows,
//! and stay in registers.

use super::{Hint, Row, columns};
use crate::pair::Pair;

/// Rows of one layout and one hint, one behind the other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block<'a> {
    /// The first row.
    pub(super) first: Row<'a>,
    pub(super) zero_counts: &'a [f64],
    pub(super) counts: &'a [f64],
    pub(super) sums: &'a [f64],
    /// Row by row the positive buckets, then the negative ones.
    pub(super) buckets: &'a [f64],
}

impl<'a> Block<'a> {
    /// Whether the zero bucket is one like any other, and the arithmetic that of equal layouts.
    pub(super) fn is_plain(&self) -> bool {
        let layout = self.first.layout;
        self.first.covered == (0, 0) && !layout.is_custom() && !layout.zero_threshold.is_nan()
    }

    /// How many leading rows no reset comes before, the row before the first being `previous`, of the same layout.
    pub(super) fn until_reset(&self, previous: Row<'_>) -> usize {
        match self.first.hint {
            Hint::Reset => 0,
            Hint::NotReset | Hint::Gauge => self.counts.len(),
            Hint::Unknown => {
                let mut before = (previous.count, previous.zero_count);
                let mut sides = (previous.positive, previous.negative);
                let numbers = self.counts.iter().zip(self.zero_counts);
                numbers
                    .enumerate()
                    .take_while(|(row, (count, zero_count))| {
                        let now = self.row(*row);
                        let reset = **count < before.0
                            || **zero_count < before.1
                            || columns::any_below(now.0, sides.0)
                            || columns::any_below(now.1, sides.1);
                        (before, sides) = ((**count, **zero_count), now);
                        !reset
                    })
                    .count()
            }
        }
    }

    /// The first `rows` rows.
    pub(super) fn start(&self, rows: usize) -> Self {
        Self {
            first: self.first,
            zero_counts: &self.zero_counts[..rows],
            counts: &self.counts[..rows],
            sums: &self.sums[..rows],
            buckets: &self.buckets[..rows * self.width()],
        }
    }

    /// Buckets of both sides of a row.
    fn row(&self, row: usize) -> (&'a [f64], &'a [f64]) {
        let width = self.width();
        self.buckets[row * width..][..width].split_at(self.first.positive.len())
    }

    fn width(&self) -> usize {
        self.first.positive.len() + self.first.negative.len()
    }
}

/// What a number of a histogram, or some of its buckets, are added to.
pub(super) struct Totals<'t> {
    pub(super) sum: &'t mut [f64],
    /// Takes the differences of the rows.
    pub(super) counter: &'t mut [f64],
    /// What was before the first row.
    pub(super) previous: &'t [f64],
    /// Whether the first row is in the sum already.
    pub(super) first_summed: bool,
}

/// How many columns go down the rows together.
const COLUMNS: usize = 4;

/// Adds rows of `width` floats each, of which the leading ones, as many as there are totals, count.
#[cfg_attr(target_family = "wasm", target_feature(enable = "simd128"))]
#[inline(never)]
pub(super) fn add(totals: Totals<'_>, rows: &[f64], width: usize) {
    let Totals { sum, counter, previous, first_summed } = totals;
    let length = sum.len().min(counter.len()).min(previous.len());
    let (sums, sums_rest) = sum[..length].as_chunks_mut::<COLUMNS>();
    let (counters, counters_rest) = counter[..length].as_chunks_mut::<COLUMNS>();
    let (before, before_rest) = previous[..length].as_chunks::<COLUMNS>();
    let mut place = 0;
    for ((sum, counter), before) in sums.iter_mut().zip(counters).zip(before) {
        let ([sum_a, sum_b], [counter_a, counter_b]) = (columns::halves_mut(sum), columns::halves_mut(counter));
        let [before_a, before_b] = columns::halves(before);
        let (mut s, mut t) = (Pair::of(sum_a), Pair::of(sum_b));
        let (mut c, mut d) = (Pair::of(counter_a), Pair::of(counter_b));
        let (mut before, mut before_too) = (Pair::of(before_a), Pair::of(before_b));
        let mut add_to_sum = !first_summed;
        for row in rows[place..].chunks(width) {
            let Some(row) = row.first_chunk::<COLUMNS>() else { break };
            let [a, b] = columns::halves(row);
            let (now, now_too) = (Pair::of(a), Pair::of(b));
            if add_to_sum {
                s = s.plus(now);
                t = t.plus(now_too);
            }
            add_to_sum = true;
            c = c.plus(now.minus(before));
            d = d.plus(now_too.minus(before_too));
            (before, before_too) = (now, now_too);
        }
        s.put(sum_a);
        t.put(sum_b);
        c.put(counter_a);
        d.put(counter_b);
        place += COLUMNS;
    }
    for ((sum, counter), before) in sums_rest.iter_mut().zip(counters_rest).zip(before_rest) {
        let mut before = *before;
        let mut add_to_sum = !first_summed;
        for now in rows[place..].iter().step_by(width) {
            if add_to_sum {
                *sum += now;
            }
            add_to_sum = true;
            *counter += now - before;
            before = *now;
        }
        place += 1;
    }
}
