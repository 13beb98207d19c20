//! Our bytes against those of Prometheus 3.9: the examples of the format's description, step by step, and what merges and
//! deletions make of histograms.

#![expect(clippy::unwrap_used, reason = "a test that cannot read what it wrote has failed")]

use std::sync::Arc;

use lithify_tsdb::chunk::{
    Appended, ChunkError, Float, FloatHistogram, Hint, Histogram, HistogramAppender, Integer, IntegerHistogram, Layout,
    STALE_BITS, Sample, Samples, Span, XorAppender,
};

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn spans(list: &[(i32, u32)]) -> Vec<Span> {
    list.iter().map(|(offset, length)| Span { offset: *offset, length: *length }).collect()
}

/// An integer histogram with positive buckets only.
fn integer(layout: Layout, counts: (u64, u64, f64), deltas: &[i64]) -> IntegerHistogram {
    let (zero_count, count, sum) = counts;
    Histogram { layout: Arc::new(layout), zero_count, count, sum, positive: deltas.to_vec(), ..Histogram::default() }
}

/// Data after each append, of the chunk that is open then.
fn steps<K: lithify_tsdb::chunk::histogram::Kind>(samples: Vec<(i64, Histogram<K>)>) -> Vec<(String, Appended)> {
    let mut appender = HistogramAppender::new();
    let mut steps = Vec::new();
    for (time, mut histogram) in samples {
        let appended = appender.append(time, &mut histogram).unwrap();
        steps.push((hex(&appender.clone().finish()), appended));
    }
    steps
}

#[test]
fn floats_are_written_bit_by_bit_as_in_example_1() {
    let samples = [
        (1_700_000_000_000, 1.0_f64.to_bits()),
        (1_700_000_015_000, 1.0_f64.to_bits()),
        (1_700_000_030_000, 2.0_f64.to_bits()),
        (1_700_000_045_010, 2.5_f64.to_bits()),
        (1_700_000_060_010, STALE_BITS),
    ];
    let expected = [
        "000180a0abfef9623ff0000000000000",
        "000280a0abfef9623ff0000000000000987500",
        "000380a0abfef9623ff000000000000098753097ffc0",
        "000480a0abfef9623ff000000000000098753097ffe002b683",
        "000580a0abfef9623ff000000000000098753097ffe002b683bff6c5effe80000000000040",
    ];
    let mut appender = XorAppender::new();
    for ((time, value), expected) in samples.into_iter().zip(expected) {
        appender.append(time, value).unwrap();
        assert_eq!(hex(&appender.clone().finish()), expected);
    }
}

/// The first three samples of examples 2 and 4, and the one that opens a new chunk.
fn example_2() -> Vec<(i64, IntegerHistogram)> {
    let layout =
        |list: &[(i32, u32)]| Layout { zero_threshold: 2_f64.powi(-128), positive: spans(list), ..Layout::default() };
    vec![
        (1_700_000_000_000, integer(layout(&[(0, 2), (1, 1)]), (1, 6, 10.5), &[1, 1, 0])),
        (1_700_000_015_000, integer(layout(&[(0, 2), (1, 1)]), (1, 8, 14.5), &[2, 0, 1])),
        (1_700_000_030_000, integer(layout(&[(0, 4)]), (2, 11, 20.0), &[2, 0, -1, 2])),
        (1_700_000_045_000, Histogram::stale()),
        (1_700_000_060_000, integer(layout(&[(0, 1)]), (0, 1, 1.0), &[1])),
    ]
}

#[test]
fn integer_histograms_are_appended_recoded_and_cut_as_in_example_2() {
    let steps = steps(example_2());
    let recoded = "000300744687f0000c5e7f2b4005a2804a00000000000118da5f0753126c071ba28c758b9bc636";
    let stale = "000400744687f0000c5e7f2b4005a2804a00000000000118da5f0753126c071ba28c758b9bc63618bdff10000000000008";
    let expected = [
        "000100744a48c5fc0003179fcad00168a0128000000000004620",
        "000200744a48c5fc0003179fcad00168a012800000000000462f83a98936038de2",
        recoded,
        stale,
        "000100744627f0000c5e7f32930447fe00000000000011",
    ];
    assert_eq!(steps.iter().map(|(data, _)| data.as_str()).collect::<Vec<_>>(), expected);
    let outcomes: Vec<&Appended> = steps.iter().map(|(_, appended)| appended).collect();
    assert!(
        matches!(
            outcomes.as_slice(),
            [Appended::Here, Appended::Here, Appended::Recoded, Appended::Here, Appended::NewChunk(old)]
                if hex(old) == stale
        ),
        "{outcomes:?}"
    );
}

