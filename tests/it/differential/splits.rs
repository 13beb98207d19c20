//! Merging gives the same samples however a series was split into blocks, in the middle of its chunks as well.
//!
//! What the streaming engine makes of the parts is what the slow one makes, byte for byte. Compared with the series before
//! it was split, only this may differ, by `tsdb-format.md`:
//!
//! - where chunks are cut: what overlaps is cut at 120 samples, what overlaps nothing is copied (6.8);
//! - the flag of a chunk, and with it the hints of its samples but for gauges: a flag does not survive decoding (3.5);
//! - empty buckets: histograms of one chunk share a layout, so each has the buckets of all (3.9);
//! - what a stale marker says besides that it is one: nothing of it is read (3.5).

use std::collections::BTreeMap;

use lithify_block::TimeRange;
use lithify_tsdb::chunk::{
    Appended, Encoding, FloatHistogram, Hint, HistogramAppender, IntegerHistogram, Layout, STALE_BITS, Sample, Samples,
    Span, XorAppender,
};

use super::*;

const RANGE: TimeRange = TimeRange { min: lithify_block::Timestamp(0), max: lithify_block::Timestamp(100_000) };

/// Parts of the split.
const PARTS: usize = 3;

/// What a histogram says, in whatever way its buckets are written.
#[derive(Debug, PartialEq)]
struct Said {
    encoding: u8,
    is_gauge: bool,
    schema: i32,
    zero_threshold: u64,
    custom_values: Vec<u64>,
    count: u64,
    zero_count: u64,
    sum: u64,
    /// Bits of the counts of buckets that are not empty.
    positive: BTreeMap<i64, u64>,
    negative: BTreeMap<i64, u64>,
}

/// What a sample says.
#[derive(Debug, PartialEq)]
enum Saying {
    Float(u64),
    Stale(u8),
    Histogram(Box<Said>),
}

fn saying(sample: &Sample) -> Saying {
    match sample {
        Sample::Float(bits) => Saying::Float(*bits),
        Sample::Histogram(histogram) => of_integers(histogram),
        Sample::FloatHistogram(histogram) => of_floats(histogram),
    }
}

fn of_integers(histogram: &IntegerHistogram) -> Saying {
    let absolute = |buckets: &[i64]| {
        let mut sum = 0_i64;
        buckets
            .iter()
            .map(|delta| {
                sum = sum.wrapping_add(*delta);
                sum.cast_unsigned()
            })
            .collect::<Vec<_>>()
    };
    let counts = (histogram.count, histogram.zero_count);
    of(
        Encoding::Histogram,
        (histogram.hint, &histogram.layout),
        (counts, histogram.sum),
        [absolute(&histogram.positive), absolute(&histogram.negative)],
    )
}

fn of_floats(histogram: &FloatHistogram) -> Saying {
    let bits = |buckets: &[f64]| buckets.iter().map(|count| count.to_bits()).collect::<Vec<_>>();
    let counts = (histogram.count.to_bits(), histogram.zero_count.to_bits());
    of(
        Encoding::FloatHistogram,
        (histogram.hint, &histogram.layout),
        (counts, histogram.sum),
        [bits(&histogram.positive), bits(&histogram.negative)],
    )
}

fn of(
    encoding: Encoding,
    (hint, layout): (Hint, &Layout),
    ((count, zero_count), sum): ((u64, u64), f64),
    [positive, negative]: [Vec<u64>; 2],
) -> Saying {
    let encoding = encoding.byte();
    if sum.to_bits() == STALE_BITS {
        return Saying::Stale(encoding);
    }
    let custom_values = if layout.is_custom() { layout.custom_values.as_slice() } else { &[] };
    Saying::Histogram(Box::new(Said {
        encoding,
        is_gauge: hint == Hint::Gauge,
        schema: layout.schema,
        zero_threshold: layout.zero_threshold.to_bits(),
        custom_values: custom_values.iter().map(|bound| bound.to_bits()).collect(),
        count,
        zero_count,
        sum: sum.to_bits(),
        positive: filled(&layout.positive, &positive),
        negative: filled(&layout.negative, &negative),
    }))
}

/// The buckets of a side that are not empty, by index. The bits of no count are those of 0, which may have a sign.
fn filled(spans: &[Span], counts: &[u64]) -> BTreeMap<i64, u64> {
    let (mut at, mut places) = (0_i64, Vec::new());
    for span in spans {
        at += i64::from(span.offset);
        places.extend(at..at + i64::from(span.length));
        at += i64::from(span.length);
    }
    assert_eq!(places.len(), counts.len());
    let is_filled = |(_, bits): &(i64, u64)| bits << 1 != 0;
    places.into_iter().zip(counts.iter().copied()).filter(is_filled).collect()
}

