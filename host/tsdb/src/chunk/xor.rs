//! Float samples: encoding 1.
//!
//! Two bytes with the number of samples, then a bit stream of timestamps (differences of differences) and values (see
//! `xor_value`). Source: Prometheus `tsdb/chunkenc/xor.go`.

mod columns;

use super::ChunkError;
use super::bits::{BitReader, BitWriter};
use super::encoding::leading_count;
use super::varbit::{extend, fits, put_uvarint, put_varint, uvarint, varint};
use super::xor_value::{self, Window};
pub(crate) use columns::decode_over;
pub use columns::{MOST, Written, decode, decode_several};

/// Bytes before the bit stream.
const HEADER: usize = 2;

/// Walks the samples of a float chunk: timestamps in milliseconds, values as their bits.
///
/// Ends after the announced number of samples, or after the first error. Timestamps wrap as the reference's do.
#[derive(Clone, Debug)]
pub struct XorDecoder<'a> {
    bits: BitReader<'a>,
    total: u16,
    read: u16,
    timestamp: i64,
    delta: u64,
    value: u64,
    window: Window,
}

impl<'a> XorDecoder<'a> {
    /// Reads the header of `data`, the data of a chunk record with encoding 1.
    ///
    /// # Errors
    /// [`ChunkError::TooShort`] if there is none.
    pub fn new(data: &'a [u8]) -> Result<Self, ChunkError> {
        Ok(Self {
            total: leading_count(data)?,
            bits: BitReader::new(data, HEADER),
            read: 0,
            timestamp: 0,
            delta: 0,
            value: 0,
            window: Window::FULL,
        })
    }

    /// Samples that the header announces and that were not read yet.
    #[must_use]
    pub fn remaining(&self) -> u16 {
        self.total - self.read
    }

    /// Samples 0 and 1, which are written differently from all others.
    ///
    /// From value to value, as a decoder whose address is taken nowhere stays in registers.
    #[inline(never)]
    fn opening(mut self) -> (Self, Result<(), ChunkError>) {
        let outcome = if self.read == 0 { self.first() } else { self.second() };
        (self, outcome)
    }

    fn first(&mut self) -> Result<(), ChunkError> {
        self.timestamp = varint(&mut self.bits)?;
        self.value = self.bits.take_wide(64);
        Ok(())
    }

    fn second(&mut self) -> Result<(), ChunkError> {
        self.delta = uvarint(&mut self.bits)?;
        self.timestamp = self.timestamp.wrapping_add_unsigned(self.delta);
        xor_value::read(&mut self.bits, &mut self.value, &mut self.window)
    }

    /// Any sample after the second.
    #[inline(always)]
    fn following(&mut self) -> Result<(), ChunkError> {
        // Enough for the largest short difference and the head of the value behind it.
        self.bits.need(24 + 13);
        let head = self.bits.window();
        if head >> 62 == 0 {
            // Neither the rhythm nor the value changed.
            self.bits.skip(2);
            self.timestamp = self.timestamp.wrapping_add_unsigned(self.delta);
            return Ok(());
        }
        if head >> 63 == 0 {
            self.bits.skip(1);
        } else {
            let change = change_of_delta(&mut self.bits);
            self.delta = self.delta.wrapping_add_signed(change);
        }
        self.timestamp = self.timestamp.wrapping_add_unsigned(self.delta);
        xor_value::read(&mut self.bits, &mut self.value, &mut self.window)
    }

    /// Reads the next sample into `self`.
    #[inline(always)]
    fn step(&mut self) -> Result<(), ChunkError> {
        let outcome = if self.read < 2 {
            let (opened, outcome) = self.clone().opening();
            *self = opened;
            outcome
        } else {
            self.following()
        };
        // Zeros from behind the end can look like anything, so this comes before what they looked like.
        if self.bits.overrun() {
            return Err(ChunkError::EndOfData { sample: self.read, bit: self.bits.end() });
        }
        outcome
    }
}

/// The difference of differences behind a one bit.
#[inline(always)]
fn change_of_delta(bits: &mut BitReader<'_>) -> i64 {
    let (ones, width) = match (!bits.window()).leading_zeros() {
        1 => (2, 14),
        2 => (3, 17),
        3 => (4, 20),
        _ => {
            bits.skip(4);
            return bits.take_wide(64).cast_signed();
        }
    };
    let pattern = bits.window() << ones >> (64 - width);
    bits.skip(ones + width);
    extend(pattern, width)
}

impl Iterator for XorDecoder<'_> {
    type Item = Result<(i64, u64), ChunkError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.read >= self.total {
            return None;
        }
        match self.step() {
            Ok(()) => {
                self.read += 1;
                Some(Ok((self.timestamp, self.value)))
            }
            Err(error) => {
                self.total = self.read;
                Some(Err(error))
            }
        }
    }
}

/// Appends to `out` the data of a float chunk with these samples, as [`XorAppender`] writes it.
///
/// As many timestamps are written as there are values, if those are fewer.
///
/// # Errors
/// [`ChunkError::Full`] for more than 65535 samples; nothing is appended then.
pub fn encode(timestamps: &[i64], values: &[f64], out: &mut Vec<u8>) -> Result<(), ChunkError> {
    let samples = timestamps.iter().copied().zip(values.iter().map(|value| value.to_bits()));
    encode_each(samples, timestamps.len().min(values.len()), out)
}

