//! What the policy answered, as chunks of aggregates.
//!
//! Source: `downsampling.md` 1.2, 2.8, 2.9 steps 4 to 7, 3.3 to 3.5; Thanos pkg/compact/downsample/aggr.go.

use std::sync::Arc;

use lithify_block::columns::{Aggregates, BucketSpan, HistogramAggregates, HistogramLayout, ResetHint};

use super::{
    counter::INDEFINITE,
    histograms::{Cursor, Row},
    runs::rows,
    unit::Made,
};
use crate::{
    chunk::{Appended, ChunkError, Encoding, FloatHistogram, Hint, HistogramAppender, Layout, Span, xor},
    varint::put_uvarint,
};

/// The counter's first and last sample, which are the raw values between which chunks are compared.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ends {
    pub(super) first: (i64, f64),
    /// It gets the time of the last window.
    pub(super) last: f64,
}

/// First and last millisecond of what was written.
#[derive(Clone, Copy, Debug, Default)]
struct Extent(Option<(i64, i64)>);

impl Extent {
    fn add(&mut self, times: &[i64]) {
        for &time in times {
            self.0 = Some(self.0.map_or((time, time), |(min, max)| (min.min(time), max.max(time))));
        }
    }

    /// As [`Extent::add`] of one slot of a coarser chunk: one that is missing counts as the epoch.
    fn add_slot(&mut self, times: &[i64]) {
        self.add(if times.is_empty() { &[0] } else { times });
    }
}

/// Appends the chunk of a run of raw floats.
pub(super) fn raw(answer: &Aggregates, run: usize, ends: Ends, out: &mut Vec<u8>) -> Result<Made, ChunkError> {
    let mut extent = Extent::default();
    for column in [&answer.count, &answer.sum, &answer.min, &answer.max] {
        extent.add(rows(column, run).0);
    }
    floats(answer, run, Some(ends), extent, out)
}

/// Appends the chunk of a group of float aggregates; `ends` are missing where all counters were empty.
pub(super) fn coarser(
    answer: &Aggregates,
    run: usize,
    ends: Option<Ends>,
    out: &mut Vec<u8>,
) -> Result<Made, ChunkError> {
    let mut extent = Extent::default();
    for column in [&answer.count, &answer.sum, &answer.min, &answer.max] {
        extent.add_slot(rows(column, run).0);
    }
    floats(answer, run, ends, extent, out)
}

fn floats(
    answer: &Aggregates,
    run: usize,
    ends: Option<Ends>,
    mut extent: Extent,
    out: &mut Vec<u8>,
) -> Result<Made, ChunkError> {
    let start = out.len();
    out.push(Encoding::Aggregate.byte());
    for column in [&answer.count, &answer.sum, &answer.min, &answer.max] {
        let (times, values) = rows(column, run);
        if times.is_empty() {
            out.push(0);
        } else {
            xor_slot(times.iter().copied().zip(values.iter().copied()), times.len(), out)?;
        }
    }
    let (times, values) = rows(&answer.counter, run);
    extent.add(times);
    match ends {
        None => out.push(0),
        Some(Ends { first, last }) => {
            let behind = (times.last().copied().unwrap_or(first.0), last);
            let windows = times.iter().copied().zip(values.iter().copied());
            xor_slot(std::iter::once(first).chain(windows).chain([behind]), times.len() + 2, out)?;
        }
    }
    Ok(close(start, extent, out))
}

/// Appends an XOR chunk in its slot.
fn xor_slot(samples: impl Iterator<Item = (i64, f64)>, count: usize, out: &mut Vec<u8>) -> Result<(), ChunkError> {
    let start = out.len();
    out.extend([0, 0, Encoding::Xor.byte()]);
    let data = out.len();
    xor::encode_each(samples.map(|(time, value)| (time, value.to_bits())), count, out)?;
    let length = out.len() - data;
    // Most lengths take two bytes, for which there is room; the others move what is behind.
    if let (Ok(length @ 0x80..0x4000), Some([low, high, ..])) = (u16::try_from(length), out.get_mut(start..)) {
        let [rest, seven] = (length << 1 & 0x7f00 | length & 0x7f | 0x80).to_be_bytes();
        (*low, *high) = (seven, rest);
        return Ok(());
    }
    let mut told = Vec::new();
    put_uvarint(&mut told, length as u64);
    out.splice(start..start + 2, told);
    Ok(())
}

fn put_slot(encoding: Encoding, data: &[u8], out: &mut Vec<u8>) {
    put_uvarint(out, data.len() as u64);
    out.push(encoding.byte());
    out.extend_from_slice(data);
}

