//! What becomes of chunks of one series that overlap: edge cases of `tsdb-format.md` 10 and appendix B, by their numbers.

use std::sync::Arc;

use lithify_tsdb::{
    Deduplication::{self, OneToOne, Penalty},
    Error, Obstacle,
    chunk::{FloatHistogram, Hint, HistogramAppender, IntegerHistogram, Layout, STALE_BITS, Span, XorAppender, xor},
};
use proptest::prelude::*;

use crate::{
    sample::{Block, Chunk, deduplicate, present, read},
    vectors::unhex,
};

/// A float chunk with the block's number as every value.
pub(crate) fn floats(times: &[i64], value: f64) -> Chunk {
    let mut appender = XorAppender::new();
    times.iter().for_each(|time| appender.append(*time, value.to_bits()).unwrap());
    Chunk { min: *times.first().unwrap(), max: *times.last().unwrap(), encoding: 1, data: appender.finish() }
}

/// A histogram as appendix B has them: two buckets of `c`, or another span list with other deltas.
pub(crate) fn histogram(c: u64, hint: Hint) -> IntegerHistogram {
    let layout = Layout { zero_threshold: 0.001, positive: vec![Span { offset: 0, length: 2 }], ..Layout::default() };
    let (buckets, sum) = (i64::try_from(c).unwrap(), f64::from(u32::try_from(c).unwrap()));
    IntegerHistogram {
        hint,
        layout: Arc::new(layout),
        count: 2 * c,
        sum,
        positive: vec![buckets, 0],
        ..Default::default()
    }
}

/// A chunk of histograms, or of the same as float histograms; those with sum 0 stand for stale markers.
pub(crate) fn histograms(samples: &[(i64, IntegerHistogram)], as_floats: bool) -> Chunk {
    let (mut integers, mut floats) = (HistogramAppender::new(), HistogramAppender::new());
    for (time, histogram) in samples {
        let mut histogram = histogram.clone();
        if histogram.sum == 0.0 {
            histogram.sum = f64::from_bits(STALE_BITS);
        }
        let mut as_float: FloatHistogram = histogram.to_float();
        integers.append(*time, &mut histogram).unwrap();
        floats.append(*time, &mut as_float).unwrap();
    }
    let (encoding, data) = if as_floats { (3, floats.finish()) } else { (2, integers.finish()) };
    Chunk { min: samples.first().unwrap().0, max: samples.last().unwrap().0, encoding, data }
}

/// Merges blocks with one series each.
pub(crate) fn weave(blocks: &[&[Chunk]], deduplication: Deduplication) -> Result<Vec<Chunk>, Error> {
    let sources: Vec<_> =
        (1..).zip(blocks).map(|(n, chunks)| present(n, (0, 100_000), &Block::new(&[("a=1", chunks)]))).collect();
    let (_, files) = deduplicate(&sources, deduplication)?;
    Ok(read(&files).pop().map(|(_, chunks)| chunks).unwrap_or_default())
}

/// Times and values of the chunks' floats.
pub(crate) fn samples(chunks: &[Chunk]) -> Vec<(i64, f64)> {
    let (mut times, mut values) = (Vec::new(), Vec::new());
    for chunk in chunks {
        xor::decode(&chunk.data, &mut times, &mut values).unwrap();
    }
    times.into_iter().zip(values).collect()
}

fn values(blocks: &[&[Chunk]]) -> Vec<f64> {
    samples(&weave(blocks, OneToOne).unwrap()).into_iter().map(|(_, value)| value).collect()
}

