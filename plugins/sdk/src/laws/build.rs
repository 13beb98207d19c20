//! Questions for tests.

use alloc::{string::String, vec::Vec};

use crate::{Block, Column, Context, Request};

/// A raw block of level 1 that covers `[min_time, max_time)`, in milliseconds, without labels and marks; it has 100
/// series and an index of 1000 bytes.
#[must_use]
pub fn block(id: &str, min_time: i64, max_time: i64) -> Block {
    Block {
        id: id.into(),
        min_time,
        max_time,
        level: 1,
        failed: false,
        resolution: 0,
        external_labels: Vec::new(),
        sources: Vec::from([String::from(id)]),
        parents: Vec::new(),
        num_series: 100,
        num_samples: 12_000,
        num_chunks: 100,
        num_tombstones: 0,
        index_size_bytes: Some(1000),
        size_bytes: Some(100_000),
        source: "sidecar".into(),
        uploaded_at: None,
        no_compact: None,
        no_downsample: None,
        deletion_marked_at: None,
        extensions: None,
        extra: Vec::new(),
    }
}

/// Circumstances that matter to nobody.
#[must_use]
pub fn context() -> Context {
    Context { now: 0, run_id: "laws".into(), dry_run: true, shard: None }
}

/// A question to a planner about one group.
#[must_use]
pub fn request(blocks: Vec<Block>, ranges: &[i64]) -> Request {
    Request { key: "0@17241709254077376921".into(), labels: Vec::new(), resolution: 0, ranges: ranges.into(), blocks }
}

/// Runs of samples, `(milliseconds, value)` each.
#[must_use]
pub fn column(runs: &[&[(i64, f64)]]) -> Column {
    let mut column = Column { offsets: Vec::from([0]), timestamps: Vec::new(), values: Vec::new() };
    for (time, value) in runs.iter().copied().flatten() {
        column.timestamps.push(*time);
        column.values.push(*value);
    }
    let mut rows = 0_u32;
    for run in runs {
        rows = rows.saturating_add(u32::try_from(run.len()).unwrap_or(u32::MAX));
        column.offsets.push(rows);
    }
    column
}
