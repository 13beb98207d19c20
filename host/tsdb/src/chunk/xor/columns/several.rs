//! Several chunks at a time, if they are usual.

use std::ops::Range;

use super::{
    State, Written, XorDecoder,
    lane::{LANES, Lane, OPENED},
    opening,
};

#[cfg(target_arch = "x86_64")]
use super::lanes;

/// Chunks that are read together at most.
pub const MOST: usize = 2 * LANES;
/// Chunks that pay: as long as it takes to read one of each step, so many are read one after the other.
const LEAST: usize = 7;

/// Other processors read one chunk after the other.
#[cfg(not(target_arch = "x86_64"))]
mod lanes {
    pub(super) fn usable() -> bool {
        false
    }

    pub(super) fn read(_: &[u8], _: &mut [super::Lane<'_>], _: usize) {}
}

/// Writes all samples of several float chunks, each a range of `data`, over two columns: the first over row `at` and
/// those behind, the next behind it, and so on. The columns become longer if they have to and never shorter.
///
/// `None` if that is not possible or does not pay: for fewer than seven chunks or more than [`MOST`], on processors
/// without AVX-512, and if anything is wrong with one of them, which is found out by reading it alone.
pub fn decode_several(
    data: &[u8],
    chunks: &[Range<usize>],
    at: usize,
    timestamps: &mut Vec<i64>,
    values: &mut Vec<f64>,
) -> Option<Vec<Written>> {
    if !(LEAST..=MOST).contains(&chunks.len()) || !lanes::usable() {
        return None;
    }
    let decoders = chunks.iter().map(|chunk| XorDecoder::new(data.get(chunk.clone())?).ok());
    let decoders = decoders.collect::<Option<Vec<_>>>()?;
    // At most 65535 samples of each, whatever the bytes say.
    let end = at + decoders.iter().map(|decoder| usize::from(decoder.total)).sum::<usize>();
    if timestamps.len() < end {
        timestamps.resize(end, 0);
    }
    if values.len() < end {
        values.resize(end, 0.0);
    }
    let (mut times, mut values) = (timestamps.get_mut(at..end)?, values.get_mut(at..end)?);
    let mut lanes = Vec::with_capacity(MOST);
    for (decoder, chunk) in decoders.iter().zip(chunks) {
        let (of_times, of_values);
        (of_times, times) = times.split_at_mut_checked(decoder.total.into())?;
        (of_values, values) = values.split_at_mut_checked(decoder.total.into())?;
        lanes.push(open(decoder, chunk.start, of_times, of_values)?);
    }
    lanes::read(data, &mut lanes, chunks.last()?.end);
    let mut written = Vec::with_capacity(MOST);
    for ((decoder, lane), chunk) in decoders.into_iter().zip(lanes).zip(chunks) {
        let start = written.last().map_or(at, |before: &Written| before.end);
        written.push(close(decoder, lane, chunk, data.get(chunk.start..)?)?.behind(start));
    }
    Some(written)
}

/// Reads the first two samples of a chunk that begins at byte `start` of all data.
fn open<'r>(decoder: &XorDecoder<'_>, start: usize, times: &'r mut [i64], values: &'r mut [f64]) -> Option<Lane<'r>> {
    let (first, second) = opening(decoder.bits.data())?;
    *times.first_chunk_mut::<OPENED>()? = [first.timestamp, second.timestamp];
    let opened = [first, second].map(|state| f64::from_bits(state.value.bits));
    *values.first_chunk_mut()? = opened;
    let nan = opened.iter().any(|value| value.is_nan());
    Some(Lane { state: State { at: start * 8 + second.at, ..second }, times, values, done: OPENED, nan })
}

/// Reads what is left of a chunk; `data` begins with it.
fn close(mut decoder: XorDecoder<'_>, lane: Lane<'_>, chunk: &Range<usize>, data: &[u8]) -> Option<Written> {
    let Lane { state, times, values, done, mut nan } = lane;
    let mut rises = state.rises;
    if done < values.len() {
        decoder.read = u16::try_from(done).ok()?;
        let state = State { at: state.at - chunk.start * 8, ..state };
        rises = decoder.go_on_to_the_end(data, state, times, values).ok()?;
        nan |= values.get(done..)?.iter().any(|value| value.is_nan());
    } else if state.at > chunk.end * 8 {
        return None;
    }
    Some(Written { end: values.len(), rises, nan })
}

impl Written {
    /// The same behind other rows.
    fn behind(self, rows: usize) -> Self {
        Self { end: self.end + rows, ..self }
    }
}
