//! The float samples of a chunk that count: not stale, not before the epoch, in order.
//!
//! Source: `downsampling.md` 2.2.

use std::ops::Range;

use lithify_block::columns::Column;

use crate::chunk::{
    ChunkError, STALE_BITS,
    xor::{self, Written},
};

/// Appends the samples of a float chunk to `column`, whose offsets stay as they are.
pub(super) fn floats(data: &[u8], column: &mut Column) -> Result<(), ChunkError> {
    let (end, _) = floats_over(data, data.len(), column.timestamps.len(), column)?;
    column.timestamps.truncate(end);
    column.values.truncate(end);
    Ok(())
}

/// Writes the samples of a float chunk over the rows of `column` from `start` on, which becomes longer if it has to; its
/// offsets stay as they are. The chunk is the first `length` bytes of `data`, and the rest may be anything. Says where
/// the samples end, and whether a NaN is among those that were kept.
pub(super) fn floats_over(
    data: &[u8],
    length: usize,
    start: usize,
    column: &mut Column,
) -> Result<(usize, bool), ChunkError> {
    let Written { end, rises } = xor::decode_over(data, length, start, &mut column.timestamps, &mut column.values)?;
    let values = column.values.get(start..end).unwrap_or_default();
    let nan = values.iter().fold(false, |nan, value| nan | value.is_nan());
    let stale = nan && values.iter().fold(false, |stale, value| stale | (value.to_bits() == STALE_BITS));
    Ok(if stale || !rises { sift(start..end, column) } else { (end, nan) })
}

/// Moves what counts of some rows to the front; says where it ends, and whether a NaN is left.
#[cold]
fn sift(rows: Range<usize>, column: &mut Column) -> (usize, bool) {
    let times = column.timestamps.get_mut(rows.clone()).unwrap_or_default();
    let values = column.values.get_mut(rows.clone()).unwrap_or_default();
    let (mut last, mut kept, mut nan) = (0, 0, false);
    for row in 0..times.len().min(values.len()) {
        let (Some(&time), Some(&value)) = (times.get(row), values.get(row)) else { break };
        let counts = (value.to_bits() != STALE_BITS) & (time >= last);
        if let (Some(to_time), Some(to_value)) = (times.get_mut(kept), values.get_mut(kept)) {
            (*to_time, *to_value) = (time, value);
        }
        // What does not count is written over by the next.
        kept += usize::from(counts);
        nan |= counts & value.is_nan();
        last = if counts { time } else { last };
    }
    (rows.start + kept, nan)
}