#[test]
fn at_equal_times_the_heap_decides() {
    let at = |times: &[i64], block: u8| [floats(times, f64::from(block))];
    let all = [0, 100, 200];
    assert_eq!(values(&[&at(&all, 1), &at(&all, 2)]), [1.0; 3]); // 17
    assert_eq!(values(&[&at(&all, 1), &at(&all, 2), &at(&all, 3)]), [3.0, 2.0, 1.0]); // 18
    let four = [1, 2, 3, 4].map(|block| at(&[0, 100, 200, 300], block));
    let four: Vec<&[Chunk]> = four.iter().map(<[Chunk; 1]>::as_slice).collect();
    assert_eq!(values(&four), [3.0, 4.0, 3.0, 4.0]); // 19
    assert_eq!(values(&[&at(&all, 1), &at(&[50, 200], 2)]), [1.0, 2.0, 1.0, 2.0]); // 20, and those that follow
    assert_eq!(values(&[&at(&[0, 100], 1), &at(&[100, 200], 2)]), [1.0, 2.0, 2.0]);
    assert_eq!(values(&[&at(&[0, 500], 1), &at(&[250, 500], 2)]), [1.0, 2.0, 1.0]);
    assert_eq!(values(&[&at(&[250, 500], 2), &at(&[0, 500], 1)]), [1.0, 2.0, 1.0]);
    assert_eq!(values(&[&at(&all, 1), &at(&[0, 100], 2)]), [2.0, 2.0, 1.0]);
    let three = [at(&[0, 100, 200, 300], 1), at(&[50, 100, 200, 350], 2), at(&[100, 200, 350], 3)];
    let three: Vec<&[Chunk]> = three.iter().map(<[Chunk; 1]>::as_slice).collect();
    assert_eq!(values(&three), [1.0, 2.0, 1.0, 2.0, 1.0, 3.0]);
    let two = [floats(&[0, 100], 1.0), floats(&[200, 300], 1.0)];
    assert_eq!(values(&[&two, &at(&[50, 100, 200, 250], 2)]), [1.0, 2.0, 1.0, 1.0, 2.0, 1.0]);
}

#[test]
fn merged_samples_are_cut_at_120_and_what_overlaps_nothing_is_copied() {
    let times = |start: i64| (0..120).map(|i| start + i * 10).collect::<Vec<i64>>();
    let two = [floats(&times(0), 1.0), floats(&times(1200), 1.0)];
    let chunks = weave(&[&two, &[floats(&[5], 2.0)]], OneToOne).unwrap(); // 21
    let ranges: Vec<_> = chunks.iter().map(|chunk| (chunk.min, chunk.max)).collect();
    assert_eq!(ranges, [(0, 1180), (1190, 1190), (1200, 2390)]);
    assert_eq!(chunks.get(1).unwrap().data, unhex("0001cc123ff0000000000000"));
    assert_eq!(chunks.last(), two.last());
}

#[test]
fn a_shared_millisecond_is_an_overlap() {
    let early = [floats(&[0, 100], 1.0)];
    for (start, count) in [(100, 1), (101, 2)] {
        let chunks = weave(&[&early, &[floats(&[start, 200], 2.0)]], OneToOne).unwrap(); // 22
        assert_eq!(chunks.len(), count);
    }
}

#[test]
fn chunks_of_one_block_that_overlap_are_a_defect_of_the_block() {
    // 23, 24: the reference's merge would heal them, but its check of the source comes before.
    let overlapping = [floats(&[0, 100], 1.0), floats(&[50, 150], 1.0)];
    let backwards = [floats(&[200, 300], 1.0), floats(&[0, 100], 1.0)];
    for chunks in [&overlapping, &backwards] {
        assert!(matches!(weave(&[chunks, &[floats(&[500], 2.0)]], OneToOne), Err(Error::Defect { .. })));
    }
}

#[test]
fn duplicates_are_told_by_times_and_bytes_and_not_by_encoding() {
    let chunk = [floats(&[0, 100], 1.0)];
    let other = chunk.clone().map(|chunk| Chunk { encoding: 3, ..chunk });
    for deduplication in [OneToOne, Penalty] {
        assert_eq!(weave(&[&chunk, &other], deduplication).unwrap(), chunk); // 25
        assert_eq!(weave(&[&chunk, &chunk, &chunk], deduplication).unwrap(), chunk); // 27
    }
}

/// Merges two chunks of histograms and compares with chunk data in hexadecimal digits.
fn check(a: &[(i64, IntegerHistogram)], b: &[(i64, IntegerHistogram)], as_floats: bool, want: &[&str]) {
    let got = weave(&[&[histograms(a, as_floats)], &[histograms(b, as_floats)]], OneToOne).unwrap();
    let got: Vec<_> = got.into_iter().map(|chunk| chunk.data).collect();
    assert_eq!(got, want.iter().map(|hex| unhex(hex)).collect::<Vec<_>>());
}

