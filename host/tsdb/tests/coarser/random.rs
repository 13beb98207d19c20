//! Random series, held against the slow engine of the kit.

use std::sync::Arc;

use lithify_kit::slow::{self, Chunk};
use lithify_tsdb::chunk::{
    Appended, FloatHistogram, Hint, HistogramAppender, IntegerHistogram, Layout, STALE_BITS, Span, XorAppender,
};
use proptest::prelude::*;

use super::series;

/// A sequence of numbers that looks random and is the same for the same seed.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn is_one_of(&mut self, sides: u64) -> bool {
        self.roll(sides) == 0
    }

    fn number(&mut self, sides: u64) -> i64 {
        self.roll(sides).cast_signed()
    }

    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    fn count(&mut self, sides: u64) -> f64 {
        self.roll(sides) as f64
    }
}

/// The time of the next sample: mostly regular, sometimes after a gap, backwards or again.
fn next_time(dice: &mut Dice, time: i64, step: i64) -> i64 {
    match dice.roll(60) {
        0 => time,
        1 => time - dice.number(100_000),
        2 => time + dice.number(20_000_000),
        3..10 => time + step + dice.number(1000),
        _ => time + step,
    }
}

fn value(dice: &mut Dice, last: f64) -> f64 {
    match dice.roll(80) {
        0 => f64::from_bits(STALE_BITS),
        1 => f64::NAN,
        2 => f64::INFINITY,
        3 => f64::NEG_INFINITY,
        4 => 0.0,
        5 => -0.0,
        6..12 => dice.count(5),
        _ => (if last.is_finite() { last } else { 0.0 }) + dice.count(1000) / 7.0,
    }
}

fn float_chunk(dice: &mut Dice, time: &mut i64, step: i64) -> Chunk {
    let (mut appender, mut last, from) = (XorAppender::new(), 0.0, *time);
    let mut times = Vec::new();
    for _ in 0..1 + dice.roll(120) {
        last = value(dice, last);
        appender.append(*time, last.to_bits()).unwrap();
        times.push(*time);
        *time = next_time(dice, *time, step);
    }
    let max = times.iter().copied().max().unwrap().max(from);
    *time = (*time).max(max + 1);
    Chunk { min: from, max, encoding: 1, data: appender.finish() }
}

/// How the histograms of a series look at present.
struct Shape {
    hint: Hint,
    layout: Layout,
}

fn spans(dice: &mut Dice, limit: Option<u32>) -> Vec<Span> {
    let mut room = limit.unwrap_or(u32::MAX);
    let mut spans = Vec::new();
    for at in 0..dice.roll(4) {
        let offset = if limit.is_none() && at == 0 { dice.number(9) - 4 } else { dice.number(3) };
        let offset = i32::try_from(offset).unwrap();
        let length = u32::try_from(dice.roll(4)).unwrap();
        let taken = offset.max(0).cast_unsigned() + length;
        if taken > room {
            break;
        }
        room -= taken;
        spans.push(Span { offset, length });
    }
    spans
}

fn shape(dice: &mut Dice, custom: bool) -> Shape {
    let hint = if dice.is_one_of(8) { Hint::Gauge } else { Hint::Unknown };
    let layout = if custom {
        let bounds: Vec<f64> = (1..=6).map(f64::from).filter(|_| !dice.is_one_of(4)).collect();
        let limit = u32::try_from(bounds.len()).unwrap() + 1;
        Layout { schema: -53, positive: spans(dice, Some(limit)), custom_values: bounds, ..Layout::default() }
    } else {
        Layout {
            schema: i32::try_from(dice.roll(4)).unwrap() - 1,
            zero_threshold: if dice.is_one_of(6) { 0.5 } else { 0.001 },
            positive: spans(dice, None),
            negative: spans(dice, None),
            custom_values: Vec::new(),
        }
    };
    Shape { hint, layout }
}

fn buckets(spans: &[Span]) -> usize {
    spans.iter().map(|span| span.length as usize).sum()
}

fn grown(dice: &mut Dice, counts: &mut Vec<f64>, buckets: usize, reset: bool) {
    counts.resize(buckets, 0.0);
    for count in counts {
        let more = if dice.is_one_of(2) { dice.count(5) } else { 0.0 };
        *count = if reset { more } else { *count + more };
    }
}

