//! Float samples straight into columns: the usual ones in a tight loop, all others left to the decoder.
//!
//! The loop keeps a position in bits instead of a window of bits, so a sample costs one load, or two if much of its value
//! changed, and nothing is refilled. What a sample begins with resembles what the last one began with, so these are
//! branches: a processor foretells nine of ten and goes on while the loads are still under way. Selecting without branches,
//! and two or four chunks side by side, were slower: the way from position to position then leads through every load.
//!
//! Most samples come in time and change where the one before did; a loop of their own keeps what they need in registers.
//! Their timestamps are written when the rhythm changes. Samples that repeat the value before are counted, not read.

mod lane;
#[cfg(target_arch = "x86_64")]
mod lanes;
mod seen;
mod several;
#[cfg(test)]
mod tests;

use super::{ChunkError, HEADER, Window, XorDecoder};
use crate::chunk::{bits::BitReader, varbit::extend};
use seen::{SIGHT, Seen, short_uvarint, visible};
pub use several::{MOST, decode_several};

/// Bits of a [`Seen::head`] from which on nothing is known, with two more taken.
const RUN_END: u32 = 64 - 57 + 2;
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
    let outcome = decoder.fill(data, new_times, new_values).map(drop);
    timestamps.truncate(old_times + usize::from(decoder.read));
    values.truncate(old_values + usize::from(decoder.read));
    outcome
}

/// Writes all samples of a float chunk over two columns from row `at` on. The columns become longer if they have to and
/// never shorter, so rows that are used again are not cleared in between.
///
/// The chunk is the first `length` bytes of `data`. What stands behind is looked at and then not used: if that is as
/// much as the loop wants to see, the end of the chunk is read as fast as the rest of it.
///
/// # Errors
/// As [`XorDecoder`]; some of the rows have been written then.
pub(crate) fn decode_over(
    data: &[u8],
    length: usize,
    at: usize,
    timestamps: &mut Vec<i64>,
    values: &mut Vec<f64>,
) -> Result<Written, ChunkError> {
    let mut decoder = XorDecoder::new(data.get(..length).unwrap_or(data))?;
    // At most 65535 samples, whatever the bytes say.
    let end = at + usize::from(decoder.total);
    if timestamps.len() < end {
        timestamps.resize(end, 0);
    }
    if values.len() < end {
        values.resize(end, 0.0);
    }
    let times = timestamps.get_mut(at..end).unwrap_or_default();
    let rises = decoder.fill(data, times, values.get_mut(at..end).unwrap_or_default())?;
    let values = values.get(at..end).unwrap_or_default();
    Ok(Written { end, rises, nan: values.iter().fold(false, |nan, value| nan | value.is_nan()) })
}

/// What was written of a chunk over rows of columns.
#[derive(Clone, Copy, Debug)]
pub struct Written {
    /// The row behind the last.
    pub end: usize,
    /// Whether it is sure that no timestamp is negative or below the one before; it may be so where it is not sure.
    pub rises: bool,
    /// Whether a value is NaN.
    pub nan: bool,
}

/// What goes from one sample to the next.
#[derive(Clone, Copy, Debug)]
struct State {
    /// Bits from where the loop's data begins.
    at: usize,
    timestamp: i64,
    delta: u64,
    value: Value,
    /// Whether no timestamp so far was negative or below the one before.
    rises: bool,
}

/// A value, how many bits of the last difference were stored, and how many zeros stood behind them.
#[derive(Clone, Copy, Debug)]
struct Value {
    bits: u64,
    width: u32,
    trail: u32,
}