#[test]
fn merged_histograms_begin_chunks_where_the_appendix_says() {
    let of = |c| histogram(c, Hint::Unknown);
    let gauge = |c| histogram(c, Hint::Gauge);
    let stale = |hint| IntegerHistogram { sum: 0.0, ..histogram(0, hint) };
    check(
        &[(0, histogram(5, Hint::CounterReset)), (200, of(6))],
        &[(100, of(5)), (300, of(7))],
        false,
        &["000400ff3f50624dd2f1a9fc4643144014000000000000c2b8c8049b02e21200"],
    );
    check(
        &[(0, of(5)), (200, of(6))],
        &[(100, of(9)), (300, of(10))],
        false,
        &[
            "000200ff3f50624dd2f1a9fc4643144014000000000000c2b8c9886a177400",
            "000280ff3f50624dd2f1a9fc4647323184018000000000000c338c9886a13e80",
        ],
    ); // 29
    let alternating = [[(0, gauge(5)), (200, gauge(6))], [(100, of(5)), (300, of(7))]];
    check(
        &alternating[0],
        &alternating[1],
        false,
        &[
            "0001c0ff3f50624dd2f1a9fc4643144014000000000000c280",
            "000140ff3f50624dd2f1a9fc4647193144014000000000000c28",
            "0001c0ff3f50624dd2f1a9fc4647323184018000000000000c30",
            "000140ff3f50624dd2f1a9fc464784b31c401c000000000000c380",
        ],
    ); // 30
    check(
        &alternating[0],
        &alternating[1],
        true,
        &[
            "0001c0ff3f50624dd2f1a9fc464100900000000000000000000000000001005000000000000100500000000000010050000000000000",
            "000100ff3f50624dd2f1a9fc4647191009000000000000000000000000000010050000000000001005000000000000100500000000000000",
            "0001c0ff3f50624dd2f1a9fc464732100a000000000000000000000000000010060000000000001006000000000000100600000000000000",
            "000100ff3f50624dd2f1a9fc464784b100b00000000000000000000000000001007000000000000100700000000000010070000000000000",
        ],
    );
    let gauges = [[(0, gauge(5)), (200, stale(Hint::Gauge))], [(100, gauge(5)), (300, gauge(7))]];
    check(
        &gauges[0],
        &gauges[1],
        false,
        &[
            "0002c0ff3f50624dd2f1a9fc4643144014000000000000c2b8c800",
            "000140001cc81ffc00000000000080",
            "0001c0ff3f50624dd2f1a9fc464784b31c401c000000000000c380",
        ],
    ); // 34
    check(
        &gauges[0],
        &gauges[1],
        true,
        &[
            "0002c0ff3f50624dd2f1a9fc4641009000000000000000000000000000010050000000000001005000000000000100500000000000038c80",
            "000100001cc8000000000000000000000000000000007ff0000000000002",
            "0001c0ff3f50624dd2f1a9fc464784b100b00000000000000000000000000001007000000000000100700000000000010070000000000000",
        ],
    );
}

#[test]
fn a_merged_chunk_is_written_anew_when_a_bucket_appears() {
    let with = |c: u64, spans: &[(i32, u32)], positive: &[i64], count| {
        let positive_spans = spans.iter().map(|(offset, length)| Span { offset: *offset, length: *length }).collect();
        let layout = Layout { zero_threshold: 0.001, positive: positive_spans, ..Layout::default() };
        let plain = histogram(c, Hint::Unknown);
        IntegerHistogram { layout: Arc::new(layout), positive: positive.to_vec(), count, ..plain }
    };
    let narrow = |c: u64| with(c, &[(0, 1)], &[c.cast_signed()], c);
    let wide = [(0, 1), (2, 1)];
    let b = [(100, with(2, &wide, &[2, -2], 2)), (300, with(3, &wide, &[3, -2], 4))];
    let want = "000400ff3f50624dd2f1a9fc4a28c888ffc000000000000237e324584bfff1b8d80c0bc8";
    check(&[(0, narrow(1)), (200, narrow(3))], &b, false, &[want]); // 32
}

