//! Which samples share a window?
//!
//! ```text
//! run    |x  x x  x | x    x  x |          |  x x|
//! window 1          2           3                4   times: the last millisecond; of the run's last window, its last sample
//! ```
//!
//! Source: `downsampling.md` 2.5 `windowEnd`, 2.6.

use alloc::vec::Vec;
use core::ops::Range;

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
    #[inline]
    pub(crate) fn rows<'a>(&self, window: usize, values: &'a [f64]) -> &'a [f64] {
        self.stretch(window..window + 1, values)
    }

    /// The rows of windows that follow each other, likewise.
    #[inline]
    pub(crate) fn stretch<'a>(&self, windows: Range<usize>, values: &'a [f64]) -> &'a [f64] {
        let row = |window: usize| window.checked_sub(1).map_or(0, |before| self.ends[before] as usize);
        &values[row(windows.start)..row(windows.end)]
    }

    /// `start` is the run's first row.
    fn add_run(&mut self, resolution: i64, start: u32, timestamps: &[i64]) {
        let Some(last) = timestamps.last() else {
            self.offsets.push(position(self.ends.len()));
            return;
        };
        let mut cut = Cut { timestamps, resolution, last: *last, rises: !falls(timestamps), row: 0 };
        while let Some(first) = timestamps.get(cut.row) {
            // As many as there are if timestamps rise and there are no gaps; room that is not needed is given back.
            let spanned = last.wrapping_sub(*first).cast_unsigned() / resolution.cast_unsigned();
            let room = usize::try_from(spanned).unwrap_or(usize::MAX).min(timestamps.len() - cut.row - 1) + 1;
            let made = self.ends.len();
            self.ends.resize(made + room, 0);
            self.times.resize(made + room, 0);
            let used = made + cut.windows(start, &mut self.ends[made..], &mut self.times[made..]);
            self.ends.truncate(used);
            self.times.truncate(used);
        }
        self.offsets.push(position(self.ends.len()));
    }
}

/// A run that is being cut.
struct Cut<'a> {
    timestamps: &'a [i64],
    resolution: i64,
    /// The last timestamp.
    last: i64,
    /// Whether no timestamp is before the one in front of it.
    rises: bool,
    /// The first row of the next window.
    row: usize,
}

impl Cut<'_> {
    /// Cuts as many windows as there is room for and rows are left; returns how many. `start` is the run's first row.
    fn windows(&mut self, start: u32, ends: &mut [u32], times: &mut [i64]) -> usize {
        let Self { timestamps, resolution, last, rises, .. } = *self;
        let (mut made, mut open) = (0, i64::MIN);
        while let (Some(first), Some(end), Some(time)) =
            (timestamps.get(self.row), ends.get_mut(made), times.get_mut(made))
        {
            open = window_end_behind(open, *first, resolution);
            *time = open.min(last);
            // The first sample opens the window, whatever its time.
            let behind = &timestamps[self.row + 1..];
            let length = 1 + if rises { rising_not_after(behind, *time) } else { not_after(behind, *time) };
            self.row += length;
            *end = start + position(self.row);
            made += 1;
            if rises && open >= -1 {
                let more = stride(self, (length, open), start, (&mut ends[made..], &mut times[made..]));
                made += more;
                // As many ends of windows were passed, and none was left out.
                open = times[made - 1].max(open);
            }
        }
        made
    }
}

/// Cuts windows that follow each other without a gap and are about as long as the one before: `length` rows, to `open`,
/// which is not before the epoch. Returns how many. Timestamps rise.
///
/// In here there is nothing else, so that all of it is in registers.
#[inline(never)]
fn stride(
    cut: &mut Cut<'_>,
    (mut length, mut open): (usize, i64),
    start: u32,
    (ends, times): (&mut [u32], &mut [i64]),
) -> usize {
    /// How far the end of a window may be from where it is looked for.
    const TRIES: usize = 4;
    let Cut { timestamps, resolution, mut row, .. } = *cut;
    let mut made = 0;
    for (end, time) in ends.iter_mut().zip(times) {
        let next = open.wrapping_add(resolution);
        let mut behind = row + length;
        let found = (0..TRIES).any(|_| {
            let Some([inside, outside]) = timestamps.get(behind - 1..).and_then(|rest| rest.first_chunk()) else {
                return false;
            };
            let (longer, shorter) = (*outside <= next, *inside > next && behind > row);
            behind = behind + usize::from(longer) - usize::from(shorter);
            !longer && !shorter
        });
        if !found || behind == row {
            break;
        }
        (length, row, open) = (behind - row, behind, next);
        // There is a sample behind this window, so it is not the last one and has its full length.
        (*end, *time) = (start + position(row), open);
        made += 1;
    }
    cut.row = row;
    made
}

