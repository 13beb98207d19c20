//! Pairs in a register.
#![expect(unsafe_code, reason = "only so are two numbers loaded and stored at once")]

use core::arch::wasm32 as simd;

/// Two floats.
#[derive(Clone, Copy)]
pub(crate) struct Pair(simd::v128);

impl Pair {
    #[target_feature(enable = "simd128")]
    #[inline]
    pub(crate) fn new(first: f64, second: f64) -> Self {
        Self(simd::f64x2(first, second))
    }

    #[target_feature(enable = "simd128")]
    #[inline]
    pub(crate) fn both(float: f64) -> Self {
        Self(simd::f64x2_splat(float))
    }

    #[target_feature(enable = "simd128")]
    #[inline]
    pub(crate) fn of(floats: &[f64; 2]) -> Self {
        // SAFETY: the reference is to 16 bytes that may be read, and the load asks for no alignment.
        Self(unsafe { simd::v128_load(floats.as_ptr().cast()) })
    }

    #[target_feature(enable = "simd128")]
    #[inline]
    pub(crate) fn put(self, floats: &mut [f64; 2]) {
        // SAFETY: the reference is to 16 bytes that may be written, and the store asks for no alignment.
        unsafe { simd::v128_store(floats.as_mut_ptr().cast(), self.0) }
    }

    #[target_feature(enable = "simd128")]
    #[inline]
    pub(crate) fn first(self) -> f64 {
        simd::f64x2_extract_lane::<0>(self.0)
    }

    #[target_feature(enable = "simd128")]
    #[inline]
    pub(crate) fn second(self) -> f64 {
        simd::f64x2_extract_lane::<1>(self.0)
    }

    /// Place by place, `other` where it is lower, else `self`.
    #[target_feature(enable = "simd128")]
    #[inline]
    pub(crate) fn lower(self, other: Self) -> Self {
        Self(simd::f64x2_pmin(self.0, other.0))
    }

    /// Place by place, `other` where it is higher, else `self`.
    #[target_feature(enable = "simd128")]
    #[inline]
    pub(crate) fn higher(self, other: Self) -> Self {
        Self(simd::f64x2_pmax(self.0, other.0))
    }

    #[target_feature(enable = "simd128")]
    #[inline]
    pub(crate) fn plus(self, other: Self) -> Self {
        Self(simd::f64x2_add(self.0, other.0))
    }

    /// The first of `self` and the first of `other`.
    #[target_feature(enable = "simd128")]
    #[inline]
    pub(crate) fn firsts(self, other: Self) -> Self {
        Self(simd::i64x2_shuffle::<0, 2>(self.0, other.0))
    }

    /// The second of `self` and the second of `other`.
    #[target_feature(enable = "simd128")]
    #[inline]
    pub(crate) fn seconds(self, other: Self) -> Self {
        Self(simd::i64x2_shuffle::<1, 3>(self.0, other.0))
    }

    /// Place by place what `self` adds to a counter: the value itself after a drop, else the difference to `before`.
    #[target_feature(enable = "simd128")]
    #[inline]
    pub(crate) fn step(self, before: Self) -> Self {
        let dropped = simd::f64x2_lt(self.0, before.0);
        // Subtracting +0 leaves every float as it is, -0 too.
        Self(simd::f64x2_sub(self.0, simd::v128_andnot(before.0, dropped)))
    }

    #[target_feature(enable = "simd128")]
    #[inline]
    pub(crate) fn minus(self, other: Self) -> Self {
        Self(simd::f64x2_sub(self.0, other.0))
    }

    /// Whether one is below the one in its place of `other`.
    #[target_feature(enable = "simd128")]
    #[inline]
    pub(crate) fn any_below(self, other: Self) -> bool {
        simd::v128_any_true(simd::f64x2_lt(self.0, other.0))
    }

    /// `self`, but `before` where that is NaN already.
    #[target_feature(enable = "simd128")]
    #[inline]
    pub(crate) fn unless_nan(self, before: Self) -> Self {
        Self(simd::v128_bitselect(before.0, self.0, simd::f64x2_ne(before.0, before.0)))
    }

    /// Whether one is NaN where `before` is not.
    #[target_feature(enable = "simd128")]
    #[inline]
    pub(crate) fn became_nan(self, before: Self) -> bool {
        simd::v128_any_true(simd::v128_and(simd::f64x2_ne(self.0, self.0), simd::f64x2_eq(before.0, before.0)))
    }

    /// Whether one of them is.
    #[target_feature(enable = "simd128")]
    #[inline]
    pub(crate) fn has_nan(self) -> bool {
        simd::v128_any_true(simd::f64x2_ne(self.0, self.0))
    }
}

/// Whether a number of `a` is above the one in its place of `b`.
#[target_feature(enable = "simd128")]
#[inline]
pub(crate) fn any_above(a: &[i64; 16], b: &[i64; 16]) -> bool {
    // SAFETY: 16 bytes from an even place below 16 on are inside of the array, and the load asks for no alignment.
    let load = |numbers: &[i64; 16], place: usize| unsafe { simd::v128_load(numbers.as_ptr().add(place).cast()) };
    let above = |place| simd::i64x2_gt(load(a, place), load(b, place));
    // Spelled out: the compiler, asked for small code, would make a loop of a loop.
    let first = simd::v128_or(simd::v128_or(above(0), above(2)), simd::v128_or(above(4), above(6)));
    let second = simd::v128_or(simd::v128_or(above(8), above(10)), simd::v128_or(above(12), above(14)));
    simd::v128_any_true(simd::v128_or(first, second))
}