/// As [`encode`], of so many samples from anywhere.
///
/// # Errors
/// As [`encode`].
pub(crate) fn encode_each(
    samples: impl Iterator<Item = (i64, u64)>,
    count: usize,
    out: &mut Vec<u8>,
) -> Result<(), ChunkError> {
    let count = u16::try_from(count).map_err(|_| ChunkError::Full)?;
    let mut samples = samples.take(count.into());
    let mut bits = BitWriter::behind(std::mem::take(out), count.to_be_bytes());
    let (mut timestamp, mut value) = (0, 0);
    if let Some((first, bits_of_first)) = samples.next() {
        put_varint(&mut bits, first);
        bits.put(bits_of_first, 64);
        (timestamp, value) = (first, bits_of_first);
    }
    let (mut delta, mut window) = (0, Window::ABSENT);
    if let Some((second, next)) = samples.next() {
        delta = second.wrapping_sub(timestamp).cast_unsigned();
        put_uvarint(&mut bits, delta);
        xor_value::put(&mut bits, value, next, &mut window);
        (timestamp, value) = (second, next);
    }
    for (at, next) in samples {
        let step = at.wrapping_sub(timestamp).cast_unsigned();
        let change = step.wrapping_sub(delta).cast_signed();
        (timestamp, delta) = (at, step);
        let (head, length) = short_change(change);
        if length == 0 {
            put_change_of_delta(&mut bits, change);
            xor_value::put(&mut bits, value, next, &mut window);
        } else {
            xor_value::put_behind(&mut bits, (head, length), next ^ value, &mut window);
        }
        value = next;
    }
    *out = bits.finish();
    Ok(())
}

/// Prefix and payload of a difference of differences that takes 24 bits or less, and how many; 0 if it takes more.
#[inline(always)]
fn short_change(change: i64) -> (u64, u32) {
    let pattern = change.cast_unsigned();
    if change == 0 {
        (0, 1)
    } else if fits(change, 14) {
        (0b10 << 14 | pattern & 0x3fff, 16)
    } else if fits(change, 17) {
        (0b110 << 17 | pattern & 0x1_ffff, 20)
    } else if fits(change, 20) {
        (0b1110 << 20 | pattern & 0xf_ffff, 24)
    } else {
        (0, 0)
    }
}

/// Writes a float chunk, sample by sample.
#[derive(Clone, Debug)]
pub struct XorAppender {
    out: BitWriter,
    count: u16,
    timestamp: i64,
    delta: u64,
    value: u64,
    window: Window,
}

impl Default for XorAppender {
    fn default() -> Self {
        Self::new()
    }
}

impl XorAppender {
    /// An empty chunk.
    #[must_use]
    pub fn new() -> Self {
        let out = BitWriter::new([0; HEADER]);
        Self { out, count: 0, timestamp: 0, delta: 0, value: 0, window: Window::ABSENT }
    }

    /// Samples so far.
    #[must_use]
    pub fn count(&self) -> u16 {
        self.count
    }

    /// Appends a sample: milliseconds, and the bits of the value. Timestamps need not rise.
    ///
    /// # Errors
    /// [`ChunkError::Full`] after 65535 samples.
    #[inline]
    pub fn append(&mut self, timestamp: i64, value: u64) -> Result<(), ChunkError> {
        let delta = timestamp.wrapping_sub(self.timestamp).cast_unsigned();
        match self.count {
            0 => {
                put_varint(&mut self.out, timestamp);
                self.out.put(value, 64);
            }
            1 => {
                put_uvarint(&mut self.out, delta);
                self.delta = delta;
                xor_value::put(&mut self.out, self.value, value, &mut self.window);
            }
            u16::MAX => return Err(ChunkError::Full),
            _ => {
                put_change_of_delta(&mut self.out, delta.wrapping_sub(self.delta).cast_signed());
                self.delta = delta;
                xor_value::put(&mut self.out, self.value, value, &mut self.window);
            }
        }
        self.timestamp = timestamp;
        self.value = value;
        self.count += 1;
        Ok(())
    }

    /// The chunk's data, as it goes into a chunk record.
    #[must_use]
    pub fn finish(mut self) -> Vec<u8> {
        self.out.set_header(self.count.to_be_bytes());
        self.out.finish()
    }
}

/// Appends a difference of differences in the first class that holds it.
#[inline]
fn put_change_of_delta(out: &mut BitWriter, change: i64) {
    if change == 0 {
        return out.put(0, 1);
    }
    for (prefix, prefix_bits, bits) in [(0b10, 2, 14), (0b110, 3, 17), (0b1110, 4, 20)] {
        if fits(change, bits) {
            let payload = change.cast_unsigned() & (u64::MAX >> (64 - bits));
            return out.put(prefix << bits | payload, prefix_bits + bits);
        }
    }
    out.put(0b1111, 4);
    out.put(change.cast_unsigned(), 64);
}
