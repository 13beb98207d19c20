//! Histograms side by side in flat columns, and raw ones cut into the runs that become a chunk each.
//!
//! Source: `downsampling.md` 2.2, 2.3, 2.5.

use std::{ops::Range, sync::Arc};

use lithify_block::columns::{BucketSpan, HistogramColumn, HistogramLayout, ResetHint};

use super::{
    Hurdle,
    runs::row_number,
    target::{batches, raw_target},
};
use crate::chunk::{
    ChunkError, Encoding, Float, Hint, Histogram, HistogramDecoder, Integer, Layout, Span, histogram::Kind,
};

/// Runs in the making.
#[derive(Debug)]
pub(super) struct HistogramRuns {
    pub(super) rows: HistogramColumn,
    /// First row and bucket of the stretch that is not cut yet.
    start: (usize, usize),
    /// Whether a sum in that stretch is NaN.
    nan: bool,
}

impl Default for HistogramRuns {
    fn default() -> Self {
        Self { rows: HistogramColumn { offsets: vec![0], ..HistogramColumn::default() }, start: (0, 0), nan: false }
    }
}

impl HistogramRuns {
    pub(super) fn clear(&mut self) {
        self.rows.offsets.truncate(1);
        self.start = (0, 0);
        truncate(&mut self.rows, (0, 0));
    }

    /// Adds the samples of a chunk to the present stretch: not stale, not before the epoch, in order.
    pub(super) fn chunk(&mut self, encoding: Encoding, data: &[u8]) -> Result<(), ChunkError> {
        match encoding {
            Encoding::Histogram => {
                let mut samples = HistogramDecoder::<Integer>::new(data)?;
                self.extract(&mut samples, |samples, rows| {
                    if samples.is_reduced() {
                        floats(&samples.float_histogram(), rows)
                    } else {
                        integers(samples, rows)
                    }
                })
            }
            Encoding::FloatHistogram => {
                let mut samples = HistogramDecoder::<Float>::new(data)?;
                self.extract(&mut samples, |samples, rows| floats(samples.histogram(), rows))
            }
            Encoding::Xor | Encoding::Aggregate => Err(ChunkError::UnsupportedEncoding(encoding.byte())),
        }
    }

