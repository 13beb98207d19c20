//! Eight chunks in the lanes of registers.

use std::arch::x86_64::{
    __m512i, _CMP_UNORD_Q, _mm512_add_epi64, _mm512_and_si512, _mm512_castsi512_pd, _mm512_cmp_pd_mask,
    _mm512_cmpgt_epi64_mask, _mm512_mask_add_epi64, _mm512_mask_and_epi64, _mm512_mask_blend_epi64,
    _mm512_mask_cmpeq_epu64_mask, _mm512_mask_cmpge_epu64_mask, _mm512_mask_cmpgt_epu64_mask, _mm512_mask_sub_epi64,
    _mm512_mask_xor_epi64, _mm512_movepi64_mask, _mm512_or_si512, _mm512_permutex2var_epi64, _mm512_set1_epi64,
    _mm512_setr_epi64, _mm512_setzero_si512, _mm512_shldv_epi64, _mm512_sllv_epi64, _mm512_srav_epi64,
    _mm512_srli_epi64, _mm512_srlv_epi64, _mm512_sub_epi64,
};

use super::{numbers, seen::Seen};
use crate::chunk::xor::columns::{
    State, Value,
    lane::{LANES, Lane, OPENED},
};

/// What goes from sample to sample, as in [`State`] and [`Value`].
#[derive(Clone, Copy)]
pub(super) struct Group {
    at: __m512i,
    pub(super) time: __m512i,
    delta: __m512i,
    pub(super) bits: __m512i,
    /// Bits of a difference that are not stored: 64 without the width.
    above: __m512i,
    trail: __m512i,
    /// Rows that are not written yet; 0 or less if the chunk is at its end.
    left: __m512i,
    /// All bits of all steps in time.
    steps: __m512i,
    /// Lanes with a NaN.
    nan: u8,
    /// Rows that are written.
    done: usize,
}

