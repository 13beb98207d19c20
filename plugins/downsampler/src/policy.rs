//! The policy: columns of the interface in, columns of the interface out. Nothing but layouts is copied.

use alloc::vec::Vec;

use lithify_sdk as sdk;
use lithify_sdk::{Context, Downsampler, Error, ErrorKind, LabelSet, Policy, text::decimal};

use crate::{Aggregates, Column, HistogramAggregates, HistogramColumn, HistogramRows, Layout, Refused, Rows, Span};

/// The five aggregates of Thanos. There is nothing to configure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FiveAggregates;

impl Policy for FiveAggregates {
    fn configure(config: &str) -> Result<Self, Error> {
        // A parser would be a tenth of the component, to find out that there is nothing in it.
        let inside = config.trim().strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        match inside {
            Some(inside) if inside.trim().is_empty() => Ok(Self),
            Some(_) | None => {
                Err(Error::new(ErrorKind::InvalidConfig, "five-aggregates has no options: leave `config` out"))
            }
        }
    }
}

impl Downsampler for FiveAggregates {
    fn aggregate_raw(
        &self,
        _cx: &Context,
        resolution: i64,
        _labels: &[LabelSet],
        rows: &sdk::Column,
    ) -> Result<sdk::Aggregates, Error> {
        Ok(crate::aggregate_raw(resolution, floats(rows))?.into())
    }

    fn aggregate_aggregates(
        &self,
        _cx: &Context,
        resolution: i64,
        _labels: &[LabelSet],
        rows: &sdk::Aggregates,
    ) -> Result<sdk::Aggregates, Error> {
        let rows = Aggregates {
            count: floats(&rows.count),
            sum: floats(&rows.sum),
            min: floats(&rows.min),
            max: floats(&rows.max),
            counter: floats(&rows.counter),
        };
        Ok(crate::aggregate_aggregates(resolution, &rows)?.into())
    }

    fn aggregate_raw_histograms(
        &self,
        _cx: &Context,
        resolution: i64,
        _labels: &[LabelSet],
        rows: &sdk::HistogramColumn,
    ) -> Result<sdk::HistogramAggregates, Error> {
        let layouts = layouts(rows);
        Ok(crate::aggregate_raw_histograms(resolution, histograms(rows, &layouts))?.into())
    }

    fn aggregate_histogram_aggregates(
        &self,
        _cx: &Context,
        resolution: i64,
        _labels: &[LabelSet],
        rows: &sdk::HistogramAggregates,
    ) -> Result<sdk::HistogramAggregates, Error> {
        let (sum, counter) = (layouts(&rows.sum), layouts(&rows.counter));
        let rows = HistogramAggregates {
            count: floats(&rows.count),
            sum: histograms(&rows.sum, &sum),
            counter: histograms(&rows.counter, &counter),
        };
        Ok(crate::aggregate_histogram_aggregates(resolution, &rows)?.into())
    }
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        // Put together by hand: the formatting machinery would be a good part of the component.
        let Some(run) = refused.run else { return Self::new(ErrorKind::InvalidInput, refused.what) };
        let run = decimal(u64::from(run));
        let mut error = Self::new(ErrorKind::InvalidInput, ["run ", &run, ": ", refused.what].concat());
        error.details.push(("run".into(), run));
        error
    }
}

fn floats(column: &sdk::Column) -> Rows<'_> {
    Rows { offsets: &column.offsets, timestamps: &column.timestamps, values: &column.values }
}

fn histograms<'a>(column: &'a sdk::HistogramColumn, layouts: &'a [Layout]) -> HistogramRows<'a> {
    HistogramRows {
        offsets: &column.offsets,
        timestamps: &column.timestamps,
        hints: &column.hints,
        counts: &column.counts,
        sums: &column.sums,
        zero_counts: &column.zero_counts,
        layouts,
        layout_rows: &column.layout_rows,
        buckets: &column.buckets,
    }
}

fn layouts(column: &sdk::HistogramColumn) -> Vec<Layout> {
    let span = |span: &sdk::Span| Span { offset: span.offset, length: span.length };
    let layout = |layout: &sdk::Layout| Layout {
        schema: layout.schema,
        zero_threshold: layout.zero_threshold,
        custom_values: layout.custom_values.clone(),
        positive: layout.positive_spans.iter().map(span).collect(),
        negative: layout.negative_spans.iter().map(span).collect(),
    };
    column.layouts.iter().map(layout).collect()
}

impl From<Column> for sdk::Column {
    fn from(column: Column) -> Self {
        Self { offsets: column.offsets, timestamps: column.timestamps, values: column.values }
    }
}

impl From<Aggregates<Column>> for sdk::Aggregates {
    fn from(made: Aggregates<Column>) -> Self {
        Self {
            count: made.count.into(),
            sum: made.sum.into(),
            min: made.min.into(),
            max: made.max.into(),
            counter: made.counter.into(),
        }
    }
}

impl From<HistogramColumn> for sdk::HistogramColumn {
    fn from(column: HistogramColumn) -> Self {
        let span = |span: Span| sdk::Span { offset: span.offset, length: span.length };
        let layout = |layout: Layout| sdk::Layout {
            schema: layout.schema,
            zero_threshold: layout.zero_threshold,
            custom_values: layout.custom_values,
            positive_spans: layout.positive.into_iter().map(span).collect(),
            negative_spans: layout.negative.into_iter().map(span).collect(),
        };
        Self {
            offsets: column.offsets,
            timestamps: column.timestamps,
            hints: column.hints,
            counts: column.counts,
            sums: column.sums,
            zero_counts: column.zero_counts,
            layouts: column.layouts.into_iter().map(layout).collect(),
            layout_rows: column.layout_rows,
            buckets: column.buckets,
        }
    }
}

impl From<HistogramAggregates<Column, HistogramColumn>> for sdk::HistogramAggregates {
    fn from(made: HistogramAggregates<Column, HistogramColumn>) -> Self {
        Self { count: made.count.into(), sum: made.sum.into(), counter: made.counter.into() }
    }
}
