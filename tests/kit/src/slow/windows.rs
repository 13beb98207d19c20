//! Windows of time, and what is counted in each.

use lithify_tsdb::chunk::{Appended, Float, Hint, HistogramAppender};

use super::{
    Result,
    histogram::{Hist, add, subtract},
    resets::is_reset,
};

/// The last millisecond of the window of `resolution` milliseconds that holds `time`.
///
/// Source: D 2.5.
pub(super) fn window_end(time: i64, resolution: i64) -> i64 {
    time - time % resolution + resolution - 1
}

/// Something that takes the samples of one window after another.
pub(super) trait Aggregator {
    /// What a sample is.
    type Value;
    /// A new window begins.
    fn reset(&mut self);
    /// A sample of the present window.
    fn add(&mut self, value: &Self::Value) -> Result<()>;
}

/// Cuts a batch into windows and calls `emit` at the end of each; gives the time of the last one.
///
/// Source: D 2.6.
pub(super) fn windows<A: Aggregator>(
    batch: &[(i64, A::Value)],
    resolution: i64,
    aggregator: &mut A,
    mut emit: impl FnMut(i64, &mut A) -> Result<()>,
) -> Result<i64> {
    let mut next = -1;
    let last = batch.last().map_or(0, |(time, _)| *time);
    for (time, value) in batch {
        if *time > next {
            if next != -1 {
                emit(next, aggregator)?;
            }
            aggregator.reset();
            next = window_end(*time, resolution).min(last);
        }
        aggregator.add(value)?;
    }
    emit(next, aggregator)?;
    Ok(next)
}

/// Source: D 2.7.
#[derive(Default)]
pub(super) struct Floats {
    total: u64,
    pub(super) counter: f64,
    previous: f64,
    pub(super) count: f64,
    pub(super) sum: f64,
    pub(super) min: f64,
    pub(super) max: f64,
}

impl Aggregator for Floats {
    type Value = f64;

    fn reset(&mut self) {
        (self.count, self.sum, self.min, self.max) = (0.0, 0.0, f64::MAX, f64::MIN);
    }

    fn add(&mut self, value: &f64) -> Result<()> {
        let value = *value;
        self.counter = if self.total == 0 {
            value
        } else if value < self.previous {
            add(self.counter, value)
        } else {
            add(self.counter, subtract(value, self.previous))
        };
        self.previous = value;
        self.sum = add(self.sum, value);
        self.count += 1.0;
        self.total += 1;
        if value < self.min {
            self.min = value;
        }
        if value > self.max {
            self.max = value;
        }
        Ok(())
    }
}

/// Source: D 2.9 step 3.
pub(super) struct Histograms {
    schema: i32,
    previous: Option<Hist>,
    pub(super) counter: Option<Hist>,
    pub(super) count: f64,
    pub(super) sum: Option<Hist>,
}

impl Histograms {
    pub(super) fn new(schema: i32) -> Self {
        Self { schema, previous: None, counter: None, count: 0.0, sum: None }
    }
}

impl Aggregator for Histograms {
    type Value = Hist;

    fn reset(&mut self) {
        (self.count, self.sum) = (0.0, None);
    }

    fn add(&mut self, original: &Hist) -> Result<()> {
        let value = original.reduced(self.schema)?;
        match (&mut self.counter, &self.previous) {
            (Some(counter), Some(previous)) => {
                if value.hint != Hint::Gauge && is_reset(original, previous)? {
                    counter.add(&value)?;
                } else {
                    let mut difference = value.clone();
                    difference.sub(previous)?;
                    counter.add(&difference)?;
                }
            }
            _ => self.counter = Some(value.clone()),
        }
        match &mut self.sum {
            Some(sum) => sum.add(&value)?,
            None => self.sum = Some(value.clone()),
        }
        if let Some(sum) = &mut self.sum {
            sum.hint = Hint::Gauge;
        }
        self.previous = Some(value);
        self.count += 1.0;
        Ok(())
    }
}

/// A slot of histograms in the making. What cannot be appended begins the slot again, and what it held is lost.
pub(super) struct HistogramSlot(HistogramAppender<Float>);

impl HistogramSlot {
    /// The reference compares the first histogram with itself, which is no reset.
    pub(super) fn new() -> Self {
        Self(HistogramAppender::with_flag(Hint::NotCounterReset))
    }

    /// Appends, and gives `value` the buckets that the slot has and it has not.
    ///
    /// Source: D 2.9 steps 5 and 6, D Appendix B.
    pub(super) fn append(&mut self, time: i64, value: &mut Hist) -> Result<()> {
        let mut appended = value.to_float()?;
        match self.0.append(time, &mut appended).map_err(|error| error.to_string())? {
            Appended::Here | Appended::Recoded | Appended::NewChunk(_) => {}
        }
        *value = Hist::new(&appended);
        Ok(())
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.0.finish()
    }
}