impl XorDecoder<'_> {
    /// Reads all samples from the first on, for which there is room; `data` begins with the chunk. Says whether it is
    /// sure that timestamps rise.
    fn fill(&mut self, data: &[u8], times: &mut [i64], values: &mut [f64]) -> Result<bool, ChunkError> {
        if let (Some(first_times), Some(first_values)) = (times.first_chunk_mut::<2>(), values.first_chunk_mut::<2>())
            && let Some((first, second)) = opening(self.bits.data())
        {
            *first_times = [first.timestamp, second.timestamp];
            *first_values = [first.value, second.value].map(|value| f64::from_bits(value.bits));
            self.read = 2;
            return self.go_on_to_the_end(data, second, times, values);
        }
        self.rest(data, times, values)?;
        Ok(false)
    }

    /// As [`XorDecoder::fill`] where two samples or more have been read, up to `state`.
    fn go_on_to_the_end(
        &mut self,
        data: &[u8],
        state: State,
        times: &mut [i64],
        values: &mut [f64],
    ) -> Result<bool, ChunkError> {
        let rises = self.go_on(data, state, times, values).unwrap_or_default();
        Ok(self.rest(data, times, values)? && rises)
    }

    /// Reads the samples that are left; says whether that was none.
    fn rest(&mut self, data: &[u8], times: &mut [i64], values: &mut [f64]) -> Result<bool, ChunkError> {
        let (mut none, mut sound) = (true, true);
        while let (Some(time), Some(value)) =
            (times.get_mut(usize::from(self.read)), values.get_mut(usize::from(self.read)))
        {
            self.step()?;
            self.read += 1;
            none = false;
            (*time, *value) = (self.timestamp, f64::from_bits(self.value));
            if self.read >= 2 && sound {
                sound = self.go_on(data, self.state(), times, values).is_some();
            }
        }
        Ok(none)
    }

    /// Reads samples after the second until there are no more, or one that only [`XorDecoder::step`] reads; says whether
    /// timestamps rose. `None` if the chunk ends before its last sample: then none was read.
    fn go_on(&mut self, data: &[u8], state: State, times: &mut [i64], values: &mut [f64]) -> Option<bool> {
        let (start, before, end) = (usize::from(self.read), state, self.bits.data().len() * 8);
        let rest = |done: usize| start + done..;
        let (mut state, mut done) = {
            let (times, values) = (times.get_mut(rest(0)), values.get_mut(rest(0)));
            glide::<true>(data, end, state, times.unwrap_or_default(), values.unwrap_or_default())
        };
        if state.at > end {
            self.take_over(before);
            return None;
        }
        if start + done < times.len() && state.at / 8 + SIGHT > data.len() {
            let skipped = state.at / 8;
            let mut tail = [0; TAIL];
            let last = self.bits.data().get(skipped..).unwrap_or_default();
            tail.iter_mut().zip(last).for_each(|(to, from)| *to = *from);
            state.at -= skipped * 8;
            let (times, values) = (times.get_mut(rest(done)), values.get_mut(rest(done)));
            let more =
                glide::<false>(&tail, last.len() * 8, state, times.unwrap_or_default(), values.unwrap_or_default());
            state = more.0;
            state.at += skipped * 8;
            done += more.1;
        }
        // Not above the number of samples that the header announces.
        self.read = u16::try_from(start + done).unwrap_or(self.total);
        if self.read < self.total {
            self.take_over(state);
        }
        Some(state.rises)
    }

    fn state(&self) -> State {
        #[expect(clippy::cast_possible_truncation, reason = "a position inside of what is in memory")]
        let at = self.bits.position() as usize;
        let (width, trail) = self.window.parts();
        let value = Value { bits: self.value, width, trail };
        State { at, timestamp: self.timestamp, delta: self.delta, value, rises: false }
    }

    #[inline(never)]
    fn take_over(&mut self, state: State) {
        (self.timestamp, self.delta, self.value) = (state.timestamp, state.delta, state.value.bits);
        self.window = Window::of(state.value.width, state.value.trail);
        self.bits = BitReader::at(self.bits.data(), state.at);
    }
}

