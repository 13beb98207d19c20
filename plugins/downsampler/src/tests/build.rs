//! Histograms as records, to put them into columns and to take them out again.

use alloc::{vec, vec::Vec};

use crate::{Column, Hint, HistogramColumn, Layout, Span};

/// One histogram.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sample {
    pub(super) time: i64,
    pub(super) hint: u8,
    pub(super) layout: Layout,
    pub(super) zero_count: f64,
    pub(super) count: f64,
    pub(super) sum: f64,
    pub(super) positive: Vec<f64>,
    pub(super) negative: Vec<f64>,
}

impl Sample {
    /// Schema 0, positive buckets from index `first` on, whose counts and sum are theirs.
    pub(super) fn simple(time: i64, hint: Hint, first: i32, positive: &[f64]) -> Self {
        let length = u32::try_from(positive.len()).unwrap();
        let count: f64 = positive.iter().sum();
        Self {
            time,
            hint: hint as u8,
            layout: Layout { positive: vec![Span { offset: first, length }], ..Layout::default() },
            zero_count: 0.0,
            count,
            sum: count * 1.5,
            positive: positive.to_vec(),
            negative: Vec::new(),
        }
    }

    /// Indexes and counts of the buckets of both sides that hold something.
    pub(super) fn full(&self) -> [Vec<(i64, u64)>; 2] {
        let side = |spans: &[Span], counts: &[f64]| {
            let mut next = 0_i64;
            let mut indexes = Vec::new();
            for span in spans {
                next += i64::from(span.offset);
                indexes.extend(next..next + i64::from(span.length));
                next += i64::from(span.length);
            }
            assert_eq!(indexes.len(), counts.len());
            let full = indexes.into_iter().zip(counts).filter(|(_, count)| **count != 0.0);
            full.map(|(index, count)| (index, count.to_bits())).collect()
        };
        [side(&self.layout.positive, &self.positive), side(&self.layout.negative, &self.negative)]
    }
}

/// Columns of runs of histograms.
pub(super) fn column(runs: &[Vec<Sample>]) -> HistogramColumn {
    let mut column = HistogramColumn { offsets: vec![0], ..HistogramColumn::default() };
    for sample in runs.iter().flatten() {
        if column.layouts.last() != Some(&sample.layout) {
            column.layouts.push(sample.layout.clone());
            column.layout_rows.push(u32::try_from(column.counts.len()).unwrap());
        }
        column.timestamps.push(sample.time);
        column.hints.push(sample.hint);
        column.counts.push(sample.count);
        column.sums.push(sample.sum);
        column.zero_counts.push(sample.zero_count);
        column.buckets.extend(&sample.positive);
        column.buckets.extend(&sample.negative);
    }
    let mut end = 0;
    for run in runs {
        end += u32::try_from(run.len()).unwrap();
        column.offsets.push(end);
    }
    column
}

/// The runs of columns.
pub(super) fn samples(column: &HistogramColumn) -> Vec<Vec<Sample>> {
    let mut buckets = &column.buckets[..];
    let mut layout = 0;
    let mut samples = Vec::new();
    for i in 0..column.timestamps.len() {
        if column.layout_rows.get(layout + 1).is_some_and(|row| *row as usize == i) {
            layout += 1;
        }
        let layout = &column.layouts[layout];
        let mut take = |spans: &[Span]| {
            let (side, rest) = buckets.split_at(spans.iter().map(|span| span.length as usize).sum());
            buckets = rest;
            side.to_vec()
        };
        samples.push(Sample {
            time: column.timestamps[i],
            hint: column.hints[i],
            layout: layout.clone(),
            zero_count: column.zero_counts[i],
            count: column.counts[i],
            sum: column.sums[i],
            positive: take(&layout.positive),
            negative: take(&layout.negative),
        });
    }
    assert!(buckets.is_empty());
    column.offsets.windows(2).map(|run| samples[run[0] as usize..run[1] as usize].to_vec()).collect()
}

/// A column of floats that holds these runs.
pub(super) fn floats(runs: &[Vec<(i64, f64)>]) -> Column {
    let mut column = Column { offsets: vec![0], ..Column::default() };
    for run in runs {
        column.timestamps.extend(run.iter().map(|sample| sample.0));
        column.values.extend(run.iter().map(|sample| sample.1));
        column.offsets.push(u32::try_from(column.values.len()).unwrap());
    }
    column
}