impl Group {
    /// Up to where eight chunks or fewer are read.
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vbmi2")]
    pub(super) fn of(lanes: &[Lane<'_>]) -> Self {
        let all = |of: fn(&Lane<'_>) -> u64| {
            let numbers: [u64; LANES] = std::array::from_fn(|lane| lanes.get(lane).map_or(0, of));
            let [a, b, c, d, e, f, g, h] = numbers.map(u64::cast_signed);
            _mm512_setr_epi64(a, b, c, d, e, f, g, h)
        };
        Self {
            at: all(|lane| lane.state.at as u64),
            time: all(|lane| lane.state.timestamp.cast_unsigned()),
            delta: all(|lane| lane.state.delta),
            bits: all(|lane| lane.state.value.bits),
            above: all(|lane| u64::from(64 - lane.state.value.width)),
            trail: all(|lane| u64::from(lane.state.value.trail)),
            left: all(|lane| lane.times.len().min(lane.values.len()).saturating_sub(OPENED) as u64),
            steps: _mm512_setzero_si512(),
            nan: 0,
            done: OPENED,
        }
    }

    /// Reads a sample in each lane in which some are left. `false` if one of them is none, or too near the end of the data:
    /// then all is as before.
    ///
    /// Who calls from two places gives each its number: what is called once becomes part of the caller, and its registers
    /// stay where they are.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vbmi2")]
    pub(super) fn step<const PLACE: u8>(mut self, data: &[u8]) -> (Self, bool) {
        let (all, none) = (|number: i64| _mm512_set1_epi64(number), _mm512_setzero_si512());
        let Self { mut at, mut delta, bits, above, trail, .. } = self;
        let active = _mm512_cmpgt_epi64_mask(self.left, none);
        let mut seen = Seen::at(data, at);
        let mut index = _mm512_srli_epi64::<60>(seen.head);
        let wide = _mm512_mask_cmpeq_epu64_mask(active, index, all(0b1111));
        if wide != 0 {
            // 64 bits of a change, behind which the value stands as it does behind a zero: the last of them is taken for it.
            let change = _mm512_shldv_epi64(seen.high, seen.low, _mm512_add_epi64(seen.bit, all(4)));
            delta = _mm512_mask_add_epi64(delta, wide, delta, change);
            at = _mm512_mask_add_epi64(at, wide, at, all(4 + 63));
            let behind = seen.behind;
            seen = Seen::at(data, at);
            seen.behind |= behind;
            index = _mm512_mask_blend_epi64(wide, _mm512_srli_epi64::<60>(seen.head), none);
        }
        let Seen { high, low, bit, head, behind } = seen;

        // By the first four bits, from 1000 on: how many say what becomes of the rhythm. Below it is one.
        let rhythm = _mm512_setr_epi64(16, 16, 16, 16, 20, 20, 24, 0);
        let rhythm = _mm512_permutex2var_epi64(all(1), index, rhythm);
        let rest = _mm512_sllv_epi64(head, rhythm);
        let changes = _mm512_movepi64_mask(rest);
        let tells = _mm512_mask_cmpge_epu64_mask(active, rest, all(0b11 << 62));
        // The width is in the low six bits, and 0 stands for 64.
        let told = _mm512_sub_epi64(none, _mm512_srli_epi64::<51>(rest));
        let above = _mm512_mask_and_epi64(above, tells, told, all(63));
        let lead = _mm512_and_si512(_mm512_srli_epi64::<57>(rest), all(31));
        if behind & active | _mm512_mask_cmpgt_epu64_mask(tells, lead, above) != 0 {
            return (self, false);
        }
        let trail = _mm512_mask_sub_epi64(trail, tells, above, lead);
        let control = _mm512_mask_blend_epi64(tells, all(2), all(2 + 11));
        let before = _mm512_add_epi64(_mm512_add_epi64(bit, rhythm), control);
        let field = _mm512_srlv_epi64(_mm512_shldv_epi64(high, low, before), above);
        self.bits = _mm512_mask_xor_epi64(bits, changes, bits, _mm512_sllv_epi64(field, trail));
        let value = _mm512_castsi512_pd(self.bits);
        self.nan |= active & _mm512_cmp_pd_mask::<_CMP_UNORD_Q>(value, value);
        let most = _mm512_mask_blend_epi64(tells, all(2 + 64), all(2 + 11 + 64));
        let length = _mm512_mask_sub_epi64(all(1), changes, most, above);
        self.at = _mm512_mask_add_epi64(at, active, _mm512_add_epi64(at, rhythm), length);
        (self.above, self.trail) = (above, trail);

        // Ones in front of a change, zeros that are shifted in behind it, and its lowest bit: as one less it is extended
        // like any signed number, and the highest pattern but for the sign is positive.
        let ones = _mm512_permutex2var_epi64(none, index, _mm512_setr_epi64(2, 2, 2, 2, 3, 3, 4, 0));
        let below = _mm512_permutex2var_epi64(none, index, _mm512_setr_epi64(50, 50, 50, 50, 47, 47, 44, 0));
        let [of_14, of_17, of_20] = [1 << 50, 1 << 47, 1 << 44];
        let lowest = _mm512_setr_epi64(of_14, of_14, of_14, of_14, of_17, of_17, of_20, 0);
        let lowest = _mm512_permutex2var_epi64(none, index, lowest);
        let change = _mm512_srav_epi64(_mm512_sub_epi64(_mm512_sllv_epi64(head, ones), lowest), below);
        let changed = _mm512_mask_cmpge_epu64_mask(active, index, all(0b1000));
        self.delta = _mm512_mask_add_epi64(delta, changed, _mm512_add_epi64(delta, all(1)), change);
        self.time = _mm512_add_epi64(self.time, self.delta);
        self.steps = _mm512_or_si512(self.steps, self.delta);
        self.left = _mm512_sub_epi64(self.left, all(1));
        self.done += 1;
        (self, true)
    }

    /// Writes up to where the chunks are read.
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vbmi2")]
    pub(super) fn tell(self, lanes: &mut [Lane<'_>]) {
        let (at, time, delta, bits) = (numbers(self.at), numbers(self.time), numbers(self.delta), numbers(self.bits));
        let (above, trail, steps) = (numbers(self.above), numbers(self.trail), numbers(self.steps));
        let states = at.into_iter().zip(time).zip(delta).zip(bits).zip(above).zip(trail).zip(steps);
        for (number, (lane, state)) in lanes.iter_mut().zip(states).enumerate() {
            let ((((((at, time), delta), bits), above), trail), steps) = state;
            #[expect(
                clippy::cast_possible_truncation,
                reason = "widths are at most 64, positions inside of what is in memory"
            )]
            let (at, width, trail) = (at as usize, 64 - above as u32, trail as u32);
            let rises = lane.state.rises & (steps < 1 << 46);
            let value = Value { bits, width, trail };
            lane.state = State { at, timestamp: time.cast_signed(), delta, value, rises };
            lane.nan |= self.nan >> number & 1 == 1;
            lane.done = self.done.min(lane.times.len()).min(lane.values.len());
        }
    }
}
