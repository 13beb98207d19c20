//! Sum, min, max and counter of many runs at once.
//!
//! ```text
//! a register   | run 0 | run 1 |     another   | run 2 | run 3 |
//! ```
//!
//! Each addition of a sum or of a counter waits for the one before, because the order of rounding is part of the result. So
//! four runs, which know nothing of each other, go side by side, and the additions of one fill the pauses of another. The
//! loop has as much at hand as registers hold, and takes four rows a turn, because the host looks at fuel and clock once a turn.

use alloc::{vec, vec::Vec};

use crate::{nan, pair::Pair, window::Windows};

/// The aggregates of windows, without their times.
pub(super) struct Values {
    pub(super) sum: Vec<f64>,
    pub(super) min: Vec<f64>,
    pub(super) max: Vec<f64>,
    pub(super) counter: Vec<f64>,
}

/// How many runs go side by side.
const ABREAST: usize = 4;
/// How many rows of each they take a turn.
const BLOCK: usize = 4;

/// Sum, min, max and counter of every window.
pub(super) fn all(windows: &Windows, values: &[f64]) -> Values {
    let room = || vec![0.0; windows.ends.len()];
    let mut out = Values { sum: room(), min: room(), max: room(), counter: room() };
    let runs = windows.offsets.len() - 1;
    for first in (0..runs).step_by(ABREAST) {
        // What is missing in the last team is done by its last run again, to the same effect.
        let runs = [0, 1, 2, 3].map(|place| (first + place).min(runs - 1));
        team(windows, values, runs, &mut out);
    }
    out
}

/// Two runs in one window.
#[derive(Clone, Copy)]
struct Two {
    sum: Pair,
    min: Pair,
    max: Pair,
    counter: Pair,
    /// The values before the next ones.
    last: Pair,
}

impl Two {
    /// Before the first value of a run. With -0 and +0 the first step is no exception: it makes the counter that value, -0 too.
    #[cfg_attr(target_family = "wasm", target_feature(enable = "simd128"))]
    #[inline]
    fn start() -> Self {
        Self { counter: Pair::both(-0.0), last: Pair::both(0.0), ..Self::window(Pair::both(0.0), Pair::both(0.0)) }
    }

    /// Before the first value of a window.
    #[cfg_attr(target_family = "wasm", target_feature(enable = "simd128"))]
    #[inline]
    fn window(counter: Pair, last: Pair) -> Self {
        Self { sum: Pair::both(0.0), min: Pair::both(f64::MAX), max: Pair::both(f64::MIN), counter, last }
    }

    /// Takes the next value of both. Zeros are not told apart by comparisons, so the first one of a window stays.
    #[cfg_attr(target_family = "wasm", target_feature(enable = "simd128"))]
    #[inline]
    fn take(&mut self, values: Pair) {
        self.sum = self.sum.plus(values);
        self.min = self.min.lower(values);
        self.max = self.max.higher(values);
        self.counter = self.counter.plus(values.step(self.last));
        self.last = values;
    }

    /// Takes the next values of one and of the other.
    #[cfg_attr(target_family = "wasm", target_feature(enable = "simd128"))]
    #[inline]
    fn block(&mut self, a: &[f64; BLOCK], b: &[f64; BLOCK]) {
        let ([a, a_behind], []) = a.as_chunks::<2>() else { return };
        let ([b, b_behind], []) = b.as_chunks::<2>() else { return };
        let (a, b) = (Pair::of(a), Pair::of(b));
        self.take(a.firsts(b));
        self.take(a.seconds(b));
        let (a, b) = (Pair::of(a_behind), Pair::of(b_behind));
        self.take(a.firsts(b));
        self.take(a.seconds(b));
    }

    /// The first or the second, twice.
    #[cfg_attr(target_family = "wasm", target_feature(enable = "simd128"))]
    fn one(self, second: bool) -> Self {
        let of = |pair: Pair| Pair::both(if second { pair.second() } else { pair.first() });
        Self { sum: of(self.sum), min: of(self.min), max: of(self.max), counter: of(self.counter), last: of(self.last) }
    }

    /// The first of `a` and the first of `b`.
    #[cfg_attr(target_family = "wasm", target_feature(enable = "simd128"))]
    fn joined(a: Self, b: Self) -> Self {
        Self {
            sum: a.sum.firsts(b.sum),
            min: a.min.firsts(b.min),
            max: a.max.firsts(b.max),
            counter: a.counter.firsts(b.counter),
            last: a.last.firsts(b.last),
        }
    }
}

/// Four runs.
#[cfg_attr(target_family = "wasm", target_feature(enable = "simd128"))]
#[inline(never)]
fn team(windows: &Windows, values: &[f64], runs: [usize; ABREAST], out: &mut Values) {
    let first = runs.map(|run| windows.offsets[run] as usize);
    let count = runs.map(|run| (windows.offsets[run + 1] - windows.offsets[run]) as usize);
    let shared = count.into_iter().min().unwrap_or_default();
    let (mut left, mut right) = (Two::start(), Two::start());
    // Spelled out four times in here: a closure or a loop over the four would keep all of this out of registers.
    let [first_a, first_b, first_c, first_d] = first;
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
        // A counter that is NaN stays what it is, to the end of its run.
        let nan = left.counter.became_nan(before.0)
            || right.counter.became_nan(before.1)
            || left.sum.plus(right.sum).has_nan();
        left.counter = left.counter.unless_nan(before.0);
        right.counter = right.counter.unless_nan(before.1);
        if a.len() + b.len() + c.len() + d.len() != ABREAST * rows || nan {
            let at = [at_a, at_b, at_c, at_d];
            (left, right) = mend((left, right), (windows, values, &out.counter), (first, at), rows);
        }
        write(out, [at_a, at_b, at_c, at_d], left, right);
    }
    for (place, two) in [left, left, right, right].into_iter().enumerate() {
        let mut one = two.one(place % 2 == 1);
        for window in first[place] + shared..first[place] + count[place] {
            one = Two::window(one.counter, one.last);
            one = rest(one, (windows, values, &out.counter), (first[place], window), 0);
            (out.sum[window], out.counter[window]) = (one.sum.first(), one.counter.first());
            (out.min[window], out.max[window]) = (one.min.first(), one.max.first());
        }
    }
}

/// Takes what is left of four windows of which the `taken` first rows were taken, and gives every NaN its bits.
#[cfg_attr(target_family = "wasm", target_feature(enable = "simd128"))]
#[inline(never)]
fn mend(
    (left, right): (Two, Two),
    columns: (&Windows, &[f64], &[f64]),
    (first, at): ([usize; ABREAST], [usize; ABREAST]),
    taken: usize,
) -> (Two, Two) {
    let mut four = [left.one(false), left.one(true), right.one(false), right.one(true)];
    for (one, place) in four.iter_mut().zip(first.into_iter().zip(at)) {
        *one = rest(*one, columns, place, taken);
    }
    let [a, b, c, d] = four;
    (Two::joined(a, b), Two::joined(c, d))
}

/// Takes the rows behind the `taken` first ones of window `window`, of a run twice, and gives every NaN its bits.
///
/// `first` is the run's first window.
#[cfg_attr(target_family = "wasm", target_feature(enable = "simd128"))]
#[inline(never)]
fn rest(
    mut one: Two,
    (windows, values, counters): (&Windows, &[f64], &[f64]),
    (first, window): (usize, usize),
    taken: usize,
) -> Two {
    let rows = windows.rows(window, values);
    for value in &rows[taken..] {
        one.take(Pair::both(*value));
    }
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
