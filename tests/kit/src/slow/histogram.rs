//! Histograms that are added, subtracted and made coarser, field by field.
//!
//! Source: D Appendix A; for NaN D 7 rule 6.

use std::sync::Arc;

use lithify_tsdb::chunk::{FloatHistogram, Hint, Layout, Span, layout::CUSTOM_SCHEMA};

use super::{
    Result,
    bounds::{FINEST, FRACTIONS},
    bucket_sides::Side,
};

/// A histogram with float counts and room to move.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Hist {
    pub(super) hint: Hint,
    pub(super) schema: i32,
    pub(super) threshold: f64,
    pub(super) zero: f64,
    pub(super) count: f64,
    pub(super) sum: f64,
    pub(super) positive: Side,
    pub(super) negative: Side,
    pub(super) custom: Vec<f64>,
}

/// The NaN that arithmetic makes out of numbers.
const MADE: f64 = f64::from_bits(0xfff8_0000_0000_0000);
const QUIET: u64 = 1 << 51;

/// A sum whose NaN has the bits that it has on the reference's platform.
pub(super) fn add(to: f64, value: f64) -> f64 {
    if to.is_nan() {
        return to;
    }
    if value.is_nan() {
        return f64::from_bits(value.to_bits() | QUIET);
    }
    let sum = to + value;
    if sum.is_nan() { MADE } else { sum }
}

/// A difference likewise.
pub(super) fn subtract(from: f64, value: f64) -> f64 {
    if value.is_nan() { add(from, value) } else { add(from, -value) }
}

/// `fraction * 2^exponent`, rounded once.
fn scale(fraction: f64, exponent: i64) -> f64 {
    let power = |exponent: i64| f64::from_bits(u64::try_from(exponent + 1023).unwrap_or(0) << 52);
    match exponent.clamp(-1200, 1200) {
        low if low < -1000 => fraction * power(low + 200) * power(-200),
        high if high > 1000 => fraction * power(high - 200) * power(200),
        exponent => fraction * power(exponent),
    }
}

impl Hist {
    pub(super) fn new(from: &FloatHistogram) -> Self {
        let side = |spans: &[Span], buckets: &[f64]| Side {
            spans: spans.iter().map(|span| (i64::from(span.offset), i64::from(span.length))).collect(),
            buckets: buckets.to_vec(),
        };
        let layout = &from.layout;
        let mut new = Self {
            hint: from.hint,
            schema: layout.schema,
            threshold: layout.zero_threshold,
            zero: from.zero_count,
            count: from.count,
            sum: from.sum,
            positive: side(&layout.positive, &from.positive),
            negative: side(&layout.negative, &from.negative),
            custom: layout.custom_values.clone(),
        };
        new.clear_what_custom_has_not();
        new
    }

    fn clear_what_custom_has_not(&mut self) {
        if self.is_custom() {
            (self.threshold, self.zero, self.negative) = (0.0, 0.0, Side::default());
        }
    }

    /// As it is appended to a chunk.
    pub(super) fn to_float(&self) -> Result<FloatHistogram> {
        let spans = |side: &Side| -> Result<Vec<Span>> {
            let span = |(offset, length): &(i64, i64)| {
                let (offset, length) = (i32::try_from(*offset), u32::try_from(*length));
                Ok(Span { offset: offset.map_err(|_| "span too far")?, length: length.map_err(|_| "span too long")? })
            };
            side.spans.iter().map(span).collect()
        };
        let layout = Layout {
            schema: self.schema,
            zero_threshold: self.threshold,
            positive: spans(&self.positive)?,
            negative: spans(&self.negative)?,
            custom_values: self.custom.clone(),
        };
        Ok(FloatHistogram {
            hint: self.hint,
            layout: Arc::new(layout),
            count: self.count,
            zero_count: self.zero,
            sum: self.sum,
            positive: self.positive.buckets.clone(),
            negative: self.negative.buckets.clone(),
        })
    }

    pub(super) fn is_custom(&self) -> bool {
        self.schema == CUSTOM_SCHEMA
    }

    /// Whether buckets within the zero bucket's width are passed over.
    pub(super) fn is_exponential(&self) -> bool {
        (-4..=FINEST).contains(&self.schema)
    }

    /// The upper bound of the positive bucket `index`.
    ///
    /// Source: D A.3.
    pub(super) fn bound(&self, index: i64) -> f64 {
        if self.is_custom() {
            let known = usize::try_from(index).ok().and_then(|index| self.custom.get(index)).copied();
            return known.unwrap_or(if index < 0 { f64::NEG_INFINITY } else { f64::INFINITY });
        }
        let (fraction, exponent) = if self.schema < 0 {
            (1.0, index << -self.schema)
        } else {
            let place = (index & ((1 << self.schema) - 1)) << (FINEST - self.schema);
            let fraction = FRACTIONS[usize::try_from(place).unwrap_or(0)];
            (f64::from_bits(fraction), (index >> self.schema) + 1)
        };
        // What would be infinite by a hair is the largest number.
        if fraction == 1.0 && exponent == 1024 || fraction == 0.5 && exponent == 1025 {
            return f64::MAX;
        }
        scale(fraction, exponent)
    }

