//! What is seen of the data in each lane.
#![expect(unsafe_code, reason = "loads of eight places at once take addresses; each is compared with the end before")]

use std::arch::x86_64::{
    __m512i, _MM_HINT_T0, _mm_prefetch, _mm512_and_si512, _mm512_cmpgt_epu64_mask, _mm512_i64gather_epi64,
    _mm512_min_epu64, _mm512_set1_epi64, _mm512_setr_epi64, _mm512_shldv_epi64, _mm512_shuffle_epi8, _mm512_srli_epi64,
};

/// Bytes that are looked at in each lane. There must be so many.
pub(super) const SIGHT: usize = 16;

/// What is seen from some bit on.
#[derive(Clone, Copy)]
pub(super) struct Seen {
    /// Sixteen bytes in two words, and the bit in the first.
    pub(super) high: __m512i,
    pub(super) low: __m512i,
    pub(super) bit: __m512i,
    /// 64 bits from that bit on.
    pub(super) head: __m512i,
    /// Lanes that are too near the end of the data, in which anything may be seen.
    pub(super) behind: u8,
}

impl Seen {
    /// From these bits on.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vbmi2")]
    pub(super) fn at(data: &[u8], at: __m512i) -> Self {
        let byte = _mm512_srli_epi64::<3>(at);
        let bit = _mm512_and_si512(at, _mm512_set1_epi64(7));
        let last = data.len().checked_sub(SIGHT).expect("who calls has compared it");
        let last = _mm512_set1_epi64((last as u64).cast_signed());
        let behind = _mm512_cmpgt_epu64_mask(byte, last);
        let byte = if behind == 0 { byte } else { _mm512_min_epu64(byte, last) };
        // SAFETY: no lane is above `last`, from which on the data has both words.
        let (high, low) = unsafe {
            let data = data.as_ptr();
            (_mm512_i64gather_epi64::<1>(byte, data.cast()), _mm512_i64gather_epi64::<1>(byte, data.add(8).cast()))
        };
        let (first, second) = (0x0001_0203_0405_0607, 0x0809_0a0b_0c0d_0e0f);
        let swap = _mm512_setr_epi64(first, second, first, second, first, second, first, second);
        let (high, low) = (_mm512_shuffle_epi8(high, swap), _mm512_shuffle_epi8(low, swap));
        Self { high, low, bit, head: _mm512_shldv_epi64(high, low, bit), behind }
    }
}

/// Says that the byte will be needed, if there is one.
#[inline(always)]
pub(super) fn soon(data: &[u8], at: usize) {
    if let Some(byte) = data.get(at) {
        // SAFETY: nothing is read, and the byte is there.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(byte).cast()) }
    }
}
