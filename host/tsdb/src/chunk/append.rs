//! Writing histogram chunks: what may follow what in one chunk, and which of the two is rewritten when buckets differ.
//!
//! Source: Prometheus `tsdb/chunkenc/histogram.go` and `float_histogram.go`, `AppendHistogram` and what it calls.

use std::sync::Arc;

use super::ChunkError;
use super::bits::BitWriter;
use super::decode::{HEADER, HistogramDecoder};
use super::histogram::{Hint, Histogram, Kind, coder};
use super::layout::{Layout, Span};
use super::spans::{Difference, Side, compare, union};
use super::varbit::put_signed;

/// What became of an appended histogram.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Appended {
    /// It went into the chunk.
    Here,
    /// It went into the chunk, which was rewritten with more buckets.
    Recoded,
    /// It opened a new chunk. This is the data of the one before, finished.
    NewChunk(Vec<u8>),
}

/// Writes histogram chunks, one at a time.
#[derive(Clone, Debug)]
pub struct HistogramAppender<K: Kind> {
    out: BitWriter,
    count: u16,
    flag: Hint,
    timestamp: i64,
    delta: i64,
    /// The last sample as the coder sees it: after a stale marker the buckets are still those from before it.
    last: Histogram<K>,
    state: <K as coder::Coder>::State,
}

impl<K: Kind> Default for HistogramAppender<K> {
    fn default() -> Self {
        Self::new()
    }
}

/// Whether a histogram can stand in the chunk, given what stands there.
enum Verdict {
    /// Not in this one; the flag of the next.
    Refused(Hint),
    /// It can, once both have the buckets of both.
    Fits { positive: Difference, negative: Difference },
}

impl<K: Kind> HistogramAppender<K> {
    /// An empty chunk.
    #[must_use]
    pub fn new() -> Self {
        Self::with_flag(Hint::Unknown)
    }

    /// An empty chunk whose flag is already known; a first sample that is a gauge or says "reset" changes it.
    #[must_use]
    pub fn with_flag(flag: Hint) -> Self {
        Self {
            out: BitWriter::new([0; HEADER]),
            count: 0,
            flag,
            timestamp: 0,
            delta: 0,
            last: Histogram::default(),
            state: K::writing(),
        }
    }

    /// Samples in the present chunk.
    #[must_use]
    pub fn count(&self) -> u16 {
        self.count
    }

    /// The present chunk's flag.
    #[must_use]
    pub fn flag(&self) -> Hint {
        self.flag
    }

    /// Appends a histogram at a time in milliseconds, rewriting the chunk or beginning a new one where needed.
    ///
    /// Buckets that only the chunk has are added to `histogram`, and stay there.
    ///
    /// # Errors
    /// [`ChunkError::BucketCount`] or [`ChunkError::SpanOffset`] if the histogram contradicts itself,
    /// [`ChunkError::Full`] after 65535 samples.
    pub fn append(&mut self, timestamp: i64, histogram: &mut Histogram<K>) -> Result<Appended, ChunkError> {
        histogram.check()?;
        if self.opened(timestamp, histogram) {
            return Ok(Appended::Here);
        }
        match self.judge(histogram) {
            Verdict::Refused(flag) => {
                let old = std::mem::replace(self, Self::with_flag(flag));
                self.write(timestamp, histogram);
                Ok(Appended::NewChunk(old.finish()))
            }
            Verdict::Fits { positive, negative } => {
                self.room()?;
                self.complete(histogram, positive, negative);
                let forward = positive.forward || negative.forward;
                if forward {
                    self.recode(&histogram.layout)?;
                }
                self.write(timestamp, histogram);
                Ok(if forward { Appended::Recoded } else { Appended::Here })
            }
        }
    }

