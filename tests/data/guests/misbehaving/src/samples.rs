//! The same misdeeds as a downsampler, and answers that are wrong in one place.

use alloc::{vec, vec::Vec};

use lithify_sdk::{
    Aggregates, Column, Context, Downsampler, Error, HistogramAggregates, HistogramColumn, LabelSet, Layout, Span,
};

use crate::{Misbehaving, deeper, refused};

/// The last sample of each run.
fn last(rows: &Column) -> Column {
    let mut answer = Column { offsets: vec![0], timestamps: Vec::new(), values: Vec::new() };
    for run in rows.offsets.windows(2) {
        if run[0] < run[1] {
            answer.timestamps.push(rows.timestamps[run[1] as usize - 1]);
            answer.values.push(rows.values[run[1] as usize - 1]);
        }
        answer.offsets.push(answer.values.len() as u32);
    }
    answer
}

fn five(rows: &Column) -> Aggregates {
    let mut count = last(rows);
    count.values.fill(1.0);
    Aggregates { count, sum: last(rows), min: last(rows), max: last(rows), counter: last(rows) }
}

impl Downsampler for Misbehaving {
    fn aggregate_raw(
        &self,
        _cx: &Context,
        _resolution: i64,
        _labels: &[LabelSet],
        rows: &Column,
    ) -> Result<Aggregates, Error> {
        let mut answer = five(rows);
        match self {
            Self::Trap => core::arch::wasm32::unreachable(),
            Self::Loop => {
                let mut n = rows.values.len() | 1;
                while core::hint::black_box(n) != 0 {
                    n = core::hint::black_box(n | 1);
                }
            }
            Self::Recurse => answer.sum.values[0] = f64::from(deeper(rows.offsets[1] + 1)),
            Self::Memory => {
                let gibibyte: Vec<u8> = vec![1; core::hint::black_box(1 << 30)];
                answer.sum.values[0] = f64::from(gibibyte[rows.values.len()]);
            }
            Self::Position => answer.sum.timestamps[0] += 1,
            Self::Twice => answer.max.offsets.push(answer.max.values.len() as u32),
            Self::Huge => answer.min.values = vec![0.0; 16 << 20],
            Self::Refuse => return Err(refused()),
            Self::Nan => answer.sum.values.fill(f64::from_bits(0x7ff0_0000_0000_0002)),
            Self::Count => answer.count.values[0] = -1.0,
        }
        Ok(answer)
    }

    fn aggregate_aggregates(
        &self,
        _cx: &Context,
        _resolution: i64,
        _labels: &[LabelSet],
        rows: &Aggregates,
    ) -> Result<Aggregates, Error> {
        let Aggregates { count, sum, min, max, counter } = rows;
        Ok(Aggregates { count: last(count), sum: last(sum), min: last(min), max: last(max), counter: last(counter) })
    }

    /// Answers with what it was given, but one of it is wrong.
    fn aggregate_raw_histograms(
        &self,
        _cx: &Context,
        _resolution: i64,
        _labels: &[LabelSet],
        rows: &HistogramColumn,
    ) -> Result<HistogramAggregates, Error> {
        let count = Column {
            offsets: rows.offsets.clone(),
            timestamps: rows.timestamps.clone(),
            values: vec![1.0; rows.timestamps.len()],
        };
        let mut sum = rows.clone();
        match self {
            Self::Position => sum.layout_rows[0] = 1,
            Self::Twice => sum.layouts.push(layout(0)),
            Self::Huge => sum.buckets.push(1.0),
            Self::Count => sum.layouts[0] = layout(-77),
            Self::Refuse => return Err(refused()),
            Self::Nan => sum.sums.fill(-f64::NAN),
            Self::Trap | Self::Loop | Self::Recurse | Self::Memory => sum.hints[0] = 4,
        }
        Ok(HistogramAggregates { count, sum, counter: rows.clone() })
    }

    fn aggregate_histogram_aggregates(
        &self,
        _cx: &Context,
        _resolution: i64,
        _labels: &[LabelSet],
        rows: &HistogramAggregates,
    ) -> Result<HistogramAggregates, Error> {
        Ok(rows.clone())
    }
}

fn layout(schema: i32) -> Layout {
    let positive_spans = vec![Span { offset: 0, length: 1 }];
    Layout { schema, zero_threshold: 0.0, custom_values: Vec::new(), positive_spans, negative_spans: Vec::new() }
}
