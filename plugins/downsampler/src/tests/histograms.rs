use alloc::{collections::BTreeMap, vec, vec::Vec};

use proptest::prelude::*;

use super::build::{Sample, column, samples};
use crate::{CUSTOM, Hint, Layout, Span, aggregate_raw_histograms};

/// Buckets by index, as the arithmetic would be written if speed did not matter.
type Buckets = BTreeMap<i64, f64>;

fn buckets(sample: &Sample) -> Buckets {
    let mut next = 0;
    let mut indexes = Vec::new();
    for span in &sample.layout.positive {
        next += i64::from(span.offset);
        indexes.extend(next..next + i64::from(span.length));
        next += i64::from(span.length);
    }
    indexes.into_iter().zip(sample.positive.iter().copied()).collect()
}

fn add(to: &mut Buckets, from: &Buckets) {
    for (index, count) in from {
        to.entry(*index).and_modify(|slot| *slot += count).or_insert(*count);
    }
}

fn difference(now: &Buckets, before: &Buckets) -> Buckets {
    let mut difference = now.clone();
    add(&mut difference, &before.iter().map(|(index, count)| (*index, -count)).collect());
    difference
}

fn bits(buckets: &Buckets) -> Vec<(i64, u64)> {
    buckets.iter().map(|(index, count)| (*index, count.to_bits())).collect()
}

/// Counts that rise, in layouts that change, so that nothing is ever reset.
fn rising() -> impl Strategy<Value = Vec<Sample>> {
    let step = (1_i64..40, prop::collection::vec((-5_i32..20, 0_u32..5), 1..6), prop::bool::weighted(0.7));
    prop::collection::vec(step, 1..40).prop_map(|steps| {
        let mut counts: BTreeMap<i64, f64> = BTreeMap::new();
        let mut time = 0;
        let mut sample = |(step, more, stay): (i64, Vec<(i32, u32)>, bool)| {
            time += step;
            for (index, count) in more {
                let index = i64::from(index);
                if !stay || counts.contains_key(&index) {
                    *counts.entry(index).or_default() += f64::from(count) / 8.0;
                }
            }
            let mut spans: Vec<Span> = Vec::new();
            let mut end = 0;
            for index in counts.keys() {
                if *index == end && !spans.is_empty() && index % 7 != 0 {
                    spans.last_mut().unwrap().length += 1;
                } else {
                    // Now and then a span without a gap before it, as the reference leaves them behind.
                    spans.push(Span { offset: i32::try_from(index - end).unwrap(), length: 1 });
                }
                end = index + 1;
            }
            let positive: Vec<f64> = counts.values().copied().collect();
            let count: f64 = positive.iter().sum();
            Sample {
                time,
                hint: Hint::Unknown as u8,
                layout: Layout { positive: spans, ..Layout::default() },
                zero_count: 0.0,
                count,
                sum: count * 1.5,
                positive,
                negative: Vec::new(),
            }
        };
        steps.into_iter().map(&mut sample).collect()
    })
}

proptest! {
    #[test]
    fn buckets_are_added_one_by_one_however_they_are_laid_out(run in rising()) {
        let made = aggregate_raw_histograms(100, column(core::slice::from_ref(&run)).rows()).unwrap();
        let mut rows = run.iter().peekable();
        let mut counter: Option<Buckets> = None;
        let mut previous = Buckets::new();
        for (made_sum, made_counter) in samples(&made.sum).remove(0).into_iter().zip(samples(&made.counter).remove(0)) {
            let mut sum: Option<Buckets> = None;
            while let Some(row) = rows.next_if(|row| row.time <= made_sum.time).map(buckets) {
                match &mut sum {
                    Some(sum) => add(sum, &row),
                    None => sum = Some(row.clone()),
                }
                match &mut counter {
                    Some(counter) => add(counter, &difference(&row, &previous)),
                    None => counter = Some(row.clone()),
                }
                previous = row;
            }
            prop_assert_eq!(bits(&buckets(&made_sum)), bits(&sum.unwrap()));
            prop_assert_eq!(bits(&buckets(&made_counter)), bits(counter.as_ref().unwrap()));
        }
        prop_assert!(rows.next().is_none());
    }

    #[test]
    fn it_does_not_matter_how_runs_of_histograms_are_spread_over_calls(runs in prop::collection::vec(rising(), 1..5)) {
        let together = aggregate_raw_histograms(100, column(&runs).rows()).unwrap();
        let (sum, counter) = (samples(&together.sum), samples(&together.counter));
        for (i, run) in runs.into_iter().enumerate() {
            let alone = aggregate_raw_histograms(100, column(&[run]).rows()).unwrap();
            prop_assert_eq!(&samples(&alone.sum)[0], &sum[i]);
            prop_assert_eq!(&samples(&alone.counter)[0], &counter[i]);
        }
    }
}

