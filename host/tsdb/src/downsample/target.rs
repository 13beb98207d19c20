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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_counted_as_the_reference_counts_them() {
        for (min, max, from_ms, to_ms, samples, chunks) in [
            (0, 0, 60_000, 300_000, 1, 1),
            (0, 0, 300_000, 3_600_000, 0, 1),
            (5, 5, 60_000, 300_000, 7, 1),
            (0, 41_999_999, 60_000, 300_000, 700, 1),
            (0, 42_000_000, 60_000, 300_000, 701, 2),
            (0, 84_000_000, 60_000, 300_000, 1401, 2),
            (0, 84_300_000, 60_000, 300_000, 1406, 3),
            (0, 172_785_000, 60_000, 300_000, 11_520, 5),
            (0, 172_500_000, 60_000, 300_000, 576, 1),
            (0, 1_209_600_000, 300_000, 3_600_000, 4032, 3),
            (0, 864_000_000, 300_000, 3_600_000, 10, 1),
            (0, 5_000_000, 300_000, 3_600_000, 0, 1),
        ] {
            assert_eq!(target(min, max, from_ms, to_ms, samples), chunks, "{min} {max} {samples}");
        }
    }

    #[test]
    fn batches_stretch_to_the_end_of_the_window_they_end_in() {
        // Windows of 10 ms with three samples each.
        let times: Vec<i64> = (0..12).map(|i| i / 3 * 10 + i % 3).collect();
        let ends = |chunks| batches(&times, 10, chunks).collect::<Vec<_>>();
        assert_eq!(ends(13), [3, 6, 9, 12]);
        assert_eq!(ends(3), [6, 12]);
        assert_eq!(ends(1), [12]);
        assert_eq!(batches(&[], 10, 1).next(), None);
    }

    #[test]
    fn a_window_ends_with_its_last_millisecond() {
        assert_eq!(
            [0, 1, 299_999, 300_000, 1_587_690_005_791].map(|time| window_end(time, 300_000)),
            [299_999, 299_999, 299_999, 599_999, 1_587_690_299_999]
        );
    }
}
