use alloc::{vec, vec::Vec};

use lithify_sdk::{Policy, laws};
use proptest::prelude::*;

use crate::{Aggregates, Column, FiveAggregates, Rows, aggregate_aggregates, aggregate_raw};

const INF: f64 = f64::INFINITY;
const NAN: f64 = f64::from_bits(0xfff8_0000_0000_0000);

fn one_run(samples: &[(i64, f64)]) -> Column {
    Column {
        offsets: vec![0, u32::try_from(samples.len()).unwrap()],
        timestamps: samples.iter().map(|sample| sample.0).collect(),
        values: samples.iter().map(|sample| sample.1).collect(),
    }
}

fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|value| value.to_bits()).collect()
}

/// Time, count, sum, min, max, counter.
type Window = (i64, f64, f64, f64, f64, f64);

fn check(resolution: i64, samples: &[(i64, f64)], expected: &[Window]) {
    let rows = one_run(samples);
    let found = aggregate_raw(resolution, rows.rows()).unwrap();
    let times: Vec<i64> = expected.iter().map(|window| window.0).collect();
    let column = |take: fn(&Window) -> f64| bits(&expected.iter().map(take).collect::<Vec<_>>());
    assert_eq!(found.counter.timestamps, times);
    assert_eq!(bits(&found.count.values), column(|window| window.1), "count");
    assert_eq!(bits(&found.sum.values), column(|window| window.2), "sum");
    assert_eq!(bits(&found.min.values), column(|window| window.3), "min");
    assert_eq!(bits(&found.max.values), column(|window| window.4), "max");
    assert_eq!(bits(&found.counter.values), column(|window| window.5), "counter");
    for column in [&found.count, &found.sum, &found.min, &found.max] {
        assert_eq!((&column.offsets, &column.timestamps), (&found.counter.offsets, &found.counter.timestamps));
    }
}

/// D011, D014.
#[test]
fn a_counter_goes_on_over_drops() {
    let steps = [(0, 1.0), (60_000, 2.0), (120_000, 3.0), (300_000, 10.0), (360_000, 12.0)];
    check(300_000, &steps, &[(299_999, 3.0, 6.0, 1.0, 3.0, 3.0), (360_000, 2.0, 22.0, 10.0, 12.0, 12.0)]);
    let drops = [10.0, 30.0, 5.0, 25.0, f64::NAN, 2.0, 12.0, 12.0];
    let drops: Vec<_> = (0..).map(|i| i * 60_000).zip(drops).filter(|sample| !sample.1.is_nan()).collect();
    check(300_000, &drops, &[(299_999, 4.0, 70.0, 5.0, 30.0, 55.0), (420_000, 3.0, 26.0, 2.0, 12.0, 67.0)]);
}

/// D018 to D020.
#[test]
fn infinities_show_where_min_and_max_begin_and_leave_the_reference_s_nan() {
    check(
        300_000,
        &[(0, INF), (60_000, INF), (300_000, INF)],
        &[(299_999, 2.0, INF, f64::MAX, INF, NAN), (300_000, 1.0, INF, f64::MAX, INF, NAN)],
    );
    check(300_000, &[(0, -INF)], &[(0, 1.0, -INF, -INF, f64::MIN, -INF)]);
    check(300_000, &[(0, INF), (60_000, -INF), (120_000, 1.0)], &[(120_000, 3.0, NAN, -INF, INF, NAN)]);
}

/// D021.
#[test]
fn the_first_zero_of_a_window_gives_min_and_max_their_sign() {
    check(
        300_000,
        &[(0, -0.0), (60_000, 0.0), (300_000, 0.0), (360_000, -0.0)],
        &[(299_999, 2.0, 0.0, -0.0, -0.0, 0.0), (360_000, 2.0, 0.0, 0.0, 0.0, 0.0)],
    );
}

/// D022, D023.
#[test]
fn additions_are_made_one_by_one_in_their_order() {
    let sums = [(0, 1e16), (1, 1.0), (2, -1e16), (3, 1.0), (300_000, 0.1), (301_000, 0.2), (302_000, 0.3)];
    check(
        300_000,
        &sums,
        &[(299_999, 4.0, 1.0, -1e16, 1e16, 1e16), (302_000, 3.0, 0.600_000_000_000_000_1, 0.1, 0.3, 1e16)],
    );
    let steps = [(0, 0.1), (60_000, 0.3), (120_000, 0.7), (300_000, 0.9), (360_000, 0.2)];
    check(300_000, &steps, &[(299_999, 3.0, 1.1, 0.1, 0.7, 0.7), (360_000, 2.0, 1.1, 0.2, 0.9, 1.1)]);
}

#[test]
fn columns_of_aggregates_keep_times_of_their_own_and_may_be_empty() {
    let count = one_run(&[(99, 3.0), (199, 4.0), (1050, 2.0)]);
    let min = one_run(&[]);
    let counter = one_run(&[(5, 1.0), (99, 4.0), (1050, 2.0)]);
    let rows = Aggregates {
        count: count.rows(),
        sum: count.rows(),
        min: min.rows(),
        max: count.rows(),
        counter: counter.rows(),
    };
    let found = aggregate_aggregates(1000, &rows).unwrap();
    assert_eq!(found.count, one_run(&[(999, 7.0), (1050, 2.0)]));
    assert_eq!(found.max, one_run(&[(999, 4.0), (1050, 2.0)]));
    assert_eq!(found.min, min);
    assert_eq!(found.counter, one_run(&[(999, 4.0), (1050, 6.0)]));
}