#[test]
fn a_change_of_kind_begins_a_chunk() {
    let a = [floats(&[0, 200, 400], 1.0)];
    let of = |time, c| (time, histogram(c, Hint::Unknown));
    let got = weave(&[&a, &[histograms(&[of(100, 1), of(300, 2)], false)]], OneToOne).unwrap(); // 31
    let got: Vec<_> = got.into_iter().map(|chunk| (chunk.encoding, chunk.data)).collect();
    let want = [
        (1, "0001003ff0000000000000"),
        (2, "000100ff3f50624dd2f1a9fc464719243ff000000000000088"),
        (1, "000190033ff0000000000000"),
        (2, "000100ff3f50624dd2f1a9fc464784b284000000000000000900"),
        (1, "0001a0063ff0000000000000"),
    ];
    assert_eq!(got, want.map(|(encoding, hex)| (encoding, unhex(hex))));
    let got = weave(&[&a, &[histograms(&[of(0, 1), of(200, 2), of(400, 3)], false)]], OneToOne).unwrap();
    assert_eq!(got.into_iter().map(|chunk| chunk.data).collect::<Vec<_>>(), [unhex("0003003ff0000000000000c80100")]);
}

#[test]
fn merged_histograms_are_cut_at_120() {
    let all: Vec<_> = (1_u64..=121).map(|c| ((c * 10).cast_signed(), histogram(c, Hint::Unknown))).collect();
    let part = |n| all.iter().skip(n).step_by(2).cloned().collect::<Vec<_>>();
    let got = weave(&[&[histograms(&part(0), false)], &[histograms(&part(1), false)]], OneToOne).unwrap(); // 36
    let counts: Vec<_> = got.iter().map(|chunk| chunk.data.get(..3).unwrap().to_vec()).collect();
    assert_eq!(counts, [[0, 120, 0], [0, 1, 0]]);
}

