//! Several rows of one layout at once, which most windows are made of.
//!
//! Row by row each bucket of sum and counter would be read and written again. Here a few columns of buckets go down all rows,
//! and stay in registers.

use super::{Hint, Histogram, Row, columns};
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
        self.first.covered == (0, 0) && !layout.zero_threshold.is_nan()
    }

    /// How many leading rows no reset comes before, the row before the first being `previous`, of the same layout.
    pub(super) fn until_reset(&self, previous: Row<'_>) -> usize {
        match self.first.hint {
            Hint::Reset => 0,
            Hint::NotReset | Hint::Gauge => self.counts.len(),
            Hint::Unknown if !self.any_falls(previous) => self.counts.len(),
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

    /// Whether a number of a row is below the one of the row before it. All rows are compared at once, because resets are
    /// rare.
    fn any_falls(&self, previous: Row<'_>) -> bool {
        let falls = |numbers: &[f64], width: usize| {
            numbers.get(width..).is_some_and(|behind| columns::any_below(behind, numbers))
        };
        let (positive, negative) = self.row(0);
        self.first.count < previous.count
            || self.first.zero_count < previous.zero_count
            || columns::any_below(positive, previous.positive)
            || columns::any_below(negative, previous.negative)
            || falls(self.counts, 1)
            || falls(self.zero_counts, 1)
            || falls(self.buckets, self.width())
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

    /// Adds the rows to `sum`, and the differences of one to the next to `counter`, which take the shape of the rows.
    /// `previous` is the row before the first one; the first one is in the sum already if `first_summed`.
    pub(super) fn add_to(&self, sum: &mut Histogram, counter: &mut Histogram, previous: Row<'_>, first_summed: bool) {
        let custom = self.first.layout.is_custom();
        let zero_counts = (sum.zero_count, counter.zero_count);
        self.add_numbers(sum, counter, previous, first_summed);
        if custom {
            (sum.zero_count, counter.zero_count) = zero_counts;
        }
        let shape = self.first.shape;
        let ([sum, sum_negative], [counter, counter_negative]) = (sum.totals(shape), counter.totals(shape));
        if !previous.positive.is_empty() {
            let totals = Totals { sum, counter, previous: previous.positive, first_summed };
            add(totals, self.buckets, self.width());
        }
        if !previous.negative.is_empty() && !custom {
            let (sum, counter) = (sum_negative, counter_negative);
            let totals = Totals { sum, counter, previous: previous.negative, first_summed };
            add(totals, &self.buckets[previous.positive.len()..], self.width());
        }
    }

    /// What is no bucket. The three are added side by side, since each addition waits for the one before it.
    fn add_numbers(&self, sum: &mut Histogram, counter: &mut Histogram, previous: Row<'_>, first_summed: bool) {
        let mut sums = [sum.count, sum.sum, sum.zero_count];
        let mut counters = [counter.count, counter.sum, counter.zero_count];
        let mut before = [previous.count, previous.sum, previous.zero_count];
        let mut skip = first_summed;
        for ((count, sum), zero_count) in self.counts.iter().zip(self.sums).zip(self.zero_counts) {
            let now = [*count, *sum, *zero_count];
            for number in 0..3 {
                counters[number] += now[number] - before[number];
                sums[number] = if skip { sums[number] } else { sums[number] + now[number] };
            }
            (before, skip) = (now, false);
        }
        [sum.count, sum.sum, sum.zero_count] = sums;
        [counter.count, counter.sum, counter.zero_count] = counters;
    }

    /// The last row. The block must have one.
    pub(super) fn last(&self) -> Row<'a> {
        let last = self.counts.len() - 1;
        let (positive, negative) = self.row(last);
        Row {
            zero_count: self.zero_counts[last],
            count: self.counts[last],
            sum: self.sums[last],
            positive,
            negative,
            ..self.first
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

/// What some numbers of histograms are added to.
struct Totals<'t> {
    sum: Total<'t>,
    /// Takes the differences of the rows.
    counter: Total<'t>,
    /// What was before the first row.
    previous: &'t [f64],
    /// Whether the first row is in the sum already.
    first_summed: bool,
}

/// Numbers that grow.
pub(super) struct Total<'t> {
    pub(super) numbers: &'t mut [f64],
    /// Which of them belongs to a column of the rows; `None` if they are in the same order.
    pub(super) places: Option<&'t [u32]>,
}

impl Total<'_> {
    /// The numbers of `N` columns from `column` on; `None` if there are fewer.
    #[inline]
    fn load<const N: usize>(&self, column: usize) -> Option<[f64; N]> {
        let Some(places) = self.places else { return self.numbers.get(column..)?.first_chunk().copied() };
        let places: &[u32; N] = places.get(column..)?.first_chunk()?;
        let mut found = [0.0; N];
        for (found, place) in found.iter_mut().zip(places) {
            *found = *self.numbers.get(*place as usize)?;
        }
        Some(found)
    }

    /// Writes what [`Total::load`] has read.
    #[inline]
    fn store<const N: usize>(&mut self, column: usize, numbers: [f64; N]) {
        let Some(places) = self.places else {
            self.numbers[column..column + N].copy_from_slice(&numbers);
            return;
        };
        for (place, number) in places[column..column + N].iter().zip(numbers) {
            self.numbers[*place as usize] = number;
        }
    }
}

/// Adds rows of `width` floats each, of which the leading ones count, as many as `previous` has.
#[cfg_attr(target_family = "wasm", target_feature(enable = "simd128"))]
#[inline(never)]
fn add(mut totals: Totals<'_>, rows: &[f64], width: usize) {
    let columns = totals.previous.len();
    let mut column = 0;
    while column + 8 <= columns {
        add_columns::<4, 8>(&mut totals, rows, width, column);
        column += 8;
    }
    if column + 4 <= columns {
        add_columns::<2, 4>(&mut totals, rows, width, column);
        column += 4;
    }
    if column + 2 <= columns {
        add_columns::<1, 2>(&mut totals, rows, width, column);
        column += 2;
    }
    if column < columns {
        add_column(&mut totals, rows, width, column);
    }
}

/// How many rows a turn.
const ROWS: usize = 4;

/// Takes `N` columns, which are `P` pairs, down all rows.
#[cfg_attr(target_family = "wasm", target_feature(enable = "simd128"))]
#[inline]
fn add_columns<const P: usize, const N: usize>(totals: &mut Totals<'_>, rows: &[f64], width: usize, column: usize) {
    let (Some(sum), Some(counter)) = (totals.sum.load::<N>(column), totals.counter.load::<N>(column)) else { return };
    let Some(before) = totals.previous.get(column..).and_then(|rest| rest.first_chunk::<N>()) else { return };
    let Some(mut rest) = rows.get(column..) else { return };
    let Some(first) = rest.first_chunk::<N>() else { return };
    let (mut sum, mut counter) = (pairs::<P, N>(&sum), pairs::<P, N>(&counter));
    let (now, before) = (pairs::<P, N>(first), pairs::<P, N>(before));
    for pair in 0..P {
        if !totals.first_summed {
            sum[pair] = sum[pair].plus(now[pair]);
        }
        counter[pair] = counter[pair].plus(now[pair].minus(before[pair]));
    }
    // Several rows a turn, because the host looks at fuel and clock once a turn.
    while let Some(behind) = rest.get(ROWS * width..)
        && behind.len() >= N
    {
        for row in 0..ROWS {
            add_row::<P, N>(&mut sum, &mut counter, &rest[row * width..], width);
        }
        rest = behind;
    }
    while rest.len() >= width + N {
        add_row::<P, N>(&mut sum, &mut counter, rest, width);
        rest = &rest[width..];
    }
    totals.sum.store(column, floats::<P, N>(sum));
    totals.counter.store(column, floats::<P, N>(counter));
}

/// Adds the second of two rows. The one before is read again, because there is no room for it in registers.
#[cfg_attr(target_family = "wasm", target_feature(enable = "simd128"))]
#[inline]
fn add_row<const P: usize, const N: usize>(sum: &mut [Pair; P], counter: &mut [Pair; P], rows: &[f64], width: usize) {
    let Some(behind) = rows.get(width..) else { return };
    let (Some(before), Some(now)) = (rows.first_chunk::<N>(), behind.first_chunk::<N>()) else { return };
    let ((before, _), (now, _)) = (before.as_chunks::<2>(), now.as_chunks::<2>());
    for pair in 0..P {
        let now = Pair::of(&now[pair]);
        sum[pair] = sum[pair].plus(now);
        counter[pair] = counter[pair].plus(now.minus(Pair::of(&before[pair])));
    }
}

/// Takes one column down all rows.
#[inline]
fn add_column(totals: &mut Totals<'_>, rows: &[f64], width: usize, column: usize) {
    let (Some([mut sum]), Some([mut counter])) = (totals.sum.load(column), totals.counter.load(column)) else { return };
    let Some(mut before) = totals.previous.get(column).copied() else { return };
    let mut add_to_sum = !totals.first_summed;
    for now in rows[column..].iter().step_by(width) {
        if add_to_sum {
            sum += now;
        }
        add_to_sum = true;
        counter += now - before;
        before = *now;
    }
    totals.sum.store(column, [sum]);
    totals.counter.store(column, [counter]);
}

#[cfg_attr(target_family = "wasm", target_feature(enable = "simd128"))]
#[inline]
fn pairs<const P: usize, const N: usize>(floats: &[f64; N]) -> [Pair; P] {
    let (twos, _) = floats.as_chunks::<2>();
    core::array::from_fn(|pair| Pair::of(&twos[pair]))
}

#[cfg_attr(target_family = "wasm", target_feature(enable = "simd128"))]
#[inline]
fn floats<const P: usize, const N: usize>(pairs: [Pair; P]) -> [f64; N] {
    let mut floats = [0.0; N];
    for (two, pair) in floats.as_chunks_mut::<2>().0.iter_mut().zip(pairs) {
        pair.put(two);
    }
    floats
}
