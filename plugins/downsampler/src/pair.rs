//! Two floats side by side: one register where the target has such. The same operations, bit for bit, everywhere.
#![cfg_attr(target_family = "wasm", expect(unsafe_code, reason = "only so are two floats loaded at once"))]

#[cfg(target_family = "wasm")]
use core::arch::wasm32 as simd;

/// Two floats.
#[derive(Clone, Copy)]
#[cfg(target_family = "wasm")]
pub(crate) struct Pair(simd::v128);

#[cfg(target_family = "wasm")]
impl Pair {
    #[target_feature(enable = "simd128")]
    pub(crate) fn new(first: f64, second: f64) -> Self {
        Self(simd::f64x2(first, second))
    }

    #[target_feature(enable = "simd128")]
    pub(crate) fn of(floats: &[f64; 2]) -> Self {
        // SAFETY: the reference is to 16 bytes that may be read, and the load asks for no alignment.
        Self(unsafe { simd::v128_load(floats.as_ptr().cast()) })
    }

    #[target_feature(enable = "simd128")]
    pub(crate) fn first(self) -> f64 {
        simd::f64x2_extract_lane::<0>(self.0)
    }

    #[target_feature(enable = "simd128")]
    pub(crate) fn second(self) -> f64 {
        simd::f64x2_extract_lane::<1>(self.0)
    }

    /// Place by place, `other` where it is lower, else `self`.
    #[target_feature(enable = "simd128")]
    pub(crate) fn lower(self, other: Self) -> Self {
        Self(simd::f64x2_pmin(self.0, other.0))
    }

    /// Place by place, `other` where it is higher, else `self`.
    #[target_feature(enable = "simd128")]
    pub(crate) fn higher(self, other: Self) -> Self {
        Self(simd::f64x2_pmax(self.0, other.0))
    }

    #[target_feature(enable = "simd128")]
    pub(crate) fn plus(self, other: Self) -> Self {
        Self(simd::f64x2_add(self.0, other.0))
    }

    /// The first of `self` and the first of `other`.
    #[target_feature(enable = "simd128")]
    pub(crate) fn firsts(self, other: Self) -> Self {
        Self(simd::i64x2_shuffle::<0, 2>(self.0, other.0))
    }

    /// The second of `self` and the second of `other`.
    #[target_feature(enable = "simd128")]
    pub(crate) fn seconds(self, other: Self) -> Self {
        Self(simd::i64x2_shuffle::<1, 3>(self.0, other.0))
    }

    /// What `self` adds to a counter: the value itself after a drop, else the difference to the value before it. The value
    /// before the first one is the second of `before`.
    #[target_feature(enable = "simd128")]
    pub(crate) fn steps(self, before: Self) -> Self {
        let before = simd::i64x2_shuffle::<1, 2>(before.0, self.0);
        let dropped = simd::f64x2_lt(self.0, before);
        // Subtracting +0 leaves every float as it is, -0 too.
        Self(simd::f64x2_sub(self.0, simd::v128_andnot(before, dropped)))
    }
}

/// Two floats.
#[derive(Clone, Copy)]
#[cfg(not(target_family = "wasm"))]
pub(crate) struct Pair(f64, f64);

#[cfg(not(target_family = "wasm"))]
impl Pair {
    pub(crate) fn new(first: f64, second: f64) -> Self {
        Self(first, second)
    }

    pub(crate) fn of(floats: &[f64; 2]) -> Self {
        Self(floats[0], floats[1])
    }

    pub(crate) fn first(self) -> f64 {
        self.0
    }

    pub(crate) fn second(self) -> f64 {
        self.1
    }

    /// Place by place, `other` where it is lower, else `self`.
    pub(crate) fn lower(self, other: Self) -> Self {
        let lower = |a: f64, b: f64| if b < a { b } else { a };
        Self(lower(self.0, other.0), lower(self.1, other.1))
    }

    /// Place by place, `other` where it is higher, else `self`.
    pub(crate) fn higher(self, other: Self) -> Self {
        let higher = |a: f64, b: f64| if a < b { b } else { a };
        Self(higher(self.0, other.0), higher(self.1, other.1))
    }

    pub(crate) fn plus(self, other: Self) -> Self {
        Self(self.0 + other.0, self.1 + other.1)
    }

    /// The first of `self` and the first of `other`.
    pub(crate) fn firsts(self, other: Self) -> Self {
        Self(self.0, other.0)
    }

    /// The second of `self` and the second of `other`.
    pub(crate) fn seconds(self, other: Self) -> Self {
        Self(self.1, other.1)
    }

    /// What `self` adds to a counter: the value itself after a drop, else the difference to the value before it. The value
    /// before the first one is the second of `before`.
    pub(crate) fn steps(self, before: Self) -> Self {
        let step = |value: f64, before: f64| value - if value < before { 0.0 } else { before };
        Self(step(self.0, before.1), step(self.1, self.0))
    }
}
