//! Native histograms as values, in both kinds of counts.
//!
//! Source: Prometheus `model/histogram/histogram.go`, `float_histogram.go`.

use std::fmt::Debug;
use std::sync::Arc;

use super::layout::{Layout, check_offsets, covered};
use super::{ChunkError, Encoding, STALE_BITS, spans};

/// What is known about a histogram and the one before it. In a chunk it is the top two bits of the flag byte.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum Hint {
    /// Nothing.
    #[default]
    Unknown = 0x00,
    /// The counters did not start again.
    NotCounterReset = 0x40,
    /// The counters started again.
    CounterReset = 0x80,
    /// Not counters: everything may go up and down.
    Gauge = 0xc0,
}

impl Hint {
    /// The hint in a flag byte, whose lower six bits mean nothing.
    #[must_use]
    pub fn from_flag(flag: u8) -> Self {
        match flag >> 6 {
            0 => Self::Unknown,
            1 => Self::NotCounterReset,
            2 => Self::CounterReset,
            _ => Self::Gauge,
        }
    }

    /// The flag byte as written.
    #[must_use]
    pub fn flag(self) -> u8 {
        self as u8
    }
}

/// Integer or float counts: what differs between encodings 2 and 3.
///
/// Implemented by [`Integer`] and [`Float`] and by nothing else: its parent cannot be named outside.
pub trait Kind: coder::Coder + Clone + Copy + Debug + PartialEq + 'static {
    /// The encoding of this kind's chunks.
    const ENCODING: Encoding;
    /// Flag of the chunk that a counter histogram opens when the one before holds gauges.
    const AFTER_GAUGE: Hint;
    /// The count of observations, and that of the zero bucket.
    type Count: Copy + Debug + Default + PartialOrd;
    /// A bucket as stored: the difference to the bucket before it, or the count itself.
    type Bucket: Copy + Debug + Default;
    /// The count of a bucket.
    type Absolute: Copy + Debug + Default + PartialOrd;

    /// The count of a bucket, from that of the bucket before it.
    fn absolute(before: Self::Absolute, bucket: Self::Bucket) -> Self::Absolute;
    /// How a bucket is stored, behind one that counts `before`.
    fn relative(before: Self::Absolute, absolute: Self::Absolute) -> Self::Bucket;
    /// The sum of two counts; integers wrap.
    fn sum(a: Self::Absolute, b: Self::Absolute) -> Self::Absolute;
    /// The bits of a count, to compare NaNs.
    fn count_bits(count: Self::Count) -> u64;
    /// The bits of a bucket.
    fn bucket_bits(bucket: Self::Bucket) -> u64;
}

/// Counts are `u64`, buckets `i64` differences to the bucket before: encoding 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Integer;

/// Counts are `f64`, buckets absolute: encoding 3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Float;

/// A histogram as Prometheus scrapes most of them.
pub type IntegerHistogram = Histogram<Integer>;

/// A histogram as recording rules and downsampling make them.
pub type FloatHistogram = Histogram<Float>;

/// The reading and writing of samples, apart from timestamps.
pub(crate) mod coder {
    use std::fmt::Debug;

    use super::{ChunkError, Histogram, Kind};
    use crate::chunk::bits::{BitReader, BitWriter};

