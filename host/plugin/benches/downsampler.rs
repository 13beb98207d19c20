//! What downsampling costs in WebAssembly, way in and out included, and natively: the same question, the same answer.
//!
//! `cargo bench -p lithify-plugin --bench downsampler`
#![expect(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "all numbers are small")]

mod builtin;

use std::{hint::black_box, time::Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use lithify_block::{
    columns::{BucketSpan, Column, HistogramColumn, HistogramLayout, ResetHint},
    policy::Aggregator,
};
use lithify_kit::aggregator::FiveAggregates;

/// Milliseconds.
const WINDOW: i64 = 300_000;
/// A time at which a window begins.
const START: i64 = 1_700_000_100_000;
/// Of floats in a question.
const SAMPLES: usize = 1 << 16;
/// Of histograms in a question.
const HISTOGRAMS: usize = 1 << 12;
/// Of samples in a run: those of four chunks.
const RUN: usize = 480;
/// Rounds of which the fastest counts.
const ROUNDS: usize = 100;

/// Numbers without a pattern that a branch predictor would learn.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> i64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end) as i64
    }
}

/// When samples were taken, in runs: `count` of them, `window` in each window, with some jitter.
fn times(count: usize, window: i64, dice: &mut Dice) -> (Vec<u32>, Vec<i64>) {
    let mut offsets: Vec<u32> = (0..count as u32).step_by(RUN).collect();
    offsets.push(count as u32);
    let step = WINDOW / window;
    let mut time = |row: usize| START + (row % RUN) as i64 * step + dice.below(20);
    (offsets, (0..count).map(&mut time).collect())
}

/// Counters, each from zero on.
fn floats(window: i64) -> Column {
    let mut dice = Dice(88_172_645_463_325_252);
    let (offsets, timestamps) = times(SAMPLES, window, &mut dice);
    let mut value = 0.0;
    let mut next = |row: usize| {
        value = if row.is_multiple_of(RUN) { 0.0 } else { value + dice.below(1000) as f64 };
        value
    };
    let values = (0..SAMPLES).map(&mut next).collect();
    Column { offsets, timestamps, values }
}

/// Histograms of twenty buckets that grow; one layout a run.
fn histograms(window: i64) -> HistogramColumn {
    const BUCKETS: usize = 20;
    let mut dice = Dice(88_172_645_463_325_252);
    let (offsets, timestamps) = times(HISTOGRAMS, window, &mut dice);
    let runs = offsets.len() - 1;
    let spans = vec![BucketSpan { offset: -5, length: 12 }, BucketSpan { offset: 3, length: 8 }];
    let layout =
        HistogramLayout { schema: 3, zero_threshold: 1e-128, positive_spans: spans, ..HistogramLayout::default() };
    let mut buckets = vec![0.0; HISTOGRAMS * BUCKETS];
    for at in 0..buckets.len() {
        let before = if (at / BUCKETS).is_multiple_of(RUN) { 0.0 } else { buckets[at - BUCKETS] };
        buckets[at] = before + dice.below(4) as f64;
    }
    let counts: Vec<f64> = buckets.chunks(BUCKETS).map(|row| row.iter().sum()).collect();
    HistogramColumn {
        layout_rows: offsets[..runs].to_vec(),
        offsets,
        timestamps,
        hints: vec![ResetHint::Unknown; HISTOGRAMS],
        sums: counts.iter().map(|count| count * 0.25).collect(),
        counts,
        zero_counts: vec![0.0; HISTOGRAMS],
        layouts: vec![layout; runs],
        buckets,
    }
}

/// Nanoseconds a row of both, the fastest of many rounds in turn, and what the first is of the second.
#[expect(clippy::print_stderr, reason = "criterion knows no ratios")]
#[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
fn report(name: &str, rows: usize, mut wasm: impl FnMut(), mut native: impl FnMut()) {
    let mut fastest = [f64::MAX; 2];
    for _ in 0..ROUNDS {
        for (run, fastest) in [&mut wasm as &mut dyn FnMut(), &mut native].into_iter().zip(&mut fastest) {
            let start = Instant::now();
            run();
            *fastest = fastest.min(start.elapsed().as_nanos() as f64 / rows as f64);
        }
    }
    let [wasm, native] = fastest;
    eprintln!("{name}: wasm {wasm:.2} ns, native {native:.2} ns a row, ratio {:.2}", wasm / native);
}

fn measure(criterion: &mut Criterion) {
    let mut guest = builtin::aggregator(&builtin::policies());
    let mut native = FiveAggregates;
    for window in [5, 20, 300] {
        let raw = floats(window);
        let answer = native.raw(WINDOW, &[], &raw).expect("an answer");
        assert!(guest.raw(WINDOW, &[], &raw).expect("an answer") == answer, "both say the same");
        compare(criterion, &format!("floats/raw_{window}_a_window"), SAMPLES, [&mut *guest, &mut native], |asked| {
            drop(black_box(asked.raw(WINDOW, &[], black_box(&raw))));
        });
        let rows = answer.sum.values.len();
        compare(criterion, &format!("floats/again_{window}_a_window"), rows, [&mut *guest, &mut native], |asked| {
            drop(black_box(asked.aggregates(12 * WINDOW, &[], black_box(&answer))));
        });
    }
    for window in [5, 20] {
        let raw = histograms(window);
        let answer = native.raw_histograms(WINDOW, &[], &raw).expect("an answer");
        assert!(guest.raw_histograms(WINDOW, &[], &raw).expect("an answer") == answer, "both say the same");
        let name = format!("histograms/raw_{window}_a_window");
        compare(criterion, &name, HISTOGRAMS, [&mut *guest, &mut native], |asked| {
            drop(black_box(asked.raw_histograms(WINDOW, &[], black_box(&raw))));
        });
    }
}

/// One question, asked of the component and of the native code.
fn compare(
    criterion: &mut Criterion,
    name: &str,
    rows: usize,
    [guest, native]: [&mut dyn Aggregator; 2],
    mut ask: impl FnMut(&mut dyn Aggregator),
) {
    let ask = std::cell::RefCell::new(&mut ask);
    report(name, rows, || ask.borrow_mut()(guest), || ask.borrow_mut()(native));
    let mut group = criterion.benchmark_group(name);
    group.throughput(Throughput::Elements(rows as u64)).sample_size(20);
    group.bench_function("wasm", |bencher| bencher.iter(|| ask.borrow_mut()(guest)));
    group.bench_function("native", |bencher| bencher.iter(|| ask.borrow_mut()(native)));
    group.finish();
}

criterion_group!(benches, measure);
criterion_main!(benches);
