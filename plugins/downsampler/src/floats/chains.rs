//! One aggregate of every window, for aggregates of aggregates.

use alloc::vec::Vec;

use crate::{nan, window::Windows};

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

fn lower(low: f64, value: f64) -> f64 {
    if value < low { value } else { low }
}

fn higher(high: f64, value: f64) -> f64 {
    if value > high { value } else { high }
}
