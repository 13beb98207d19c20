//! Sum, min, max and counter of many runs at once.
//!
//! ```text
//! a register   | run 0 | run 1 |     another   | run 2 | run 3 |
//! ```
//!
//! Each addition of a sum or of a counter waits for the one before, because the order of rounding is part of the result. So
//! four runs, which know nothing of each other, go side by side, and the additions of one fill the pauses of another. The
//! loop has as much at hand as registers hold, and takes four rows a turn, because the host looks at fuel and clock once a turn.
//! Where a run ends the next one takes its place; where one has more rows in a window, the others wait.

use alloc::{vec, vec::Vec};

use super::two::{BLOCK, Two};
use crate::{
    nan,
    pair::{Pair, Places},
    window::Windows,
};

/// The aggregates of windows, without their times.
pub(super) struct Values {
    pub(super) sum: Vec<f64>,
    pub(super) min: Vec<f64>,
    pub(super) max: Vec<f64>,
    pub(super) counter: Vec<f64>,
}

/// How many runs go side by side.
const ABREAST: usize = 4;
/// A run on its way, in windows.
#[derive(Clone, Copy, Default)]
struct Lane {
    first: usize,
    /// The next one.
    at: usize,
    end: usize,
    /// Whether no value is NaN, so that what becomes NaN comes of infinities; once that was asked for.
    clean: Option<bool>,
}

impl Lane {
    fn left(&self) -> usize {
        self.end - self.at
    }

    fn is_clean(&mut self, windows: &Windows, values: &[f64]) -> bool {
        let Self { first, end, .. } = *self;
        *self.clean.get_or_insert_with(|| nan::none(windows.stretch(first..end, values)))
    }
}

/// Sum, min, max and counter of every window.
pub(super) fn all(windows: &Windows, values: &[f64]) -> Values {
    let room = || vec![0.0; windows.ends.len()];
    let mut out = Values { sum: room(), min: room(), max: room(), counter: room() };
    let lane = |run: &[u32]| Lane { first: run[0] as usize, at: run[0] as usize, end: run[1] as usize, clean: None };
    let mut runs = windows.offsets.windows(2).map(lane).filter(|lane| lane.left() > 0);
    let (mut lanes, mut four) = ([Lane::default(); ABREAST], [Two::start(); ABREAST]);
    loop {
        for place in 0..ABREAST {
            if lanes[place].left() == 0 {
                (lanes[place], four[place]) = runs.next().map_or_else(
                    || {
                        // No run is left: one that has a long way to go is done twice, to the same effect.
                        let other = (0..ABREAST).max_by_key(|other| lanes[*other].left()).unwrap_or(place);
                        (lanes[other], four[other])
                    },
                    |lane| (lane, Two::start()),
                );
            }
        }
        let shared = lanes.iter().map(Lane::left).min().unwrap_or_default();
        if shared == 0 {
            return out;
        }
        four = team(windows, values, (&mut lanes, four), shared, &mut out);
        for lane in &mut lanes {
            lane.at += shared;
        }
    }
}

/// The next `shared` windows of four runs.
#[cfg_attr(target_family = "wasm", target_feature(enable = "simd128"))]
#[inline(never)]
fn team(
    windows: &Windows,
    values: &[f64],
    (lanes, four): (&mut [Lane; ABREAST], [Two; ABREAST]),
    shared: usize,
    out: &mut Values,
) -> [Two; ABREAST] {
    let [mut left, mut right] = Two::joined(four);
    // Spelled out four times in here: a closure or a loop over the four would keep all of this out of registers.
    let [first_a, first_b, first_c, first_d] = lanes.map(|lane| lane.at);
    for window in 0..shared {
        let (at_a, at_b, at_c, at_d) = (first_a + window, first_b + window, first_c + window, first_d + window);
        let (a, b) = (windows.rows(at_a, values), windows.rows(at_b, values));
        let (c, d) = (windows.rows(at_c, values), windows.rows(at_d, values));
        let rows = a.len().min(b.len()).min(c.len()).min(d.len());
        let before = (left.counter, right.counter);
        left = Two::window(left.counter, left.last);
        right = Two::window(right.counter, right.last);
        let ((blocks_a, rest_a), (blocks_b, rest_b)) = (a[..rows].as_chunks::<BLOCK>(), b[..rows].as_chunks::<BLOCK>());
        let ((blocks_c, rest_c), (blocks_d, rest_d)) = (c[..rows].as_chunks::<BLOCK>(), d[..rows].as_chunks::<BLOCK>());
        for (((a, b), c), d) in blocks_a.iter().zip(blocks_b).zip(blocks_c).zip(blocks_d) {
            left.block(a, b);
            right.block(c, d);
        }
        for (((a, b), c), d) in rest_a.iter().zip(rest_b).zip(rest_c).zip(rest_d) {
            left.take(Pair::new(*a, *b));
            right.take(Pair::new(*c, *d));
        }
        if a.len() + b.len() + c.len() + d.len() != ABREAST * rows {
            [left, right] = wait([left, right], [a, b, c, d], rows);
        }
        // A counter that is NaN stays what it is, to the end of its run.
        let nan = left.counter.became_nan(before.0)
            || right.counter.became_nan(before.1)
            || left.sum.plus(right.sum).has_nan();
        left.counter = left.counter.unless_nan(before.0);
        right.counter = right.counter.unless_nan(before.1);
        if nan {
            [left, right] = mend([left, right], (windows, values, &out.counter), (lanes, window));
        }
        write(out, [at_a, at_b, at_c, at_d], left, right);
    }
    Two::parted([left, right])
}

