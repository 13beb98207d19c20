//! How many chunks come out, and where raw samples are cut.
//!
//! Source: `downsampling.md` 2.4, 2.5.

/// Windows that a chunk should have at most.
const WINDOWS: i64 = 140;
/// Raw samples are taken for a sample a minute, whatever they are.
pub(super) const RAW_INTERVAL_MS: i64 = 60_000;

/// The number of chunks for `samples` from `min` to `max`, at least 1; `from_ms` and `to_ms` are resolutions.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "the reference computes in floats, and cuts off what is behind the point"
)]
pub(super) fn target(min: i64, max: i64, from_ms: i64, to_ms: i64, samples: u64) -> i64 {
    let length = max.wrapping_sub(min);
    let most = (length / to_ms) as f64;
    let fullness = samples as f64 / (length as f64 / from_ms as f64);
    let fullness = if fullness > 1.0 { 1.0 } else { fullness };
    // Not a number becomes 0, and the reference's lowest integer has the same consequence.
    let expected = ((most * fullness) as i64).saturating_add(1);
    if expected < 1 { 1 } else { expected / (WINDOWS + 1) + 1 }
}

/// The last millisecond of the window that holds `time`.
pub(super) fn window_end(time: i64, resolution: i64) -> i64 {
    time.wrapping_sub(time % resolution).wrapping_add(resolution - 1)
}

/// Where the batches of `times` end, for `chunks` of them; always at the border of a window.
pub(super) fn batches(times: &[i64], resolution: i64, chunks: i64) -> impl Iterator<Item = usize> {
    let size = times.len() / usize::try_from(chunks).unwrap_or(usize::MAX).max(1) + 1;
    let mut start = 0;
    std::iter::from_fn(move || {
        let rest = times.get(start..).filter(|rest| !rest.is_empty())?;
        let sure = size.min(rest.len());
        let (batch, behind) = rest.split_at(sure);
        let end = window_end(*batch.last()?, resolution);
        start += sure + behind.iter().take_while(|time| **time <= end).count();
        Some(start)
    })
}

/// The chunks to make of a run of raw samples at these times.
pub(super) fn raw_target(times: &[i64], resolution: i64) -> i64 {
    match (times.first(), times.last()) {
        (Some(min), Some(max)) => target(*min, *max, RAW_INTERVAL_MS, resolution, times.len() as u64),
        _ => 1,
    }
}
