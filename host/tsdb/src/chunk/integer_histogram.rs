//! Samples with integer counts: encoding 2.
//!
//! Counts and buckets are written as differences of differences. Source: Prometheus `tsdb/chunkenc/histogram.go`.

use super::bits::{BitReader, BitWriter};
use super::histogram::coder::Coder;
use super::histogram::{Hint, Histogram, Integer, Kind};
use super::varbit::{put_signed, put_unsigned, signed, unsigned};
use super::xor_value::{self, Window};
use super::{ChunkError, Encoding, STALE_BITS};

impl Kind for Integer {
    const ENCODING: Encoding = Encoding::Histogram;
    const AFTER_GAUGE: Hint = Hint::NotCounterReset;
    type Count = u64;
    type Bucket = i64;
    type Absolute = i64;

    fn absolute(before: i64, bucket: i64) -> i64 {
        before.wrapping_add(bucket)
    }

    fn relative(before: i64, absolute: i64) -> i64 {
        absolute.wrapping_sub(before)
    }

    fn sum(a: i64, b: i64) -> i64 {
        a.wrapping_add(b)
    }

    fn count_bits(count: u64) -> u64 {
        count
    }

    fn bucket_bits(bucket: i64) -> u64 {
        bucket.cast_unsigned()
    }
}

/// How much everything grew in the last sample.
#[derive(Clone, Debug)]
pub struct Deltas {
    count: i64,
    zero_count: i64,
    sum: Window,
    positive: Vec<i64>,
    negative: Vec<i64>,
}

impl Deltas {
    fn new(sum: Window) -> Self {
        Self { count: 0, zero_count: 0, sum, positive: Vec::new(), negative: Vec::new() }
    }

    /// Reads a later sample over the one before it.
    #[inline(always)]
    fn read(&mut self, bits: &mut BitReader<'_>, sample: &mut Histogram<Integer>) -> Result<(), ChunkError> {
        sample.count = grow(bits, sample.count.cast_signed(), &mut self.count).cast_unsigned();
        sample.zero_count = grow(bits, sample.zero_count.cast_signed(), &mut self.zero_count).cast_unsigned();
        let mut sum = sample.sum.to_bits();
        xor_value::read(bits, &mut sum, &mut self.sum)?;
        sample.sum = f64::from_bits(sum);
        if sum == STALE_BITS {
            return Ok(());
        }
        let sides = [(&mut sample.positive, &mut self.positive), (&mut sample.negative, &mut self.negative)];
        for (buckets, deltas) in sides {
            // As many of the one as of the other: a first sample gives each bucket a delta.
            let (eights, rest) = buckets.as_chunks_mut::<8>();
            let (deltas_of_eights, deltas_of_rest) = deltas.as_chunks_mut::<8>();
            for (buckets, deltas) in eights.iter_mut().zip(deltas_of_eights) {
                grow_eight(bits, buckets, deltas);
            }
            for (bucket, delta) in rest.iter_mut().zip(deltas_of_rest) {
                *bucket = grow(bits, *bucket, delta);
            }
        }
        Ok(())
    }

    /// Makes room for the buckets of a first sample.
    fn widen(&mut self, sample: &Histogram<Integer>) {
        self.positive = vec![0; sample.positive.len()];
        self.negative = vec![0; sample.negative.len()];
    }
}

/// Reads a number that is stored as the change of its growth.
#[inline(always)]
fn grow(bits: &mut BitReader<'_>, value: i64, delta: &mut i64) -> i64 {
    *delta = delta.wrapping_add(signed(bits));
    value.wrapping_add(*delta)
}

/// As [`grow`] of eight buckets. In wide histograms most grow as before, which is a zero bit each.
#[inline(always)]
fn grow_eight(bits: &mut BitReader<'_>, buckets: &mut [i64; 8], deltas: &mut [i64; 8]) {
    bits.need(8);
    if bits.window() >> 56 == 0 {
        bits.skip(8);
        buckets.iter_mut().zip(deltas).for_each(|(bucket, delta)| *bucket = bucket.wrapping_add(*delta));
        return;
    }
    for (bucket, delta) in buckets.iter_mut().zip(deltas) {
        *bucket = grow(bits, *bucket, delta);
    }
}

/// Writes a number as the change of its growth.
#[inline]
fn put_growth(out: &mut BitWriter, before: i64, value: i64, delta: &mut i64) {
    let grown = value.wrapping_sub(before);
    put_signed(out, grown.wrapping_sub(*delta));
    *delta = grown;
}

impl Coder for Integer {
    type State = Deltas;
    const BUCKET_BITS: u64 = 1;

    fn writing() -> Deltas {
        Deltas::new(Window::ABSENT)
    }

    fn reading() -> Deltas {
        Deltas::new(Window::FULL)
    }

    fn read_first(bits: &mut BitReader<'_>, state: &mut Deltas, sample: &mut Histogram<Self>) {
        state.widen(sample);
        sample.count = unsigned(bits);
        sample.zero_count = unsigned(bits);
        sample.sum = f64::from_bits(bits.take_wide(64));
        for bucket in sample.positive.iter_mut().chain(&mut sample.negative) {
            *bucket = signed(bits);
        }
    }

    fn read_next(bits: &mut BitReader<'_>, state: &mut Deltas, sample: &mut Histogram<Self>) -> Result<(), ChunkError> {
        // A reader that nobody else can look at stays in registers.
        let mut own = bits.clone();
        let outcome = state.read(&mut own, sample);
        *bits = own;
        outcome
    }

    fn write_first(out: &mut BitWriter, state: &mut Deltas, sample: &Histogram<Self>) {
        state.widen(sample);
        put_unsigned(out, sample.count);
        put_unsigned(out, sample.zero_count);
        out.put(sample.sum.to_bits(), 64);
        for bucket in sample.positive.iter().chain(&sample.negative) {
            put_signed(out, *bucket);
        }
    }

    fn write_next(out: &mut BitWriter, state: &mut Deltas, last: &Histogram<Self>, sample: &Histogram<Self>) {
        if sample.is_stale() {
            // Counts of a marker mean nothing, and only markers can follow.
            out.put(0, 2);
        } else {
            put_growth(out, last.count.cast_signed(), sample.count.cast_signed(), &mut state.count);
            put_growth(out, last.zero_count.cast_signed(), sample.zero_count.cast_signed(), &mut state.zero_count);
        }
        xor_value::put(out, last.sum.to_bits(), sample.sum.to_bits(), &mut state.sum);
        for (bucket, (before, delta)) in sample.positive.iter().zip(last.positive.iter().zip(&mut state.positive)) {
            put_growth(out, *before, *bucket, delta);
        }
        for (bucket, (before, delta)) in sample.negative.iter().zip(last.negative.iter().zip(&mut state.negative)) {
            put_growth(out, *before, *bucket, delta);
        }
    }
}
