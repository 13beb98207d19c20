//! Sixteen numbers compared at once: one branch for all of them.

use core::arch::wasm32 as simd;

use super::simd::{Pair, whole};

/// Whether a number of `a` is not the one in its place of `b`.
#[target_feature(enable = "simd128")]
#[inline]
pub(crate) fn any_differs(a: &[i64; 16], b: &[i64; 16]) -> bool {
    any(|pair| simd::v128_xor(whole(a, pair), whole(b, pair)))
}

/// Whether a number of `a` is below the one in its place of `b`.
#[target_feature(enable = "simd128")]
#[inline]
pub(crate) fn any_below(a: &[f64; 16], b: &[f64; 16]) -> bool {
    let (a, b) = (a.as_chunks::<2>().0, b.as_chunks::<2>().0);
    any(|pair| simd::f64x2_lt(Pair::of(&a[pair]).0, Pair::of(&b[pair]).0))
}

/// Whether one of the numbers is NaN.
#[target_feature(enable = "simd128")]
#[inline]
pub(crate) fn any_nan(numbers: &[f64; 16]) -> bool {
    let numbers = numbers.as_chunks::<2>().0;
    any(|pair| simd::f64x2_ne(Pair::of(&numbers[pair]).0, Pair::of(&numbers[pair]).0))
}

/// Whether one of eight has a bit set.
#[target_feature(enable = "simd128")]
#[inline]
fn any(of: impl Fn(usize) -> simd::v128) -> bool {
    let first = simd::v128_or(simd::v128_or(of(0), of(1)), simd::v128_or(of(2), of(3)));
    let second = simd::v128_or(simd::v128_or(of(4), of(5)), simd::v128_or(of(6), of(7)));
    simd::v128_any_true(simd::v128_or(first, second))
}
