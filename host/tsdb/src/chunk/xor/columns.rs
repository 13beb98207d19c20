//! Float samples straight into columns: the usual ones in a tight loop, all others left to the decoder.
//!
//! The loop keeps a position in bits instead of a window of bits, so a sample costs one load, or two if its value changed,
//! and nothing is refilled. What a sample begins with resembles what the last one began with, so these are branches: a
//! processor foretells nine of ten and goes on while the loads are still under way. Selecting without branches, and two or
//! four chunks side by side, were slower: the way from position to position then leads through every load.

use super::{ChunkError, HEADER, Window, XorDecoder};
use crate::chunk::{bits::BitReader, varbit::extend};

/// Bytes that the loop wants to see from where it reads: 64 bits that begin anywhere in a byte.
const SIGHT: usize = 9;
/// Bytes of the end of a chunk that are read from a copy with zeros behind.
const TAIL: usize = 3 * SIGHT;

/// Appends all samples of a float chunk to two columns.
///
/// # Errors
/// As [`XorDecoder`]; the samples before the damage have been appended then.
pub fn decode(data: &[u8], timestamps: &mut Vec<i64>, values: &mut Vec<f64>) -> Result<(), ChunkError> {
    let mut decoder = XorDecoder::new(data)?;
    let (old_times, old_values) = (timestamps.len(), values.len());
    let total = usize::from(decoder.total);
    // At most 65535 samples, whatever the bytes say.
    timestamps.resize(old_times + total, 0);
    values.resize(old_values + total, 0.0);
    let new_times = timestamps.get_mut(old_times..).unwrap_or_default();
    let new_values = values.get_mut(old_values..).unwrap_or_default();
    let outcome = decoder.fill(new_times, new_values);
    timestamps.truncate(old_times + usize::from(decoder.read));
    values.truncate(old_values + usize::from(decoder.read));
    outcome
}

/// What goes from one sample to the next.
#[derive(Clone, Copy)]
struct State {
    /// Bits from where the loop's data begins.
    at: usize,
    timestamp: i64,
    delta: u64,
    value: Value,
}

/// A value, how many bits of the last difference were stored, and how many zeros stood behind them.
#[derive(Clone, Copy)]
struct Value {
    bits: u64,
    width: u32,
    trail: u32,
}

impl XorDecoder<'_> {
    /// Reads all samples from the first on, for which there is room.
    fn fill(&mut self, times: &mut [i64], values: &mut [f64]) -> Result<(), ChunkError> {
        if let (Some(first_times), Some(first_values)) = (times.first_chunk_mut::<2>(), values.first_chunk_mut::<2>())
            && let Some((first, second)) = opening(self.bits.data())
        {
            *first_times = [first.timestamp, second.timestamp];
            *first_values = [first.value, second.value].map(|value| f64::from_bits(value.bits));
            self.read = 2;
            self.go_on(second, times, values);
        }
        while let (Some(time), Some(value)) =
            (times.get_mut(usize::from(self.read)), values.get_mut(usize::from(self.read)))
        {
            self.step()?;
            self.read += 1;
            (*time, *value) = (self.timestamp, f64::from_bits(self.value));
            if self.read >= 2 {
                self.go_on(self.state(), times, values);
            }
        }
        Ok(())
    }

    /// Reads samples after the second until there are no more, or one that only [`XorDecoder::step`] reads.
    fn go_on(&mut self, state: State, times: &mut [i64], values: &mut [f64]) {
        let (data, start) = (self.bits.data(), usize::from(self.read));
        let rest = |done: usize| start + done..;
        let (mut state, mut done) = {
            let (times, values) = (times.get_mut(rest(0)), values.get_mut(rest(0)));
            glide(data, data.len() * 8, state, times.unwrap_or_default(), values.unwrap_or_default())
        };
        if start + done < times.len() && state.at / 8 + SIGHT > data.len() {
            let skipped = state.at / 8;
            let mut tail = [0; TAIL];
            let last = data.get(skipped..).unwrap_or_default();
            tail.iter_mut().zip(last).for_each(|(to, from)| *to = *from);
            state.at -= skipped * 8;
            let (times, values) = (times.get_mut(rest(done)), values.get_mut(rest(done)));
            let more = glide(&tail, last.len() * 8, state, times.unwrap_or_default(), values.unwrap_or_default());
            state = more.0;
            state.at += skipped * 8;
            done += more.1;
        }
        // Not above the number of samples that the header announces.
        self.read = u16::try_from(start + done).unwrap_or(self.total);
        if self.read < self.total {
            self.take_over(state);
        }
    }

    fn state(&self) -> State {
        #[expect(clippy::cast_possible_truncation, reason = "a position inside of what is in memory")]
        let at = self.bits.position() as usize;
        let (width, trail) = self.window.parts();
        let value = Value { bits: self.value, width, trail };
        State { at, timestamp: self.timestamp, delta: self.delta, value }
    }

    #[inline(never)]
    fn take_over(&mut self, state: State) {
        (self.timestamp, self.delta, self.value) = (state.timestamp, state.delta, state.value.bits);
        self.window = Window::of(state.value.width, state.value.trail);
        self.bits = BitReader::at(self.bits.data(), state.at);
    }
}

