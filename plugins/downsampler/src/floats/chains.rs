//! The loops over values. Blocks of four, because the host's fuel and clock are looked at once a turn.

use alloc::vec::Vec;

use crate::{nan, pair::Pair, window::Windows};

/// The aggregates of windows, without their times.
pub(super) struct Values {
    pub(super) sum: Vec<f64>,
    pub(super) min: Vec<f64>,
    pub(super) max: Vec<f64>,
    pub(super) counter: Vec<f64>,
}

/// The counter of a run so far.
#[derive(Clone, Copy)]
struct Chain {
    counter: f64,
    previous: f64,
}

impl Chain {
    /// Before the first value. With -0 and +0 the first step is no exception: it makes the counter that value, -0 too.
    const START: Self = Self { counter: -0.0, previous: 0.0 };
}

/// Sum, min, max and counter of every window.
#[cfg_attr(target_family = "wasm", target_feature(enable = "simd128"))]
pub(super) fn all(windows: &Windows, values: &[f64]) -> Values {
    let room = || Vec::with_capacity(windows.ends.len());
    let mut out = Values { sum: room(), min: room(), max: room(), counter: room() };
    let mut start = 0;
    for run in windows.offsets.windows(2) {
        let mut chain = Chain::START;
        for end in &windows.ends[run[0] as usize..run[1] as usize] {
            let window = &values[start..*end as usize];
            start = *end as usize;
            let before = chain;
            let mut sum = 0.0;
            let mut low = Pair::new(f64::MAX, f64::MAX);
            let mut high = Pair::new(f64::MIN, f64::MIN);
            let mut last = Pair::new(before.previous, before.previous);
            let mut counter = before.counter;
            let (blocks, rest) = window.as_chunks::<4>();
            for block in blocks {
                let (a, b) = (Pair::new(block[0], block[1]), Pair::new(block[2], block[3]));
                let (step_a, step_b) = (a.steps(last), b.steps(a));
                last = b;
                low = low.lower(a).lower(b);
                high = high.higher(a).higher(b);
                sum = sum + block[0] + block[1] + block[2] + block[3];
                counter = counter + step_a.first() + step_a.second() + step_b.first() + step_b.second();
            }
            for value in rest {
                let value = Pair::new(*value, *value);
                let step = value.steps(last);
                last = value;
                low = low.lower(value);
                high = high.higher(value);
                sum += value.first();
                counter += step.first();
            }
            chain = Chain { counter, previous: last.second() };
            if sum.is_nan() {
                sum = nan::sum(window);
            }
            if counter.is_nan() {
                chain.counter = nan::counter(before.counter, before.previous, window);
            }
            out.sum.push(sum);
            out.min.push(first_zero(window, lower(low.first(), low.second())));
            out.max.push(first_zero(window, higher(high.first(), high.second())));
            out.counter.push(chain.counter);
        }
    }
    out
}

/// The sum of every window.
pub(super) fn sums(windows: &Windows, values: &[f64]) -> Vec<f64> {
    each(windows, values, |window| {
        let sum = window.iter().fold(0.0, |sum, value| sum + value);
        if sum.is_nan() { nan::sum(window) } else { sum }
    })
}

/// The smallest value of every window.
pub(super) fn minima(windows: &Windows, values: &[f64]) -> Vec<f64> {
    each(windows, values, |window| window.iter().fold(f64::MAX, |low, value| lower(low, *value)))
}

/// The largest value of every window.
pub(super) fn maxima(windows: &Windows, values: &[f64]) -> Vec<f64> {
    each(windows, values, |window| window.iter().fold(f64::MIN, |high, value| higher(high, *value)))
}

/// The counter behind every window, drops added back since the start of its run.
pub(super) fn counters(windows: &Windows, values: &[f64]) -> Vec<f64> {
    let mut out = Vec::with_capacity(windows.ends.len());
    let mut start = 0;
    for run in windows.offsets.windows(2) {
        let mut chain = Chain::START;
        for end in &windows.ends[run[0] as usize..run[1] as usize] {
            let window = &values[start..*end as usize];
            start = *end as usize;
            let before = chain;
            for value in window {
                chain.counter += value - if *value < chain.previous { 0.0 } else { chain.previous };
                chain.previous = *value;
            }
            if chain.counter.is_nan() {
                chain.counter = nan::counter(before.counter, before.previous, window);
            }
            out.push(chain.counter);
        }
    }
    out
}

/// One answer a window.
fn each(windows: &Windows, values: &[f64], aggregate: impl Fn(&[f64]) -> f64) -> Vec<f64> {
    let mut start = 0;
    let one = |end: &u32| {
        let window = &values[start..*end as usize];
        start = *end as usize;
        aggregate(window)
    };
    windows.ends.iter().map(one).collect()
}

/// A zero takes its sign from the first zero of the window: comparisons do not tell zeros apart, so the first one stays.
fn first_zero(window: &[f64], found: f64) -> f64 {
    if found == 0.0 { window.iter().copied().find(|value| *value == 0.0).unwrap_or(found) } else { found }
}

fn lower(low: f64, value: f64) -> f64 {
    if value < low { value } else { low }
}

fn higher(high: f64, value: f64) -> f64 {
    if value > high { value } else { high }
}