fn custom(time: i64, bounds: &[f64], counts: &[f64]) -> Sample {
    let layout = Layout { schema: CUSTOM, custom_values: bounds.to_vec(), ..Layout::default() };
    let sample = Sample::simple(time, Hint::Unknown, 0, counts);
    Sample { layout: Layout { positive: sample.layout.positive.clone(), ..layout }, ..sample }
}

#[test]
fn a_run_with_exponential_and_custom_buckets_is_refused_by_its_number() {
    let fine = vec![Sample::simple(0, Hint::Unknown, 0, &[1.0])];
    let mixed = vec![Sample::simple(0, Hint::Unknown, 0, &[1.0]), custom(1, &[1.0, 2.0], &[1.0])];
    let refused = aggregate_raw_histograms(100, column(&[fine, Vec::new(), mixed]).rows()).unwrap_err();
    assert_eq!(refused.run, Some(2));
}

/// Time, bounds, spans, counts.
type RowOfBuckets = (i64, &'static [f64], &'static [(i32, u32)], &'static [f64]);

/// The expected numbers are what the reference's functions answer.
#[test]
fn a_counter_keeps_the_empty_buckets_that_its_chunk_gives_back_when_bounds_alternate() {
    let (narrow, wide): (&'static [f64], &'static [f64]) = (&[1.0, 2.0, 3.0], &[1.0, 2.0, 3.0, 4.0]);
    let outer: &'static [f64] = &[1.0, 3.0];
    let rows: [RowOfBuckets; 12] = [
        (10, narrow, &[(0, 4)], &[1.0, 0.0, 0.0, 2.0]),
        (110, wide, &[(0, 5)], &[1.0, 0.0, 0.0, 2.0, 0.0]),
        (120, wide, &[(0, 5)], &[2.0, 0.0, 0.0, 2.0, 0.0]),
        (210, narrow, &[(0, 4)], &[2.0, 0.0, 0.0, 3.0]),
        (220, narrow, &[(0, 1), (2, 1)], &[2.0, 3.0]),
        (310, wide, &[(0, 1), (2, 2)], &[2.0, 3.0, 1.0]),
        (320, wide, &[(0, 1), (3, 1)], &[2.0, 5.0]),
        (410, narrow, &[(0, 1), (1, 2)], &[2.0, 1.0, 6.0]),
        (510, outer, &[(0, 3)], &[2.0, 1.0, 7.0]),
        (520, wide, &[(0, 1), (3, 1)], &[2.0, 9.0]),
        (610, outer, &[(0, 3)], &[3.0, 0.0, 9.0]),
        (620, outer, &[(0, 1), (1, 1)], &[3.0, 9.0]),
    ];
    let wanted: [(&[f64], &[f64]); 7] = [
        (narrow, &[1.0, 0.0, 0.0, 2.0]),
        (narrow, &[2.0, 0.0, 0.0, 2.0]),
        (narrow, &[2.0, 0.0, 0.0, 3.0]),
        (narrow, &[2.0, 0.0, 0.0, 5.0]),
        (narrow, &[2.0, 0.0, 1.0, 6.0]),
        (outer, &[2.0, 0.0, 9.0]),
        (outer, &[3.0, 0.0, 9.0]),
    ];
    for (first, others) in [(Hint::Unknown, Hint::NotReset), (Hint::Gauge, Hint::Gauge)] {
        let mut run: Vec<Sample> = rows
            .iter()
            .map(|(time, bounds, spans, counts)| {
                let positive = spans.iter().map(|(offset, length)| Span { offset: *offset, length: *length }).collect();
                let sample = Sample { hint: others as u8, ..custom(*time, bounds, counts) };
                Sample { layout: Layout { positive, ..sample.layout }, ..sample }
            })
            .collect();
        run[0].hint = first as u8;
        let made = aggregate_raw_histograms(100, column(&[run]).rows()).unwrap();
        let counters = samples(&made.counter).remove(0);
        assert_eq!(counters.len(), wanted.len());
        for (counter, (bounds, counts)) in counters.iter().zip(wanted) {
            assert_eq!(counter.layout.custom_values, bounds);
            assert_eq!(counter.layout.positive, [Span { offset: 0, length: u32::try_from(counts.len()).unwrap() }]);
            let bits = |counts: &[f64]| counts.iter().map(|count| count.to_bits()).collect::<Vec<_>>();
            assert_eq!(bits(&counter.positive), bits(counts), "at {}", counter.time);
        }
    }
}

#[test]
fn columns_of_histograms_that_do_not_fit_are_refused() {
    let good = column(&[vec![Sample::simple(0, Hint::Unknown, 0, &[1.0, 2.0])]]);
    assert!(aggregate_raw_histograms(100, good.rows()).is_ok());
    let mut bad = [good.clone(), good.clone(), good.clone(), good.clone(), good.clone(), good.clone()];
    bad[0].hints[0] = 4;
    bad[1].buckets.pop();
    bad[2].layout_rows[0] = 1;
    bad[3].sums.clear();
    bad[4].layouts[0].schema = 9;
    bad[5].layouts[0].positive = vec![Span { offset: i32::MAX, length: 2 }];
    for bad in bad {
        assert!(aggregate_raw_histograms(100, bad.rows()).is_err());
    }
}

#[test]
fn spans_that_go_back_are_refused() {
    let mut column = column(&[vec![Sample::simple(0, Hint::Unknown, 0, &[1.0, 2.0])]]);
    column.layouts[0].positive = vec![Span { offset: 5, length: 1 }, Span { offset: -1, length: 1 }];
    assert!(aggregate_raw_histograms(100, column.rows()).is_err());
}

/// The aggregates of one window of rows of one layout, as the arithmetic would be written if speed did not matter: zero
/// count, count, sum and buckets of the sum and of the counter.
fn obvious(rows: &[(u8, Vec<f64>)]) -> [Vec<f64>; 2] {
    let (mut sum, mut counter) = (rows[0].1.clone(), rows[0].1.clone());
    for pair in rows.windows(2) {
        let ((_, before), (hint, now)) = (&pair[0], &pair[1]);
        let (hint, names_no_sum) = (*hint, |place: &usize| *place != 2);
        let below = (0..now.len()).filter(names_no_sum).any(|place| now[place] < before[place]);
        let reset = hint == Hint::Reset as u8 || hint == Hint::Unknown as u8 && below;
        for place in 0..now.len() {
            sum[place] += now[place];
            counter[place] += if reset { now[place] } else { now[place] - before[place] };
        }
    }
    [sum, counter]
}

proptest! {
    /// Of any width, so that columns in groups and those left over are there on both sides. The run's first row may have
    /// more buckets, which the counter keeps.
    #[test]
    fn rows_of_one_layout_become_what_the_obvious_loop_makes_of_them(
        positive in 0_u32..16,
        negative in 0_u32..6,
        custom in any::<bool>(),
        extra in 0_u32..3,
        steps in prop::collection::vec((0_u8..40, prop::collection::vec(0_u8..30, 24)), 1..50),
        window in 1_i64..20,
    ) {
        let negative = if custom { 0 } else { negative };
        let extra = extra.min(positive);
        let mut numbers = [0.0; 24];
        let rows: Vec<(u8, Vec<f64>)> = steps
            .iter()
            .map(|(hint, steps)| {
                for (number, step) in numbers.iter_mut().zip(steps) {
                    // Now and then a step back, and thirds, so that the order of rounding shows.
                    *number += if *step == 29 { -1.0 } else { f64::from(*step) / 3.0 };
                }
                if custom {
                    numbers[0] = 0.0;
                }
                ([Hint::Reset, Hint::Unknown].get(usize::from(*hint)).map_or(Hint::NotReset as u8, |hint| *hint as u8),
                    numbers[..(3 + positive + negative) as usize].to_vec())
            })
            .collect();
        let layout = |extra: u32| Layout {
            schema: if custom { CUSTOM } else { 2 },
            zero_threshold: if custom { 0.0 } else { 1e-30 },
            custom_values: (0..40).filter(|_| custom).map(f64::from).collect(),
            positive: vec![Span { offset: 7 - extra.cast_signed(), length: positive + 2 * extra }],
            negative: vec![Span { offset: 3, length: if custom { 0 } else { negative } }; usize::from(!custom)],
        };
        let sample = |(time, (hint, row)): (i64, &(u8, Vec<f64>))| {
            let extra = if time == 0 { extra } else { 0 };
            let more = vec![0.0; extra as usize];
            let (positive, negative) = row[3..].split_at(positive as usize);
            Sample {
                time,
                hint: *hint,
                layout: layout(extra),
                zero_count: row[0],
                count: row[1],
                sum: row[2],
                positive: [&more, positive, &more].concat(),
                negative: negative.to_vec(),
            }
        };
        let run: Vec<Sample> = (0..).zip(&rows).map(sample).collect();
        let made = aggregate_raw_histograms(window, column(&[run]).rows()).unwrap();
        let flat = |sample: &Sample| -> Vec<u64> {
            let numbers = [sample.zero_count, sample.count, sample.sum];
            let extra = sample.positive.len() - positive as usize;
            let own = &sample.positive[extra / 2..sample.positive.len() - extra / 2];
            numbers.iter().chain(own).chain(&sample.negative).map(|number| number.to_bits()).collect()
        };
        let (sums, counters) = (samples(&made.sum).remove(0), samples(&made.counter).remove(0));
        let mut end = 0;
        for (sum, counter) in sums.iter().zip(&counters) {
            let start = end;
            end = (end + usize::try_from(window).unwrap()).min(rows.len());
            let bits = |numbers: &[f64]| -> Vec<u64> { numbers.iter().map(|number| number.to_bits()).collect() };
            prop_assert_eq!(flat(sum), bits(&obvious(&rows[start..end])[0]));
            prop_assert_eq!(flat(counter), bits(&obvious(&rows[..end])[1]));
        }
        prop_assert_eq!(end, rows.len());
    }
}
