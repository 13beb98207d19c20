//! The bit stream: most significant bit first, nothing aligned.
//!
//! Source: Prometheus `tsdb/chunkenc/bstream.go`.

/// Reads bits through a 64-bit window that is refilled eight bytes at a time.
///
/// Reading past the end yields zeros and is found out later with [`BitReader::overrun`]: one comparison a sample
/// instead of one a field.
#[derive(Clone, Debug)]
pub struct BitReader<'a> {
    data: &'a [u8],
    /// Byte that the next refill starts with; runs past the end of `data` when zeros are handed out.
    next: usize,
    /// Unread bits, left aligned. Below `valid` bits there may be some more of the true stream.
    window: u64,
    /// How many bits of `window` count, at most 63.
    valid: u32,
}

impl<'a> BitReader<'a> {
    /// Bits that one refill guarantees.
    pub(crate) const REFILL: u32 = 56;

    /// Starts behind a header of `skip` bytes.
    pub(crate) fn new(data: &'a [u8], skip: usize) -> Self {
        Self { data, next: skip, window: 0, valid: 0 }
    }

    /// Starts at a bit of the data.
    pub(crate) fn at(data: &'a [u8], bit: usize) -> Self {
        let mut reader = Self::new(data, bit >> 3);
        #[expect(clippy::cast_possible_truncation, reason = "below 8")]
        let skipped = (bit & 7) as u32;
        if skipped != 0 {
            reader.refill();
            reader.skip(skipped);
        }
        reader
    }

    /// All of the data, header included.
    pub(crate) fn data(&self) -> &'a [u8] {
        self.data
    }

    /// Makes at least [`Self::REFILL`] bits visible in [`Self::window`].
    #[inline(always)]
    pub(crate) fn refill(&mut self) {
        let bytes = match self.data.get(self.next..).and_then(<[u8]>::first_chunk::<8>) {
            Some(bytes) => *bytes,
            None => last_bytes(self.data, self.next),
        };
        self.window |= u64::from_be_bytes(bytes) >> self.valid;
        self.next += ((63 - self.valid) >> 3) as usize;
        self.valid |= Self::REFILL;
    }

    /// Refills unless `bits`, at most [`Self::REFILL`], are visible already.
    #[inline(always)]
    pub(crate) fn need(&mut self, bits: u32) {
        if self.valid < bits {
            self.refill();
        }
    }

    /// The next bits, left aligned. Only those asked for with [`Self::need`] may be relied on.
    #[inline(always)]
    pub(crate) fn window(&self) -> u64 {
        self.window
    }

    /// Drops bits that were visible.
    #[inline(always)]
    pub(crate) fn skip(&mut self, bits: u32) {
        debug_assert!(bits <= self.valid);
        self.window <<= bits;
        self.valid -= bits;
    }

    /// The next `count` bits, 1 to 56.
    #[inline(always)]
    pub(crate) fn take(&mut self, count: u32) -> u64 {
        debug_assert!(0 < count && count <= Self::REFILL);
        self.need(count);
        let value = self.window >> (64 - count);
        self.skip(count);
        value
    }

    /// The next `count` bits, 1 to 64.
    #[inline(always)]
    pub(crate) fn take_wide(&mut self, count: u32) -> u64 {
        if count <= Self::REFILL {
            return self.take(count);
        }
        let high = self.take(count - 32);
        high << 32 | self.take(32)
    }

    /// Bits read so far, counted from the start of the data, header included.
    pub(crate) fn position(&self) -> u64 {
        self.next as u64 * 8 - u64::from(self.valid)
    }

    /// Bits that are left; 0 when too many were read.
    pub(crate) fn remaining(&self) -> u64 {
        (self.data.len() as u64 * 8).saturating_sub(self.position())
    }

    /// Whether bits were handed out that the data does not have.
    #[inline(always)]
    pub(crate) fn overrun(&self) -> bool {
        // The first comparison says no until the last bytes are being read.
        self.next > self.data.len() && self.next * 8 > self.data.len() * 8 + self.valid as usize
    }

    /// Where the data ends, in bits.
    pub(crate) fn end(&self) -> u64 {
        self.data.len() as u64 * 8
    }
}

