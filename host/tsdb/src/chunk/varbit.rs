//! Integers in eight sizes: small ones take few bits.
//!
//! Source: Prometheus `tsdb/chunkenc/varbit.go`. Beside them the byte-wise variable-length integers of Go's
//! `encoding/binary`, put into the bit stream byte by byte.

use super::ChunkError;
use super::bits::{BitReader, BitWriter};

/// Payload bits by number of ones in the prefix, 1 to 7; no ones mean 0, eight ones a full 64-bit payload.
const PAYLOADS: [u32; 7] = [3, 6, 9, 12, 18, 25, 56];

/// Payload bits by number of ones, a byte each from the lowest, where prefix and payload are visible together.
const SHORT_PAYLOADS: u64 = u64::from_le_bytes([0, 3, 6, 9, 12, 18, 25, 0]);

/// Whether `value` fits a payload of `bits`, which holds `-(2^(bits-1) - 1)` to `2^(bits-1)`.
#[inline(always)]
pub(crate) fn fits(value: i64, bits: u32) -> bool {
    let half = 1_i64 << (bits - 1);
    -half < value && value <= half
}

/// Undoes the cutting of a signed number to `bits` bits: only patterns above `2^(bits-1)` are negative.
#[inline(always)]
pub(crate) fn extend(pattern: u64, bits: u32) -> i64 {
    let negative = pattern > (1 << bits) >> 1;
    pattern.wrapping_sub(u64::from(negative) << bits).cast_signed()
}

/// The low `bits` bits of `value` behind a prefix of `ones` ones and a zero.
#[inline]
fn put_class(out: &mut BitWriter, ones: u32, value: u64, bits: u32) {
    let prefix = (1 << (ones + 1)) - 2;
    let payload = value & (u64::MAX >> (64 - bits));
    // The largest class fills a 64-bit word exactly.
    out.put(prefix << bits | payload, ones + 1 + bits);
}

/// Appends a signed integer.
#[inline]
pub(crate) fn put_signed(out: &mut BitWriter, value: i64) {
    if value == 0 {
        return out.put(0, 1);
    }
    for (ones, bits) in (1..).zip(PAYLOADS) {
        if fits(value, bits) {
            return put_class(out, ones, value.cast_unsigned(), bits);
        }
    }
    out.put(0xff, 8);
    out.put(value.cast_unsigned(), 64);
}

/// Appends an unsigned integer.
#[inline]
pub(crate) fn put_unsigned(out: &mut BitWriter, value: u64) {
    if value == 0 {
        return out.put(0, 1);
    }
    for (ones, bits) in (1..).zip(PAYLOADS) {
        if value >> bits == 0 {
            return put_class(out, ones, value, bits);
        }
    }
    out.put(0xff, 8);
    out.put(value, 64);
}

/// Reads a signed integer.
#[inline(always)]
pub(crate) fn signed(bits: &mut BitReader<'_>) -> i64 {
    let (pattern, width) = pattern(bits);
    if width == 64 { pattern.cast_signed() } else { extend(pattern, width) }
}

/// Reads an unsigned integer.
#[inline(always)]
pub(crate) fn unsigned(bits: &mut BitReader<'_>) -> u64 {
    pattern(bits).0
}

/// The payload and its width.
#[inline(always)]
fn pattern(bits: &mut BitReader<'_>) -> (u64, u32) {
    // Seven ones, a zero and 25 bits are the most that the short classes take.
    bits.need(33);
    let ones = (!bits.window()).leading_zeros();
    if ones > 6 {
        bits.skip(8);
        let width = if ones == 7 { 56 } else { 64 };
        return (bits.take_wide(width), width);
    }
    // Most numbers are 0 or in the first class; which of them comes is hard to foretell, so these are no branches.
    let width = if ones < 2 { 3 * ones } else { (SHORT_PAYLOADS >> (8 * ones) & 0xff) as u32 };
    let pattern = bits.window() << (ones + 1) >> 1 >> (63 - width);
    bits.skip(ones + 1 + width);
    (pattern, width)
}

/// Appends the bytes of an unsigned variable-length integer, seven bits a byte, lowest first.
pub(crate) fn put_uvarint(out: &mut BitWriter, mut value: u64) {
    while value >= 0x80 {
        out.put(value & 0x7f | 0x80, 8);
        value >>= 7;
    }
    out.put(value, 8);
}