/// All samples of these chunks, in order.
fn samples(chunks: &[Chunk]) -> Vec<slow::Timed> {
    let of_chunk = |chunk: &Chunk| {
        let encoding = Encoding::try_from(chunk.encoding).unwrap();
        Samples::new(encoding, &chunk.data).unwrap().map(Result::unwrap).collect::<Vec<_>>()
    };
    chunks.iter().flat_map(of_chunk).collect()
}

/// Puts samples into chunks, as a sidecar's Prometheus would: each has one kind of sample, and 120 of them at most.
#[derive(Default)]
struct Writer {
    chunks: Vec<Chunk>,
    /// Time and kind of the samples of the chunk that is being made.
    open: Vec<(i64, Encoding)>,
    floats: XorAppender,
    integers: HistogramAppender<lithify_tsdb::chunk::Integer>,
    float_histograms: HistogramAppender<lithify_tsdb::chunk::Float>,
}

impl Writer {
    fn append(&mut self, time: i64, sample: Sample) {
        let encoding = match sample {
            Sample::Float(_) => Encoding::Xor,
            Sample::Histogram(_) => Encoding::Histogram,
            Sample::FloatHistogram(_) => Encoding::FloatHistogram,
        };
        if self.open.len() == 120 || self.open.last().is_some_and(|(_, open)| *open != encoding) {
            self.close();
        }
        let full = match sample {
            Sample::Float(bits) => {
                self.floats.append(time, bits).unwrap();
                None
            }
            Sample::Histogram(mut histogram) => full(self.integers.append(time, &mut histogram)),
            Sample::FloatHistogram(mut histogram) => full(self.float_histograms.append(time, &mut histogram)),
        };
        if let Some(data) = full {
            self.push(data);
        }
        self.open.push((time, encoding));
    }

    fn close(&mut self) {
        let Some((_, encoding)) = self.open.last() else { return };
        let data = match encoding {
            Encoding::Xor => std::mem::take(&mut self.floats).finish(),
            Encoding::Histogram => std::mem::take(&mut self.integers).finish(),
            Encoding::FloatHistogram => std::mem::take(&mut self.float_histograms).finish(),
            Encoding::Aggregate => unreachable!("no sample is an aggregate"),
        };
        self.push(data);
    }

    fn push(&mut self, data: Vec<u8>) {
        let (min, (max, encoding)) = (self.open[0].0, self.open[self.open.len() - 1]);
        self.chunks.push(Chunk { min, max, encoding: encoding.byte(), data });
        self.open.clear();
    }
}

/// The chunk before, if the sample has begun another.
fn full<E: fmt::Debug>(appended: Result<Appended, E>) -> Option<Vec<u8>> {
    match appended.unwrap() {
        Appended::NewChunk(data) => Some(data),
        Appended::Here | Appended::Recoded => None,
    }
}

/// Gives each sample to one block or to several, a stretch of them alike.
fn dealt(dice: &mut Dice<'_>, samples: &[slow::Timed]) -> Vec<Block> {
    let mut writers: [Writer; PARTS] = Default::default();
    let mut owners = 1;
    for (time, sample) in samples {
        if dice.once_in(4) {
            owners = 1 + dice.below((1 << PARTS) - 1);
        }
        for (_, writer) in writers.iter_mut().enumerate().filter(|(n, _)| owners >> n & 1 == 1) {
            writer.append(*time, sample.clone());
        }
    }
    let block = |mut writer: Writer| {
        writer.close();
        let labels = vec![(b"__name__".to_vec(), b"up".to_vec())];
        let series = Series { labels, chunks: writer.chunks, deleted: Vec::new() };
        Block { range: RANGE, series: if series.chunks.is_empty() { Vec::new() } else { vec![series] } }
    };
    writers.into_iter().map(block).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn merging_gives_the_same_samples_wherever_chunks_were_split(throws in throws(), dealing in throws()) {
        let whole = samples(&random::raw_chunks(&mut Dice::new(&throws.0), RANGE));
        let parts = dealt(&mut Dice::new(&dealing.0), &whole);
        let (_, merged) = slow::merge(&parts, slow::Deduplication::OneToOne).map_err(TestCaseError::fail)?;
        let merged = merged.first().map(|(_, chunks)| samples(chunks)).unwrap_or_default();
        let said = |samples: &[slow::Timed]| samples.iter().map(|(time, sample)| (*time, saying(sample))).collect::<Vec<_>>();
        prop_assert_eq!(said(&merged), said(&whole));
        alike(compare::merge(&parts, Deduplication::OneToOne))?;
        alike(compare::merge(&parts, Deduplication::Penalty))?;
    }
}
