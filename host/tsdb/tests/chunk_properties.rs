//! Laws of the chunk encodings: what is written is read, and no bytes do harm.

#![expect(clippy::unwrap_used, reason = "a test that cannot read what it wrote has failed")]

use std::collections::BTreeMap;
use std::sync::Arc;

use lithify_tsdb::chunk::histogram::Kind;
use lithify_tsdb::chunk::{
    Appended, ChunkError, Encoding, Float, Hint, Histogram, HistogramAppender, HistogramDecoder, Integer,
    IntegerHistogram, Layout, STALE_BITS, Samples, Span, XorAppender, XorDecoder, sample_count, xor,
};
use proptest::prelude::*;

fn timestamps() -> impl Strategy<Value = i64> {
    prop_oneof![
        4 => (0_i64..100_000).prop_map(|near| 1_700_000_000_000 + near * 5),
        1 => any::<i64>(),
        1 => prop_oneof![Just(i64::MIN), Just(i64::MAX), Just(0), Just(-1)],
    ]
}

fn values() -> impl Strategy<Value = u64> {
    prop_oneof![
        4 => (-1000_i32..1000).prop_map(|number| (f64::from(number) / 8.0).to_bits()),
        1 => any::<u64>(),
        1 => prop_oneof![
            Just(STALE_BITS),
            Just(f64::NAN.to_bits()),
            Just(0x7ff8_0000_0000_0001),
            Just(0xfff0_0000_0000_0001),
            Just((-0.0_f64).to_bits()),
            Just(f64::NEG_INFINITY.to_bits()),
            Just(1),
            Just(u64::MAX),
        ],
    ]
}

fn floats(samples: &[(i64, u64)]) -> Vec<u8> {
    let mut appender = XorAppender::new();
    for (time, value) in samples {
        appender.append(*time, *value).unwrap();
    }
    appender.finish()
}

proptest! {
    #[test]
    fn floats_survive(samples in proptest::collection::vec((timestamps(), values()), 0..300)) {
        let data = floats(&samples);
        let read: Vec<(i64, u64)> = XorDecoder::new(&data).unwrap().collect::<Result<_, _>>().unwrap();
        prop_assert_eq!(&read, &samples);
        prop_assert_eq!(sample_count(Encoding::Xor, &data).map(usize::from), Ok(samples.len()));
        // Columns are appended to what is there.
        let (mut times, mut values) = (vec![7], vec![7.0]);
        xor::decode(&data, &mut times, &mut values).unwrap();
        let mut encoded = vec![9];
        xor::encode(times.get(1..).unwrap(), values.get(1..).unwrap(), &mut encoded).unwrap();
        prop_assert_eq!(encoded.split_first(), Some((&9, data.as_slice())));
        let columns: Vec<(i64, u64)> = times.into_iter().zip(values.into_iter().map(f64::to_bits)).skip(1).collect();
        prop_assert_eq!(columns, samples);
    }

    #[test]
    fn floats_cut_off_anywhere_give_the_samples_before_and_one_error(
        samples in proptest::collection::vec((timestamps(), values()), 1..50),
        keep in any::<proptest::sample::Index>(),
    ) {
        let data = floats(&samples);
        let cut = data.get(..keep.index(data.len())).unwrap();
        match XorDecoder::new(cut) {
            Err(error) => prop_assert_eq!(error, ChunkError::TooShort { length: cut.len(), needed: 2 }),
            Ok(decoder) => {
                let read: Vec<Result<(i64, u64), ChunkError>> = decoder.collect();
                let (last, before) = read.split_last().unwrap();
                let end = ChunkError::EndOfData { sample: u16::try_from(before.len()).unwrap(), bit: cut.len() as u64 * 8 };
                prop_assert_eq!(*last, Err(end));
                prop_assert!(before.iter().zip(&samples).all(|(read, written)| read.as_ref() == Ok(written)));
                let (mut times, mut values) = (Vec::new(), Vec::new());
                prop_assert_eq!(xor::decode(cut, &mut times, &mut values), Err(end));
                prop_assert_eq!(times.len(), before.len());
                prop_assert_eq!(values.len(), before.len());
            }
        }
    }
}

fn spans() -> impl Strategy<Value = Vec<Span>> {
    let later = proptest::collection::vec((0_i32..3, 0_u32..4), 0..3);
    (-3_i32..3, 0_u32..4, later).prop_map(|(offset, length, later)| {
        let first = std::iter::once((offset, length));
        first.chain(later).map(|(offset, length)| Span { offset, length }).collect()
    })
}

/// Every schema, bounds where they belong, thresholds both short and long.
fn layouts() -> impl Strategy<Value = Layout> {
    let scale = prop_oneof![8 => Just(3), 1 => -9_i32..=8, 1 => Just(-53)];
    let threshold = prop_oneof![8 => Just(0.001), 1 => Just(0.0), 1 => Just(f64::NAN), 1 => Just(0.25)];
    (scale, threshold, spans(), spans(), -2_i32..3).prop_map(|(schema, zero_threshold, positive, negative, bound)| {
        let custom_values = if schema == -53 { vec![f64::from(bound), 1e9, 0.1] } else { Vec::new() };
        Layout { schema, zero_threshold, positive, negative, custom_values }
    })
}