#[test]
fn custom_bounds_and_gauges_are_written_as_in_example_3() {
    let layout = Layout {
        schema: -53,
        positive: spans(&[(1, 2)]),
        custom_values: vec![0.005, 1.0, 33554.43, 33554.431, -2.0],
        ..Layout::default()
    };
    let gauge = IntegerHistogram { hint: Hint::Gauge, ..integer(layout, (0, 7, 3.25), &[3, 1]) };
    let expected = "0001c000ee5c65156de3e9fdffffff20703126e560418930000000000000003e3a982e400a0000000000009c40";
    assert_eq!(steps(vec![(60_000, gauge)]), [(expected.to_owned(), Appended::Here)]);
}

#[test]
fn float_histograms_are_written_as_in_example_4() {
    let samples = example_2().into_iter().take(4).map(|(time, histogram)| (time, histogram.to_float())).collect();
    let written: Vec<String> = steps(samples).into_iter().map(|(data, _)| data).collect();
    let recoded = "000300744687f0000c5e7f2b400200c0000000000001ff800000000000020128000000000001ff80000000000002000000\
                   000000000000000000000000020000000000000007c1d4c6a0fb603c25fff36036d0bc25fffd62e4c457fe";
    let stale = "000400744687f0000c5e7f2b400200c0000000000001ff800000000000020128000000000001ff8000000000000200000000\
                 0000000000000000000000020000000000000007c1d4c6a0fb603c25fff36036d0bc25fffd62e4c457fe613a013a0062f7fc\
                 40000000000020";
    let first = "000100744a48c5fc0003179fcad00080300000000000007fe0000000000000804a0000000000007fe000000000000080000000\
                 000000008000000000000000";
    let second = "000200744a48c5fc0003179fcad00080300000000000007fe0000000000000804a0000000000007fe00000000000008000000\
                  0000000008000000000000001f07531a83ed80f097ffdb018";
    assert_eq!(written, [first, second, recoded, stale]);
}

/// A histogram of the vectors below: schema 0, threshold 0.001, buckets 0 and 1 with `c` each, sum `c`.
fn two_buckets(hint: Hint, c: u32) -> IntegerHistogram {
    let layout = Layout { zero_threshold: 0.001, positive: spans(&[(0, 2)]), ..Layout::default() };
    Histogram { hint, ..integer(layout, (0, 2 * u64::from(c), f64::from(c)), &[i64::from(c), 0]) }
}

type Stream = Vec<(i64, Sample)>;

/// The samples of one block as they come out of its chunk.
fn stored(histograms: Vec<(i64, IntegerHistogram)>) -> Stream {
    let mut appender = HistogramAppender::<Integer>::new();
    for (time, mut histogram) in histograms {
        assert_eq!(appender.append(time, &mut histogram), Ok(Appended::Here));
    }
    let data = appender.finish();
    Samples::new(lithify_tsdb::chunk::Encoding::Histogram, &data).unwrap().collect::<Result<_, _>>().unwrap()
}

/// The same as float histograms.
fn stored_floats(histograms: Vec<(i64, IntegerHistogram)>) -> Stream {
    let mut appender = HistogramAppender::<Float>::new();
    for (time, histogram) in histograms {
        assert_eq!(appender.append(time, &mut histogram.to_float()), Ok(Appended::Here));
    }
    let data = appender.finish();
    Samples::new(lithify_tsdb::chunk::Encoding::FloatHistogram, &data).unwrap().collect::<Result<_, _>>().unwrap()
}