/// Reads samples from data that ends before bit `end`; returns how many it were.
#[inline(never)]
fn glide(data: &[u8], end: usize, state: State, times: &mut [i64], values: &mut [f64]) -> (State, usize) {
    let State { mut at, mut timestamp, mut delta, mut value } = state;
    let mut done = 0;
    for (to_time, to_value) in times.iter_mut().zip(values) {
        let Some((mut head, _)) = visible(data, at) else { break };
        let (mut next, mut change) = (at, 0);
        if head >> 63 == 1 {
            let (ones, bits) = match (!head).leading_zeros() {
                1 => (2, 14),
                2 => (3, 17),
                3 => (4, 20),
                _ => break,
            };
            change = extend(head << ones >> (64 - bits), bits);
            // What is left looks like no change, so that all samples go on in one way.
            head <<= ones + bits - 1;
            next += (ones + bits - 1) as usize;
        }
        let Some(behind) = value.read(data, next + 1, head << 1, end) else { break };
        at = behind;
        delta = delta.wrapping_add_signed(change);
        timestamp = timestamp.wrapping_add_unsigned(delta);
        *to_time = timestamp;
        *to_value = f64::from_bits(value.bits);
        done += 1;
    }
    (State { at, timestamp, delta, value }, done)
}

impl Value {
    /// Reads what differs in the value at position `at`, where `control` is what is visible there; returns the position
    /// behind it, or `None` with nothing changed if that is not before `end`.
    #[inline(always)]
    fn read(&mut self, data: &[u8], at: usize, control: u64, end: usize) -> Option<usize> {
        if control >> 63 == 0 {
            return (at < end).then_some(at + 1);
        }
        let (mut width, mut trail, mut next) = (self.width, self.trail, at + 2);
        if control >> 62 & 1 == 1 {
            let lead = (control >> 57 & 31) as u32;
            // 0 stands for 64.
            width = ((control >> 51).wrapping_sub(1) & 63) as u32 + 1;
            if lead + width > 64 {
                return None;
            }
            trail = 64 - lead - width;
            next += 11;
        }
        let (high, low) = visible(data, next)?;
        let behind = next + width as usize;
        if behind > end {
            return None;
        }
        let bits = self.bits ^ (high | low) >> (64 - width) << trail;
        *self = Self { bits, width, trail };
        Some(behind)
    }
}

/// The first two samples, if there are two and their data is usual.
#[inline(always)]
fn opening(data: &[u8]) -> Option<(State, State)> {
    let (timestamp, at) = short_uvarint(data, HEADER)?;
    let timestamp = (timestamp >> 1).cast_signed() ^ -(timestamp & 1).cast_signed();
    let (width, trail) = Window::FULL.parts();
    let mut value = Value { bits: u64::from_be_bytes(*data.get(at..)?.first_chunk()?), width, trail };
    let (delta, at) = short_uvarint(data, at + 8)?;
    let first = State { at: at * 8, timestamp, delta, value };
    let at = value.read(data, first.at, visible(data, first.at)?.0, data.len() * 8)?;
    Some((first, State { at, timestamp: timestamp.wrapping_add_unsigned(delta), delta, value }))
}

