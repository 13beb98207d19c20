//! From windows to longer windows.

use lithify_tsdb::chunk::{
    aggregate::{self, Aggregate},
    sample_count,
};

use super::{
    Chunk, Result, Timed,
    encode::{decode, floats},
    histogram::Hist,
    raw::{aggregate_chunk, as_floats, as_histograms, downsample_run, extract, range, smallest_schema, target_chunks},
    windows::{Floats, HistogramSlot, Histograms, windows},
};

/// Smallest and largest time of a slot, and its data.
type Slot = ((i64, i64), Vec<u8>);

const AGGREGATE: u8 = 0xff;
/// What raw chunks in a downsampled block are made into first, milliseconds.
const REPAIRED: i64 = 300_000;

/// Chunks of longer windows from the aggregate chunks of a series; as many a stretch as `target` says, if given.
///
/// # Errors
/// Where a chunk cannot be decoded, its counter cannot be read, histograms cannot be added, or the windows of one chunk
/// are too many.
///
/// Source: D 3.1, D 3.2.
pub fn downsample_groups(chunks: &[Chunk], from: i64, to: i64, target: Option<usize>) -> Result<Vec<Chunk>> {
    let mut aggregates = Vec::new();
    for chunk in chunks {
        if chunk.encoding == AGGREGATE {
            aggregates.push(chunk.clone());
        } else if count_of(chunk)? > 0 {
            aggregates.extend(downsample_run(&extract(chunk.encoding, &chunk.data)?, REPAIRED, None)?);
        }
    }
    let mut done = Vec::new();
    for stretch in aggregates.chunk_by(|one, next| of_histograms(one) == of_histograms(next)) {
        let samples: usize = stretch.iter().map(count_of).sum::<Result<_>>()?;
        let range = (stretch[0].min, stretch[stretch.len() - 1].max);
        let wanted = target.unwrap_or_else(|| target_chunks(range, from, to, samples));
        let size = stretch.len() / wanted;
        if size == 0 {
            return Err("chunk too large to downsample".into());
        }
        for group in stretch.chunks(size) {
            done.push(downsample_group(group, to)?);
        }
    }
    Ok(done)
}

fn count_of(chunk: &Chunk) -> Result<usize> {
    let encoding = chunk.encoding.try_into().map_err(|error: lithify_tsdb::chunk::ChunkError| error.to_string())?;
    sample_count(encoding, &chunk.data).map(usize::from).map_err(|error| error.to_string())
}

/// Source: D 1.4.
fn of_histograms(chunk: &Chunk) -> bool {
    let counter = aggregate::slot(&chunk.data, Aggregate::Counter);
    counter.is_ok_and(|slot| slot.is_some_and(|slot| slot.encoding.byte() != 1))
}

/// One chunk from neighbouring chunks of one kind.
///
/// # Errors
/// As [`downsample_groups`].
pub fn downsample_group(group: &[Chunk], to: i64) -> Result<Chunk> {
    if of_histograms(&group[0]) { histogram_group(group, to) } else { float_group(group, to) }
}

/// The samples of a slot of all chunks, one after the other.
///
/// Source: D 3.3 step 1.
fn slot_samples(group: &[Chunk], wanted: Aggregate) -> Result<Vec<Timed>> {
    let mut all = Vec::new();
    for chunk in group {
        if let Some(slot) = aggregate::slot(&chunk.data, wanted).map_err(|error| error.to_string())? {
            all.extend(extract(slot.encoding.byte(), slot.data)?);
        }
    }
    Ok(all)
}

/// A slot of floats, one value a window, and its range.
///
/// Source: D 3.3.
fn float_slot(group: &[Chunk], wanted: Aggregate, to: i64, pick: impl Fn(&Floats) -> f64) -> Result<Option<Slot>> {
    let samples = as_floats(slot_samples(group, wanted)?)?;
    if samples.is_empty() {
        return Ok(None);
    }
    let mut picked = Vec::new();
    windows(&samples, to, &mut Floats::default(), |time, window| {
        picked.push((time, pick(window)));
        Ok(())
    })?;
    Ok(Some((range(picked.iter().map(|(time, _)| *time)), floats(picked)?)))
}

