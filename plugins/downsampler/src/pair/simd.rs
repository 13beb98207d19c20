//! Pairs in a register.
#![expect(unsafe_code, reason = "only so are two numbers loaded and stored at once")]

use core::arch::wasm32 as simd;

use super::places::Places;

/// Two floats.
#[derive(Clone, Copy)]
pub(crate) struct Pair(pub(super) simd::v128);

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

    /// `self`, but `other` at the places that were not chosen.
    #[target_feature(enable = "simd128")]
    #[inline]
    pub(crate) fn chosen(self, places: Places, other: Self) -> Self {
        Self(simd::v128_bitselect(self.0, other.0, places.0))
    }

    /// `self`, but `float` in the place of NaN.
    #[target_feature(enable = "simd128")]
    #[inline]
    pub(crate) fn or(self, float: f64) -> Self {
        Self(simd::v128_bitselect(self.0, simd::f64x2_splat(float), simd::f64x2_eq(self.0, self.0)))
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

/// Two of sixteen numbers.
#[target_feature(enable = "simd128")]
#[inline]
pub(super) fn whole(numbers: &[i64; 16], pair: usize) -> simd::v128 {
    let two: &[i64; 2] = &numbers.as_chunks::<2>().0[pair];
    // SAFETY: the reference is to 16 bytes that may be read, and the load asks for no alignment.
    unsafe { simd::v128_load(two.as_ptr().cast()) }
}