/// Appends a signed variable-length integer, the sign in the lowest bit.
pub(crate) fn put_varint(out: &mut BitWriter, value: i64) {
    put_uvarint(out, (value << 1 ^ value >> 63).cast_unsigned());
}

/// Reads an unsigned variable-length integer.
pub(crate) fn uvarint(bits: &mut BitReader<'_>) -> Result<u64, ChunkError> {
    let mut value = 0;
    for shift in (0..70).step_by(7) {
        let byte = bits.take(8);
        if shift == 63 && byte > 1 {
            break;
        }
        value |= (byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err(ChunkError::VarintOverflow { bit: bits.position() })
}

/// Reads a signed variable-length integer.
pub(crate) fn varint(bits: &mut BitReader<'_>) -> Result<i64, ChunkError> {
    let zigzag = uvarint(bits)?;
    Ok((zigzag >> 1).cast_signed() ^ -(zigzag & 1).cast_signed())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(put: impl FnOnce(&mut BitWriter)) -> Vec<u8> {
        let mut out = BitWriter::new([]);
        put(&mut out);
        out.finish()
    }

    /// Numbers of every size, both sides of every border.
    fn numbers() -> impl Strategy<Value = i64> {
        prop_oneof![
            any::<i64>(),
            (any::<i64>(), 0_u32..64).prop_map(|(number, shift)| number >> shift),
            (0_u32..64, -2_i64..3, any::<bool>()).prop_map(|(bit, off, negative)| {
                let border = (1_u64 << bit).cast_signed().wrapping_add(off);
                if negative { border.wrapping_neg() } else { border }
            }),
        ]
    }

    proptest! {
        #[test]
        fn integers_survive(number in numbers(), before in 1_u32..64) {
            let bytes = written(|out| {
                out.put(0, before);
                put_signed(out, number);
                put_unsigned(out, number.cast_unsigned());
                put_varint(out, number);
                put_uvarint(out, number.cast_unsigned());
            });
            let mut bits = BitReader::new(&bytes, 0);
            bits.take_wide(before);
            prop_assert_eq!(signed(&mut bits), number);
            prop_assert_eq!(unsigned(&mut bits), number.cast_unsigned());
            prop_assert_eq!(varint(&mut bits), Ok(number));
            prop_assert_eq!(uvarint(&mut bits), Ok(number.cast_unsigned()));
            prop_assert!(!bits.overrun());
            prop_assert!(bits.remaining() < 8);
        }
    }

    #[test]
    fn each_class_ends_where_the_format_says() {
        let sizes = |put: &dyn Fn(&mut BitWriter)| written(|out| put(out)).len();
        for (number, bits) in [(4, 5), (32, 9), (256, 13), (2048, 17), (131_072, 24), (16_777_216, 32), (1 << 55, 64)] {
            for (number, length) in [(number, bits), (1 - number, bits), (number + 1, bits + 1), (-number, bits + 1)] {
                let length: usize = length;
                assert!(sizes(&|out| put_signed(out, number)) >= length.div_ceil(8), "{number}");
            }
            assert_eq!(sizes(&|out| put_signed(out, number)), usize::div_ceil(bits, 8), "{number}");
            assert_eq!(sizes(&|out| put_signed(out, 1 - number)), usize::div_ceil(bits, 8), "{number}");
        }
        assert_eq!(sizes(&|out| put_signed(out, (1 << 55) + 1)), 9);
        assert_eq!(sizes(&|out| put_signed(out, -(1 << 55))), 9);
    }

    #[test]
    fn a_pattern_with_only_the_top_bit_is_positive() {
        assert_eq!(extend(0b100, 3), 4);
        assert_eq!(extend(0b101, 3), -3);
    }

    #[test]
    fn a_tenth_byte_above_one_overflows() {
        let mut bytes = [0xff; 10];
        bytes[9] = 1;
        assert_eq!(uvarint(&mut BitReader::new(&bytes, 0)), Ok(u64::MAX));
        bytes[9] = 2;
        assert_eq!(uvarint(&mut BitReader::new(&bytes, 0)), Err(ChunkError::VarintOverflow { bit: 80 }));
        assert!(uvarint(&mut BitReader::new(&[0x80; 11], 0)).is_err());
    }

    #[test]
    fn longer_forms_than_needed_are_read() {
        assert_eq!(uvarint(&mut BitReader::new(&[0x80, 0], 0)), Ok(0));
    }
}
