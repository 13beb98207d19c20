//! Samples with float counts: encoding 3.
//!
//! Every count and every bucket is written like a float of encoding 1, with a window of its own.
//! Source: Prometheus `tsdb/chunkenc/float_histogram.go`.

use super::bits::{BitReader, BitWriter};
use super::histogram::coder::Coder;
use super::histogram::{Float, Hint, Histogram, Kind};
use super::xor_value::{self, Window};
use super::{ChunkError, Encoding, STALE_BITS};

impl Kind for Float {
    const ENCODING: Encoding = Encoding::FloatHistogram;
    const AFTER_GAUGE: Hint = Hint::Unknown;
    type Count = f64;
    type Bucket = f64;
    type Absolute = f64;

    fn absolute(_before: f64, bucket: f64) -> f64 {
        bucket
    }

    fn relative(_before: f64, absolute: f64) -> f64 {
        absolute
    }

    fn sum(a: f64, b: f64) -> f64 {
        a + b
    }

    fn count_bits(count: f64) -> u64 {
        count.to_bits()
    }

    fn bucket_bits(bucket: f64) -> u64 {
        bucket.to_bits()
    }
}

/// The window of each number.
#[derive(Clone, Debug)]
pub struct Windows {
    count: Window,
    zero_count: Window,
    sum: Window,
    positive: Vec<Window>,
    negative: Vec<Window>,
}

impl Windows {
    fn new(start: Window) -> Self {
        Self { count: start, zero_count: start, sum: start, positive: Vec::new(), negative: Vec::new() }
    }

    /// Reads a later sample over the one before it.
    #[inline(always)]
    fn read(&mut self, bits: &mut BitReader<'_>, sample: &mut Histogram<Float>) -> Result<(), ChunkError> {
        read(bits, &mut sample.count, &mut self.count)?;
        read(bits, &mut sample.zero_count, &mut self.zero_count)?;
        read(bits, &mut sample.sum, &mut self.sum)?;
        if sample.sum.to_bits() == STALE_BITS {
            return Ok(());
        }
        let sides = [(&mut sample.positive, &mut self.positive), (&mut sample.negative, &mut self.negative)];
        for (buckets, windows) in sides {
            for (bucket, window) in buckets.iter_mut().zip(windows) {
                read(bits, bucket, window)?;
            }
        }
        Ok(())
    }

    /// Gives each bucket of a first sample a window.
    fn widen(&mut self, sample: &Histogram<Float>) {
        // Counts have the window of a start still, as the first sample is written in full.
        self.positive = vec![self.count; sample.positive.len()];
        self.negative = vec![self.count; sample.negative.len()];
    }
}

/// Reads one number over the one before it.
#[inline(always)]
fn read(bits: &mut BitReader<'_>, value: &mut f64, window: &mut Window) -> Result<(), ChunkError> {
    let mut pattern = value.to_bits();
    xor_value::read(bits, &mut pattern, window)?;
    *value = f64::from_bits(pattern);
    Ok(())
}

/// Writes one number after the one before it.
#[inline]
fn put(out: &mut BitWriter, before: f64, value: f64, window: &mut Window) {
    xor_value::put(out, before.to_bits(), value.to_bits(), window);
}

impl Coder for Float {
    type State = Windows;
    const BUCKET_BITS: u64 = 64;

    fn writing() -> Windows {
        Windows::new(Window::ABSENT)
    }

    fn reading() -> Windows {
        Windows::new(Window::FULL)
    }

    fn read_first(bits: &mut BitReader<'_>, state: &mut Windows, sample: &mut Histogram<Self>) {
        state.widen(sample);
        let counts = [&mut sample.count, &mut sample.zero_count, &mut sample.sum];
        for value in counts.into_iter().chain(&mut sample.positive).chain(&mut sample.negative) {
            *value = f64::from_bits(bits.take_wide(64));
        }
    }

    fn read_next(
        bits: &mut BitReader<'_>,
        state: &mut Windows,
        sample: &mut Histogram<Self>,
    ) -> Result<(), ChunkError> {
        // A reader that nobody else can look at stays in registers.
        let mut own = bits.clone();
        let outcome = state.read(&mut own, sample);
        *bits = own;
        outcome
    }

    fn write_first(out: &mut BitWriter, state: &mut Windows, sample: &Histogram<Self>) {
        state.widen(sample);
        let counts = [&sample.count, &sample.zero_count, &sample.sum];
        for value in counts.into_iter().chain(&sample.positive).chain(&sample.negative) {
            out.put(value.to_bits(), 64);
        }
    }

    fn write_next(out: &mut BitWriter, state: &mut Windows, last: &Histogram<Self>, sample: &Histogram<Self>) {
        put(out, last.count, sample.count, &mut state.count);
        put(out, last.zero_count, sample.zero_count, &mut state.zero_count);
        put(out, last.sum, sample.sum, &mut state.sum);
        for (bucket, (before, window)) in sample.positive.iter().zip(last.positive.iter().zip(&mut state.positive)) {
            put(out, *before, *bucket, window);
        }
        for (bucket, (before, window)) in sample.negative.iter().zip(last.negative.iter().zip(&mut state.negative)) {
            put(out, *before, *bucket, window);
        }
    }
}
