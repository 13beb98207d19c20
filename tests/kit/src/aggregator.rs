//! The built-in downsampler as native code: what the engine is tested and measured with, without WebAssembly.

use downsampler::{Hint, HistogramRows, Layout, Refused, Rows, Span};
use lithify_block::{
    Labels,
    columns::{Aggregates, BucketSpan, Column, HistogramAggregates, HistogramColumn, HistogramLayout, ResetHint},
    policy::{Aggregator, Outcome, PolicyError},
};
use lithify_downsampler as downsampler;

/// Aggregates as the reference does.
#[derive(Clone, Copy, Debug, Default)]
pub struct FiveAggregates;

impl FiveAggregates {
    /// So many of them, one for each thread of the engine.
    #[must_use]
    pub fn several(count: usize) -> Vec<Box<dyn Aggregator>> {
        (0..count).map(|_| Box::new(Self) as Box<dyn Aggregator>).collect()
    }
}

impl Aggregator for FiveAggregates {
    fn wants_labels(&self) -> bool {
        false
    }

    fn raw(&mut self, resolution: i64, _: &[Labels], asked: &Column) -> Result<Aggregates, PolicyError> {
        downsampler::aggregate_raw(resolution, rows(asked)).map(floats).map_err(refused)
    }

    fn aggregates(&mut self, resolution: i64, _: &[Labels], asked: &Aggregates) -> Result<Aggregates, PolicyError> {
        let asked = downsampler::Aggregates {
            count: rows(&asked.count),
            sum: rows(&asked.sum),
            min: rows(&asked.min),
            max: rows(&asked.max),
            counter: rows(&asked.counter),
        };
        downsampler::aggregate_aggregates(resolution, &asked).map(floats).map_err(refused)
    }

    fn raw_histograms(
        &mut self,
        resolution: i64,
        _: &[Labels],
        asked: &HistogramColumn,
    ) -> Result<HistogramAggregates, PolicyError> {
        let side = Side::of(asked);
        downsampler::aggregate_raw_histograms(resolution, side.rows(asked)).map(histograms).map_err(refused)
    }

    fn histogram_aggregates(
        &mut self,
        resolution: i64,
        _: &[Labels],
        asked: &HistogramAggregates,
    ) -> Result<HistogramAggregates, PolicyError> {
        let (sum, counter) = (Side::of(&asked.sum), Side::of(&asked.counter));
        let asked = downsampler::HistogramAggregates {
            count: rows(&asked.count),
            sum: sum.rows(&asked.sum),
            counter: counter.rows(&asked.counter),
        };
        downsampler::aggregate_histogram_aggregates(resolution, &asked).map(histograms).map_err(refused)
    }
}

fn refused(refused: Refused) -> PolicyError {
    PolicyError {
        plugin: "native:five-aggregates".to_owned(),
        kind: "downsampler",
        outcome: Outcome::PluginError,
        message: refused.to_string(),
    }
}

fn rows(column: &Column) -> Rows<'_> {
    Rows { offsets: &column.offsets, timestamps: &column.timestamps, values: &column.values }
}

fn floats(made: downsampler::Aggregates<downsampler::Column>) -> Aggregates {
    Aggregates {
        count: column(made.count),
        sum: column(made.sum),
        min: column(made.min),
        max: column(made.max),
        counter: column(made.counter),
    }
}

fn column(made: downsampler::Column) -> Column {
    Column { offsets: made.offsets, timestamps: made.timestamps, values: made.values }
}

fn histograms(
    made: downsampler::HistogramAggregates<downsampler::Column, downsampler::HistogramColumn>,
) -> HistogramAggregates {
    HistogramAggregates { count: column(made.count), sum: histogram(made.sum), counter: histogram(made.counter) }
}

/// What of a column of histograms has other types there.
struct Side {
    hints: Vec<u8>,
    layouts: Vec<Layout>,
}

impl Side {
    fn of(column: &HistogramColumn) -> Self {
        let spans = |spans: &[BucketSpan]| {
            spans.iter().map(|span| Span { offset: span.offset, length: span.length }).collect::<Vec<_>>()
        };
        let layout = |layout: &HistogramLayout| Layout {
            schema: layout.schema,
            zero_threshold: layout.zero_threshold,
            custom_values: layout.custom_values.clone(),
            positive: spans(&layout.positive_spans),
            negative: spans(&layout.negative_spans),
        };
        Self {
            hints: column.hints.iter().map(|hint| *hint as u8).collect(),
            layouts: column.layouts.iter().map(layout).collect(),
        }
    }

    fn rows<'a>(&'a self, column: &'a HistogramColumn) -> HistogramRows<'a> {
        HistogramRows {
            offsets: &column.offsets,
            timestamps: &column.timestamps,
            hints: &self.hints,
            counts: &column.counts,
            sums: &column.sums,
            zero_counts: &column.zero_counts,
            layouts: &self.layouts,
            layout_rows: &column.layout_rows,
            buckets: &column.buckets,
        }
    }
}

fn histogram(made: downsampler::HistogramColumn) -> HistogramColumn {
    let spans = |spans: Vec<Span>| {
        spans.into_iter().map(|span| BucketSpan { offset: span.offset, length: span.length }).collect::<Vec<_>>()
    };
    let layout = |layout: Layout| HistogramLayout {
        schema: layout.schema,
        zero_threshold: layout.zero_threshold,
        custom_values: layout.custom_values,
        positive_spans: spans(layout.positive),
        negative_spans: spans(layout.negative),
    };
    HistogramColumn {
        offsets: made.offsets,
        timestamps: made.timestamps,
        hints: made.hints.into_iter().map(hint).collect(),
        counts: made.counts,
        sums: made.sums,
        zero_counts: made.zero_counts,
        layouts: made.layouts.into_iter().map(layout).collect(),
        layout_rows: made.layout_rows,
        buckets: made.buckets,
    }
}

fn hint(number: u8) -> ResetHint {
    match number {
        number if number == Hint::Reset as u8 => ResetHint::Reset,
        number if number == Hint::NotReset as u8 => ResetHint::NotReset,
        number if number == Hint::Gauge as u8 => ResetHint::Gauge,
        _ => ResetHint::Unknown,
    }
}