/// Takes what is left of four windows of which the `taken` first rows were taken.
#[cfg_attr(target_family = "wasm", target_feature(enable = "simd128"))]
#[inline(never)]
fn wait([mut left, mut right]: [Two; 2], [a, b, c, d]: [&[f64]; ABREAST], taken: usize) -> [Two; 2] {
    for row in taken..a.len().max(b.len()).max(c.len()).max(d.len()) {
        // Who has no row more waits; its last value changes neither minimum nor maximum a second time.
        let next = |rows: &[f64]| rows[row.min(rows.len() - 1)];
        left.take_some(Pair::new(next(a), next(b)), Places::new(row < a.len(), row < b.len()));
        right.take_some(Pair::new(next(c), next(d)), Places::new(row < c.len(), row < d.len()));
    }
    [left, right]
}

/// Gives every NaN of four windows its bits; they are those `window` behind where the lanes are.
#[cfg_attr(target_family = "wasm", target_feature(enable = "simd128"))]
#[cold]
#[inline(never)]
fn mend(
    pairs: [Two; 2],
    columns: (&Windows, &[f64], &[f64]),
    (lanes, window): (&mut [Lane; ABREAST], usize),
) -> [Two; 2] {
    let (windows, values, _) = columns;
    let nans = pairs.map(|pair| pair.nans());
    if nans.as_flattened().iter().zip(&mut *lanes).all(|(nan, lane)| !nan || lane.is_clean(windows, values)) {
        return pairs.map(|pair| pair.infinities());
    }
    let mut four = Two::parted(pairs);
    for (one, lane) in four.iter_mut().zip(lanes) {
        *one = mended(*one, columns, (lane.first, lane.at + window));
    }
    Two::joined(four)
}

/// Gives every NaN of window `window`, of a run twice, its bits. `first` is the run's first window.
#[cfg_attr(target_family = "wasm", target_feature(enable = "simd128"))]
fn mended(
    mut one: Two,
    (windows, values, counters): (&Windows, &[f64], &[f64]),
    (first, window): (usize, usize),
) -> Two {
    let rows = windows.rows(window, values);
    if one.sum.has_nan() {
        one.sum = Pair::both(nan::sum(rows));
    }
    if one.counter.has_nan() {
        let (counter, previous) = match window.checked_sub(1).filter(|_| window > first) {
            Some(before) => (counters[before], windows.rows(before, values).last().copied().unwrap_or_default()),
            None => (-0.0, 0.0),
        };
        one.counter = Pair::both(nan::counter(counter, previous, rows));
    }
    one
}

/// Writes down the aggregates of four windows.
#[cfg_attr(target_family = "wasm", target_feature(enable = "simd128"))]
#[inline]
fn write(out: &mut Values, [a, b, c, d]: [usize; ABREAST], left: Two, right: Two) {
    // Of equal length, so that one check of each place is enough.
    let length = out.sum.len();
    let (min, max, counter) = (&mut out.min[..length], &mut out.max[..length], &mut out.counter[..length]);
    (out.sum[a], min[a], max[a], counter[a]) =
        (left.sum.first(), left.min.first(), left.max.first(), left.counter.first());
    (out.sum[b], min[b], max[b], counter[b]) =
        (left.sum.second(), left.min.second(), left.max.second(), left.counter.second());
    (out.sum[c], min[c], max[c], counter[c]) =
        (right.sum.first(), right.min.first(), right.max.first(), right.counter.first());
    (out.sum[d], min[d], max[d], counter[d]) =
        (right.sum.second(), right.min.second(), right.max.second(), right.counter.second());
}
