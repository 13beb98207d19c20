//! Chunks to samples and back, in time per sample.
//!
//! `cargo bench -p lithify-tsdb --bench decode`

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use lithify_tsdb::chunk::{
    Float, Histogram, HistogramAppender, HistogramDecoder, Integer, IntegerHistogram, Layout, Span, XorAppender,
    XorDecoder, histogram::Kind, xor,
};

/// Samples in a chunk, as Prometheus cuts them.
const SAMPLES: u16 = 120;
/// Chunks a round, so that branches are not learned by heart.
const CHUNKS: u64 = 200;

/// A sequence of numbers that looks random and is the same in each run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }
}

/// Timestamps in milliseconds and the bits of values.
type Series = Vec<(i64, u64)>;

/// A scraped series: every 15 s, a few milliseconds early or late now and then.
fn series(dice: &mut Dice, jitter: bool, mut next: impl FnMut(&mut Dice) -> f64) -> Series {
    let start = 1_700_000_000_000;
    (0..i64::from(SAMPLES))
        .map(|at| {
            let late = if jitter && dice.roll().is_multiple_of(4) { (dice.roll() % 20).cast_signed() } else { 0 };
            (start + at * 15_000 + late, next(dice).to_bits())
        })
        .collect()
}

fn encoded(samples: &[(i64, u64)]) -> Vec<u8> {
    let mut appender = XorAppender::new();
    for (time, value) in samples {
        appender.append(*time, *value).expect("120 samples fit a chunk");
    }
    appender.finish()
}

/// What scraped series look like, by name.
fn cases() -> Vec<(&'static str, Vec<Series>)> {
    let mut dice = Dice(7);
    let mut many = |jitter, make: &dyn Fn(&mut Dice) -> f64, grow: bool| {
        (0..CHUNKS)
            .map(|_| {
                let mut total = make(&mut dice);
                series(&mut dice, jitter, |dice| {
                    total = if grow { total + make(dice) } else { make(dice) };
                    total
                })
            })
            .collect()
    };
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    let upto = |limit: u64| move |dice: &mut Dice| (dice.roll() % limit) as f64;
    vec![
        ("constant", many(false, &|_| 1.0, false)),
        ("counter", many(true, &upto(1000), true)),
        ("gauge", many(true, &|dice| upto(1_000_000)(dice) / 1000.0, false)),
    ]
}

fn floats(criterion: &mut Criterion) {
    for (name, samples) in cases() {
        let chunks: Vec<Vec<u8>> = samples.iter().map(|samples| encoded(samples)).collect();
        let mut group = criterion.benchmark_group("xor");
        group.throughput(Throughput::Elements(CHUNKS * u64::from(SAMPLES)));
        group.bench_function(format!("decode columns/{name}"), |bencher| {
            let (mut times, mut values) = (Vec::new(), Vec::new());
            bencher.iter(|| {
                for chunk in &chunks {
                    times.clear();
                    values.clear();
                    xor::decode(chunk, &mut times, &mut values).expect("written above");
                    black_box((&times, &values));
                }
            });
        });
        group.bench_function(format!("decode iterator/{name}"), |bencher| {
            bencher.iter(|| {
                for chunk in &chunks {
                    for sample in XorDecoder::new(chunk).expect("written above") {
                        black_box(sample.expect("written above"));
                    }
                }
            });
        });
        group.bench_function(format!("encode/{name}"), |bencher| {
            bencher.iter(|| samples.iter().map(|samples| encoded(black_box(samples)).len()).sum::<usize>());
        });
    }
}

/// A histogram of 20 buckets that grows by some observations.
fn grown(dice: &mut Dice, last: &IntegerHistogram) -> IntegerHistogram {
    let mut counts: Vec<i64> = last.positive.clone();
    // From differences to counts, and back below.
    let mut running = 0;
    counts.iter_mut().for_each(|count| {
        running += *count;
        *count = running;
    });
    let mut next = last.clone();
    for count in &mut counts {
        let more = if dice.roll().is_multiple_of(3) { dice.roll() % 5 } else { 0 };
        *count += more.cast_signed();
        next.count += more;
        next.sum += f64::from(u32::try_from(more).expect("below 5")) / 16.0;
    }
    let mut before = 0;
    for (bucket, count) in next.positive.iter_mut().zip(counts) {
        *bucket = count - before;
        before = count;
    }
    next
}

fn histogram_series() -> Vec<Vec<(i64, IntegerHistogram)>> {
    let mut dice = Dice(11);
    let spans = vec![Span { offset: -3, length: 12 }, Span { offset: 2, length: 8 }];
    let layout = Arc::new(Layout { schema: 3, zero_threshold: 2_f64.powi(-128), positive: spans, ..Layout::default() });
    (0..CHUNKS / 10)
        .map(|_| {
            let mut last = Histogram { layout: Arc::clone(&layout), positive: vec![0; 20], ..Histogram::default() };
            (0..i64::from(SAMPLES))
                .map(|at| {
                    last = grown(&mut dice, &last);
                    (1_700_000_000_000 + at * 15_000, last.clone())
                })
                .collect()
        })
        .collect()
}

fn written<K: Kind>(samples: Vec<(i64, Histogram<K>)>) -> Vec<u8> {
    let mut appender = HistogramAppender::<K>::new();
    for (time, mut histogram) in samples {
        appender.append(time, &mut histogram).expect("the histograms are sound");
    }
    appender.finish()
}

fn histograms_of<K: Kind>(criterion: &mut Criterion, name: &str, samples: &[Vec<(i64, Histogram<K>)>]) {
    let chunks: Vec<Vec<u8>> = samples.iter().cloned().map(written).collect();
    let mut group = criterion.benchmark_group(name);
    group.throughput(Throughput::Elements(samples.iter().map(|samples| samples.len() as u64).sum()));
    group.bench_function("decode/20 buckets", |bencher| {
        bencher.iter(|| {
            for chunk in &chunks {
                let mut decoder = HistogramDecoder::<K>::new(chunk).expect("written above");
                while decoder.advance().expect("written above") {
                    black_box(decoder.histogram());
                }
            }
        });
    });
    group.bench_function("encode/20 buckets", |bencher| {
        bencher.iter_batched(
            || samples.to_vec(),
            |samples| samples.into_iter().map(|samples| written(samples).len()).sum::<usize>(),
            BatchSize::LargeInput,
        );
    });
}

fn histograms(criterion: &mut Criterion) {
    let integers = histogram_series();
    histograms_of::<Integer>(criterion, "histogram", &integers);
    let floats: Vec<Vec<_>> = integers
        .iter()
        .map(|samples| samples.iter().map(|(time, histogram)| (*time, histogram.to_float())).collect())
        .collect();
    histograms_of::<Float>(criterion, "float histogram", &floats);
}

criterion_group!(benches, floats, histograms);
criterion_main!(benches);
