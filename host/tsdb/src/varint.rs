//! Variable-length integers: groups of seven bits, least significant first.
//!
//! ```text
//! 0 -> 00    127 -> 7f    128 -> 80 01    15000 -> 98 75        (uvarint)
//! 0 -> 00    1 -> 02      -1 -> 01        15000 -> b0 ea 01     (varint: zigzag, then uvarint)
//! ```
//!
//! Source: `tsdb-format.md` 0.3; Prometheus tsdb/encoding/encoding.go.

use crate::Damage;

/// The longest form of 64 bits.
pub const MAX_BYTES: usize = 10;

/// Appends the shortest form of `value`.
#[inline]
pub fn put_uvarint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push((value & 0x7f) as u8);
}

/// Appends the shortest form of the zigzag of `value`.
#[inline]
pub fn put_varint(out: &mut Vec<u8>, value: i64) {
    put_uvarint(out, ((value << 1) ^ (value >> 63)).cast_unsigned());
}

/// How many bytes [`put_uvarint`] appends.
#[must_use]
pub fn uvarint_len(value: u64) -> usize {
    let bits = 64 - (value | 1).leading_zeros();
    bits.div_ceil(7) as usize
}

/// Takes fields off the front of a slice, checking every length against what is left.
#[derive(Clone, Copy, Debug)]
pub struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    /// All of `bytes` is to be taken.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// What was not taken yet.
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next uvarint. Forms that are longer than needed are accepted.
    ///
    /// # Errors
    /// [`Damage::Short`] where the bytes end first, [`Damage::Overflow`] where the value needs more than 64 bits.
    #[inline]
    pub fn uvarint(&mut self) -> Result<u64, Damage> {
        if let Some((&byte, rest)) = self.rest.split_first()
            && byte < 0x80
        {
            self.rest = rest;
            return Ok(u64::from(byte));
        }
        self.long_uvarint()
    }

    #[inline]
    fn long_uvarint(&mut self) -> Result<u64, Damage> {
        let (mut value, mut shift) = (0_u64, 0);
        let mut bytes = self.rest.iter();
        for &byte in bytes.by_ref() {
            if shift == 63 && byte > 1 {
                return Err(Damage::Overflow);
            }
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                self.rest = bytes.as_slice();
                return Ok(value);
            }
            shift += 7;
        }
        Err(Damage::Short)
    }

    /// The next varint (zigzag).
    ///
    /// # Errors
    /// As [`Fields::uvarint`].
    #[inline]
    pub fn varint(&mut self) -> Result<i64, Damage> {
        let zigzag = self.uvarint()?;
        Ok((zigzag >> 1).cast_signed() ^ -(zigzag & 1).cast_signed())
    }

    /// The next big-endian `u32`.
    ///
    /// # Errors
    /// [`Damage::Short`] where fewer than four bytes are left.
    #[inline]
    pub fn u32(&mut self) -> Result<u32, Damage> {
        let (head, rest) = self.rest.split_first_chunk().ok_or(Damage::Short)?;
        self.rest = rest;
        Ok(u32::from_be_bytes(*head))
    }

    /// The next big-endian `u64`.
    ///
    /// # Errors
    /// [`Damage::Short`] where fewer than eight bytes are left.
    #[inline]
    pub fn u64(&mut self) -> Result<u64, Damage> {
        let (head, rest) = self.rest.split_first_chunk().ok_or(Damage::Short)?;
        self.rest = rest;
        Ok(u64::from_be_bytes(*head))
    }

    /// The next `length` bytes.
    ///
    /// # Errors
    /// [`Damage::Short`] where fewer are left.
    #[inline]
    pub fn bytes(&mut self, length: u64) -> Result<&'a [u8], Damage> {
        let length = usize::try_from(length).map_err(|_| Damage::Short)?;
        let (head, rest) = self.rest.split_at_checked(length).ok_or(Damage::Short)?;
        self.rest = rest;
        Ok(head)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn uvarint(value: u64) -> Vec<u8> {
        let mut out = Vec::new();
        put_uvarint(&mut out, value);
        out
    }

    #[test]
    fn values_have_the_forms_of_the_specification() {
        assert_eq!(uvarint(127), [0x7f]);
        assert_eq!(uvarint(128), [0x80, 0x01]);
        assert_eq!(uvarint(1_700_000_000_000), [0x80, 0xd0, 0x95, 0xff, 0xbc, 0x31]);
        let mut out = Vec::new();
        put_varint(&mut out, -1);
        put_varint(&mut out, 1_700_000_000_000);
        assert_eq!(out, [0x01, 0x80, 0xa0, 0xab, 0xfe, 0xf9, 0x62]);
    }

    #[test]
    fn a_tenth_byte_above_one_is_an_overflow_and_an_end_is_short() {
        assert_eq!(Fields::new(&[0xff; 11]).uvarint(), Err(Damage::Overflow));
        assert_eq!(Fields::new(&[0x80; 9]).uvarint(), Err(Damage::Short));
        assert_eq!(Fields::new(&[]).uvarint(), Err(Damage::Short));
        assert_eq!(Fields::new(&[0x80, 0x00]).uvarint(), Ok(0));
        let mut eleven = vec![0x80; 9];
        eleven.extend([0x81, 0x00]);
        assert_eq!(Fields::new(&eleven).uvarint(), Err(Damage::Overflow));
    }

    proptest! {
        #[test]
        fn what_was_put_is_taken(unsigned: u64, signed: i64) {
            let mut out = uvarint(unsigned);
            prop_assert_eq!(out.len(), uvarint_len(unsigned));
            prop_assert!(out.len() <= MAX_BYTES);
            put_varint(&mut out, signed);
            let mut fields = Fields::new(&out);
            prop_assert_eq!(fields.uvarint(), Ok(unsigned));
            prop_assert_eq!(fields.varint(), Ok(signed));
            prop_assert!(fields.rest().is_empty());
        }
    }
}
