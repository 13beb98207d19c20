//! Registers of eight numbers as arrays, and eight of them the other way round.
#![expect(unsafe_code, reason = "there is no other way from a register to an array in one move")]

use std::arch::x86_64::{__m512i, _mm512_shuffle_i64x2, _mm512_unpackhi_epi64, _mm512_unpacklo_epi64};

/// What is in a register.
#[inline(always)]
pub(super) fn numbers(register: __m512i) -> [u64; 8] {
    // SAFETY: both have 512 bits, any of which are good.
    unsafe { std::mem::transmute(register) }
}

/// The first numbers of all registers, then the second ones, and so on.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn turned(rows: [__m512i; 8]) -> [__m512i; 8] {
    let [a, b, c, d, e, f, g, h] = rows;
    // Of two rows, numbers 0, 2, 4, 6 in pairs, and the others.
    let pairs = |x, y| (_mm512_unpacklo_epi64(x, y), _mm512_unpackhi_epi64(x, y));
    let ((ab0, ab1), (cd0, cd1), (ef0, ef1), (gh0, gh1)) = (pairs(a, b), pairs(c, d), pairs(e, f), pairs(g, h));
    // First and third pair of both, second and fourth.
    let fours = |x, y| (_mm512_shuffle_i64x2::<0b10_00_10_00>(x, y), _mm512_shuffle_i64x2::<0b11_01_11_01>(x, y));
    let ((top0, top2), (top1, top3)) = (fours(ab0, cd0), fours(ab1, cd1));
    let ((low0, low2), (low1, low3)) = (fours(ef0, gh0), fours(ef1, gh1));
    let ((of0, of4), (of1, of5)) = (fours(top0, low0), fours(top1, low1));
    let ((of2, of6), (of3, of7)) = (fours(top2, low2), fours(top3, low3));
    [of0, of1, of2, of3, of4, of5, of6, of7]
}
