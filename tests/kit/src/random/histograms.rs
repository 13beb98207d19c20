//! Histograms that grow, shrink, begin again and change their buckets.

use std::{collections::BTreeMap, sync::Arc};

use lithify_tsdb::chunk::{
    Float, FloatHistogram, Hint, Histogram, Integer, IntegerHistogram, Layout, Span, histogram::Kind,
    layout::CUSTOM_SCHEMA,
};

use crate::dice::Dice;

/// A histogram between two samples.
pub(super) struct Growing {
    gauge: bool,
    schema: i32,
    threshold: f64,
    custom: Vec<f64>,
    zero: u64,
    positive: BTreeMap<i32, u64>,
    negative: BTreeMap<i32, u64>,
}

/// What gives histograms of this kind of counts.
pub(super) trait Gives<K: Kind> {
    /// The next sample.
    fn next(&mut self, dice: &mut Dice<'_>) -> Histogram<K>;
}

impl Growing {
    pub(super) fn new(dice: &mut Dice<'_>) -> Self {
        let schema = dice.pick(&[0, 1, 2, -1, 3, CUSTOM_SCHEMA, CUSTOM_SCHEMA, -4, 8, 9]);
        let custom = if schema == CUSTOM_SCHEMA { bounds(dice) } else { Vec::new() };
        let threshold = if custom.is_empty() { thresholds(dice) } else { 0.0 };
        let gauge = dice.once_in(4);
        Self { gauge, schema, threshold, custom, zero: 0, positive: BTreeMap::new(), negative: BTreeMap::new() }
    }

    /// Something happens between two samples.
    fn happen(&mut self, dice: &mut Dice<'_>) {
        let is_custom = !self.custom.is_empty();
        match dice.below(20) {
            0 => {
                (self.zero, self.positive, self.negative) = (0, BTreeMap::new(), BTreeMap::new());
            }
            1 if self.gauge || dice.once_in(4) => drop(self.positive.pop_first()),
            2 if !is_custom => self.threshold = thresholds(dice),
            3 if is_custom => {
                self.custom = bounds(dice);
                self.positive.clear();
            }
            4 if !is_custom => self.schema = dice.pick(&[0, 1, 2, -1]),
            5 => drop(self.positive.insert(index(dice, is_custom), 0)),
            _ => {}
        }
        for _ in 0..dice.below(4) {
            *self.positive.entry(index(dice, is_custom)).or_default() += u64::from(dice.below(16));
        }
        if !is_custom {
            self.zero += dice.pick(&[0, 0, 1, 9]);
            if dice.once_in(3) {
                *self.negative.entry(index(dice, false)).or_default() += u64::from(dice.below(16));
            }
        }
    }

    fn layout(&self, dice: &mut Dice<'_>) -> Arc<Layout> {
        Arc::new(Layout {
            schema: self.schema,
            zero_threshold: self.threshold,
            positive: spans(dice, &self.positive),
            negative: spans(dice, &self.negative),
            custom_values: self.custom.clone(),
        })
    }

    fn hint(&self) -> Hint {
        if self.gauge { Hint::Gauge } else { Hint::Unknown }
    }

    fn count(&self) -> u64 {
        self.zero + self.positive.values().sum::<u64>() + self.negative.values().sum::<u64>()
    }
}

fn thresholds(dice: &mut Dice<'_>) -> f64 {
    dice.pick(&[0.001, 0.0, 0.5, 2.0, 3.3])
}

fn bounds(dice: &mut Dice<'_>) -> Vec<f64> {
    dice.pick(&[vec![1.0, 2.0, 5.0], vec![1.0, 2.0, 4.0, 5.0], vec![0.5]])
}

fn index(dice: &mut Dice<'_>, is_custom: bool) -> i32 {
    if is_custom { i32::from(dice.below(2)) } else { i32::from(dice.below(9)) - 4 }
}

/// Spans around these buckets; now and then one more than is needed.
fn spans(dice: &mut Dice<'_>, buckets: &BTreeMap<i32, u64>) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    let mut end = 0;
    for &index in buckets.keys() {
        match spans.last_mut() {
            Some(last) if end == index && !dice.once_in(12) => last.length += 1,
            _ => spans.push(Span { offset: index - end, length: 1 }),
        }
        end = index + 1;
    }
    spans
}

impl Gives<Integer> for Growing {
    fn next(&mut self, dice: &mut Dice<'_>) -> IntegerHistogram {
        self.happen(dice);
        if dice.once_in(20) {
            return Histogram { hint: self.hint(), ..Histogram::stale() };
        }
        let deltas = |buckets: &BTreeMap<i32, u64>| {
            let mut before = 0;
            let delta = |count: &u64| {
                let count = i64::try_from(*count).unwrap_or(0);
                count - std::mem::replace(&mut before, count)
            };
            buckets.values().map(delta).collect()
        };
        Histogram {
            hint: self.hint(),
            layout: self.layout(dice),
            count: self.count(),
            zero_count: self.zero,
            sum: sum(dice, self.count()),
            positive: deltas(&self.positive),
            negative: deltas(&self.negative),
        }
    }
}

impl Gives<Float> for Growing {
    fn next(&mut self, dice: &mut Dice<'_>) -> FloatHistogram {
        let integer: IntegerHistogram = self.next(dice);
        let mut float = integer.to_float();
        if dice.once_in(3) {
            float.count += 0.5;
        }
        if dice.once_in(10)
            && let Some(first) = float.positive.first_mut()
        {
            *first = dice.pick(&[0.1, f64::INFINITY, -1.0, -0.0]);
        }
        float
    }
}

/// A sum that is mostly a number.
#[expect(clippy::cast_precision_loss, reason = "counts of tests are small")]
fn sum(dice: &mut Dice<'_>, count: u64) -> f64 {
    match dice.below(24) {
        21 => f64::from_bits(0xfff8_0000_0000_0000), // The one that arithmetic makes.
        22 => f64::INFINITY,
        23 => -1.5,
        _ => count as f64 * 0.3,
    }
}