#[test]
fn a_nan_in_aggregates_spreads_to_sums_and_is_ignored_by_min_and_max() {
    let nan = f64::from_bits(0x7ff8_0000_0000_0001);
    let column = one_run(&[(0, 1.0), (1, nan), (2, 0.5), (100, 2.0)]);
    let rows = column.rows();
    let rows = Aggregates { count: rows, sum: rows, min: rows, max: rows, counter: rows };
    let found = aggregate_aggregates(100, &rows).unwrap();
    assert_eq!(bits(&found.sum.values), bits(&[nan, 2.0]));
    assert_eq!((found.min.values, found.max.values), (vec![0.5, 2.0], vec![1.0, 2.0]));
}

/// The algorithm as the specification has it, sample by sample.
fn obvious(resolution: i64, samples: &[(i64, f64)]) -> Vec<Window> {
    let mut out: Vec<Window> = Vec::new();
    let mut next = -1;
    let (mut counter, mut previous) = (0.0, 0.0);
    for (i, (t, v)) in samples.iter().copied().enumerate() {
        if t > next {
            next = (t - t % resolution + resolution - 1).min(samples[samples.len() - 1].0);
            out.push((next, 0.0, 0.0, f64::MAX, f64::MIN, 0.0));
        }
        counter = match i {
            0 => v,
            _ if v < previous => counter + v,
            _ => counter + (v - previous),
        };
        previous = v;
        let window = out.last_mut().unwrap();
        window.1 += 1.0;
        window.2 += v;
        if v < window.3 {
            window.3 = v;
        }
        if v > window.4 {
            window.4 = v;
        }
        window.5 = counter;
    }
    // What this loop leaves as NaN has bits of its own; x86 and the specification agree on one pattern.
    let nan = |v: f64| if v.is_nan() { NAN } else { v };
    out.into_iter().map(|(t, n, sum, min, max, counter)| (t, n, nan(sum), min, max, nan(counter))).collect()
}

fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        8 => (-50_i32..50).prop_map(|v| f64::from(v) / 8.0),
        4 => any::<f64>().prop_filter("NaN never comes", |v| !v.is_nan()),
        2 => prop_oneof![Just(0.0), Just(-0.0), Just(INF), Just(-INF), Just(f64::MAX), Just(f64::MIN)],
    ]
}

fn samples() -> impl Strategy<Value = Vec<(i64, f64)>> {
    prop::collection::vec((0_i64..40, value()), 1..120).prop_map(|steps| {
        let mut t = 0;
        let mut sample = |(step, v): (i64, f64)| {
            // Now and then backwards, as broken chunks have it.
            t = if step == 39 { t / 2 } else { t + step };
            (t, v)
        };
        steps.into_iter().map(&mut sample).collect()
    })
}

proptest! {
    #[test]
    fn raw_floats_are_what_the_obvious_loop_makes_of_them(samples in samples(), resolution in 1_i64..500) {
        check(resolution, &samples, &obvious(resolution, &samples));
    }

    #[test]
    fn it_does_not_matter_how_runs_are_spread_over_calls(runs in prop::collection::vec(samples(), 1..6)) {
        let mut joint = Column { offsets: vec![0], ..Column::default() };
        let mut apart: Vec<[Column; 5]> = Vec::new();
        for run in &runs {
            let run = one_run(run);
            joint.timestamps.extend(&run.timestamps);
            joint.values.extend(&run.values);
            joint.offsets.push(u32::try_from(joint.timestamps.len()).unwrap());
            apart.push(columns(aggregate_raw(100, run.rows()).unwrap()));
        }
        let together = columns(aggregate_raw(100, joint.rows()).unwrap());
        for (i, column) in together.iter().enumerate() {
            for (run, alone) in column.offsets.windows(2).zip(&apart) {
                let range = run[0] as usize..run[1] as usize;
                prop_assert_eq!(&column.timestamps[range.clone()], &alone[i].timestamps[..]);
                prop_assert_eq!(bits(&column.values[range]), bits(&alone[i].values));
            }
        }
    }

    #[test]
    fn counts_add_up_and_columns_alone_are_what_they_are_together(samples in samples()) {
        let rows = one_run(&samples);
        let all = aggregate_raw(100, rows.rows()).unwrap();
        prop_assert_eq!(all.count.values.iter().sum::<f64>(), samples.len() as f64);
        let rows: Rows<'_> = rows.rows();
        let each = Aggregates { count: rows, sum: rows, min: rows, max: rows, counter: rows };
        let each = aggregate_aggregates(100, &each).unwrap();
        prop_assert_eq!(bits(&each.sum.values), bits(&all.sum.values));
        prop_assert_eq!(bits(&each.min.values), bits(&all.min.values));
        prop_assert_eq!(bits(&each.max.values), bits(&all.max.values));
        prop_assert_eq!(bits(&each.counter.values), bits(&all.counter.values));
    }
}

proptest! {
    #[test]
    fn the_laws_of_downsamplers_hold(runs in prop::collection::vec(rising(), 0..4)) {
        let column = super::build::floats(&runs).into();
        laws::downsampler(&FiveAggregates, 100, &column).unwrap();
    }
}

/// Samples in order, as the interface promises them.
fn rising() -> impl Strategy<Value = Vec<(i64, f64)>> {
    samples().prop_map(|mut samples| {
        samples.sort_by_key(|sample| sample.0);
        samples
    })
}

#[test]
fn it_has_no_options() {
    assert_eq!(FiveAggregates::configure("{}"), Ok(FiveAggregates));
    assert!(FiveAggregates::configure(r#"{"resolution": 5}"#).is_err());
}

fn columns(found: Aggregates<Column>) -> [Column; 5] {
    [found.count, found.sum, found.min, found.max, found.counter]
}
