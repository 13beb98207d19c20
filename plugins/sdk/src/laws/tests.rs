//! Laws hold for policies that obey them, and name what others do.

use alloc::vec::Vec;

use super::*;
use crate::{
    Aggregates, Block, Column, Context, Deletion, Downsampler, Error, ErrorKind, HistogramAggregates, HistogramColumn,
    LabelSet, Policy, Retention, Why,
};

/// Answers with what it was given, changed by `bend`.
struct Bent(fn(Column) -> Column);

impl Policy for Bent {
    fn configure(_: &str) -> Result<Self, Error> {
        Ok(Self(core::convert::identity))
    }
}

fn histograms<A>() -> Result<A, Error> {
    Err(Error::new(ErrorKind::Unsupported, "no histograms"))
}

impl Downsampler for Bent {
    fn aggregate_raw(&self, _: &Context, _: i64, _: &[LabelSet], rows: &Column) -> Result<Aggregates, Error> {
        let same = || rows.clone();
        Ok(Aggregates { count: same(), sum: (self.0)(same()), min: same(), max: same(), counter: same() })
    }

    fn aggregate_aggregates(
        &self,
        _: &Context,
        _: i64,
        _: &[LabelSet],
        rows: &Aggregates,
    ) -> Result<Aggregates, Error> {
        Ok(rows.clone())
    }

    fn aggregate_raw_histograms(
        &self,
        _: &Context,
        _: i64,
        _: &[LabelSet],
        _: &HistogramColumn,
    ) -> Result<HistogramAggregates, Error> {
        histograms()
    }

    fn aggregate_histogram_aggregates(
        &self,
        _: &Context,
        _: i64,
        _: &[LabelSet],
        _: &HistogramAggregates,
    ) -> Result<HistogramAggregates, Error> {
        histograms()
    }
}

#[test]
fn laws_of_downsamplers_hold_or_name_what_broke_them() {
    let question = column(&[&[(1, 1.0), (5, f64::NAN)], &[], &[(7, 2.0)]]);
    let check = |bend: fn(Column) -> Column| downsampler(&Bent(bend), 5, &question).map_err(|broken| broken.law);
    assert_eq!(check(|rows| rows), Ok(()));
    let fewer = |mut rows: Column| {
        rows.offsets.truncate(2);
        rows
    };
    assert_eq!(check(fewer), Err("there are as many runs as were asked about"));
    let later = |mut rows: Column| {
        rows.timestamps[1] = 6;
        rows
    };
    assert_eq!(check(later), Err("rows lie inside of their run and in order"));
    let none = |_| column(&[&[], &[], &[]]);
    assert_eq!(check(none), Err("a run has a row if it had one, and no more than it had"));
    let together = |mut rows: Column| {
        let all = rows.values.len() as f64;
        rows.values.fill(all);
        rows
    };
    assert_eq!(check(together), Err("runs do not depend on each other"));
}

/// Lets go what `choose` picks.
struct Rule(fn(&[Block]) -> Vec<u32>);

impl Policy for Rule {
    fn configure(_: &str) -> Result<Self, Error> {
        Ok(Self(|_| Vec::new()))
    }
}

impl Retention for Rule {
    fn evaluate(&self, _: &Context, blocks: &[Block], _: &mut dyn Why) -> Result<Vec<Deletion>, Error> {
        let deletion = |block| Deletion { block, rule: "test".into(), reason: "because".into() };
        Ok((self.0)(blocks).into_iter().map(deletion).collect())
    }
}

#[test]
fn laws_of_retention_hold_or_name_what_broke_them() {
    let blocks = [block("01", 0, 20), block("02", 20, 40), block("03", 40, 60)];
    let check = |rule: fn(&[Block]) -> Vec<u32>| retention(&Rule(rule), &context(), &blocks).map_err(|b| b.law);
    let old = |blocks: &[Block]| (0..).zip(blocks).filter(|(_, block)| block.max_time < 50).map(|(i, _)| i).collect();
    assert_eq!(check(old), Ok(()));
    assert_eq!(check(|_| [3].into()), Err(ONLY_GIVEN));
    assert_eq!(check(|_| [1, 1].into()), Err(ONLY_GIVEN));
    assert_eq!(check(|_| [0].into()), Err(ORDER_FREE));
}