/// Reads samples from data that ends before bit `end`; returns how many it were. If `ALL`, some may be from behind it.
#[inline(never)]
fn glide<const ALL: bool>(
    data: &[u8],
    end: usize,
    state: State,
    times: &mut [i64],
    values: &mut [f64],
) -> (State, usize) {
    let State { mut at, timestamp, mut delta, mut value, rises } = state;
    let mut clock = Clock { times, timestamp, timed: 0, rises };
    // Where all counts, who calls finds out.
    let is_behind = |bit: usize| !ALL && bit > end;
    let mut done = 0;
    loop {
        // Most samples come in time and change where the one before did.
        let Value { bits: mut pattern, width, .. } = value;
        let (mask, lead) = (value.mask(), value.lead());
        let other = loop {
            let (Some(to), Some(seen)) = (values.get_mut(done), Seen::at(data, at)) else { break None };
            let behind = at + 3 + width as usize;
            if seen.head >> 61 != 0b010 || is_behind(behind) {
                break Some(seen);
            }
            pattern ^= seen.skip::<3>(width) >> lead & mask;
            *to = f64::from_bits(pattern);
            at = behind;
            done += 1;
        };
        value.bits = pattern;
        let Some(mut seen) = other else { break };
        let (mut from, mut step) = (at, delta);
        if seen.head >> 63 == 1 {
            let (ones, bits) = match (!seen.head).leading_zeros() {
                1 => (2, 14),
                2 => (3, 17),
                3 => (4, 20),
                _ => break,
            };
            clock.run(delta, done);
            step = delta.wrapping_add_signed(extend(seen.head << ones >> (64 - bits), bits));
            // From the last bit of the change on all samples go on in one way, whatever that bit is.
            from += (ones + bits - 1) as usize;
            let Some(behind) = Seen::at(data, from) else { break };
            seen = behind;
        }
        if seen.head >> 62 & 1 == 1 {
            let Some((next, behind)) = value.changed(seen, from).filter(|(_, behind)| !is_behind(*behind)) else {
                break;
            };
            (at, value) = (behind, next);
            delta = step;
            if let Some(to) = values.get_mut(done) {
                *to = f64::from_bits(value.bits);
            }
            done += 1;
            continue;
        }
        if is_behind(from + 2) {
            break;
        }
        (at, delta) = (from + 2, step);
        // Neither rhythm nor value changes: two zeros a sample, and often many of them.
        let zeros = ((seen.head << 2 | 1 << RUN_END).leading_zeros() / 2) as usize;
        let zeros = if ALL { zeros } else { zeros.min((end - at) / 2) };
        let rest = values.get_mut(done..).unwrap_or_default();
        let run = rest.len().min(zeros + 1);
        rest.iter_mut().take(run).for_each(|to| *to = f64::from_bits(pattern));
        done += run;
        at += (run - 1) * 2;
    }
    clock.run(delta, done);
    (State { at, timestamp: clock.timestamp, delta, value, rises: clock.rises }, done)
}

/// Writes timestamps when the rhythm changes.
struct Clock<'t> {
    times: &'t mut [i64],
    timestamp: i64,
    /// How many of `times` are written, the last with `timestamp`.
    timed: usize,
    rises: bool,
}

impl Clock<'_> {
    /// Goes on with a step of `delta` until so many are written.
    #[inline(always)]
    fn run(&mut self, delta: u64, done: usize) {
        let mut timestamp = self.timestamp;
        self.rises &= rises(timestamp, delta);
        for time in self.times.get_mut(self.timed..done).unwrap_or_default() {
            timestamp = timestamp.wrapping_add_unsigned(delta);
            *time = timestamp;
        }
        (self.timestamp, self.timed) = (timestamp, done);
    }
}

/// Whether timestamps rise that go on from this one in such steps, however many a chunk holds: 65535 are not enough to
/// leave the range.
#[inline(always)]
fn rises(timestamp: i64, delta: u64) -> bool {
    timestamp.cast_unsigned() < 1 << 62 && delta < 1 << 46
}

impl Value {
    /// Zeros before the bits that were stored.
    #[inline(always)]
    fn lead(self) -> u32 {
        64 - self.width - self.trail
    }

    /// Where the bits stand that were stored.
    #[inline(always)]
    fn mask(self) -> u64 {
        u64::MAX >> (64 - self.width) << self.trail
    }

    /// The value that differs as is seen behind two bits, and the bit behind it, if it is seen from bit `from` on.
    #[inline(always)]
    fn changed(self, seen: Seen, from: usize) -> Option<(Self, usize)> {
        if seen.head >> 61 & 1 == 1 {
            let mut next = Self::told(seen.head, self.bits)?;
            next.bits ^= seen.skip::<14>(next.width) >> next.lead() & next.mask();
            return Some((next, from + 14 + next.width as usize));
        }
        let bits = self.bits ^ seen.skip::<3>(self.width) >> self.lead() & self.mask();
        Some((Self { bits, ..self }, from + 3 + self.width as usize))
    }

    /// A value whose next difference stands where the 11 bits behind three say; `None` if that is no place.
    #[inline(always)]
    fn told(head: u64, bits: u64) -> Option<Self> {
        let lead = (head >> 56 & 31) as u32;
        // 0 stands for 64.
        let width = ((head >> 50).wrapping_sub(1) & 63) as u32 + 1;
        (lead + width <= 64).then(|| Self { bits, width, trail: 64 - lead - width })
    }

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
    let first = State { at: at * 8, timestamp, delta, value, rises: rises(timestamp, delta) };
    let at = value.read(data, first.at, visible(data, first.at)?.0, data.len() * 8)?;
    Some((first, State { at, timestamp: timestamp.wrapping_add_unsigned(delta), value, ..first }))
}