/// An unsigned varint of eight bytes or less at byte `at`, and the byte behind it.
#[inline(always)]
fn short_uvarint(data: &[u8], at: usize) -> Option<(u64, usize)> {
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
fn visible(data: &[u8], at: usize) -> Option<(u64, u64)> {
    let byte = at >> 3;
    let [first @ .., last] = data.get(byte..byte + SIGHT)?.first_chunk::<SIGHT>()?;
    let shift = at & 7;
    Some((u64::from_be_bytes(*first) << shift, u64::from(*last) >> (8 - shift)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::chunk::XorAppender;

    /// As [`decode`], sample by sample.
    fn slowly(data: &[u8]) -> (Vec<i64>, Vec<u64>, Result<(), ChunkError>) {
        let (mut times, mut values) = (Vec::new(), Vec::new());
        for sample in XorDecoder::new(data).expect("a header") {
            match sample {
                Ok((time, value)) => {
                    times.push(time);
                    values.push(value);
                }
                Err(error) => return (times, values, Err(error)),
            }
        }
        (times, values, Ok(()))
    }

    fn quickly(data: &[u8]) -> (Vec<i64>, Vec<u64>, Result<(), ChunkError>) {
        let (mut times, mut values) = (Vec::new(), Vec::new());
        let outcome = decode(data, &mut times, &mut values);
        (times, values.into_iter().map(f64::to_bits).collect(), outcome)
    }

    fn steps() -> impl Strategy<Value = Vec<(i64, u64)>> {
        let time = prop_oneof![
            6 => Just(15_000_i64),
            3 => 14_900_i64..15_100,
            1 => prop_oneof![6_000_i64..24_000, -70_000_i64..140_000, -600_000_i64..600_000, any::<i64>()],
        ];
        let value = prop_oneof![
            3 => Just(1.5_f64.to_bits()),
            3 => (0_u32..1000).prop_map(|number| f64::from(number).to_bits()),
            1 => any::<u64>(),
            1 => (any::<u64>(), 0_u32..64, 0_u32..64).prop_map(|(bits, left, right)| bits << left >> right),
        ];
        proptest::collection::vec((time, value), 0..150)
    }

    fn chunk(steps: &[(i64, u64)]) -> Vec<u8> {
        let (mut appender, mut time) = (XorAppender::new(), 1_700_000_000_000_i64);
        for (step, value) in steps {
            time = time.wrapping_add(*step);
            appender.append(time, *value).expect("fewer than 65536 samples");
        }
        appender.finish()
    }

    proptest! {
        #[test]
        fn columns_are_the_samples_one_by_one(steps in steps()) {
            let data = chunk(&steps);
            let quick = quickly(&data);
            prop_assert_eq!(&quick, &slowly(&data));
            prop_assert_eq!(quick.0.len(), steps.len());
            prop_assert_eq!(quick.2, Ok(()));
        }

        #[test]
        fn damage_is_found_at_the_same_sample(steps in steps(), cut in 0_usize..2000, flips in proptest::collection::vec(any::<(u16, u8)>(), 0..4)) {
            let mut data = chunk(&steps);
            data.truncate(2 + cut);
            let length = data.len();
            for (at, bits) in flips {
                data.get_mut(usize::from(at) % length).into_iter().for_each(|byte| *byte ^= bits);
            }
            prop_assert_eq!(quickly(&data), slowly(&data));
        }

        #[test]
        fn bytes_without_sense_are_read_alike(count in 0_u16..100, noise in proptest::collection::vec(any::<u8>(), 0..300)) {
            let data: Vec<u8> = count.to_be_bytes().into_iter().chain(noise).collect();
            prop_assert_eq!(quickly(&data), slowly(&data));
        }
    }
}