    fn extract<K: Kind>(
        &mut self,
        samples: &mut HistogramDecoder<'_, K>,
        push: impl Fn(&HistogramDecoder<'_, K>, &mut HistogramColumn),
    ) -> Result<(), ChunkError> {
        let (mut last, mut shown) = (0, None::<Arc<Layout>>);
        while samples.advance()? {
            let (time, histogram) = (samples.timestamp(), samples.histogram());
            if histogram.is_stale() || time < last {
                continue;
            }
            last = time;
            self.nan |= histogram.sum.is_nan();
            let rows = &mut self.rows;
            // The samples of a chunk share their layout, so most need not be compared.
            if !shown.as_ref().is_some_and(|shown| Arc::ptr_eq(shown, &histogram.layout)) {
                lay_out(&histogram.layout, rows);
                shown = Some(Arc::clone(&histogram.layout));
            }
            rows.timestamps.push(time);
            rows.hints.push(hint(histogram.hint));
            rows.sums.push(histogram.sum);
            push(samples, rows);
        }
        Ok(())
    }

    /// Cuts the present stretch into as many runs as it should have; returns how many there are.
    pub(super) fn close(&mut self, resolution: i64) -> Result<usize, Hurdle> {
        let stretch = self.rows.timestamps.get(self.start.0..).unwrap_or_default();
        let chunks = raw_target(stretch, resolution);
        let before = self.rows.offsets.len();
        for end in batches(stretch, resolution, chunks) {
            self.rows.offsets.push(row_number(self.start.0 + end)?);
        }
        if std::mem::take(&mut self.nan) {
            self.drop_nans(before);
        }
        self.ended(before)
    }

    /// Whether the present stretch has no rows.
    pub(super) fn is_level(&self) -> bool {
        self.start.0 == self.rows.timestamps.len()
    }

    /// Takes the present stretch for one run.
    pub(super) fn close_one(&mut self) -> Result<usize, Hurdle> {
        let before = self.rows.offsets.len();
        self.nan = false;
        self.rows.offsets.push(row_number(self.rows.timestamps.len())?);
        self.ended(before)
    }

    fn ended(&mut self, before: usize) -> Result<usize, Hurdle> {
        self.start = (self.rows.timestamps.len(), self.rows.buckets.len());
        for run in before..self.rows.offsets.len() {
            if is_mixed(&self.rows, run - 1) {
                return Err(Hurdle::MixedBuckets);
            }
        }
        Ok(self.rows.offsets.len() - before)
    }

    /// Takes rows without a sum out of the runs whose ends begin at `first`, and runs of which nothing is left.
    #[cold]
    fn drop_nans(&mut self, first: usize) {
        let ends = self.rows.offsets.split_off(first);
        let stretch = cut(&self.rows, self.start.0..self.rows.timestamps.len());
        truncate(&mut self.rows, self.start);
        let (mut cursor, mut taken) = (Cursor::new(&stretch), self.start.0);
        for end in ends {
            let before = self.rows.timestamps.len();
            while taken < end as usize
                && let Some(row) = cursor.next()
            {
                taken += 1;
                if !row.sum.is_nan() {
                    row.push_to(&mut self.rows);
                }
            }
            let kept = self.rows.timestamps.len();
            if kept > before {
                // Not above `end`, which fitted.
                self.rows.offsets.push(u32::try_from(kept).unwrap_or(end));
            }
        }
    }
}

/// Appends counts and buckets of a histogram.
fn floats(histogram: &Histogram<Float>, rows: &mut HistogramColumn) {
    let custom = histogram.layout.is_custom();
    rows.counts.push(histogram.count);
    rows.zero_counts.push(if custom { 0.0 } else { histogram.zero_count });
    rows.buckets.extend_from_slice(&histogram.positive);
    if !custom {
        rows.buckets.extend_from_slice(&histogram.negative);
    }
}

/// As [`floats`], of the present histogram with integer counts.
#[expect(clippy::cast_precision_loss, reason = "counts above 2^53 lose their last bits, as in the reference")]
fn integers(samples: &HistogramDecoder<'_, Integer>, rows: &mut HistogramColumn) {
    let histogram = samples.histogram();
    let custom = histogram.layout.is_custom();
    rows.counts.push(histogram.count as f64);
    rows.zero_counts.push(if custom { 0.0 } else { histogram.zero_count as f64 });
    absolutes(&histogram.positive, &mut rows.buckets);
    if !custom {
        absolutes(&histogram.negative, &mut rows.buckets);
    }
}

/// Appends the counts behind differences. The reference adds them up as floats.
#[expect(
    clippy::cast_precision_loss,
    reason = "adding floats loses the last bits of large numbers, as in the reference"
)]
fn absolutes(deltas: &[i64], buckets: &mut Vec<f64>) {
    let start = buckets.len();
    let (mut running, mut large) = (0_i64, 0);
    buckets.extend(deltas.iter().map(|delta| {
        running = running.wrapping_add(*delta);
        large |= running.unsigned_abs() | delta.unsigned_abs();
        running as f64
    }));
    // As long as all numbers are whole in a float, whole numbers give the same, and need not wait for each other as long.
    if large >> f64::MANTISSA_DIGITS != 0 {
        buckets.truncate(start);
        let mut running = 0.0;
        buckets.extend(deltas.iter().map(|delta| {
            running += *delta as f64;
            running
        }));
    }
}

fn hint(hint: Hint) -> ResetHint {
    match hint {
        Hint::Unknown => ResetHint::Unknown,
        Hint::CounterReset => ResetHint::Reset,
        Hint::NotCounterReset => ResetHint::NotReset,
        Hint::Gauge => ResetHint::Gauge,
    }
}

/// Makes `layout` that of the next row.
fn lay_out(layout: &Layout, rows: &mut HistogramColumn) {
    if rows.layouts.last().is_none_or(|last| !is_same(last, layout)) {
        rows.layouts.push(converted(layout));
        // Rows are counted when their run ends; what is too much is refused then.
        rows.layout_rows.push(u32::try_from(rows.timestamps.len()).unwrap_or(u32::MAX));
    }
}

/// Whether a row of `stored` has the layout `shown`; see [`converted`].
fn is_same(shown: &HistogramLayout, stored: &Layout) -> bool {
    let same = |shown: &[BucketSpan], stored: &[Span]| {
        shown.len() == stored.len()
            && shown.iter().zip(stored).all(|(a, b)| (a.offset, a.length) == (b.offset, b.length))
    };
    let sides = shown.schema == stored.schema && same(&shown.positive_spans, &stored.positive);
    if !sides || !stored.is_custom() {
        return sides
            && shown.zero_threshold.to_bits() == stored.zero_threshold.to_bits()
            && same(&shown.negative_spans, &stored.negative);
    }
    let bits = |bound: &f64| bound.to_bits();
    shown.custom_values.iter().map(bits).eq(stored.custom_values.iter().map(bits))
}

