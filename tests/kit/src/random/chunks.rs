//! Chunks of one series, one after the other.

use lithify_block::TimeRange;
use lithify_tsdb::chunk::{
    Appended, Encoding, Float, HistogramAppender, Integer, STALE_BITS, XorAppender,
    aggregate::{self, SubChunk},
    histogram::Kind,
};

use super::histograms::Growing;
use crate::{dice::Dice, slow::Chunk};

/// The times of the samples of a chunk that begins at `*at` or later; leaves `*at` behind them. None outside the range.
fn times(dice: &mut Dice<'_>, at: &mut i64, range: TimeRange) -> Vec<i64> {
    let step = i64::from(dice.pick(&[10, 1, 2, 5, 15, 60]));
    let many: usize = dice.pick(&[3, 1, 2, 5, 12, 40, 119, 120, 121, 130]);
    let jitter = dice.once_in(3);
    let mut times = Vec::new();
    while times.len() < many && *at < range.max.0 {
        times.push(*at);
        *at += step + if jitter { i64::from(dice.below(3)) } else { 0 };
    }
    times
}

/// Chunks of raw samples, in order and apart.
pub fn raw_chunks(dice: &mut Dice<'_>, range: TimeRange) -> Vec<Chunk> {
    let mut chunks = Vec::new();
    let mut at = range.min.0 + i64::from(dice.pick(&[0, 1, 5, 30, 100]));
    for _ in 0..1 + dice.below(6) {
        let times = times(dice, &mut at, range);
        chunks.extend(match dice.below(10) {
            0..5 => float_chunk(dice, &times).into_iter().collect(),
            5..8 => histogram_chunks::<Integer>(dice, &times),
            _ => histogram_chunks::<Float>(dice, &times),
        });
        at += i64::from(dice.pick(&[0, 1, 10, 20, 200]));
    }
    chunks
}

fn float_chunk(dice: &mut Dice<'_>, times: &[i64]) -> Option<Chunk> {
    let data = floats(dice, times)?;
    Some(Chunk { min: *times.first()?, max: *times.last()?, encoding: 1, data })
}

/// Floats of some kind; `None` for no times.
fn floats(dice: &mut Dice<'_>, times: &[i64]) -> Option<Vec<u8>> {
    let mut appender = XorAppender::new();
    let (flavour, mut value) = (dice.below(5), f64::from(dice.byte()));
    for time in times {
        let odd = [f64::INFINITY, f64::NEG_INFINITY, -0.0, 0.1, f64::NAN, f64::from_bits(STALE_BITS), f64::MAX];
        value = match flavour {
            0 => value,
            1 if dice.once_in(8) => f64::from(dice.byte()),
            1 => value + f64::from(dice.byte()),
            2 => f64::from(dice.byte()) / 7.0 - 10.0,
            3 if dice.once_in(3) => dice.pick(&odd),
            3 => f64::from(dice.byte()),
            _ => f64::from_bits(dice.bits()),
        };
        appender.append(*time, value.to_bits()).ok()?;
    }
    (!times.is_empty()).then(|| appender.finish())
}

/// Histograms that grow, one chunk or as many as the appender makes of them.
fn histogram_chunks<K: Kind>(dice: &mut Dice<'_>, times: &[i64]) -> Vec<Chunk>
where
    Growing: super::histograms::Gives<K>,
{
    let mut growing = Growing::new(dice);
    let (mut appender, mut chunks) = (HistogramAppender::<K>::new(), Vec::new());
    let (mut min, mut before) = (times.first().copied(), 0);
    let chunk = |min, max, data| Chunk { min, max, encoding: K::ENCODING.byte(), data };
    for &time in times {
        let mut histogram = super::histograms::Gives::<K>::next(&mut growing, dice);
        if let Ok(Appended::NewChunk(data)) = appender.append(time, &mut histogram) {
            chunks.push(chunk(min.replace(time).unwrap_or(time), before, data));
        }
        before = time;
    }
    if let Some(min) = min {
        chunks.push(chunk(min, before, appender.finish()));
    }
    chunks
}

/// Aggregate chunks, in order and apart; now and then a raw one among them.
pub fn aggregate_chunks(dice: &mut Dice<'_>, range: TimeRange) -> Vec<Chunk> {
    let mut chunks = Vec::new();
    let mut at = range.min.0 + i64::from(dice.pick(&[0, 1, 5, 30, 100]));
    for _ in 0..1 + dice.below(5) {
        let times = times(dice, &mut at, range);
        let (Some(&min), Some(&max)) = (times.first(), times.last()) else { break };
        if dice.once_in(8) {
            chunks.extend(float_chunk(dice, &times));
        } else {
            chunks.push(Chunk { min, max, encoding: 0xff, data: aggregate_chunk(dice, &times) });
        }
        at += i64::from(dice.pick(&[0, 1, 10, 20, 200]));
    }
    chunks
}

fn aggregate_chunk(dice: &mut Dice<'_>, times: &[i64]) -> Vec<u8> {
    let empty = || XorAppender::new().finish();
    let histograms = dice.once_in(4);
    let mut slots: [Option<(Encoding, Vec<u8>)>; 5] = Default::default();
    for (number, slot) in slots.iter_mut().enumerate() {
        let mut times = times.to_vec();
        let counter = number == 4;
        if counter && !histograms {
            // The first raw value stands in front, the last one behind with the same time again.
            times.insert(0, times[0] - i64::from(dice.below(5)));
            times.extend(times.last().copied());
        }
        *slot = match dice.below(16) {
            14 if !counter => None,
            15 if histograms && number > 0 => {
                Some((Encoding::FloatHistogram, HistogramAppender::<Float>::new().finish()))
            }
            15 => Some((Encoding::Xor, empty())),
            _ if histograms && (number == 2 || number == 3) => None,
            _ if histograms && number > 0 => {
                let chunk = histogram_chunks::<Float>(dice, &times).pop();
                chunk.map(|chunk| (Encoding::FloatHistogram, chunk.data))
            }
            _ => floats(dice, &times).map(|data| (Encoding::Xor, data)),
        };
    }
    aggregate::join(slots.each_ref().map(|slot| {
        let (encoding, data) = slot.as_ref()?;
        Some(SubChunk { encoding: *encoding, data })
    }))
}