    /// Appends a histogram to the present chunk as that is.
    ///
    /// Buckets that only the chunk has are added to a `histogram` that is not a gauge, and stay there.
    ///
    /// # Errors
    /// As [`append`](Self::append); [`ChunkError::NeedsNewChunk`] or [`ChunkError::NeedsRecode`] where that would do more.
    pub fn append_only(&mut self, timestamp: i64, histogram: &mut Histogram<K>) -> Result<(), ChunkError> {
        histogram.check()?;
        if self.opened(timestamp, histogram) {
            return Ok(());
        }
        let Verdict::Fits { positive, negative } = self.judge(histogram) else {
            return Err(ChunkError::NeedsNewChunk);
        };
        let (forward, backward) = (positive.forward || negative.forward, positive.backward || negative.backward);
        if forward || backward && histogram.hint == Hint::Gauge {
            return Err(ChunkError::NeedsRecode);
        }
        self.room()?;
        self.complete(histogram, positive, negative);
        self.write(timestamp, histogram);
        Ok(())
    }

    /// The chunk's data, as it goes into a chunk record.
    #[must_use]
    pub fn finish(mut self) -> Vec<u8> {
        let [high, low] = self.count.to_be_bytes();
        self.out.set_header([high, low, self.flag.flag()]);
        self.out.finish()
    }

    /// Writes the first sample of an empty chunk.
    fn opened(&mut self, timestamp: i64, histogram: &Histogram<K>) -> bool {
        if self.count > 0 {
            return false;
        }
        match histogram.hint {
            Hint::Gauge | Hint::CounterReset => self.flag = histogram.hint,
            Hint::Unknown | Hint::NotCounterReset => {}
        }
        self.write(timestamp, histogram);
        true
    }

    /// Refuses one sample too many.
    fn room(&self) -> Result<(), ChunkError> {
        if self.count == u16::MAX { Err(ChunkError::Full) } else { Ok(()) }
    }

    fn judge(&self, histogram: &Histogram<K>) -> Verdict {
        if histogram.hint == Hint::Gauge { self.judge_gauge(histogram) } else { self.judge_counter(histogram) }
    }

    /// The checks for counters; their order decides the flag of the next chunk.
    fn judge_counter(&self, histogram: &Histogram<K>) -> Verdict {
        let last = &self.last;
        let refused = if self.flag == Hint::Gauge {
            Some(K::AFTER_GAUGE)
        } else if histogram.hint == Hint::CounterReset {
            Some(Hint::CounterReset)
        } else if histogram.is_stale() {
            return Verdict::Fits { positive: Difference::default(), negative: Difference::default() };
        } else if last.is_stale() {
            Some(Hint::Unknown)
        } else if histogram.count < last.count {
            Some(Hint::CounterReset)
        } else if !same_scale(&last.layout, &histogram.layout) {
            Some(Hint::Unknown)
        } else if !same_bounds(&last.layout, &histogram.layout) || histogram.zero_count < last.zero_count {
            Some(Hint::CounterReset)
        } else {
            None
        };
        if let Some(flag) = refused {
            return Verdict::Refused(flag);
        }
        let positive = positive(last).grow_into(&positive(histogram));
        match positive.zip(negative(last).grow_into(&negative(histogram))) {
            Some((positive, negative)) => Verdict::Fits { positive, negative },
            None => Verdict::Refused(Hint::CounterReset),
        }
    }

    /// The checks for gauges, whose counts do not matter.
    fn judge_gauge(&self, histogram: &Histogram<K>) -> Verdict {
        let (last, next) = (&self.last.layout, &histogram.layout);
        if self.flag != Hint::Gauge {
            return Verdict::Refused(Hint::Gauge);
        }
        if histogram.is_stale() {
            return Verdict::Fits { positive: Difference::default(), negative: Difference::default() };
        }
        if self.last.is_stale() || !same_scale(last, next) || !same_bounds(last, next) {
            return Verdict::Refused(Hint::Gauge);
        }
        Verdict::Fits {
            positive: compare(&last.positive, &next.positive),
            negative: compare(&last.negative, &next.negative),
        }
    }