    /// The same observations in the coarser schema `to`.
    ///
    /// Source: D A.5 `reduce`.
    pub(super) fn reduced(&self, to: i32) -> Result<Self> {
        if self.schema == to {
            return Ok(self.clone());
        }
        if self.is_custom() || to == CUSTOM_SCHEMA {
            return Err("histograms with custom buckets and others in one chunk".into());
        }
        let by = self.schema - to;
        let (positive, negative) = (self.positive.reduced(by), self.negative.reduced(by));
        Ok(Self { hint: Hint::Unknown, schema: to, positive, negative, ..self.clone() })
    }

    /// The zero count that it would have with a threshold of at least `wanted`, and that threshold.
    ///
    /// Source: D A.5 `zeroFor`.
    pub(super) fn zero_for(&self, wanted: f64) -> (f64, f64) {
        let mut threshold = wanted;
        if threshold == self.threshold {
            return (self.zero, threshold);
        }
        'again: loop {
            let mut count = self.zero;
            for (index, bucket) in self.positive.indexed() {
                if self.bound(index - 1) >= threshold {
                    break;
                }
                count = add(count, bucket);
                let upper = self.bound(index);
                if upper > threshold {
                    if bucket != 0.0 {
                        threshold = upper;
                    }
                    break;
                }
            }
            for (index, bucket) in self.negative.indexed() {
                if -self.bound(index - 1) <= -threshold {
                    break;
                }
                count = add(count, bucket);
                let lower = -self.bound(index);
                if lower < -threshold {
                    if bucket != 0.0 {
                        threshold = -lower;
                        continue 'again;
                    }
                    break;
                }
            }
            return (count, threshold);
        }
    }

    /// Widens its zero bucket until one threshold fits both; gives the zero count of `other` with it.
    ///
    /// Source: D A.5 `reconcile`.
    fn reconcile(&mut self, other: &Self) -> f64 {
        let (mut zero, mut threshold) = (other.zero, other.threshold);
        while threshold != self.threshold {
            if self.threshold > threshold {
                (zero, threshold) = other.zero_for(self.threshold);
            }
            if threshold > self.threshold {
                (self.zero, self.threshold) = self.zero_for(threshold);
                let (width, view) = (self.threshold, self.clone());
                for side in [&mut self.positive, &mut self.negative] {
                    let inside = side.indexed().take_while(|(index, _)| view.bound(index - 1) < width).count();
                    side.buckets[..inside].fill(0.0);
                    side.normalise();
                }
            }
        }
        zero
    }

    pub(super) fn add(&mut self, other: &Self) -> Result<()> {
        self.combine(other, false)
    }

    pub(super) fn sub(&mut self, other: &Self) -> Result<()> {
        self.combine(other, true)
    }

    /// Source: D A.6.
    fn combine(&mut self, other: &Self, subtracting: bool) -> Result<()> {
        if self.is_custom() != other.is_custom() {
            return Err("a histogram with custom buckets meets one without".into());
        }
        let op = if subtracting { subtract } else { add };
        if self.hint != other.hint && self.hint != Hint::Gauge {
            self.hint = if other.hint == Hint::Gauge { Hint::Gauge } else { Hint::Unknown };
        }
        if !self.is_custom() {
            let zero = self.reconcile(other);
            self.zero = op(self.zero, zero);
        }
        self.count = op(self.count, other.count);
        self.sum = op(self.sum, other.sum);
        if self.is_custom() && self.custom != other.custom {
            self.combine_custom(other, op);
            return Ok(());
        }
        let view = self.clone();
        let skip = |index| view.is_exponential() && view.bound(index) <= view.threshold;
        self.positive.merge(&other.positive, subtracting, skip)?;
        if !self.is_custom() {
            self.negative.merge(&other.negative, subtracting, skip)?;
        }
        Ok(())
    }

    /// Counts in the buckets between the bounds that both have.
    ///
    /// Source: D A.6 step 7.
    fn combine_custom(&mut self, other: &Self, op: impl Fn(f64, f64) -> f64) {
        let common: Vec<f64> = self.custom.iter().copied().filter(|bound| other.custom.contains(bound)).collect();
        let mut slots = vec![0.0; common.len() + 1];
        let place = |of: &Self, index: i64| {
            let upper = of.bound(index);
            common.iter().position(|bound| *bound >= upper).unwrap_or(common.len())
        };
        for (index, bucket) in self.positive.indexed() {
            let slot = &mut slots[place(self, index)];
            *slot = add(*slot, bucket);
        }
        for (index, bucket) in other.positive.indexed() {
            let slot = &mut slots[place(other, index)];
            *slot = op(*slot, bucket);
        }
        let filled = (0..).zip(slots).filter(|(_, count)| *count != 0.0).collect();
        self.positive = Side::from_indexed(filled);
        self.custom = common;
    }
}
