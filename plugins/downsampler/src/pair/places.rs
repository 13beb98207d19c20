//! Which of two places are meant.

use core::arch::wasm32 as simd;

/// Some of two places.
#[derive(Clone, Copy)]
pub(crate) struct Places(pub(super) simd::v128);

impl Places {
    #[target_feature(enable = "simd128")]
    #[inline]
    pub(crate) fn new(first: bool, second: bool) -> Self {
        Self(simd::i64x2(-i64::from(first), -i64::from(second)))
    }
}