#[test]
fn where_the_reference_dies_or_loses_samples_the_chunk_is_named() {
    let obstacle = |blocks: &[&[Chunk]], deduplication| match weave(blocks, deduplication) {
        Err(Error::Samples { obstacle, series, .. }) => {
            assert_eq!(series, r#"{a="1"}"#);
            obstacle
        }
        other => panic!("{other:?}"),
    };
    let empty = |max| Chunk { min: 0, max, encoding: 1, data: vec![0, 0] };
    assert_eq!(obstacle(&[&[empty(5)], &[empty(6)]], OneToOne), Obstacle::Nothing);
    assert_eq!(obstacle(&[&[empty(5)], &[empty(6)]], Penalty), Obstacle::Nothing);
    let aggregates = |data| [Chunk { min: 0, max: 50, encoding: 0xff, data }];
    let counts = aggregates(vec![2, 1, 0, 0, 0, 0, 0, 0]);
    assert_eq!(obstacle(&[&counts, &[floats(&[5, 60], 1.0)]], OneToOne), Obstacle::AggregatesOneToOne);
    assert_eq!(obstacle(&[&aggregates(vec![0; 5]), &[floats(&[5, 60], 1.0)]], Penalty), Obstacle::NoCounts);
}

#[test]
fn a_sample_at_the_beginning_of_time_is_not_lost_in_silence() {
    let chunk = |times: &[i64]| [floats(times, 1.0)];
    let sources = [&chunk(&[i64::MIN, 5]), &chunk(&[3, 7])].map(|chunks| Block::new(&[("a=1", chunks)]));
    for deduplication in [OneToOne, Penalty] {
        let sources: Vec<_> = (1..).zip(&sources).map(|(n, block)| present(n, (i64::MIN, 10), block)).collect();
        let result = deduplicate(&sources, deduplication); // 26
        assert!(matches!(result, Err(Error::Samples { obstacle: Obstacle::BeginningOfTime, .. })));
    }
    let alone = present(1, (i64::MIN, 10), sources.first().unwrap());
    assert!(deduplicate(&[alone], OneToOne).is_ok());
}

#[test]
fn samples_at_the_end_of_time_end_a_merge() {
    let ends = [i64::MAX - 3, i64::MAX - 1];
    let blocks =
        [floats(&ends, 1.0), floats(&[i64::MAX - 2, i64::MAX - 1], 2.0)].map(|chunk| Block::new(&[("a=1", &[chunk])]));
    for (deduplication, count) in [(OneToOne, 3), (Penalty, 2)] {
        let sources: Vec<_> = (1..).zip(&blocks).map(|(n, block)| present(n, (0, i64::MAX), block)).collect();
        let (merged, _) = deduplicate(&sources, deduplication).unwrap();
        assert_eq!(merged.stats.num_samples, count);
    }
}

/// A series of floats, histograms and markers, in chunks as a head would cut them.
fn any_series() -> impl Strategy<Value = Vec<Chunk>> {
    let gap = prop_oneof![6 => Just(10_i64), 1 => 1_i64..200];
    proptest::collection::vec((gap, 0_u64..50, 0_u8..30), 1..300).prop_map(|samples| {
        let (mut chunks, mut time, mut kind) = (Vec::new(), 0, 0);
        let mut open: Vec<(i64, u64)> = Vec::new();
        let mut close = |open: &mut Vec<(i64, u64)>, kind: u8| {
            if open.is_empty() {
                return;
            }
            let as_histograms: Vec<_> = open
                .iter()
                .map(|(time, c)| (*time, histogram(1000 + u64::try_from(*time).unwrap() + c % 7, Hint::Unknown)))
                .collect();
            chunks.push(match kind {
                0 => {
                    let mut appender = XorAppender::new();
                    open.iter().for_each(|(time, c)| appender.append(*time, c * 0x0123_4567_89ab).unwrap());
                    Chunk { min: open[0].0, max: time_of(open), encoding: 1, data: appender.finish() }
                }
                kind => histograms(&as_histograms.into_iter().take(1).collect::<Vec<_>>(), kind == 2),
            });
            open.clear();
        };
        for (gap, value, switch) in samples {
            time += gap;
            if switch < 2 || open.len() == 120 || kind != 0 && !open.is_empty() {
                close(&mut open, kind);
                kind = switch % 3;
            }
            open.push((time, value));
        }
        close(&mut open, kind);
        chunks
    })
}

fn time_of(open: &[(i64, u64)]) -> i64 {
    open.last().unwrap().0
}

proptest! {
    #[test]
    fn a_block_merged_with_itself_is_the_block(chunks in any_series(), copies in 2_u8..4) {
        let block = Block::new(&[("a=1", &chunks), ("b=2", &chunks)]);
        for deduplication in [OneToOne, Penalty] {
            let sources: Vec<_> = (1..=copies).map(|n| present(n, (0, 100_000), &block)).collect();
            let (_, files) = deduplicate(&sources, deduplication).unwrap();
            prop_assert_eq!(&files, &block.files(crate::sample::Format::Present, 0));
        }
    }

    #[test]
    fn merging_gives_the_same_samples_for_any_split_into_blocks(
        samples in proptest::collection::vec((1_i64..50, any::<u64>(), 0_u8..8), 1..400),
        lengths in proptest::collection::vec(1_usize..130, 3),
    ) {
        let mut time = 0;
        let all: Vec<(i64, u64, u8)> = samples.into_iter().map(|(gap, value, owners)| {
            time += gap;
            (time, value, owners)
        }).collect();
        // Each sample is in the blocks that its bits name, in the first if they name none.
        let block = |n: u8, length: usize| {
            let own: Vec<(i64, u64)> = all
                .iter()
                .filter(|(_, _, owners)| owners >> n & 1 == 1 || *owners == 0 && n == 0)
                .map(|(time, value, _)| (*time, *value))
                .collect();
            let chunks: Vec<Chunk> = own.chunks(length).map(|part| {
                let mut appender = XorAppender::new();
                part.iter().for_each(|(time, value)| appender.append(*time, *value).unwrap());
                Chunk { min: part[0].0, max: time_of(part), encoding: 1, data: appender.finish() }
            }).collect();
            let series: &[(&str, &[Chunk])] = if chunks.is_empty() { &[] } else { &[("a=1", &chunks)] };
            Block::new(series)
        };
        let sources: Vec<_> =
            (0..3).zip(lengths).map(|(n, length)| present(n + 1, (0, 100_000), &block(n, length))).collect();
        let (merged, files) = deduplicate(&sources, OneToOne).unwrap();
        let got = read(&files).pop().unwrap().1;
        let bits = |(time, value): (i64, f64)| (time, value.to_bits());
        let got: Vec<_> = self::samples(&got).into_iter().map(bits).collect();
        prop_assert_eq!(merged.stats.num_samples, all.len() as u64);
        prop_assert_eq!(got, all.iter().map(|(time, value, _)| (*time, *value)).collect::<Vec<_>>());
    }
}
