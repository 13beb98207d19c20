//! WIT types and block types: the only place where they meet.

use lithify_block::{
    BlockFacts, Group, Labels,
    columns::{Aggregates, BucketSpan, Column, HistogramAggregates, HistogramColumn, HistogramLayout},
    policy,
};

use crate::wire;

pub(crate) fn context(cx: &policy::Context) -> wire::Context<'_> {
    wire::Context { now: cx.now.0, run_id: &cx.run_id, dry_run: cx.dry_run, shard: cx.shard.as_deref() }
}

pub(crate) fn label_refs(labels: &Labels) -> Vec<wire::LabelRef<'_>> {
    labels.iter().map(|(name, value)| wire::LabelRef { name, value }).collect()
}

pub(crate) fn label_sets(sets: &[Labels]) -> Vec<wire::LabelSetRef<'_>> {
    sets.iter().map(|labels| wire::LabelSetRef { labels: label_refs(labels) }).collect()
}

pub(crate) fn blocks(blocks: &[BlockFacts]) -> Vec<wire::Block<'_>> {
    blocks.iter().map(block).collect()
}

fn block(facts: &BlockFacts) -> wire::Block<'_> {
    let meta = &facts.meta;
    wire::Block {
        id: facts.id.to_string(),
        min_time: meta.range.min.0,
        max_time: meta.range.max.0,
        level: u32::try_from(meta.compaction.level).unwrap_or(0),
        failed: meta.compaction.failed,
        resolution: meta.thanos.resolution,
        external_labels: label_refs(&meta.thanos.labels),
        sources: meta.compaction.sources.iter().map(ToString::to_string).collect(),
        parents: meta.compaction.parents.iter().map(|parent| parent.id.to_string()).collect(),
        num_series: meta.stats.num_series,
        num_samples: meta.stats.num_samples,
        num_chunks: meta.stats.num_chunks,
        num_tombstones: meta.stats.num_tombstones,
        index_size_bytes: facts.index_size_bytes,
        size_bytes: facts.size_bytes,
        source: &meta.thanos.source,
        uploaded_at: facts.uploaded_at.map(|time| time.0),
        no_compact: facts.no_compact.as_deref(),
        no_downsample: facts.no_downsample.as_deref(),
        deletion_marked_at: facts.deletion_marked_at.map(|time| time.0),
        extensions: meta.thanos.extensions.as_ref().map(ToString::to_string),
        extra: Vec::new(),
    }
}

pub(crate) fn request<'a>(group: &'a Group, ranges: &'a [i64]) -> wire::Request<'a> {
    wire::Request {
        key: &group.key,
        labels: label_refs(&group.labels),
        resolution: group.resolution,
        ranges,
        blocks: blocks(&group.blocks),
    }
}

pub(crate) fn column(column: &Column) -> wire::ColumnRef<'_> {
    wire::ColumnRef { offsets: &column.offsets, timestamps: &column.timestamps, values: &column.values }
}

pub(crate) fn aggregates(rows: &Aggregates) -> wire::AggregatesRef<'_> {
    let Aggregates { count, sum, min, max, counter } = rows;
    wire::AggregatesRef {
        count: column(count),
        sum: column(sum),
        min: column(min),
        max: column(max),
        counter: column(counter),
    }
}

fn layout(layout: &HistogramLayout) -> wire::LayoutRef<'_> {
    let span = |span: &BucketSpan| wire::Span { offset: span.offset, length: span.length };
    wire::LayoutRef {
        schema: layout.schema,
        zero_threshold: layout.zero_threshold,
        custom_values: &layout.custom_values,
        positive_spans: layout.positive_spans.iter().map(span).collect(),
        negative_spans: layout.negative_spans.iter().map(span).collect(),
    }
}

pub(crate) fn histogram_column(rows: &HistogramColumn) -> wire::HistogramColumnRef<'_> {
    wire::HistogramColumnRef {
        offsets: &rows.offsets,
        timestamps: &rows.timestamps,
        hints: rows.hints.iter().map(|hint| *hint as u8).collect(),
        counts: &rows.counts,
        sums: &rows.sums,
        zero_counts: &rows.zero_counts,
        layouts: rows.layouts.iter().map(layout).collect(),
        layout_rows: &rows.layout_rows,
        buckets: &rows.buckets,
    }
}

pub(crate) fn histogram_aggregates(rows: &HistogramAggregates) -> wire::HistogramAggregatesRef<'_> {
    wire::HistogramAggregatesRef {
        count: column(&rows.count),
        sum: histogram_column(&rows.sum),
        counter: histogram_column(&rows.counter),
    }
}
