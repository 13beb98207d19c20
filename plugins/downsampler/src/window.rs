//! Which samples share a window?
//!
//! ```text
//! run    |x  x x  x | x    x  x |          |  x x|
//! window 1          2           3                4   times: the last millisecond; of the run's last window, its last sample
//! ```
//!
//! Source: `downsampling.md` 2.5 `windowEnd`, 2.6.

use alloc::vec::Vec;

use crate::{Refused, rows};

/// The windows of many runs, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Windows {
    /// Where the windows of each run begin and the last one ends: one more than runs.
    pub(crate) offsets: Vec<u32>,
    /// The row behind the last row of each window.
    pub(crate) ends: Vec<u32>,
    /// The time of each window.
    pub(crate) times: Vec<i64>,
}

impl Windows {
    /// Cuts runs of samples into windows of `resolution` milliseconds. Every window has at least one row.
    ///
    /// # Errors
    /// [`Refused`] if `offsets` do not fit `timestamps`, or `resolution` is not above zero.
    pub(crate) fn find(resolution: i64, offsets: &[u32], timestamps: &[i64]) -> Result<Self, Refused> {
        rows::check(offsets, timestamps.len())?;
        if resolution <= 0 {
            return Err(Refused::because("resolution is not above zero"));
        }
        let mut windows = Self { offsets: Vec::with_capacity(offsets.len()), ..Self::default() };
        windows.offsets.push(0);
        for run in offsets.windows(2) {
            windows.add_run(resolution, run[0], &timestamps[run[0] as usize..run[1] as usize]);
        }
        Ok(windows)
    }

    /// The rows of window `window`, of `values`, which has as many rows as there were timestamps.
    pub(crate) fn rows<'a>(&self, window: usize, values: &'a [f64]) -> &'a [f64] {
        let start = window.checked_sub(1).map_or(0, |before| self.ends[before]);
        &values[start as usize..self.ends[window] as usize]
    }

    /// `start` is the run's first row.
    #[cfg_attr(target_family = "wasm", target_feature(enable = "simd128"))]
    fn add_run(&mut self, resolution: i64, start: u32, timestamps: &[i64]) {
        let Some(last) = timestamps.last() else {
            self.offsets.push(position(self.ends.len()));
            return;
        };
        let mut rest = timestamps;
        while let Some(first) = rest.first() {
            let time = window_end(*first, resolution).min(*last);
            // The first sample opens the window, whatever its time.
            let length = 1 + not_after(&rest[1..], time);
            rest = &rest[length..];
            self.ends.push(start + position(timestamps.len() - rest.len()));
            self.times.push(time);
        }
        self.offsets.push(position(self.ends.len()));
    }
}

/// The last millisecond of the window that holds `time`. Wraps at the end of time, as the reference does.
fn window_end(time: i64, resolution: i64) -> i64 {
    time.wrapping_sub(time % resolution).wrapping_add(resolution - 1)
}

/// How many leading timestamps are not after `time`; the first one that is ends the window, whatever comes behind it.
#[cfg_attr(target_family = "wasm", target_feature(enable = "simd128"))]
fn not_after(timestamps: &[i64], time: i64) -> usize {
    const BLOCK: usize = 8;
    let mut seen = 0;
    for block in timestamps.as_chunks::<BLOCK>().0 {
        // Without an exit inside, so that the block is compared at once.
        let mut after = false;
        for t in block {
            after |= *t > time;
        }
        if after {
            break;
        }
        seen += BLOCK;
    }
    while timestamps.get(seen).is_some_and(|t| *t <= time) {
        seen += 1;
    }
    seen
}

/// Rows are counted with 32 bits at the interface, and windows are at most as many as rows.
pub(crate) fn position(rows: usize) -> u32 {
    u32::try_from(rows).expect("offsets of rows were 32 bits wide")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(resolution: i64, timestamps: &[i64]) -> Vec<(u32, i64)> {
        let windows = Windows::find(resolution, &[0, position(timestamps.len())], timestamps).unwrap();
        windows.ends.into_iter().zip(windows.times).collect()
    }

    /// D005.
    #[test]
    fn a_window_ends_with_its_last_millisecond() {
        let end = window_end;
        assert_eq!([end(0, 300_000), end(1, 300_000), end(299_999, 300_000)], [299_999; 3]);
        assert_eq!([end(300_000, 300_000), end(300_001, 300_000)], [599_999; 2]);
        assert_eq!(end(1_587_690_005_791, 300_000), 1_587_690_299_999);
        assert_eq!(end(1_587_690_005_791, 3_600_000), 1_587_693_599_999);
        assert_eq!([end(99, 100), end(100, 100)], [99, 199]);
    }

    #[test]
    fn the_last_window_of_a_run_is_stamped_by_its_last_sample() {
        assert_eq!(find(100, &[10, 20, 1000, 1010, 5050]), [(2, 99), (4, 1099), (5, 5050)]);
        assert_eq!(find(100, &[99, 100, 199]), [(1, 99), (3, 199)]);
    }

    #[test]
    fn a_sample_that_goes_back_stays_in_the_open_window() {
        assert_eq!(find(100, &[250, 50, 310, 320]), [(2, 299), (4, 320)]);
    }

    #[test]
    fn samples_behind_the_last_of_a_run_open_windows_of_equal_time() {
        assert_eq!(find(100, &[10, 500, 600, 150]), [(1, 99), (2, 150), (4, 150)]);
    }

    #[test]
    fn the_search_in_blocks_finds_what_one_by_one_finds() {
        let timestamps: Vec<i64> = (0..40).collect();
        for length in 0..40 {
            for time in -1..41 {
                let expected = timestamps[..length].iter().take_while(|t| **t <= time).count();
                assert_eq!(not_after(&timestamps[..length], time), expected);
            }
        }
    }

    #[test]
    fn runs_without_rows_have_no_windows() {
        let windows = Windows::find(100, &[0, 0, 1, 1], &[7]).unwrap();
        assert_eq!((windows.offsets, windows.ends), ([0, 0, 1, 1].into(), [1].into()));
    }

    #[test]
    fn columns_that_do_not_fit_are_refused() {
        for offsets in [&[][..], &[1, 2], &[0], &[0, 3], &[0, 3, 2]] {
            assert!(Windows::find(100, offsets, &[1, 2]).is_err(), "{offsets:?}");
        }
        assert!(Windows::find(0, &[0, 2], &[1, 2]).is_err());
    }
}
