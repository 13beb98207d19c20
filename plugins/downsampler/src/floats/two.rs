//! Two runs side by side.

use crate::{
    nan,
    pair::{Pair, Places},
};

/// How many rows of each are taken at once.
pub(super) const BLOCK: usize = 4;

/// Two runs in one window.
#[derive(Clone, Copy)]
pub(super) struct Two {
    pub(super) sum: Pair,
    pub(super) min: Pair,
    pub(super) max: Pair,
    pub(super) counter: Pair,
    /// The values before the next ones.
    pub(super) last: Pair,
}

impl Two {
    /// Before the first value of a run. With -0 and +0 the first step is no exception: it makes the counter that value, -0 too.
    #[cfg_attr(target_family = "wasm", target_feature(enable = "simd128"))]
    #[inline]
    pub(super) fn start() -> Self {
        Self { counter: Pair::both(-0.0), last: Pair::both(0.0), ..Self::window(Pair::both(0.0), Pair::both(0.0)) }
    }

    /// Before the first value of a window.
    #[cfg_attr(target_family = "wasm", target_feature(enable = "simd128"))]
    #[inline]
    pub(super) fn window(counter: Pair, last: Pair) -> Self {
        Self { sum: Pair::both(0.0), min: Pair::both(f64::MAX), max: Pair::both(f64::MIN), counter, last }
    }

    /// Takes the next value of both. Zeros are not told apart by comparisons, so the first one of a window stays.
    #[cfg_attr(target_family = "wasm", target_feature(enable = "simd128"))]
    #[inline]
    pub(super) fn take(&mut self, values: Pair) {
        self.sum = self.sum.plus(values);
        self.min = self.min.lower(values);
        self.max = self.max.higher(values);
        self.counter = self.counter.plus(values.step(self.last));
        self.last = values;
    }

    /// Takes the next value at some of the two places; at another, `values` has the one that was taken last.
    #[cfg_attr(target_family = "wasm", target_feature(enable = "simd128"))]
    #[inline]
    pub(super) fn take_some(&mut self, values: Pair, places: Places) {
        let before = *self;
        self.take(values);
        self.sum = self.sum.chosen(places, before.sum);
        self.counter = self.counter.chosen(places, before.counter);
    }

    /// Which of the two has a NaN.
    #[cfg_attr(target_family = "wasm", target_feature(enable = "simd128"))]
    pub(super) fn nans(self) -> [bool; 2] {
        let one = |sum: f64, counter: f64| sum.is_nan() || counter.is_nan();
        [one(self.sum.first(), self.counter.first()), one(self.sum.second(), self.counter.second())]
    }

    /// Every NaN gets the bits of one that infinities left behind.
    #[cfg_attr(target_family = "wasm", target_feature(enable = "simd128"))]
    #[inline]
    pub(super) fn infinities(self) -> Self {
        Self { sum: self.sum.or(nan::OF_INFINITIES), counter: self.counter.or(nan::OF_INFINITIES), ..self }
    }

    /// Takes the next values of one and of the other.
    #[cfg_attr(target_family = "wasm", target_feature(enable = "simd128"))]
    #[inline]
    pub(super) fn block(&mut self, a: &[f64; BLOCK], b: &[f64; BLOCK]) {
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

    /// Four runs, each of them twice.
    #[cfg_attr(target_family = "wasm", target_feature(enable = "simd128"))]
    pub(super) fn parted([left, right]: [Self; 2]) -> [Self; 4] {
        [left.one(false), left.one(true), right.one(false), right.one(true)]
    }

    /// The firsts of four, two and two.
    #[cfg_attr(target_family = "wasm", target_feature(enable = "simd128"))]
    pub(super) fn joined([a, b, c, d]: [Self; 4]) -> [Self; 2] {
        let joined = |a: Self, b: Self| Self {
            sum: a.sum.firsts(b.sum),
            min: a.min.firsts(b.min),
            max: a.max.firsts(b.max),
            counter: a.counter.firsts(b.counter),
            last: a.last.firsts(b.last),
        };
        [joined(a, b), joined(c, d)]
    }
}
