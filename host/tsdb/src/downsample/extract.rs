//! The float samples of a chunk that count: not stale, not before the epoch, in order.
//!
//! Source: `downsampling.md` 2.2.

use std::ops::Range;

use lithify_block::columns::Column;

use crate::chunk::{ChunkError, STALE_BITS, xor};

/// Appends the samples of a float chunk to `column`, whose offsets stay as they are.
pub(super) fn floats(data: &[u8], column: &mut Column) -> Result<(), ChunkError> {
    let (end, _) = floats_over(data, column.timestamps.len(), column)?;
    column.timestamps.truncate(end);
    column.values.truncate(end);
    Ok(())
}

/// Writes the samples of a float chunk over the rows of `column` from `start` on, which becomes longer if it has to; its
/// offsets stay as they are. Says where the samples end, and whether a NaN is among those that were kept.
pub(super) fn floats_over(data: &[u8], start: usize, column: &mut Column) -> Result<(usize, bool), ChunkError> {
    let end = xor::decode_over(data, start, &mut column.timestamps, &mut column.values)?;
    let times = column.timestamps.get(start..end).unwrap_or_default();
    let values = column.values.get(start..end).unwrap_or_default();
    // A sign tells of a time before the epoch or before the last one. Nothing else: where neither is negative, the
    // difference does not wrap.
    let steps = times.array_windows().fold(0, |signs, [before, time]| signs | time | time.wrapping_sub(*before));
    let falls = steps | times.first().copied().unwrap_or_default() < 0;
    let nan = values.iter().fold(false, |nan, value| nan | value.is_nan());
    Ok(if falls || nan { sift(start..end, column) } else { (end, false) })
}

/// Moves what counts of some rows to the front; says where it ends, and whether a NaN is left.
#[cold]
fn sift(rows: Range<usize>, column: &mut Column) -> (usize, bool) {
    let (mut last, mut kept, mut nan) = (0, rows.start, false);
    for row in rows {
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
    (kept, nan)
}
