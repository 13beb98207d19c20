//! The float samples of a chunk that count: not stale, not before the epoch, in order.
//!
//! Source: `downsampling.md` 2.2.

use lithify_block::columns::Column;

use crate::chunk::{ChunkError, STALE_BITS, xor};

/// Appends the samples of a float chunk to `column`, whose offsets stay as they are; says whether a NaN is among those
/// that were kept.
pub(super) fn floats(data: &[u8], column: &mut Column) -> Result<bool, ChunkError> {
    let start = column.timestamps.len();
    xor::decode(data, &mut column.timestamps, &mut column.values)?;
    let times = column.timestamps.get(start..).unwrap_or_default();
    let values = column.values.get(start..).unwrap_or_default();
    // A sign tells of a time before the epoch or before the last one. Nothing else: where neither is negative, the
    // difference does not wrap.
    let steps = times.array_windows().fold(0, |signs, [before, time]| signs | time | time.wrapping_sub(*before));
    let falls = steps | times.first().copied().unwrap_or_default() < 0;
    let nan = values.iter().fold(false, |nan, value| nan | value.is_nan());
    Ok((falls || nan) && sift(start, column))
}

/// Takes out what does not count, from row `start` on; says whether a NaN is left.
#[cold]
fn sift(start: usize, column: &mut Column) -> bool {
    let (mut last, mut kept, mut nan) = (0, start, false);
    for row in start..column.timestamps.len() {
        let (Some(&time), Some(&value)) = (column.timestamps.get(row), column.values.get(row)) else { break };
        if value.to_bits() == STALE_BITS || time < last {
            continue;
        }
        last = time;
        nan |= value.is_nan();
        if let (Some(to_time), Some(to_value)) = (column.timestamps.get_mut(kept), column.values.get_mut(kept)) {
            (*to_time, *to_value) = (time, value);
        }
        kept += 1;
    }
    column.timestamps.truncate(kept);
    column.values.truncate(kept);
    nan
}