/// The layout as policies see it: with custom bounds there is neither a zero bucket nor a negative side.
fn converted(layout: &Layout) -> HistogramLayout {
    let spans = |spans: &[Span]| {
        spans.iter().map(|span| BucketSpan { offset: span.offset, length: span.length }).collect::<Vec<_>>()
    };
    let custom = layout.is_custom();
    HistogramLayout {
        schema: layout.schema,
        zero_threshold: if custom { 0.0 } else { layout.zero_threshold },
        custom_values: layout.custom_values.clone(),
        positive_spans: spans(&layout.positive),
        negative_spans: if custom { Vec::new() } else { spans(&layout.negative) },
    }
}

/// Whether a run has exponential and custom buckets.
fn is_mixed(rows: &HistogramColumn, run: usize) -> bool {
    let offset = |at: usize| rows.offsets.get(at).copied().unwrap_or_default();
    let (from, to) = (offset(run), offset(run + 1));
    let first = rows.layout_rows.partition_point(|row| *row <= from).saturating_sub(1);
    let behind = rows.layout_rows.partition_point(|row| *row < to);
    let mut custom = rows.layouts.get(first..behind).unwrap_or_default().iter().map(|layout| layout.schema == -53);
    custom.next().is_some_and(|one| custom.any(|other| other != one))
}

fn truncate(rows: &mut HistogramColumn, (row, bucket): (usize, usize)) {
    rows.timestamps.truncate(row);
    rows.hints.truncate(row);
    rows.counts.truncate(row);
    rows.sums.truncate(row);
    rows.zero_counts.truncate(row);
    rows.buckets.truncate(bucket);
    let layouts = rows.layout_rows.partition_point(|first| (*first as usize) < row);
    rows.layouts.truncate(layouts);
    rows.layout_rows.truncate(layouts);
}

/// Copies some rows; the result has no runs.
pub(super) fn cut(rows: &HistogramColumn, range: Range<usize>) -> HistogramColumn {
    let mut copy = HistogramColumn { offsets: vec![0], ..HistogramColumn::default() };
    for row in Cursor::new(rows).skip(range.start).take(range.len()) {
        row.push_to(&mut copy);
    }
    copy
}

/// One histogram of a column.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row<'a> {
    pub(super) time: i64,
    pub(super) hint: ResetHint,
    pub(super) count: f64,
    pub(super) sum: f64,
    pub(super) zero_count: f64,
    pub(super) layout: &'a HistogramLayout,
    pub(super) positive: &'a [f64],
    pub(super) negative: &'a [f64],
}

impl Row<'_> {
    fn push_to(&self, rows: &mut HistogramColumn) {
        if rows.layouts.last() != Some(self.layout) {
            rows.layouts.push(self.layout.clone());
            rows.layout_rows.push(u32::try_from(rows.timestamps.len()).unwrap_or(u32::MAX));
        }
        rows.timestamps.push(self.time);
        rows.hints.push(self.hint);
        rows.counts.push(self.count);
        rows.sums.push(self.sum);
        rows.zero_counts.push(self.zero_count);
        rows.buckets.extend_from_slice(self.positive);
        rows.buckets.extend_from_slice(self.negative);
    }
}

/// Walks the rows of a column; ends where the column contradicts itself.
pub(super) struct Cursor<'a> {
    rows: &'a HistogramColumn,
    row: usize,
    /// The layout behind the present one, and the buckets that a row of the present one has on each side.
    next_layout: usize,
    sides: (usize, usize),
    bucket: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(rows: &'a HistogramColumn) -> Self {
        Self { rows, row: 0, next_layout: 0, sides: (0, 0), bucket: 0 }
    }
}

impl<'a> Iterator for Cursor<'a> {
    type Item = Row<'a>;

    fn next(&mut self) -> Option<Row<'a>> {
        let rows = self.rows;
        if rows.layout_rows.get(self.next_layout).is_some_and(|first| *first as usize <= self.row) {
            self.sides = rows.layouts.get(self.next_layout)?.buckets();
            self.next_layout += 1;
        }
        let (positive, negative) = self.sides;
        let buckets = rows.buckets.get(self.bucket..self.bucket.checked_add(positive.checked_add(negative)?)?)?;
        let (positive, negative) = buckets.split_at_checked(positive)?;
        let row = Row {
            time: *rows.timestamps.get(self.row)?,
            hint: *rows.hints.get(self.row)?,
            count: *rows.counts.get(self.row)?,
            sum: *rows.sums.get(self.row)?,
            zero_count: *rows.zero_counts.get(self.row)?,
            layout: rows.layouts.get(self.next_layout.checked_sub(1)?)?,
            positive,
            negative,
        };
        self.row += 1;
        self.bucket += buckets.len();
        Some(row)
    }
}