fn floats(times: &[i64]) -> Stream {
    times.iter().map(|time| (*time, Sample::Float(1.0_f64.to_bits()))).collect()
}

fn forget_hint<K: lithify_tsdb::chunk::histogram::Kind>(histogram: &mut Histogram<K>) {
    if histogram.hint != Hint::Gauge {
        histogram.hint = Hint::Unknown;
    }
}

/// Merges two streams that share all timestamps or none; on a tie the samples of `a` stay.
fn merged(a: Stream, b: Stream) -> Stream {
    let mut all: Vec<(i64, u8, Sample)> = a.into_iter().map(|(time, sample)| (time, 0, sample)).collect();
    all.extend(b.into_iter().map(|(time, sample)| (time, 1, sample)));
    all.sort_by_key(|(time, from, _)| (*time, *from));
    all.dedup_by_key(|(time, ..)| *time);
    let mut before = None;
    all.into_iter()
        .map(|(time, from, mut sample)| {
            if before.replace(from) != Some(from) {
                match &mut sample {
                    Sample::Float(_) => {}
                    Sample::Histogram(histogram) => forget_hint(histogram),
                    Sample::FloatHistogram(histogram) => forget_hint(histogram),
                }
            }
            (time, sample)
        })
        .collect()
}

/// The chunk that is being written.
enum Open {
    Nothing,
    Xor(XorAppender),
    Histogram(HistogramAppender<Integer>),
    FloatHistogram(HistogramAppender<Float>),
}

impl Open {
    fn finish(self) -> Option<String> {
        match self {
            Self::Nothing => None,
            Self::Xor(appender) => Some(hex(&appender.finish())),
            Self::Histogram(appender) => Some(hex(&appender.finish())),
            Self::FloatHistogram(appender) => Some(hex(&appender.finish())),
        }
    }

    fn of(sample: &Sample) -> Self {
        match sample {
            Sample::Float(_) => Self::Xor(XorAppender::new()),
            Sample::Histogram(_) => Self::Histogram(HistogramAppender::new()),
            Sample::FloatHistogram(_) => Self::FloatHistogram(HistogramAppender::new()),
        }
    }

    /// Appends if the sample's kind is the chunk's; the chunk that ended by it, if one did.
    fn append(&mut self, time: i64, sample: &mut Sample) -> Option<Appended> {
        match (self, sample) {
            (Self::Xor(appender), Sample::Float(value)) => appender.append(time, *value).ok().map(|()| Appended::Here),
            (Self::Histogram(appender), Sample::Histogram(value)) => Some(appender.append(time, value).unwrap()),
            (Self::FloatHistogram(appender), Sample::FloatHistogram(value)) => {
                Some(appender.append(time, value).unwrap())
            }
            _ => None,
        }
    }
}

fn encoded(samples: Stream) -> Vec<String> {
    let mut chunks = Vec::new();
    let mut open = Open::Nothing;
    for (time, mut sample) in samples {
        let appended = open.append(time, &mut sample).unwrap_or_else(|| {
            let ended = std::mem::replace(&mut open, Open::of(&sample));
            chunks.extend(ended.finish());
            open.append(time, &mut sample).unwrap()
        });
        if let Appended::NewChunk(ended) = appended {
            chunks.push(hex(&ended));
        }
    }
    chunks.extend(open.finish());
    chunks
}

fn pair(hint: Hint, samples: [(i64, u32); 2]) -> Vec<(i64, IntegerHistogram)> {
    samples
        .into_iter()
        .map(|(time, c)| (time, two_buckets(if time == 0 { hint } else { Hint::default() }, c)))
        .collect()
}

fn gauges(samples: [(i64, u32); 2]) -> Vec<(i64, IntegerHistogram)> {
    samples.into_iter().map(|(time, c)| (time, two_buckets(Hint::Gauge, c))).collect()
}

fn gauge_and_marker() -> Vec<(i64, IntegerHistogram)> {
    vec![(0, two_buckets(Hint::Gauge, 5)), (200, IntegerHistogram { hint: Hint::Gauge, ..Histogram::stale() })]
}