/// The end of the stream, filled up with zeros. Takes values, so that a reader can stay in registers.
#[inline(never)]
fn last_bytes(data: &[u8], next: usize) -> [u8; 8] {
    let mut bytes = [0; 8];
    let rest = data.get(next..).unwrap_or_default();
    bytes.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
    bytes
}

/// Collects bits behind a header that can be rewritten at any time.
#[derive(Clone, Debug)]
pub struct BitWriter {
    bytes: Vec<u8>,
    /// Bits not yet in `bytes`, left aligned; the rest is zero.
    pending: u64,
    /// How many bits of `pending` count, at most 63.
    used: u32,
}

impl BitWriter {
    /// Starts behind a header of `N` bytes.
    pub(crate) fn new<const N: usize>(header: [u8; N]) -> Self {
        // Most chunks end between 100 and 500 bytes: one growth or two.
        let mut bytes = Vec::with_capacity(128);
        bytes.extend_from_slice(&header);
        Self { bytes, pending: 0, used: 0 }
    }

    /// Starts behind what `bytes` hold and a header.
    pub(crate) fn behind<const N: usize>(mut bytes: Vec<u8>, header: [u8; N]) -> Self {
        bytes.extend_from_slice(&header);
        Self { bytes, pending: 0, used: 0 }
    }

    /// Appends the low `count` bits of `value`, 1 to 64, highest first.
    #[inline]
    pub(crate) fn put(&mut self, value: u64, count: u32) {
        debug_assert!(0 < count && count <= 64);
        let value = value << (64 - count);
        self.pending |= value >> self.used;
        let used = self.used + count;
        if used < 64 {
            self.used = used;
            return;
        }
        self.bytes.extend_from_slice(&self.pending.to_be_bytes());
        // Two steps, because all 64 bits may have gone out at once and a shift by 64 is none.
        self.pending = value << (63 - self.used) << 1;
        self.used = used - 64;
    }

    /// Overwrites the header.
    pub(crate) fn set_header<const N: usize>(&mut self, header: [u8; N]) {
        if let Some(bytes) = self.bytes.first_chunk_mut::<N>() {
            *bytes = header;
        }
    }

    /// Everything so far, the unused bits of the last byte being zero.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        let rest = self.used.div_ceil(8) as usize;
        self.bytes.extend(self.pending.to_be_bytes().iter().take(rest));
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fields() -> impl Strategy<Value = Vec<(u64, u32)>> {
        proptest::collection::vec((any::<u64>(), 1_u32..=64), 0..200)
    }

    proptest! {
        #[test]
        fn what_is_put_is_taken(fields in fields(), skip in 0_usize..4) {
            let mut out = BitWriter::new([0xaa; 4]);
            for (value, count) in &fields {
                out.put(*value, *count);
            }
            let bytes = out.finish();
            let mut bits = BitReader::new(&bytes, 4);
            for (value, count) in &fields {
                prop_assert_eq!(bits.take_wide(*count), value << (64 - count) >> (64 - count));
            }
            prop_assert!(!bits.overrun());
            prop_assert!(bits.remaining() < 8);
            prop_assert_eq!(BitReader::new(&bytes, skip).position(), skip as u64 * 8);
        }

        #[test]
        fn reading_too_much_gives_zeros_and_is_noticed(length in 0_usize..20, more in 1_u32..=64) {
            let bytes = vec![0xff; length];
            let mut bits = BitReader::new(&bytes, 0);
            for _ in 0..length {
                prop_assert_eq!(bits.take(8), 0xff);
            }
            prop_assert!(!bits.overrun());
            prop_assert_eq!(bits.take_wide(more), 0);
            prop_assert!(bits.overrun());
            prop_assert_eq!(bits.remaining(), 0);
        }
    }

    #[test]
    fn a_header_longer_than_the_data_is_an_overrun() {
        assert!(BitReader::new(&[0], 3).overrun());
    }

    #[test]
    fn bits_straddle_bytes_from_the_top() {
        let mut out = BitWriter::new([]);
        out.put(0b101, 3);
        out.put(0xff, 8);
        assert_eq!(out.finish(), [0b1011_1111, 0b1110_0000]);
    }
}