fn float_group(group: &[Chunk], to: i64) -> Result<Chunk> {
    let (mut slots, mut ranges) = (Vec::new(), Vec::new());
    let mut keep = |slot: Option<Slot>| {
        let (range, data) = slot.unzip();
        ranges.push(range.unwrap_or((0, 0)));
        slots.push(data.map(|data| (1, data)));
    };
    keep(float_slot(group, Aggregate::Count, to, |window| window.sum)?);
    keep(float_slot(group, Aggregate::Sum, to, |window| window.sum)?);
    keep(float_slot(group, Aggregate::Min, to, |window| window.min)?);
    keep(float_slot(group, Aggregate::Max, to, |window| window.max)?);
    let mut lists = Vec::new();
    for chunk in group {
        let slot = aggregate::slot(&chunk.data, Aggregate::Counter).map_err(|error| error.to_string())?;
        let slot = slot.ok_or("aggregate chunk without a counter")?;
        lists.push(as_floats(decode(slot.encoding.byte(), slot.data)?)?);
    }
    let (mut totals, last_raw) = counter_samples(&lists);
    let mut last = 0;
    totals.retain(|(time, _)| {
        let kept = *time >= last;
        if kept {
            last = *time;
        }
        kept
    });
    if let Some(first) = totals.first() {
        let mut counter = vec![*first];
        let mut times = Vec::new();
        let end = windows(&totals, to, &mut Floats::default(), |time, window| {
            counter.push((time, window.counter));
            times.push(time);
            Ok(())
        })?;
        counter.push((end, last_raw));
        ranges.push(range(times.into_iter()));
        slots.push(Some((1, floats(counter)?)));
    } else {
        slots.push(None);
    }
    aggregate_chunk(overall(&ranges), &slots)
}

fn overall(ranges: &[(i64, i64)]) -> (i64, i64) {
    (range(ranges.iter().map(|range| range.0)).0, range(ranges.iter().map(|range| range.1)).1)
}

/// Totals of the counter slots of neighbouring chunks, drops added back, and the true last raw value.
///
/// Source: D 3.4 step 1.
#[must_use]
pub fn counter_samples(lists: &[Vec<(i64, f64)>]) -> (Vec<(i64, f64)>, f64) {
    let mut state: Option<(i64, f64, f64)> = None;
    let (mut seek, mut totals): (Option<i64>, Vec<(i64, f64)>) = (None, Vec::new());
    for (number, list) in lists.iter().enumerate() {
        if number > 0 {
            let from = state.map_or(0, |(time, _, _)| time) + 1;
            seek = Some(seek.map_or(from, |seek| seek.max(from)));
        }
        for &(time, value) in list.iter().filter(|(_, value)| !value.is_nan()) {
            let out = match &mut state {
                None => {
                    state = Some((time, value, value));
                    true
                }
                Some((last_time, last, total)) if time > *last_time => {
                    let grown = if value >= *last { super::histogram::subtract(value, *last) } else { value };
                    *total = super::histogram::add(*total, grown);
                    (*last_time, *last) = (time, value);
                    true
                }
                Some((last_time, last, _)) => {
                    if time == *last_time {
                        *last = value;
                    }
                    false
                }
            };
            if let (true, Some((time, _, total))) = (out && seek.is_none_or(|seek| time >= seek), state) {
                seek = None;
                totals.push((time, total));
            }
        }
    }
    (totals, state.map_or(0.0, |(_, last, _)| last))
}

/// Source: D 3.5.
fn histogram_group(group: &[Chunk], to: i64) -> Result<Chunk> {
    let slot = |wanted| -> Result<Slot> {
        let samples: Vec<(i64, Hist)> = as_histograms(slot_samples(group, wanted)?)?;
        if samples.is_empty() {
            return Err("aggregates of histograms without a histogram".into());
        }
        let (mut written, mut times) = (HistogramSlot::new(), Vec::new());
        windows(&samples, to, &mut Histograms::new(smallest_schema(&samples)), |time, window| {
            let value = if wanted == Aggregate::Sum { &mut window.sum } else { &mut window.counter };
            times.push(time);
            written.append(time, value.as_mut().ok_or("a window without a histogram")?)
        })?;
        Ok((range(times.into_iter()), written.finish()))
    };
    let (counter_range, counter) = slot(Aggregate::Counter)?;
    let (sum_range, sum) = slot(Aggregate::Sum)?;
    let count = float_slot(group, Aggregate::Count, to, |window| window.sum)?;
    let (count_range, count) = count.map_or_else(|| Ok(((0, 0), floats([])?)), Ok::<_, String>)?;
    let slots = [Some((1, count)), Some((3, sum)), None, None, Some((3, counter))];
    aggregate_chunk(overall(&[counter_range, sum_range, count_range]), &slots)
}