#[test]
fn counters_of_two_blocks_share_a_chunk_without_the_flag() {
    let a = stored(pair(Hint::CounterReset, [(0, 5), (200, 6)]));
    let b = stored(pair(Hint::Unknown, [(100, 5), (300, 7)]));
    assert_eq!(encoded(merged(a, b)), ["000400ff3f50624dd2f1a9fc4643144014000000000000c2b8c8049b02e21200"]);
}

#[test]
fn a_count_that_falls_opens_a_chunk_with_the_reset_flag() {
    let a = stored(pair(Hint::Unknown, [(0, 5), (200, 6)]));
    let b = stored(pair(Hint::Unknown, [(100, 9), (300, 10)]));
    let expected = [
        "000200ff3f50624dd2f1a9fc4643144014000000000000c2b8c9886a177400",
        "000280ff3f50624dd2f1a9fc4647323184018000000000000c338c9886a13e80",
    ];
    assert_eq!(encoded(merged(a, b)), expected);
}

#[test]
fn gauges_and_counters_never_share_a_chunk() {
    let (a, b) = (gauges([(0, 5), (200, 6)]), pair(Hint::Unknown, [(100, 5), (300, 7)]));
    let integers = [
        "0001c0ff3f50624dd2f1a9fc4643144014000000000000c280",
        "000140ff3f50624dd2f1a9fc4647193144014000000000000c28",
        "0001c0ff3f50624dd2f1a9fc4647323184018000000000000c30",
        "000140ff3f50624dd2f1a9fc464784b31c401c000000000000c380",
    ];
    assert_eq!(encoded(merged(stored(a.clone()), stored(b.clone()))), integers);
    let floats = [
        "0001c0ff3f50624dd2f1a9fc464100900000000000000000000000000001005000000000000100500000000000010050000000000000",
        "000100ff3f50624dd2f1a9fc4647191009000000000000000000000000000010050000000000001005000000000000100500000000000000",
        "0001c0ff3f50624dd2f1a9fc464732100a000000000000000000000000000010060000000000001006000000000000100600000000000000",
        "000100ff3f50624dd2f1a9fc464784b100b00000000000000000000000000001007000000000000100700000000000010070000000000000",
    ];
    assert_eq!(encoded(merged(stored_floats(a), stored_floats(b))), floats);
}

#[test]
fn a_bucket_that_only_one_block_has_is_added_to_the_other_while_it_is_empty() {
    let layout = |list: &[(i32, u32)]| Layout { zero_threshold: 0.001, positive: spans(list), ..Layout::default() };
    let narrow = |c: u32| integer(layout(&[(0, 1)]), (0, u64::from(c), f64::from(c)), &[i64::from(c)]);
    let wide = |count, sum, deltas: &[i64]| integer(layout(&[(0, 1), (2, 1)]), (0, count, sum), deltas);
    let a = stored(vec![(0, narrow(1)), (200, narrow(3))]);
    let b = stored(vec![(100, wide(2, 2.0, &[2, -2])), (300, wide(4, 3.0, &[3, -2]))]);
    let expected = ["000400ff3f50624dd2f1a9fc4a28c888ffc000000000000237e324584bfff1b8d80c0bc8"];
    assert_eq!(encoded(merged(a, b)), expected);
}

#[test]
fn gauges_end_at_a_marker_from_another_block() {
    let b = gauges([(100, 5), (300, 7)]);
    let integers = [
        "0002c0ff3f50624dd2f1a9fc4643144014000000000000c2b8c800",
        "000140001cc81ffc00000000000080",
        "0001c0ff3f50624dd2f1a9fc464784b31c401c000000000000c380",
    ];
    assert_eq!(encoded(merged(stored(gauge_and_marker()), stored(b.clone()))), integers);
    let floats = [
        "0002c0ff3f50624dd2f1a9fc4641009000000000000000000000000000010050000000000001005000000000000100500000000000038c80",
        "000100001cc8000000000000000000000000000000007ff0000000000002",
        "0001c0ff3f50624dd2f1a9fc464784b100b00000000000000000000000000001007000000000000100700000000000010070000000000000",
    ];
    assert_eq!(encoded(merged(stored_floats(gauge_and_marker()), stored_floats(b))), floats);
}

