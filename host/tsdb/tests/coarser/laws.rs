//! What holds of every coarser block.

use lithify_block::{
    Labels,
    columns::{Aggregates, Column, HistogramAggregates, HistogramColumn},
    policy::{Aggregator, Outcome, PolicyError},
};
use lithify_kit::{aggregator::FiveAggregates, slow::Chunk};
use lithify_tsdb::{
    Error,
    chunk::{
        XorAppender,
        aggregate::{Aggregate, slot},
        xor,
    },
};
use proptest::prelude::*;

use super::{
    coarser_by, coarser_on,
    random::{Dice, any_series},
    series, source,
};

fn chunk(samples: &[(i64, f64)]) -> Chunk {
    let mut appender = XorAppender::new();
    samples.iter().for_each(|(time, value)| appender.append(*time, value.to_bits()).unwrap());
    Chunk { min: samples[0].0, max: samples[samples.len() - 1].0, encoding: 1, data: appender.finish() }
}

/// A scraped counter of whole numbers that starts again now and then.
fn counter(dice: &mut Dice, samples: u32, step: i64) -> Vec<(i64, f64)> {
    let mut total = 0.0;
    (0..samples)
        .map(|at| {
            let more = f64::from(u32::try_from(dice.roll(50)).unwrap());
            total = if dice.roll(200) == 0 { more } else { total + more };
            (i64::from(at) * step + i64::try_from(dice.roll(10)).unwrap(), total)
        })
        .collect()
}

/// The sum over one slot of all chunks.
fn total(chunks: &[Chunk], aggregate: Aggregate) -> f64 {
    let (mut times, mut values) = (Vec::new(), Vec::new());
    for chunk in chunks {
        let slot = slot(&chunk.data, aggregate).unwrap().unwrap();
        xor::decode(slot.data, &mut times, &mut values).unwrap();
    }
    values.iter().sum()
}

proptest! {
    #[test]
    fn counts_and_sums_of_whole_numbers_are_never_changed(
        seed: u64, samples in 1_u32..5000, step in prop::sample::select(vec![15_000_i64, 60_000, 1_000_000])
    ) {
        let raw = counter(&mut Dice(seed), samples, step);
        let chunks: Vec<Chunk> = raw.chunks(120).map(chunk).collect();
        let five = series(&chunks, (0, 300_000)).unwrap();
        let hour = series(&five, (300_000, 3_600_000)).unwrap();
        for made in [&five, &hour] {
            prop_assert_eq!(total(made, Aggregate::Count), f64::from(samples));
            prop_assert_eq!(total(made, Aggregate::Sum), raw.iter().map(|(_, value)| value).sum::<f64>());
        }
    }

    #[test]
    fn how_samples_are_cut_into_chunks_does_not_show(seed: u64, samples in 1_u32..2000, a in 1_usize..200, b in 1_usize..200) {
        let raw = counter(&mut Dice(seed), samples, 15_000);
        let cut = |size: usize| series(&raw.chunks(size).map(chunk).collect::<Vec<_>>(), (0, 300_000)).unwrap();
        prop_assert_eq!(cut(a), cut(b));
    }

    #[test]
    fn the_number_of_threads_does_not_show(seed: u64, threads in 2_usize..5) {
        let block: Vec<Vec<Chunk>> = (0..8).map(|at| any_series(seed.wrapping_add(at))).filter(|series| !series.is_empty()).collect();
        let block = source(&block);
        match (coarser_on(1, &block, (0, 300_000), true), coarser_on(threads, &block, (0, 300_000), true)) {
            (Ok(one), Ok(many)) => prop_assert_eq!(one, many),
            (Err(one), Err(many)) => prop_assert_eq!(one.to_string(), many.to_string()),
            (one, many) => prop_assert!(false, "{one:?} {many:?}"),
        }
    }
}

#[test]
fn long_runs_are_asked_about_in_parts() {
    // Half a million samples of one series, which is more than one question may have.
    let raw: Vec<(i64, f64)> = (0..500_000_u32).map(|at| (i64::from(at) * 1000, f64::from(at % 977))).collect();
    let chunks: Vec<Chunk> = raw.chunks(1000).map(chunk).collect();
    let made = series(&chunks, (0, 300_000)).unwrap();
    assert!(made.len() > 2, "{}", made.len());
    assert_eq!(total(&made, Aggregate::Count), 500_000.0);
    assert_eq!(made, lithify_kit::slow::downsample(&chunks, 0, 300_000).unwrap());
}

#[test]
fn a_block_without_series_is_a_block() {
    let (merged, files) = coarser_on(2, &source(&[]), (0, 300_000), false).unwrap();
    assert_eq!((merged.stats.num_series, files.len()), (0, 1));
    let stale = f64::from_bits(lithify_tsdb::chunk::STALE_BITS);
    let (merged, files) =
        coarser_on(2, &source(&[vec![chunk(&[(1, stale), (2, stale)])]]), (0, 300_000), false).unwrap();
    assert_eq!((merged.stats.num_series, files.len()), (0, 1));
}

/// Wants to know whose samples it sees, and fails when it is told.
struct Curious(FiveAggregates);

impl Aggregator for Curious {
    fn wants_labels(&self) -> bool {
        true
    }

    fn raw(&mut self, _: i64, labels: &[Labels], rows: &Column) -> Result<Aggregates, PolicyError> {
        assert_eq!(labels.len() + 1, rows.offsets.len());
        let names = labels.iter().map(Labels::to_string).collect::<Vec<_>>().join(" ");
        Err(PolicyError {
            plugin: "curious".into(),
            kind: "downsampler",
            outcome: Outcome::PluginError,
            message: names,
        })
    }

    fn aggregates(&mut self, resolution: i64, labels: &[Labels], rows: &Aggregates) -> Result<Aggregates, PolicyError> {
        self.0.aggregates(resolution, labels, rows).map(|mut answer| {
            answer.min.offsets.pop();
            answer
        })
    }

    fn raw_histograms(
        &mut self,
        resolution: i64,
        labels: &[Labels],
        rows: &HistogramColumn,
    ) -> Result<HistogramAggregates, PolicyError> {
        self.0.raw_histograms(resolution, labels, rows)
    }

    fn histogram_aggregates(
        &mut self,
        resolution: i64,
        labels: &[Labels],
        rows: &HistogramAggregates,
    ) -> Result<HistogramAggregates, PolicyError> {
        self.0.histogram_aggregates(resolution, labels, rows)
    }
}

#[test]
fn a_policy_is_told_the_labels_it_wants_and_its_failure_ends_the_work() {
    let block = source(&[vec![chunk(&[(1, 1.0)])], vec![chunk(&[(1, 1.0)])]]);
    let curious = || vec![Box::new(Curious(FiveAggregates)) as Box<dyn Aggregator>];
    let failed = coarser_by(curious(), &block, (0, 300_000), false).unwrap_err();
    assert_eq!(failed.to_string(), r#"downsampler curious: plugin error: {a="0000"} {a="0001"}"#);
    let five = source(&[series(&[chunk(&[(1, 1.0)])], (0, 300_000)).unwrap()]);
    let failed = coarser_by(curious(), &five, (300_000, 3_600_000), false).unwrap_err();
    assert!(matches!(*failed, Error::Policy(PolicyError { outcome: Outcome::BadAnswer, .. })), "{failed}");
}