    /// Gives the histogram the buckets that only the chunk has.
    fn complete(&self, histogram: &mut Histogram<K>, positive_side: Difference, negative_side: Difference) {
        if !positive_side.backward && !negative_side.backward {
            return;
        }
        let (chunk, own) = (&self.last.layout, &histogram.layout);
        let forward = positive_side.forward || negative_side.forward;
        let spans = |chunk: &[Span], own: &[Span], side: Difference| -> Vec<Span> {
            if histogram.hint == Hint::Gauge {
                union(chunk, own)
            } else if !forward {
                chunk.to_vec()
            } else if side.backward {
                union(chunk, own)
            } else {
                own.to_vec()
            }
        };
        let layout = Layout {
            schema: own.schema,
            zero_threshold: own.zero_threshold,
            positive: spans(&chunk.positive, &own.positive, positive_side),
            negative: spans(&chunk.negative, &own.negative, negative_side),
            custom_values: own.custom_values.clone(),
        };
        let widened = (positive(histogram).widen(&layout.positive), negative(histogram).widen(&layout.negative));
        (histogram.positive, histogram.negative) = widened;
        histogram.layout = Arc::new(layout);
    }

    /// Rewrites the chunk with the spans of `target`, which cover more than its own.
    fn recode(&mut self, target: &Layout) -> Result<(), ChunkError> {
        let old = self.clone().finish();
        let mut samples = HistogramDecoder::<K>::new(&old)?;
        let mut layout = (*self.last.layout).clone();
        layout.positive.clone_from(&target.positive);
        layout.negative.clone_from(&target.negative);
        let layout = Arc::new(layout);
        let mut fresh = Self::with_flag(self.flag);
        while samples.advance_stored()? {
            let stored = samples.stored();
            let wide = Histogram {
                layout: Arc::clone(&layout),
                positive: positive(stored).widen(&layout.positive),
                negative: negative(stored).widen(&layout.negative),
                ..*stored
            };
            fresh.write(samples.timestamp(), &wide);
        }
        *self = fresh;
        Ok(())
    }

    /// Encodes a sample that has the buckets of the chunk, or is its first, or is a stale marker.
    fn write(&mut self, timestamp: i64, histogram: &Histogram<K>) {
        let marker;
        let histogram = if histogram.is_stale() {
            marker = Histogram::stale();
            &marker
        } else {
            histogram
        };
        if self.count == 0 {
            histogram.layout.write(&mut self.out);
            put_signed(&mut self.out, timestamp);
            K::write_first(&mut self.out, &mut self.state, histogram);
            self.last = histogram.clone();
        } else {
            let delta = timestamp.wrapping_sub(self.timestamp);
            put_signed(&mut self.out, delta.wrapping_sub(self.delta));
            self.delta = delta;
            K::write_next(&mut self.out, &mut self.state, &self.last, histogram);
            self.remember(histogram);
        }
        self.timestamp = timestamp;
        self.count += 1;
    }

    /// Takes over the numbers of a later sample; the layout stays the chunk's.
    fn remember(&mut self, histogram: &Histogram<K>) {
        self.last.count = histogram.count;
        self.last.zero_count = histogram.zero_count;
        self.last.sum = histogram.sum;
        if !histogram.is_stale() {
            self.last.positive.clone_from(&histogram.positive);
            self.last.negative.clone_from(&histogram.negative);
        }
    }
}

/// Whether schema and zero threshold agree. A NaN agrees with nothing, as in the reference.
fn same_scale(chunk: &Layout, next: &Layout) -> bool {
    chunk.schema == next.schema && chunk.zero_threshold == next.zero_threshold
}

/// Whether custom bounds, if there are any, agree. A NaN agrees with nothing, as in the reference.
fn same_bounds(chunk: &Layout, next: &Layout) -> bool {
    !next.is_custom() || chunk.custom_values == next.custom_values
}

fn positive<K: Kind>(histogram: &Histogram<K>) -> Side<'_, K> {
    Side { spans: &histogram.layout.positive, buckets: &histogram.positive }
}

fn negative<K: Kind>(histogram: &Histogram<K>) -> Side<'_, K> {
    Side { spans: &histogram.layout.negative, buckets: &histogram.negative }
}