/// The last millisecond of the window that holds `time`. Wraps at the end of time, as the reference does.
fn window_end(time: i64, resolution: i64) -> i64 {
    time.wrapping_sub(time % resolution).wrapping_add(resolution - 1)
}

/// The same, without a division where `time` lies in the window behind the one that ends with `before`. Windows before the
/// epoch are no intervals of one length.
fn window_end_behind(before: i64, time: i64, resolution: i64) -> i64 {
    let next = before.wrapping_add(resolution);
    if before >= -1 && before < time && time <= next { next } else { window_end(time, resolution) }
}

/// How many leading timestamps are not after `time`; the first one that is ends the window, whatever comes behind it.
fn not_after(timestamps: &[i64], time: i64) -> usize {
    timestamps.iter().position(|t| *t > time).unwrap_or(timestamps.len())
}

/// The same where timestamps rise: steps that double, then halves.
fn rising_not_after(timestamps: &[i64], time: i64) -> usize {
    let mut step = 1;
    while timestamps.get(step - 1).is_some_and(|t| *t <= time) {
        step *= 2;
    }
    let known = step / 2;
    known + timestamps[known..timestamps.len().min(step)].partition_point(|t| *t <= time)
}

/// Whether a timestamp is before the one in front of it.
#[cfg_attr(target_family = "wasm", target_feature(enable = "simd128"))]
#[inline(never)]
fn falls(timestamps: &[i64]) -> bool {
    /// Without an exit inside, so that a block is compared at once.
    const BLOCK: usize = 16;
    /// As many steps of less than this as there can be rows do not add up to more than 63 bits.
    const STEP: u64 = 1 << 31;
    let [first, _, ..] = timestamps else { return false };
    let (blocks, blocks_behind) = (timestamps.as_chunks::<BLOCK>().0, timestamps[1..].as_chunks::<BLOCK>().0);
    let mut steps = [0_u64; 4];
    for (block, behind) in blocks.iter().zip(blocks_behind) {
        for (place, (time, behind)) in block.iter().zip(behind).enumerate() {
            steps[place % 4] |= behind.wrapping_sub(*time).cast_unsigned();
        }
    }
    let rest = &timestamps[blocks_behind.len() * BLOCK..];
    // Small steps that lead from one time after the epoch up to another went back nowhere, not even around the end of time.
    let plain = *first >= 0 && rest.first() >= Some(first) && steps.iter().fold(0, |all, step| all | step) < STEP;
    if plain { !rest.is_sorted() } else { !timestamps.is_sorted() }
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
    fn one_step_back_is_found_wherever_it_is() {
        let timestamps: Vec<i64> = (0..40).collect();
        for length in 0..40 {
            assert!(!falls(&timestamps[..length]));
            for place in 1..length {
                let mut stepped = timestamps[..length].to_vec();
                stepped[place] = stepped[place - 1];
                assert!(!falls(&stepped));
                stepped[place] -= 1;
                assert!(falls(&stepped), "{length}, {place}");
            }
        }
    }

    #[test]
    fn windows_of_any_length_end_where_the_obvious_loop_ends_them() {
        let mut dice = 88_172_645_463_325_252_u64;
        let mut below = |end: u64| {
            dice ^= dice << 13;
            dice ^= dice >> 7;
            dice ^= dice << 17;
            i64::try_from(dice % end).unwrap()
        };
        for round in 0..200 {
            let mut time = [-1000, -150, 0, i64::MAX - 900][round % 4];
            let step = [3, 30, 250][round % 3];
            let timestamps: Vec<i64> = core::iter::from_fn(|| {
                let now = time;
                // Now and then a step back.
                time = time.saturating_add(if below(40) == 0 && round % 2 == 0 { -below(200) } else { below(step) });
                Some(now)
            })
            .take(60)
            .collect();
            assert_eq!(find(100, &timestamps), obvious(100, &timestamps), "{timestamps:?}");
        }
    }

    fn obvious(resolution: i64, timestamps: &[i64]) -> Vec<(u32, i64)> {
        let mut windows: Vec<(u32, i64)> = Vec::new();
        let last = *timestamps.last().unwrap();
        let mut open = None;
        for (row, time) in (1..).zip(timestamps) {
            match open {
                Some(end) if *time <= end => windows.last_mut().unwrap().0 = row,
                _ => {
                    let end = window_end(*time, resolution).min(last);
                    open = Some(end);
                    windows.push((row, end));
                }
            }
        }
        windows
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
