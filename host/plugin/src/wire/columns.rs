//! Samples on their way to a downsampler and back: slices of the host's columns go in, each copied once into the guest's
//! memory; vectors come out, each copied once.

use wasmtime::component::{ComponentType, Lift, Lower, flags};

flags! {
    Wants {
        #[component(name = "series-labels")]
        const SERIES_LABELS;
    }
}

#[derive(ComponentType, Lower, Clone, Copy)]
#[component(record)]
pub(crate) struct ColumnRef<'a> {
    pub(crate) offsets: &'a [u32],
    pub(crate) timestamps: &'a [i64],
    pub(crate) values: &'a [f64],
}

#[derive(ComponentType, Lift, Debug, Clone, Default)]
#[component(record)]
pub(crate) struct Column {
    pub(crate) offsets: Vec<u32>,
    pub(crate) timestamps: Vec<i64>,
    pub(crate) values: Vec<f64>,
}

#[derive(ComponentType, Lower)]
#[component(record)]
pub(crate) struct AggregatesRef<'a> {
    pub(crate) count: ColumnRef<'a>,
    pub(crate) sum: ColumnRef<'a>,
    pub(crate) min: ColumnRef<'a>,
    pub(crate) max: ColumnRef<'a>,
    pub(crate) counter: ColumnRef<'a>,
}

#[derive(ComponentType, Lift, Debug, Clone, Default)]
#[component(record)]
pub(crate) struct Aggregates {
    pub(crate) count: Column,
    pub(crate) sum: Column,
    pub(crate) min: Column,
    pub(crate) max: Column,
    pub(crate) counter: Column,
}

#[derive(ComponentType, Lower, Lift, Debug, Clone, Copy, PartialEq, Eq)]
#[component(record)]
pub(crate) struct Span {
    pub(crate) offset: i32,
    pub(crate) length: u32,
}

#[derive(ComponentType, Lower)]
#[component(record)]
pub(crate) struct LayoutRef<'a> {
    pub(crate) schema: i32,
    #[component(name = "zero-threshold")]
    pub(crate) zero_threshold: f64,
    #[component(name = "custom-values")]
    pub(crate) custom_values: &'a [f64],
    #[component(name = "positive-spans")]
    pub(crate) positive_spans: Vec<Span>,
    #[component(name = "negative-spans")]
    pub(crate) negative_spans: Vec<Span>,
}

#[derive(ComponentType, Lift, Debug, Clone, Default)]
#[component(record)]
pub(crate) struct Layout {
    pub(crate) schema: i32,
    #[component(name = "zero-threshold")]
    pub(crate) zero_threshold: f64,
    #[component(name = "custom-values")]
    pub(crate) custom_values: Vec<f64>,
    #[component(name = "positive-spans")]
    pub(crate) positive_spans: Vec<Span>,
    #[component(name = "negative-spans")]
    pub(crate) negative_spans: Vec<Span>,
}

#[derive(ComponentType, Lower)]
#[component(record)]
pub(crate) struct HistogramColumnRef<'a> {
    pub(crate) offsets: &'a [u32],
    pub(crate) timestamps: &'a [i64],
    pub(crate) hints: Vec<u8>,
    pub(crate) counts: &'a [f64],
    pub(crate) sums: &'a [f64],
    #[component(name = "zero-counts")]
    pub(crate) zero_counts: &'a [f64],
    pub(crate) layouts: Vec<LayoutRef<'a>>,
    #[component(name = "layout-rows")]
    pub(crate) layout_rows: &'a [u32],
    pub(crate) buckets: &'a [f64],
}

#[derive(ComponentType, Lift, Debug, Clone, Default)]
#[component(record)]
pub(crate) struct HistogramColumn {
    pub(crate) offsets: Vec<u32>,
    pub(crate) timestamps: Vec<i64>,
    pub(crate) hints: Vec<u8>,
    pub(crate) counts: Vec<f64>,
    pub(crate) sums: Vec<f64>,
    #[component(name = "zero-counts")]
    pub(crate) zero_counts: Vec<f64>,
    pub(crate) layouts: Vec<Layout>,
    #[component(name = "layout-rows")]
    pub(crate) layout_rows: Vec<u32>,
    pub(crate) buckets: Vec<f64>,
}

#[derive(ComponentType, Lower)]
#[component(record)]
pub(crate) struct HistogramAggregatesRef<'a> {
    pub(crate) count: ColumnRef<'a>,
    pub(crate) sum: HistogramColumnRef<'a>,
    pub(crate) counter: HistogramColumnRef<'a>,
}

#[derive(ComponentType, Lift, Debug, Clone, Default)]
#[component(record)]
pub(crate) struct HistogramAggregates {
    pub(crate) count: Column,
    pub(crate) sum: HistogramColumn,
    pub(crate) counter: HistogramColumn,
}