fn hints() -> impl Strategy<Value = Hint> {
    prop_oneof![
        4 => Just(Hint::Unknown),
        4 => Just(Hint::NotCounterReset),
        1 => Just(Hint::CounterReset),
        3 => Just(Hint::Gauge),
    ]
}

fn covered(spans: &[Span]) -> usize {
    spans.iter().map(|span| span.length as usize).sum()
}

/// Histograms whose counts mostly grow with time, so that chunks get some samples before a reset.
fn histograms() -> impl Strategy<Value = Vec<(i64, IntegerHistogram)>> {
    let number = prop_oneof![6 => Just(0_i64), 6 => 0_i64..3, 1 => any::<i64>()];
    let one = (timestamps(), hints(), layouts(), values(), proptest::collection::vec(number, 34));
    proptest::collection::vec(one, 1..30).prop_map(|list| {
        let build = |(at, (time, hint, layout, sum, numbers)): (usize, (i64, Hint, Layout, u64, Vec<i64>))| {
            let mut numbers = numbers.into_iter();
            let mut next = || numbers.next().unwrap();
            let grown = at as u64;
            if sum == STALE_BITS {
                return (time, Histogram { hint, ..Histogram::stale() });
            }
            let (count, zero_count) = (grown + next().unsigned_abs(), grown.wrapping_add_signed(next()));
            let positive = (0..covered(&layout.positive)).map(|_| next()).collect();
            let negative = (0..covered(&layout.negative)).map(|_| next()).collect();
            let layout = Arc::new(layout);
            (time, Histogram { hint, layout, count, zero_count, sum: f64::from_bits(sum), positive, negative })
        };
        list.into_iter().enumerate().map(build).collect()
    })
}

/// Everything but the spelling of spans and the hint: counts by side and index, those of empty buckets left out.
fn meaning<K: Kind>(histogram: &Histogram<K>) -> (Vec<u64>, BTreeMap<(bool, i64), String>) {
    let mut buckets = BTreeMap::new();
    let sides = [
        (false, &histogram.layout.positive, &histogram.positive),
        (true, &histogram.layout.negative, &histogram.negative),
    ];
    for (negative, spans, side) in sides {
        let (mut index, mut total, mut side) = (0, K::Absolute::default(), side.iter());
        for span in spans {
            index += i64::from(span.offset);
            for _ in 0..span.length {
                total = K::absolute(total, *side.next().unwrap());
                if total != K::Absolute::default() {
                    buckets.insert((negative, index), format!("{total:?}"));
                }
                index += 1;
            }
        }
    }
    let layout = &histogram.layout;
    let mut numbers = vec![
        K::count_bits(histogram.count),
        K::count_bits(histogram.zero_count),
        histogram.sum.to_bits(),
        i64::from(layout.schema).cast_unsigned(),
        layout.zero_threshold.to_bits(),
    ];
    numbers.extend(layout.custom_values.iter().map(|bound| bound.to_bits()));
    (numbers, buckets)
}

/// Appends all, and says which chunks came out.
fn written<K: Kind>(samples: &[(i64, Histogram<K>)]) -> Vec<Vec<u8>> {
    let mut appender = HistogramAppender::<K>::new();
    let mut chunks = Vec::new();
    for (time, histogram) in samples {
        if let Appended::NewChunk(ended) = appender.append(*time, &mut histogram.clone()).unwrap() {
            chunks.push(ended);
        }
    }
    chunks.push(appender.finish());
    chunks
}

fn survives<K: Kind>(samples: &[(i64, Histogram<K>)]) -> Result<(), TestCaseError> {
    let mut expected = samples.iter();
    for chunk in written(samples) {
        let mut decoder = HistogramDecoder::<K>::new(&chunk).unwrap();
        let mut again = HistogramAppender::<K>::with_flag(decoder.flag());
        let mut one_chunk = true;
        while decoder.advance().unwrap() {
            let (time, histogram) = expected.next().unwrap();
            prop_assert_eq!(decoder.timestamp(), *time);
            prop_assert_eq!(meaning(decoder.histogram()), meaning(histogram));
            prop_assert_eq!(decoder.histogram().check(), Ok(()));
            one_chunk &= again.append(*time, &mut decoder.histogram().clone()).unwrap() == Appended::Here;
        }
        // Not always: a marker among gauges loses its hint, a NaN equals nothing, and a bucket that appeared with a negative
        // count counts 0 in the samples before.
        if one_chunk {
            prop_assert_eq!(again.finish(), chunk);
        }
    }
    prop_assert!(expected.next().is_none());
    Ok(())
}