    /// How a kind's counts, sum and buckets go into the bit stream.
    #[expect(unnameable_types, reason = "seals Kind: only this crate decides how samples are coded")]
    pub trait Coder: Sized {
        /// What is remembered between samples beside the last sample itself.
        type State: Clone + Debug;
        /// Fewest bits that a bucket takes in the first sample.
        const BUCKET_BITS: u64;
        /// Before the first sample of a chunk that is written.
        fn writing() -> Self::State;
        /// Before the first sample of a chunk that is read.
        fn reading() -> Self::State;
        /// Reads the first sample into `sample`, whose buckets are all there and zero.
        fn read_first(bits: &mut BitReader<'_>, state: &mut Self::State, sample: &mut Histogram<Self>)
        where
            Self: Kind;
        /// Reads a later sample over the one before it.
        fn read_next(
            bits: &mut BitReader<'_>,
            state: &mut Self::State,
            sample: &mut Histogram<Self>,
        ) -> Result<(), ChunkError>
        where
            Self: Kind;
        /// Writes the first sample.
        fn write_first(out: &mut BitWriter, state: &mut Self::State, sample: &Histogram<Self>)
        where
            Self: Kind;
        /// Writes `sample` after `last`.
        fn write_next(out: &mut BitWriter, state: &mut Self::State, last: &Histogram<Self>, sample: &Histogram<Self>)
        where
            Self: Kind;
    }
}

/// A native histogram; two are equal when everything has the same bits and the buckets are written the same way.
#[derive(Clone, Debug)]
pub struct Histogram<K: Kind> {
    /// What is known about this one and the one before.
    pub hint: Hint,
    /// What the buckets are; shared, as all histograms of a chunk have the same.
    pub layout: Arc<Layout>,
    /// Number of observations.
    pub count: K::Count,
    /// Observations in the zero bucket.
    pub zero_count: K::Count,
    /// Sum of the observations, or the stale marker.
    pub sum: f64,
    /// Buckets of the positive spans, ascending.
    pub positive: Vec<K::Bucket>,
    /// Buckets of the negative spans, ascending from zero outwards.
    pub negative: Vec<K::Bucket>,
}

impl<K: Kind> Default for Histogram<K> {
    fn default() -> Self {
        Self {
            hint: Hint::Unknown,
            layout: Arc::default(),
            count: K::Count::default(),
            zero_count: K::Count::default(),
            sum: 0.0,
            positive: Vec::new(),
            negative: Vec::new(),
        }
    }
}

impl<K: Kind> PartialEq for Histogram<K> {
    fn eq(&self, other: &Self) -> bool {
        let counts = |h: &Self| (K::count_bits(h.count), K::count_bits(h.zero_count), h.sum.to_bits());
        let same = |a: &[K::Bucket], b: &[K::Bucket]| {
            a.iter().map(|bucket| K::bucket_bits(*bucket)).eq(b.iter().map(|bucket| K::bucket_bits(*bucket)))
        };
        self.hint == other.hint
            && counts(self) == counts(other)
            && (Arc::ptr_eq(&self.layout, &other.layout) || self.layout == other.layout)
            && same(&self.positive, &other.positive)
            && same(&self.negative, &other.negative)
    }
}

impl<K: Kind> Histogram<K> {
    /// The marker that says "this series ended here": everything but the sum is zero.
    #[must_use]
    pub fn stale() -> Self {
        Self { sum: f64::from_bits(STALE_BITS), ..Self::default() }
    }

    /// Whether the sum is the stale marker; everything else means nothing then.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        self.sum.to_bits() == STALE_BITS
    }

    /// Whether the bucket lists are as long as the spans say and no span goes back.
    ///
    /// # Errors
    /// [`ChunkError::BucketCount`], [`ChunkError::SpanOffset`].
    pub fn check(&self) -> Result<(), ChunkError> {
        for (spans, buckets) in [(&self.layout.positive, &self.positive), (&self.layout.negative, &self.negative)] {
            let covered = covered(spans);
            if covered != buckets.len() as u64 {
                return Err(ChunkError::BucketCount { buckets: buckets.len(), covered });
            }
            check_offsets(spans)?;
        }
        Ok(())
    }
}

impl IntegerHistogram {
    /// The same histogram with float counts. Bucket counts are summed as integers before they become floats.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "counts above 2^53 lose their last bits, as in the reference")]
    pub fn to_float(&self) -> FloatHistogram {
        let absolute = |buckets| spans::absolutes::<Integer>(buckets).map(|count| count as f64).collect();
        Histogram {
            hint: self.hint,
            layout: Arc::clone(&self.layout),
            count: self.count as f64,
            zero_count: self.zero_count as f64,
            sum: self.sum,
            positive: absolute(&self.positive),
            negative: absolute(&self.negative),
        }
    }
}
