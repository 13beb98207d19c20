//! The built-in downsampler as a component against the same code compiled natively, on random columns: bit for bit the same
//! answers. And through the engine: the same block.

use std::{collections::BTreeMap, sync::LazyLock, sync::atomic::AtomicBool};

use bytes::Bytes;
use lithify_block::{
    BlockId, Timestamp,
    columns::{Aggregates, BucketSpan, Column, HistogramAggregates, HistogramColumn, HistogramLayout, ResetHint},
    policy::{Aggregator, Outcome, PolicyError},
};
use lithify_kit::{
    aggregator::FiveAggregates,
    dice::Dice,
    random::{self, Content},
};
use lithify_plugin::{Door, Policies};
use lithify_tsdb::{BlockFile, Deduplication, Downsampling, Memory, Options, Progress, Source, downsample};
use proptest::prelude::*;

use crate::fixtures::{builtins, context};

static POLICIES: LazyLock<Policies> = LazyLock::new(|| Door::open(None, false).unwrap().load(&builtins()).unwrap());

fn component() -> Box<dyn Aggregator> {
    POLICIES.downsampler.begin(&context(), BlockId::from_parts(Timestamp(0), 1)).unwrap()
}

/// Any number that a sample may have; infinities whose sums and differences are no number are frequent.
fn value(dice: &mut Dice<'_>) -> f64 {
    match dice.below(16) {
        0 => f64::INFINITY,
        1 => f64::NEG_INFINITY,
        2 => -0.0,
        3 => f64::MAX,
        4 => f64::from_bits(dice.bits() & 0x7fef_ffff_ffff_ffff),
        5 => -f64::from(dice.byte()) / 7.0,
        _ => f64::from(dice.byte()),
    }
}

/// Offsets and times of up to six runs, some of them empty.
fn runs(dice: &mut Dice<'_>) -> (Vec<u32>, Vec<i64>) {
    let (mut offsets, mut times) = (vec![0], Vec::new());
    for _ in 0..=dice.below(6) {
        let mut at = i64::from(dice.byte());
        for _ in 0..dice.below(40) {
            times.push(at);
            at += 1 + i64::from(dice.pick(&[1_u8, 7, 30, 200]));
        }
        offsets.push(u32::try_from(times.len()).unwrap());
    }
    (offsets, times)
}

fn column(dice: &mut Dice<'_>, offsets: &[u32], times: &[i64]) -> Column {
    let values = times.iter().map(|_| value(dice)).collect();
    Column { offsets: offsets.to_vec(), timestamps: times.to_vec(), values }
}

fn spans(dice: &mut Dice<'_>, limit: u32) -> Vec<BucketSpan> {
    let mut room = limit;
    let mut spans = Vec::new();
    for at in 0..dice.below(4) {
        let offset = i32::from(dice.below(4)) - if at == 0 && limit > 100 { 2 } else { 0 };
        let length = u32::from(dice.below(4)) + 1;
        let taken = offset.max(0).cast_unsigned() + length;
        if taken > room {
            break;
        }
        room -= taken;
        spans.push(BucketSpan { offset, length });
    }
    spans
}

fn layout(dice: &mut Dice<'_>, custom: bool) -> HistogramLayout {
    if custom {
        let bounds: Vec<f64> = (1..=6_u8).map(f64::from).filter(|_| !dice.once_in(4)).collect();
        let limit = u32::try_from(bounds.len()).unwrap() + 1;
        return HistogramLayout {
            schema: -53,
            custom_values: bounds,
            positive_spans: spans(dice, limit),
            ..HistogramLayout::default()
        };
    }
    HistogramLayout {
        schema: i32::from(dice.below(4)) - 1,
        zero_threshold: dice.pick(&[0.0, 0.001, 0.001, 0.5]),
        positive_spans: spans(dice, 1000),
        negative_spans: spans(dice, 1000),
        custom_values: Vec::new(),
    }
}

fn histograms(dice: &mut Dice<'_>, offsets: &[u32], times: &[i64]) -> HistogramColumn {
    let mut column =
        HistogramColumn { offsets: offsets.to_vec(), timestamps: times.to_vec(), ..HistogramColumn::default() };
    let custom = dice.once_in(3);
    let mut buckets = 0;
    for row in 0..times.len() {
        // A run begins with a layout of its own.
        if offsets.contains(&u32::try_from(row).unwrap()) || dice.once_in(6) {
            let layout = layout(dice, custom);
            let (positive, negative) = layout.buckets();
            buckets = positive + negative;
            column.layouts.push(layout);
            column.layout_rows.push(u32::try_from(row).unwrap());
        }
        let hints = [ResetHint::Unknown, ResetHint::Unknown, ResetHint::Reset, ResetHint::NotReset, ResetHint::Gauge];
        column.hints.push(dice.pick(&hints));
        column.counts.push(value(dice));
        column.sums.push(value(dice));
        column.zero_counts.push(if custom { 0.0 } else { value(dice) });
        column.buckets.extend((0..buckets).map(|_| value(dice)));
    }
    column
}