proptest! {
    #[test]
    fn integer_histograms_survive(samples in histograms()) {
        survives(&samples)?;
    }

    #[test]
    fn float_histograms_survive(samples in histograms()) {
        let samples: Vec<_> = samples.into_iter().map(|(time, histogram)| (time, histogram.to_float())).collect();
        survives(&samples)?;
    }

    #[test]
    fn a_chunk_is_never_changed_by_what_it_refuses(samples in histograms()) {
        let mut appender = HistogramAppender::<Integer>::new();
        for (time, mut histogram) in samples {
            let before = appender.clone().finish();
            if appender.append_only(time, &mut histogram).is_err() {
                prop_assert_eq!(appender.clone().finish(), before);
            }
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(data in proptest::collection::vec(any::<u8>(), 0..200)) {
        walk(&data);
    }

    #[test]
    fn damaged_chunks_are_read_or_refused(
        samples in histograms(),
        damage in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let floats: Vec<_> = samples.iter().map(|(time, histogram)| (*time, histogram.to_float())).collect();
        for mut chunk in written(&samples).into_iter().chain(written(&floats)) {
            for (at, byte) in &damage {
                *at.get_mut(&mut chunk) = *byte;
            }
            walk(&chunk);
        }
    }
}

/// Reads the bytes as each encoding, to the end or the first error.
fn walk(data: &[u8]) {
    for encoding in [Encoding::Xor, Encoding::Histogram, Encoding::FloatHistogram, Encoding::Aggregate] {
        if let Ok(samples) = Samples::new(encoding, data) {
            let announced = usize::from(sample_count(encoding, data).unwrap());
            assert!(samples.count() <= announced + 1);
        }
    }
}

#[test]
fn headers_that_are_cut_off_are_refused() {
    for length in 0..3 {
        let data = vec![0; length];
        assert_eq!(XorDecoder::new(&data).is_ok(), length >= 2);
        assert_eq!(HistogramDecoder::<Float>::new(&data).err(), Some(ChunkError::TooShort { length, needed: 3 }));
    }
}

#[test]
fn a_chunk_without_samples_has_none() {
    assert_eq!(XorAppender::new().finish(), [0, 0]);
    assert_eq!(HistogramAppender::<Integer>::new().finish(), [0, 0, 0]);
    assert_eq!(XorDecoder::new(&[0, 0]).unwrap().count(), 0);
    assert_eq!(HistogramDecoder::<Integer>::new(&[0, 0, 0xc0]).unwrap().count(), 0);
}

#[test]
fn a_full_chunk_refuses_one_more() {
    let mut floats = XorAppender::new();
    let mut histograms = HistogramAppender::<Integer>::new();
    for time in 0..65_535 {
        floats.append(time, 0).unwrap();
        histograms.append(time, &mut Histogram::default()).unwrap();
    }
    assert_eq!(floats.append(65_535, 0), Err(ChunkError::Full));
    assert_eq!(histograms.append(65_535, &mut Histogram::default()), Err(ChunkError::Full));
    assert_eq!(XorDecoder::new(&floats.finish()).unwrap().filter(Result::is_ok).count(), 65_535);
    assert_eq!(HistogramDecoder::<Integer>::new(&histograms.finish()).unwrap().filter(Result::is_ok).count(), 65_535);
}

#[test]
fn a_histogram_that_contradicts_itself_is_refused() {
    let layout = Arc::new(Layout { positive: vec![Span { offset: 0, length: 2 }], ..Layout::default() });
    let mut short = IntegerHistogram { layout, positive: vec![1], ..Histogram::default() };
    let refused = HistogramAppender::new().append(0, &mut short);
    assert_eq!(refused, Err(ChunkError::BucketCount { buckets: 1, covered: 2 }));
}

#[test]
fn fine_schemas_are_read_as_schema_8_and_kept_in_the_chunk() {
    let layout = Arc::new(Layout { schema: 12, positive: vec![Span { offset: 1, length: 17 }], ..Layout::default() });
    let mut fine = IntegerHistogram { layout, count: 17, positive: vec![1; 17], ..Histogram::default() };
    let mut appender = HistogramAppender::new();
    appender.append(0, &mut fine).unwrap();
    let (_, coarse) = HistogramDecoder::<Integer>::new(&appender.finish()).unwrap().next().unwrap().unwrap();
    assert_eq!(coarse.layout.schema, 8);
    assert_eq!(coarse.layout.positive, [Span { offset: 1, length: 2 }]);
    // 1 + 2 + … + 16 in the first, 17 in the second.
    assert_eq!(coarse.positive, [136, -119]);
}

#[test]
fn buckets_thrown_together_as_floats_are_added_as_floats() {
    let layout = Arc::new(Layout { schema: 10, positive: vec![Span { offset: 1, length: 3 }], ..Layout::default() });
    // 2^53, 1 and 1: as floats each 1 is lost on its own.
    let large = 1 << 53;
    let mut fine = IntegerHistogram { layout, positive: vec![large, 1 - large, 0], ..Histogram::default() };
    let mut appender = HistogramAppender::new();
    appender.append(0, &mut fine).unwrap();
    let data = appender.finish();
    let mut decoder = HistogramDecoder::<Integer>::new(&data).unwrap();
    assert_eq!(decoder.advance(), Ok(true));
    assert_eq!(decoder.histogram().positive, [large + 2]);
    assert_eq!(decoder.float_histogram().positive, [9_007_199_254_740_992.0]);
}
