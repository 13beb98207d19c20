//! The loops over values. They take several a turn, because the host looks at fuel and clock once a turn.

use alloc::{vec, vec::Vec};
use core::mem;

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

/// How many runs go side by side.
const ABREAST: usize = 4;
/// How many values of each they take a turn.
const BLOCK: usize = 4;

/// Sum, min, max and counter of every window.
///
/// An addition takes long where the host makes sure that NaN has the same bits everywhere, and each waits for the one
/// before. So runs, which know nothing of each other, go side by side, and the additions of one fill the pauses of another.
#[cfg_attr(target_family = "wasm", target_feature(enable = "simd128"))]
pub(super) fn all(windows: &Windows, values: &[f64]) -> Values {
    let room = || vec![0.0; windows.ends.len()];
    let mut out = Values { sum: room(), min: room(), max: room(), counter: room() };
    let (teams, rest) = windows.offsets[..windows.offsets.len() - 1].as_chunks::<ABREAST>();
    for (team, first) in teams.iter().enumerate() {
        let ends = &windows.offsets[team * ABREAST + 1..][..ABREAST];
        let shared = ends.iter().zip(first).map(|(end, start)| end - start).min().unwrap_or_default() as usize;
        let mut chains = [Chain::START; ABREAST];
        for window in 0..shared {
            abreast(windows, values, first.map(|start| start as usize + window), &mut chains, &mut out);
        }
        for ((start, end), mut chain) in first.iter().zip(ends).zip(chains) {
            for window in *start as usize + shared..*end as usize {
                alone(windows.rows(window, values), window, &mut chain, &mut out);
            }
        }
    }
    let first = teams.len() * ABREAST;
    for (start, end) in rest.iter().zip(&windows.offsets[first + 1..]) {
        let mut chain = Chain::START;
        for window in *start as usize..*end as usize {
            alone(windows.rows(window, values), window, &mut chain, &mut out);
        }
    }
    out
}

/// One window of each of the runs that go side by side.
#[cfg_attr(target_family = "wasm", target_feature(enable = "simd128"))]
fn abreast(windows: &Windows, values: &[f64], at: [usize; ABREAST], chains: &mut [Chain; ABREAST], out: &mut Values) {
    // Closures would keep the compiler from putting all of this into one loop.
    let rows = [
        windows.rows(at[0], values),
        windows.rows(at[1], values),
        windows.rows(at[2], values),
        windows.rows(at[3], values),
    ];
    let shared = rows[0].len().min(rows[1].len()).min(rows[2].len()).min(rows[3].len()) / BLOCK;
    let mut sides = [Side::new(chains[0]), Side::new(chains[1]), Side::new(chains[2]), Side::new(chains[3])];
    let [a, b] = [blocks(rows[0], shared), blocks(rows[1], shared)];
    let [c, d] = [blocks(rows[2], shared), blocks(rows[3], shared)];
    for (((a, b), c), d) in a.iter().zip(b).zip(c).zip(d) {
        sides[0].take(a);
        sides[1].take(b);
        sides[2].take(c);
        sides[3].take(d);
    }
    for (((rows, window), side), chain) in rows.into_iter().zip(at).zip(sides).zip(chains) {
        side.finish((rows, shared * BLOCK), window, chain, out);
    }
}

/// The first `count` blocks of `rows`.
fn blocks(rows: &[f64], count: usize) -> &[[f64; BLOCK]] {
    &rows.as_chunks::<BLOCK>().0[..count]
}

/// One window of a run.
#[cfg_attr(target_family = "wasm", target_feature(enable = "simd128"))]
fn alone(rows: &[f64], window: usize, chain: &mut Chain, out: &mut Values) {
    let mut side = Side::new(*chain);
    let blocks = rows.as_chunks::<BLOCK>().0;
    for block in blocks {
        side.take(block);
    }
    side.finish((rows, blocks.len() * BLOCK), window, chain, out);
}

/// A window's sum and counter on their way.
#[derive(Clone, Copy)]
struct Side {
    /// The sum, and the counter.
    both: Pair,
    /// The second is the value before the next one.
    last: Pair,
}

impl Side {
    #[cfg_attr(target_family = "wasm", target_feature(enable = "simd128"))]
    #[inline]
    fn new(chain: Chain) -> Self {
        Self { both: Pair::new(0.0, chain.counter), last: Pair::new(chain.previous, chain.previous) }
    }

    /// Takes a block of values.
    #[cfg_attr(target_family = "wasm", target_feature(enable = "simd128"))]
    #[inline]
    fn take(&mut self, block: &[f64; BLOCK]) {
        for pair in block.as_chunks::<2>().0 {
            self.pair(pair);
        }
    }

    /// Takes two values.
    #[cfg_attr(target_family = "wasm", target_feature(enable = "simd128"))]
    #[inline]
    fn pair(&mut self, values: &[f64; 2]) {
        let values = Pair::of(values);
        let steps = values.steps(self.last);
        self.both = self.both.plus(values.firsts(steps)).plus(values.seconds(steps));
        self.last = values;
    }

    /// Takes what is left of `rows` behind the `taken` ones, and writes everything down.
    #[cfg_attr(target_family = "wasm", target_feature(enable = "simd128"))]
    fn finish(mut self, (rows, taken): (&[f64], usize), window: usize, chain: &mut Chain, out: &mut Values) {
        let (pairs, rest) = rows[taken..].as_chunks::<2>();
        for pair in pairs {
            self.pair(pair);
        }
        for value in rest {
            let value = Pair::new(*value, *value);
            self.both = self.both.plus(value.firsts(value.steps(self.last)));
            self.last = value;
        }
        let before = mem::replace(chain, Chain { counter: self.both.second(), previous: self.last.second() });
        let mut sum = self.both.first();
        if sum.is_nan() {
            sum = nan::sum(rows);
        }
        if chain.counter.is_nan() {
            chain.counter = nan::counter(before.counter, before.previous, rows);
        }
        let (min, max) = extremes(rows);
        (out.sum[window], out.min[window]) = (sum, min);
        (out.max[window], out.counter[window]) = (max, chain.counter);
    }
}

/// The smallest and the largest value.
#[cfg_attr(target_family = "wasm", target_feature(enable = "simd128"))]
#[inline]
fn extremes(rows: &[f64]) -> (f64, f64) {
    let (mut low, mut high) = (Pair::new(f64::MAX, f64::MAX), Pair::new(f64::MIN, f64::MIN));
    let (blocks, rest) = rows.as_chunks::<BLOCK>();
    for block in blocks {
        for pair in block.as_chunks::<2>().0 {
            low = low.lower(Pair::of(pair));
            high = high.higher(Pair::of(pair));
        }
    }
    for value in rest {
        let value = Pair::new(*value, *value);
        low = low.lower(value);
        high = high.higher(value);
    }
    let (low, high) = (lower(low.first(), low.second()), higher(high.first(), high.second()));
    (first_zero(rows, low), first_zero(rows, high))
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
