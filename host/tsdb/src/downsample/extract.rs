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
    let written = xor::decode_over(data, length, start, &mut column.timestamps, &mut column.values)?;
    Ok(counting(written, start, start, column))
}

/// As [`floats_over`] of several chunks, each a range of `data`, one behind the other. `None` if they have to be read one
/// by one.
pub(super) fn several_over(
    data: &[u8],
    chunks: &[Range<usize>],
    start: usize,
    column: &mut Column,
) -> Option<(usize, bool)> {
    let all = xor::decode_several(data, chunks, start, &mut column.timestamps, &mut column.values)?;
    let (mut row, mut end, mut nan) = (start, start, false);
    for written in all {
        let (kept, some) = counting(written, row, end, column);
        (row, end, nan) = (written.end, kept, nan | some);
    }
    Some((end, nan))
}

/// Moves what counts of the rows from `start` on to those from `to` on, which are the same or before them; says where it
/// ends, and whether a NaN is left.
fn counting(written: Written, start: usize, to: usize, column: &mut Column) -> (usize, bool) {
    let Written { end, rises, nan } = written;
    let values = column.values.get(start..end).unwrap_or_default();
    let stale = nan && values.iter().fold(false, |stale, value| stale | (value.to_bits() == STALE_BITS));
    if stale || !rises {
        return sift(start..end, to, column);
    }
    if start != to && end <= column.timestamps.len().min(column.values.len()) {
        column.timestamps.copy_within(start..end, to);
        column.values.copy_within(start..end, to);
    }
    (to + end - start, nan)
}

/// Moves what counts of some rows to those from `to` on; says where it ends, and whether a NaN is left.
#[cold]
fn sift(rows: Range<usize>, to: usize, column: &mut Column) -> (usize, bool) {
    let times = column.timestamps.get_mut(to..rows.end).unwrap_or_default();
    let values = column.values.get_mut(to..rows.end).unwrap_or_default();
    let (mut last, mut kept, mut nan) = (0, 0, false);
    for row in rows.start - to..times.len().min(values.len()) {
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
    (to + kept, nan)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::chunk::XorAppender;

    fn samples() -> impl Strategy<Value = Vec<(i64, u64)>> {
        let value = prop_oneof![
            20 => (0_u32..1000).prop_map(|number| f64::from(number).to_bits()),
            1 => Just(STALE_BITS),
            1 => Just(f64::NAN.to_bits()),
        ];
        let step = prop_oneof![30 => 0_i64..20_000, 1 => -20_000_i64..0];
        proptest::collection::vec((step, value), 3..40)
    }

    proptest! {
        #[test]
        fn of_several_chunks_the_same_samples_count_as_of_each(
            all in proptest::collection::vec(samples(), 7..=16),
            start in -50_000_i64..200_000,
        ) {
            let (mut data, mut chunks) = (Vec::new(), Vec::new());
            for samples in all {
                let (mut appender, mut time) = (XorAppender::new(), start);
                for (step, value) in samples {
                    time += step;
                    appender.append(time, value).expect("fewer than 65536 samples");
                }
                let begin = data.len();
                data.extend(appender.finish());
                chunks.push(begin..data.len());
            }
            let (mut together, mut alone, mut nan) = (Column::default(), Column::default(), false);
            let (mut end, kept) = (1, several_over(&data, &chunks, 1, &mut together));
            for chunk in chunks {
                let data = data.get(chunk).expect("written above");
                let (behind, some) = floats_over(data, data.len(), end, &mut alone).expect("written above");
                (end, nan) = (behind, nan | some);
            }
            if let Some(kept) = kept {
                prop_assert_eq!(kept, (end, nan));
                let bits = |column: &Column| column.values.iter().take(end).map(|value| value.to_bits()).collect::<Vec<_>>();
                prop_assert_eq!(bits(&together), bits(&alone));
                prop_assert!(together.timestamps.iter().take(end).eq(alone.timestamps.iter().take(end)));
            }
        }
    }
}
