//! From raw samples to windows.

use lithify_tsdb::chunk::{
    Encoding, STALE_BITS, Sample,
    aggregate::{self, SubChunk},
};

use super::{
    Chunk, Result, Timed,
    encode::{decode, floats},
    histogram::Hist,
    windows::{Floats, HistogramSlot, Histograms, window_end, windows},
};

/// How far apart raw samples are taken to be, milliseconds.
const RAW_INTERVAL: i64 = 60_000;
/// Windows that an output chunk should have at most.
const WINDOWS: i64 = 140;

/// The samples of a chunk that count: no stale ones, none that go back in time.
///
/// # Errors
/// Where the chunk cannot be decoded.
///
/// Source: D 2.2.
pub fn extract(encoding: u8, data: &[u8]) -> Result<Vec<Timed>> {
    let mut samples = decode(encoding, data)?;
    let mut last = 0;
    samples.retain(|(time, sample)| {
        let kept = value_bits(sample) != STALE_BITS && *time >= last;
        if kept {
            last = *time;
        }
        kept
    });
    Ok(samples)
}

/// The value, or a histogram's sum.
fn value_bits(sample: &Sample) -> u64 {
    match sample {
        Sample::Float(bits) => *bits,
        Sample::Histogram(value) => value.sum.to_bits(),
        Sample::FloatHistogram(value) => value.sum.to_bits(),
    }
}

/// Floats as they are, histograms of both kinds as float histograms.
pub(super) fn as_floats(samples: Vec<Timed>) -> Result<Vec<(i64, f64)>> {
    let float = |(time, sample)| match sample {
        Sample::Float(bits) => Ok((time, f64::from_bits(bits))),
        Sample::Histogram(_) | Sample::FloatHistogram(_) => Err("histograms where floats belong".into()),
    };
    samples.into_iter().map(float).collect()
}

pub(super) fn as_histograms(samples: Vec<Timed>) -> Result<Vec<(i64, Hist)>> {
    let histogram = |(time, sample)| match sample {
        Sample::Float(_) => Err("floats where histograms belong".into()),
        Sample::Histogram(value) => Ok((time, Hist::new(&value.to_float()))),
        Sample::FloatHistogram(value) => Ok((time, Hist::new(&value))),
    };
    samples.into_iter().map(histogram).collect()
}

/// How many chunks to aim at.
///
/// Source: D 2.4.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "the reference computes with floats")]
#[expect(clippy::cast_possible_truncation, reason = "likewise; at most as many as there are windows")]
pub fn target_chunks(range: (i64, i64), from: i64, to: i64, samples: usize) -> usize {
    let (min, max) = range;
    let windows = ((max - min) / to) as f64;
    let mut share = samples as f64 / ((max - min) as f64 / from as f64);
    if share > 1.0 {
        share = 1.0;
    }
    let expected = (windows * share) as i64 + 1;
    let enough = (1..).find(|chunks| expected / chunks <= WINDOWS).unwrap_or(1);
    usize::try_from(enough).unwrap_or(1)
}

/// Chunks of windows from the raw chunks of a series.
///
/// # Errors
/// Where a chunk cannot be decoded, or histograms of a batch cannot be added.
///
/// Source: D 2.1.
pub fn downsample_raw(chunks: &[Chunk], to: i64) -> Result<Vec<Chunk>> {
    let (mut done, mut run, mut floats_before) = (Vec::new(), Vec::new(), true);
    for chunk in chunks {
        if !(1..=3).contains(&chunk.encoding) {
            return Err(format!("unexpected chunk encoding {}", chunk.encoding));
        }
        let floats = chunk.encoding == 1;
        if floats != floats_before {
            done.extend(downsample_run(&std::mem::take(&mut run), to, None)?);
            floats_before = floats;
        }
        run.extend(extract(chunk.encoding, &chunk.data)?);
    }
    done.extend(downsample_run(&run, to, None)?);
    Ok(done)
}

