//! Columns of histograms in an answer: layouts that make sense, and as many buckets as they say.
//!
//! Source: `wit/0.1.0/downsampler.wit`, `downsampling.md` 1; Prometheus model/histogram (`checkHistogramSpans`).

use lithify_block::columns::{BucketSpan, HistogramColumn, HistogramLayout, ResetHint};

use super::columns::{Given, canonical, rows};
use crate::wire;

/// The schema of custom bounds.
const CUSTOM: i32 = -53;
/// The schemas of exponential buckets, those that readers of today only keep included.
const EXPONENTIAL: std::ops::RangeInclusive<i32> = -9..=52;

pub(super) fn histogram_column(
    name: &str,
    answer: wire::HistogramColumn,
    given: Given<'_>,
) -> Result<HistogramColumn, String> {
    let in_column = |error: String| format!("column {name}: {error}");
    rows(name, &answer.offsets, &answer.timestamps, given)?;
    let count = answer.timestamps.len();
    for (list, length) in [
        ("hints", answer.hints.len()),
        ("counts", answer.counts.len()),
        ("sums", answer.sums.len()),
        ("zero counts", answer.zero_counts.len()),
    ] {
        if length != count {
            return Err(in_column(format!("{count} timestamps and {length} {list}")));
        }
    }
    let layouts = layouts(&answer.layouts).map_err(in_column)?;
    stretches(&layouts, &answer.layout_rows, count, answer.buckets.len()).map_err(in_column)?;
    let mut column = HistogramColumn {
        hints: hints(&answer.hints).map_err(in_column)?,
        offsets: answer.offsets,
        timestamps: answer.timestamps,
        counts: answer.counts,
        sums: answer.sums,
        zero_counts: answer.zero_counts,
        layouts,
        layout_rows: answer.layout_rows,
        buckets: answer.buckets,
    };
    for values in [&mut column.counts, &mut column.sums, &mut column.zero_counts, &mut column.buckets] {
        canonical(values);
    }
    Ok(column)
}

fn hints(hints: &[u8]) -> Result<Vec<ResetHint>, String> {
    let hint = |(row, hint): (usize, &u8)| match hint {
        0 => Ok(ResetHint::Unknown),
        1 => Ok(ResetHint::Reset),
        2 => Ok(ResetHint::NotReset),
        3 => Ok(ResetHint::Gauge),
        _ => Err(format!("row {row}: {hint} is no hint: 0 to 3 are")),
    };
    hints.iter().enumerate().map(hint).collect()
}

/// Layouts begin at row 0, each behind the one before, and their buckets are all that there are.
fn stretches(layouts: &[HistogramLayout], starts: &[u32], rows: usize, buckets: usize) -> Result<(), String> {
    if layouts.len() != starts.len() {
        return Err(format!("{} layouts, but {} rows at which one begins", layouts.len(), starts.len()));
    }
    let in_order = starts.is_sorted_by(|a, b| a < b);
    let inside =
        starts.first().is_none_or(|first| *first == 0) && starts.last().is_none_or(|last| (*last as usize) < rows);
    if !in_order || !inside || (starts.is_empty() && rows > 0) {
        return Err(format!("layouts do not begin at row 0 and rise to one before row {rows}"));
    }
    let ends = starts.iter().skip(1).map(|end| *end as usize).chain([rows]);
    let wanted = layouts.iter().zip(starts).zip(ends).try_fold(0_usize, |sum, ((layout, start), end)| {
        let (positive, negative) = layout.buckets();
        sum.checked_add((positive + negative).checked_mul(end.saturating_sub(*start as usize))?)
    });
    if wanted != Some(buckets) {
        let wanted = wanted.map_or("too many".to_owned(), |wanted| wanted.to_string());
        return Err(format!("{buckets} buckets; its layouts have {wanted}"));
    }
    Ok(())
}

fn layouts(layouts: &[wire::Layout]) -> Result<Vec<HistogramLayout>, String> {
    layouts.iter().enumerate().map(|(i, own)| layout(own).map_err(|error| format!("layout {i}: {error}"))).collect()
}

fn layout(layout: &wire::Layout) -> Result<HistogramLayout, String> {
    let wire::Layout { schema, zero_threshold, custom_values, positive_spans, negative_spans } = layout;
    if !(*schema == CUSTOM || EXPONENTIAL.contains(schema)) {
        return Err(format!("there is no schema {schema}"));
    }
    // Not written the other way round, because a NaN is neither.
    if !(*zero_threshold >= 0.0 && zero_threshold.is_finite()) {
        return Err(format!("a zero threshold of {zero_threshold}"));
    }
    let (positive, negative) = (spans(positive_spans)?, spans(negative_spans)?);
    if *schema == CUSTOM {
        if !negative.is_empty() {
            return Err("custom bounds have no negative buckets".into());
        }
        if !custom_values.is_sorted_by(|a, b| a < b) || custom_values.iter().any(|bound| bound.is_nan()) {
            return Err("custom bounds do not rise".into());
        }
        let first = positive_spans.first().map_or(0, |span| i64::from(span.offset));
        if first < 0 || u64::try_from(end(positive_spans)).is_ok_and(|end| end > custom_values.len() as u64 + 1) {
            return Err(format!("buckets outside of its {} custom bounds", custom_values.len()));
        }
    } else if !custom_values.is_empty() {
        return Err("custom bounds with exponential buckets".into());
    }
    Ok(HistogramLayout {
        schema: *schema,
        zero_threshold: *zero_threshold,
        custom_values: custom_values.clone(),
        positive_spans: positive,
        negative_spans: negative,
    })
}

/// Spans lie one behind the other, and every index is one that a histogram can have.
fn spans(spans: &[wire::Span]) -> Result<Vec<BucketSpan>, String> {
    if let Some(at) = spans.iter().skip(1).position(|span| span.offset < 0) {
        return Err(format!("span {} begins in the one before", at + 1));
    }
    if end(spans) > i64::from(i32::MAX) {
        return Err("spans reach beyond the last bucket that there can be".into());
    }
    Ok(spans.iter().map(|span| BucketSpan { offset: span.offset, length: span.length }).collect())
}

/// The index behind the last bucket. Lists are as long as memory allows, which these sums can hold.
fn end(spans: &[wire::Span]) -> i64 {
    spans.iter().map(|span| i64::from(span.offset) + i64::from(span.length)).fold(0, i64::saturating_add)
}
