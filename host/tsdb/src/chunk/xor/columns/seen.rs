//! What is seen of a chunk at some place of its data.

/// Bytes that the loop wants to see from where it reads: 64 bits behind 14 that begin anywhere in a byte.
pub(super) const SIGHT: usize = 12;

/// What is seen of the data from some bit on.
#[derive(Clone, Copy)]
pub(super) struct Seen {
    /// Left aligned, 57 bits or more; zeros behind.
    pub(super) head: u64,
    /// The eight bytes in which it begins, the four behind, and the bit in the first.
    bytes: u64,
    more: u64,
    bit: usize,
}

impl Seen {
    /// From bit `at` on; `None` near the end of the data.
    #[inline(always)]
    pub(super) fn at(data: &[u8], at: usize) -> Option<Self> {
        let byte = at >> 3;
        let seen = data.get(byte..byte + SIGHT)?.first_chunk::<SIGHT>()?;
        let [a, b, c, d, e, f, g, h, more @ ..] = *seen;
        let bytes = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
        let bit = at & 7;
        Some(Self { head: bytes << bit, bytes, more: u32::from_be_bytes(more).into(), bit })
    }

    /// `width` bits behind so many, which are 14 at most, and some more, left aligned.
    #[inline(always)]
    pub(super) fn skip<const BITS: usize>(self, width: u32) -> u64 {
        if width as usize <= 57 - BITS {
            return self.head << BITS;
        }
        let skipped = self.bit + BITS;
        self.bytes << skipped | self.more >> (32 - skipped)
    }
}

/// An unsigned varint of eight bytes or less at byte `at`, and the byte behind it.
#[inline(always)]
pub(super) fn short_uvarint(data: &[u8], at: usize) -> Option<(u64, usize)> {
    const CONTINUES: u64 = 0x8080_8080_8080_8080;
    let bytes = u64::from_le_bytes(*data.get(at..)?.first_chunk()?);
    let last = !bytes & CONTINUES;
    if last == 0 {
        return None;
    }
    let length = last.trailing_zeros() / 8 + 1;
    let groups = bytes & !CONTINUES & u64::MAX >> (64 - 8 * length);
    // Seven bits of each byte move together: pairs, fours, eights.
    let pairs = groups & 0x007f_007f_007f_007f | (groups & 0x7f00_7f00_7f00_7f00) >> 1;
    let fours = pairs & 0x0000_3fff_0000_3fff | (pairs & 0x3fff_0000_3fff_0000) >> 2;
    Some((fours & 0x0fff_ffff | (fours & 0x0fff_ffff_0000_0000) >> 4, at + length as usize))
}

/// The bits at position `at`, left aligned: 57 of them or more, and the rest of 64. `None` near the end of the data.
#[inline(always)]
pub(super) fn visible(data: &[u8], at: usize) -> Option<(u64, u64)> {
    let byte = at >> 3;
    let [first @ .., last] = data.get(byte..byte + 9)?.first_chunk::<9>()?;
    let shift = at & 7;
    Some((u64::from_be_bytes(*first) << shift, u64::from(*last) >> (8 - shift)))
}