/// Float histograms with all that can change between them, as the chunks that hold them.
fn histogram_chunks(dice: &mut Dice, time: &mut i64, step: i64, custom: bool, out: &mut Vec<Chunk>) {
    let mut shape = shape(dice, custom);
    let (mut positive, mut negative) = (Vec::new(), Vec::new());
    let mut appender = HistogramAppender::new();
    let (mut from, mut to) = (*time, *time);
    for _ in 0..1 + dice.roll(60) {
        if dice.is_one_of(25) {
            shape = self::shape(dice, custom);
        }
        let reset = dice.is_one_of(20);
        grown(dice, &mut positive, buckets(&shape.layout.positive), reset);
        grown(dice, &mut negative, buckets(&shape.layout.negative), reset);
        let sum = match dice.roll(60) {
            0 => f64::from_bits(STALE_BITS),
            1 => f64::NAN,
            _ => dice.count(1000) / 3.0,
        };
        let zero_count = if custom { 0.0 } else { dice.count(2) };
        let count = positive.iter().chain(&negative).sum::<f64>() + zero_count;
        let layout = Arc::new(shape.layout.clone());
        let (positive, negative) = (positive.clone(), negative.clone());
        let mut histogram = FloatHistogram { hint: shape.hint, layout, count, zero_count, sum, positive, negative };
        if let Appended::NewChunk(data) = appender.append(*time, &mut histogram).unwrap() {
            out.push(Chunk { min: from, max: to, encoding: 3, data });
            from = *time;
        }
        to = *time;
        *time += if dice.is_one_of(30) { step * 40 } else { step };
    }
    out.push(Chunk { min: from, max: to, encoding: 3, data: appender.finish() });
}

/// Integer histograms that only grow or start again.
fn integer_chunk(dice: &mut Dice, time: &mut i64, step: i64) -> Chunk {
    let layout = Arc::new(Layout {
        schema: 1,
        zero_threshold: 0.001,
        positive: vec![Span { offset: -2, length: 3 }, Span { offset: 1, length: 2 }],
        ..Layout::default()
    });
    let mut appender = HistogramAppender::new();
    let (from, mut to, mut histogram) = (*time, *time, IntegerHistogram { layout, ..IntegerHistogram::default() });
    histogram.positive = vec![0; 5];
    for _ in 0..1 + dice.roll(100) {
        let first = dice.number(4);
        // The first bucket grows; the others are stored as differences to it.
        histogram.positive[0] += first;
        histogram.count += first.cast_unsigned() * 5;
        histogram.sum += 1.5;
        appender.append(*time, &mut histogram).unwrap();
        to = *time;
        *time += step;
    }
    Chunk { min: from, max: to, encoding: 2, data: appender.finish() }
}

/// Chunks of a series, one after the other.
pub(crate) fn any_series(seed: u64) -> Vec<Chunk> {
    let mut dice = Dice(seed);
    let (mut chunks, mut time) = (Vec::new(), dice.number(2_000_000) - 200_000);
    let step = [1000, 15_000, 60_000, 200_000, 3_000_000][usize::try_from(dice.roll(5)).unwrap()];
    let (kinds, custom) = (dice.roll(4), dice.is_one_of(2));
    for _ in 0..1 + dice.roll(12) {
        match if kinds == 3 { dice.roll(3) } else { kinds } {
            0 => chunks.push(float_chunk(&mut dice, &mut time, step)),
            1 => histogram_chunks(&mut dice, &mut time, step, custom, &mut chunks),
            _ if kinds == 2 || !custom => chunks.push(integer_chunk(&mut dice, &mut time, step)),
            _ => {}
        }
    }
    chunks
}

fn agree(chunks: &[Chunk], resolutions: (i64, i64)) -> Option<Vec<Chunk>> {
    match (series(chunks, resolutions), slow::downsample(chunks, resolutions.0, resolutions.1)) {
        (Ok(ours), Ok(slow)) => {
            assert_eq!(ours, slow);
            Some(ours)
        }
        (Err(_), Err(_)) => None,
        // While it sums, the reference keeps a counter that nobody reads, and can panic over it; the built-in policy does not.
        (Ok(_), Err(slow)) if resolutions.0 > 0 && slow.contains("empty span") => None,
        (ours, slow) => panic!("{ours:?}\n{slow:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]
    #[test]
    fn both_engines_make_the_same_of_raw_series_and_of_that_again(seed: u64) {
        let raw = any_series(seed);
        prop_assume!(!raw.is_empty());
        if let Some(five) = agree(&raw, (0, 300_000)).filter(|five| !five.is_empty()) {
            agree(&five, (300_000, 3_600_000));
        }
    }

    #[test]
    fn both_engines_repair_ordinary_chunks_among_aggregates(seed: u64) {
        let raw = any_series(seed);
        let half = raw.len() / 2;
        if let Some(mut mixed) = agree(&raw[..half.max(1).min(raw.len())], (0, 300_000)).filter(|five| !five.is_empty()) {
            let end = mixed.last().unwrap().max;
            mixed.extend(raw[half..].iter().filter(|chunk| chunk.min > end).cloned());
            agree(&mixed, (300_000, 3_600_000));
        }
    }
}