/// The answer; `None` where the door refuses counts that no number of samples can be, or both sides give up.
fn unless_refused<T>(answer: Result<T, PolicyError>) -> Result<Option<T>, TestCaseError> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if matches!(error.outcome, Outcome::BadAnswer | Outcome::PluginError) => Ok(None),
        Err(error) => Err(TestCaseError::fail(error.to_string())),
    }
}

/// What was answered, told so that two bits of difference differ; of an error only that it is one.
fn bits<T: std::fmt::Debug>(
    answer: Result<T, PolicyError>,
    values: impl Fn(&T) -> Vec<u64>,
) -> Option<(String, Vec<u64>)> {
    answer.ok().map(|answer| (format!("{answer:?}"), values(&answer)))
}

fn canonical(values: &[f64]) -> impl Iterator<Item = u64> + '_ {
    // Every NaN that arithmetic makes has these bits on the reference's platform.
    values.iter().map(|value| if value.is_nan() { 0xfff8_0000_0000_0000 } else { value.to_bits() })
}

fn of_floats(answer: &Aggregates) -> Vec<u64> {
    let columns = [&answer.count, &answer.sum, &answer.min, &answer.max, &answer.counter];
    columns.into_iter().flat_map(|column| canonical(&column.values)).collect()
}

fn of_histograms(answer: &HistogramAggregates) -> Vec<u64> {
    let sides = [&answer.sum, &answer.counter].into_iter();
    let values = sides.flat_map(|side| [&side.counts, &side.sums, &side.zero_counts, &side.buckets]);
    values.flat_map(|values| canonical(values)).chain(canonical(&answer.count.values)).collect()
}

/// The block in coarser resolution, made by these.
fn coarser(
    source: &Source,
    aggregators: Vec<Box<dyn Aggregator>>,
    resolutions: (i64, i64),
) -> Option<BTreeMap<BlockFile, Bytes>> {
    let (cancel, progress, mut memory) = (AtomicBool::new(false), Progress::default(), Memory::default());
    let deduplication = Deduplication::OneToOne;
    let options =
        Options { segment_bytes: 0, accept_malformed: true, deduplication, cancel: &cancel, progress: &progress };
    let how = Downsampling { from_ms: resolutions.0, to_ms: resolutions.1, aggregators };
    downsample(source, source.range, how, &mut memory, &options).ok().map(|_| memory.files())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_columns_come_back_from_the_component_as_from_native_code(
        throws in prop::collection::vec(any::<u8>(), 0..4000),
        resolution in prop::sample::select(vec![10_i64, 100, 1000]),
    ) {
        let dice = &mut Dice::new(&throws);
        let (mut wasm, mut native) = (component(), FiveAggregates);
        let (offsets, times) = runs(dice);
        let raw = column(dice, &offsets, &times);
        prop_assert_eq!(
            bits(wasm.raw(resolution, &[], &raw), of_floats),
            bits(native.raw(resolution, &[], &raw), of_floats)
        );
        let mut five = || column(dice, &offsets, &times);
        let windows = Aggregates { count: five(), sum: five(), min: five(), max: five(), counter: five() };
        if let Some(answer) = unless_refused(component().aggregates(resolution, &[], &windows))? {
            prop_assert_eq!(
                bits(Ok(answer), of_floats),
                bits(native.aggregates(resolution, &[], &windows), of_floats)
            );
        }
        let asked = histograms(dice, &offsets, &times);
        if let Some(answer) = unless_refused(component().raw_histograms(resolution, &[], &asked))? {
            prop_assert_eq!(
                bits(Ok(answer), of_histograms),
                bits(native.raw_histograms(resolution, &[], &asked), of_histograms)
            );
        }
        let asked = HistogramAggregates {
            count: column(dice, &offsets, &times),
            sum: histograms(dice, &offsets, &times),
            counter: histograms(dice, &offsets, &times),
        };
        if let Some(answer) = unless_refused(component().histogram_aggregates(resolution, &[], &asked))? {
            prop_assert_eq!(
                bits(Ok(answer), of_histograms),
                bits(native.histogram_aggregates(resolution, &[], &asked), of_histograms)
            );
        }
    }

    #[test]
    fn a_block_made_coarser_by_the_component_has_the_bytes_of_native_code(
        throws in prop::collection::vec(any::<u8>(), 0..3000),
        to in prop::sample::select(vec![50_i64, 300]),
    ) {
        for block in random::blocks(&mut Dice::new(&throws), Content::Raw) {
            let Ok(source) = block.source(1) else { continue };
            prop_assert_eq!(
                coarser(&source, vec![component()], (0, to)),
                coarser(&source, FiveAggregates::several(1), (0, to))
            );
        }
    }
}