#[test]
fn floats_and_histograms_take_turns_in_chunks_of_their_own() {
    let b = stored(vec![(100, two_buckets(Hint::Unknown, 1)), (300, two_buckets(Hint::Unknown, 2))]);
    let expected = [
        "0001003ff0000000000000",
        "000100ff3f50624dd2f1a9fc464719243ff000000000000088",
        "000190033ff0000000000000",
        "000100ff3f50624dd2f1a9fc464784b284000000000000000900",
        "0001a0063ff0000000000000",
    ];
    assert_eq!(encoded(merged(floats(&[0, 200, 400]), b)), expected);
}

#[test]
fn floats_displace_histograms_at_the_same_times() {
    let b = [0, 200, 400].map(|time| (time, two_buckets(Hint::Unknown, 1)));
    let written = encoded(merged(floats(&[0, 200, 400]), stored(b.to_vec())));
    assert_eq!(written, ["0003003ff0000000000000c80100"]);
}

/// What is left of a chunk when its first sample is deleted, written into one chunk.
fn without_the_first(histograms: Vec<(i64, IntegerHistogram)>) -> Result<String, ChunkError> {
    let mut appender = HistogramAppender::<Integer>::new();
    for (time, sample) in stored(histograms).into_iter().skip(1) {
        let Sample::Histogram(mut histogram) = sample else { panic!("stored histograms") };
        appender.append_only(time, &mut histogram)?;
    }
    Ok(hex(&appender.finish()))
}

#[test]
fn what_a_deletion_leaves_goes_into_one_chunk_without_the_flag() {
    let mut samples = pair(Hint::CounterReset, [(0, 5), (100, 6)]);
    samples.push((200, two_buckets(Hint::Unknown, 7)));
    let expected = "000200ff3f50624dd2f1a9fc4647193184018000000000000c338c926d0710";
    assert_eq!(without_the_first(samples.clone()).as_deref(), Ok(expected));
    samples.pop();
    samples.push((200, Histogram::stale()));
    let expected = "000200ff3f50624dd2f1a9fc4647193184018000000000000c338c862f7fe8000000000002";
    assert_eq!(without_the_first(samples).as_deref(), Ok(expected));
    assert_eq!(without_the_first(gauge_and_marker()).as_deref(), Ok("000100001cc81ffc00000000000080"));
}

#[test]
fn a_gauge_and_the_marker_behind_it_cannot_be_written_into_one_chunk_again() {
    let mut samples = gauge_and_marker();
    samples.insert(0, (-100, two_buckets(Hint::Gauge, 4)));
    assert_eq!(without_the_first(samples), Err(ChunkError::NeedsNewChunk));
}

#[test]
fn the_last_sample_of_a_cut_chunk_stands_alone() {
    let mut appender = XorAppender::new();
    appender.append(1190, 1.0_f64.to_bits()).unwrap();
    assert_eq!(hex(&appender.finish()), "0001cc123ff0000000000000");
}

#[test]
fn float_histograms_keep_their_hint_from_the_second_sample_on() {
    let data = {
        let mut appender = HistogramAppender::<Float>::with_flag(Hint::CounterReset);
        for time in 0..3 {
            let mut histogram: FloatHistogram = two_buckets(Hint::Unknown, 1).to_float();
            assert_eq!(appender.append(time, &mut histogram), Ok(Appended::Here));
        }
        appender.finish()
    };
    assert_eq!(data.get(2), Some(&0x80));
    let hints: Vec<Hint> = Samples::new(lithify_tsdb::chunk::Encoding::FloatHistogram, &data)
        .unwrap()
        .map(|sample| match sample.unwrap().1 {
            Sample::FloatHistogram(histogram) => histogram.hint,
            Sample::Float(_) | Sample::Histogram(_) => panic!("float histograms were written"),
        })
        .collect();
    assert_eq!(hints, [Hint::Unknown, Hint::NotCounterReset, Hint::NotCounterReset]);
}