/// Appends the checksum of the chunk that begins at `start`.
fn close(start: usize, extent: Extent, out: &mut Vec<u8>) -> Made {
    let crc = crc32c::crc32c(out.get(start..).unwrap_or_default());
    out.extend_from_slice(&crc.to_be_bytes());
    let (min, max) = extent.0.unwrap_or_default();
    Made { min, max, body: start..out.len() }
}

/// Walks the answers about runs of histograms in order.
pub(super) struct HistogramAnswer<'a> {
    answer: &'a HistogramAggregates,
    sum: Cursor<'a>,
    counter: Cursor<'a>,
    run: usize,
    /// Windows that were lost.
    pub(super) lost: u64,
}

impl<'a> HistogramAnswer<'a> {
    pub(super) fn new(answer: &'a HistogramAggregates) -> Self {
        Self { answer, sum: Cursor::new(&answer.sum), counter: Cursor::new(&answer.counter), run: 0, lost: 0 }
    }

    /// Appends the chunk of the next run.
    pub(super) fn next(&mut self, out: &mut Vec<u8>) -> Result<Made, ChunkError> {
        let start = out.len();
        let mut extent = Extent::default();
        out.push(Encoding::Aggregate.byte());
        let (times, values) = rows(&self.answer.count, self.run);
        extent.add_slot(times);
        xor_slot(times.iter().copied().zip(values.iter().copied()), times.len(), out)?;
        let length = |offsets: &[u32]| {
            let end = |at: usize| offsets.get(at).copied().unwrap_or_default();
            end(self.run + 1).saturating_sub(end(self.run)) as usize
        };
        let (sums, counters) = (length(&self.answer.sum.offsets), length(&self.answer.counter.offsets));
        self.lost += histogram_slot(self.sum.by_ref().take(sums), &mut extent, out)?;
        out.extend([0, 0]);
        self.lost += histogram_slot(self.counter.by_ref().take(counters), &mut extent, out)?;
        self.run += 1;
        Ok(close(start, extent, out))
    }
}

/// Appends a chunk of histograms in its slot; returns how many of them are not in it.
///
/// Source: `downsampling.md` 2.9, step 5.
fn histogram_slot<'a>(
    rows: impl Iterator<Item = Row<'a>>,
    extent: &mut Extent,
    out: &mut Vec<u8>,
) -> Result<u64, ChunkError> {
    // In the reference the chunk is its own predecessor, in which every first sample fits.
    let mut appender = HistogramAppender::with_flag(Hint::NotCounterReset);
    let (mut shown, mut layout) = (None::<&HistogramLayout>, Arc::default());
    let (mut histogram, mut lost) = (FloatHistogram::default(), 0);
    for row in rows {
        if !shown.is_some_and(|shown| std::ptr::eq(shown, row.layout)) {
            layout = Arc::new(stored(row.layout));
            shown = Some(row.layout);
        }
        extent.add(&[row.time]);
        histogram.hint = hint(row.hint);
        histogram.layout = Arc::clone(&layout);
        (histogram.count, histogram.zero_count) = (as_made(row.count), as_made(row.zero_count));
        histogram.sum = as_made(row.sum);
        for (to, from) in [(&mut histogram.positive, row.positive), (&mut histogram.negative, row.negative)] {
            to.clear();
            to.extend(from.iter().copied().map(as_made));
        }
        let before = u64::from(appender.count());
        if let Appended::NewChunk(_) = appender.append(row.time, &mut histogram)? {
            lost += before;
        }
    }
    put_slot(Encoding::FloatHistogram, &appender.finish(), out);
    Ok(lost)
}

/// A NaN with the bits that the reference's arithmetic leaves behind: a sandbox has others, and infinite sums of
/// histograms make NaN.
///
/// Source: `downsampling.md` 7.6.
fn as_made(value: f64) -> f64 {
    if value.is_nan() { INDEFINITE } else { value }
}

fn hint(hint: ResetHint) -> Hint {
    match hint {
        ResetHint::Unknown => Hint::Unknown,
        ResetHint::Reset => Hint::CounterReset,
        ResetHint::NotReset => Hint::NotCounterReset,
        ResetHint::Gauge => Hint::Gauge,
    }
}

fn stored(layout: &HistogramLayout) -> Layout {
    let spans =
        |spans: &[BucketSpan]| spans.iter().map(|span| Span { offset: span.offset, length: span.length }).collect();
    Layout {
        schema: layout.schema,
        zero_threshold: layout.zero_threshold,
        positive: spans(&layout.positive_spans),
        negative: spans(&layout.negative_spans),
        custom_values: layout.custom_values.clone(),
    }
}