/// Chunks of windows from samples that are all floats or all histograms; as many as `target` says, if given.
///
/// # Errors
/// As [`downsample_raw`].
///
/// Source: D 2.3, D 2.5.
pub fn downsample_run(samples: &[Timed], to: i64, target: Option<usize>) -> Result<Vec<Chunk>> {
    let (Some((min, first)), Some((max, _))) = (samples.first(), samples.last()) else { return Ok(Vec::new()) };
    let chunks = target.unwrap_or_else(|| target_chunks((*min, *max), RAW_INTERVAL, to, samples.len()));
    let size = samples.len() / chunks + 1;
    let (mut rest, mut done) = (samples, Vec::new());
    while !rest.is_empty() {
        let mut end = size.min(rest.len());
        let border = window_end(rest[end - 1].0, to);
        while end < rest.len() && rest[end].0 <= border {
            end += 1;
        }
        let (batch, later) = rest.split_at(end);
        rest = later;
        let numbers = batch.iter().filter(|(_, sample)| !f64::from_bits(value_bits(sample)).is_nan());
        let batch: Vec<Timed> = numbers.cloned().collect();
        if batch.is_empty() {
            continue;
        }
        done.push(match first {
            Sample::Float(_) => float_chunk(&as_floats(batch)?, to)?,
            Sample::Histogram(_) | Sample::FloatHistogram(_) => histogram_chunk(&as_histograms(batch)?, to)?,
        });
    }
    Ok(done)
}

/// Source: D 2.8.
fn float_chunk(batch: &[(i64, f64)], to: i64) -> Result<Chunk> {
    let mut slots: [Vec<(i64, f64)>; 5] = Default::default();
    slots[4].push(batch[0]);
    let last = windows(batch, to, &mut Floats::default(), |time, window| {
        let values = [window.count, window.sum, window.min, window.max, window.counter];
        for (slot, value) in slots.iter_mut().zip(values) {
            slot.push((time, value));
        }
        Ok(())
    })?;
    let range = range(slots[0].iter().map(|(time, _)| *time));
    slots[4].push((last, batch[batch.len() - 1].1));
    let mut data = Vec::new();
    for slot in slots {
        data.push(Some((1, floats(slot)?)));
    }
    aggregate_chunk(range, &data)
}

/// Source: D 2.9.
fn histogram_chunk(batch: &[(i64, Hist)], to: i64) -> Result<Chunk> {
    let gauge = batch[0].1.hint == lithify_tsdb::chunk::Hint::Gauge;
    let (mut counts, mut sums, mut counters) = (Vec::new(), HistogramSlot::new(), HistogramSlot::new());
    windows(batch, to, &mut Histograms::new(smallest_schema(batch)), |time, window| {
        for (value, slot) in [(&mut window.counter, &mut counters), (&mut window.sum, &mut sums)] {
            let value = value.as_mut().ok_or("a window without a histogram")?;
            if gauge {
                value.hint = lithify_tsdb::chunk::Hint::Gauge;
            }
            slot.append(time, value)?;
        }
        counts.push((time, window.count));
        Ok(())
    })?;
    let range = range(counts.iter().map(|(time, _)| *time));
    let slots = [Some((1, floats(counts)?)), Some((3, sums.finish())), None, None, Some((3, counters.finish()))];
    aggregate_chunk(range, &slots)
}

pub(super) fn smallest_schema(batch: &[(i64, Hist)]) -> i32 {
    batch.iter().map(|(_, histogram)| histogram.schema).min().unwrap_or(0)
}

/// Smallest and largest time; twice 0 where there is none.
pub(super) fn range(times: impl Iterator<Item = i64> + Clone) -> (i64, i64) {
    (times.clone().min().unwrap_or(0), times.max().unwrap_or(0))
}

/// Joins slots, each an encoding and its data.
pub(super) fn aggregate_chunk((min, max): (i64, i64), slots: &[Option<(u8, Vec<u8>)>]) -> Result<Chunk> {
    let mut view = [None; 5];
    for (place, slot) in view.iter_mut().zip(slots) {
        if let Some((encoding, data)) = slot {
            let encoding = Encoding::try_from(*encoding).map_err(|error| error.to_string())?;
            *place = Some(SubChunk { encoding, data });
        }
    }
    Ok(Chunk { min, max, encoding: 0xff, data: aggregate::join(view) })
}
