//! The chunk of a downsampled block: five chunks in one, encoding 0xff.
//!
//! Source: Thanos `pkg/compact/downsample/aggr.go`.

use super::{ChunkError, Encoding};
use crate::varint::{Fields, put_uvarint};

/// The slots, in the order in which they are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Aggregate {
    /// How many samples a window holds.
    Count = 0,
    /// Their sum.
    Sum = 1,
    /// The smallest.
    Min = 2,
    /// The largest.
    Max = 3,
    /// The counter at the end of a window, resets added back.
    Counter = 4,
}

impl Aggregate {
    /// All of them, in order.
    pub const ALL: [Self; 5] = [Self::Count, Self::Sum, Self::Min, Self::Max, Self::Counter];
}

/// What stands in a slot: a whole chunk of another encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubChunk<'a> {
    /// Floats or histograms; never another aggregate chunk.
    pub encoding: Encoding,
    /// The chunk's data.
    pub data: &'a [u8],
}

/// Reads one slot of the data of an aggregate chunk; `None` where it is absent.
///
/// As in the reference, an absent slot with no byte behind it cannot be told from one that is cut off: an absent counter
/// in otherwise sound data is an error. What stands behind the fifth slot is not looked at.
///
/// # Errors
/// [`ChunkError::AggregateSize`] where this slot or one before it is cut off, [`ChunkError::AggregateEncoding`] where this
/// slot holds neither floats nor histograms.
pub fn slot(data: &[u8], wanted: Aggregate) -> Result<Option<SubChunk<'_>>, ChunkError> {
    let mut byte = 0;
    for aggregate in Aggregate::ALL {
        let number = aggregate as usize;
        let cut_off = ChunkError::AggregateSize { slot: number, byte };
        let (length, start) = length_at(data, byte).ok_or(cut_off)?;
        // The test is made for absent slots as well, which have no encoding byte.
        let behind = data.get(start..).and_then(<[u8]>::split_first).filter(|(_, rest)| length <= rest.len());
        let (encoding, rest) = behind.ok_or(cut_off)?;
        if aggregate == wanted {
            let content = rest.get(..length).filter(|content| !content.is_empty());
            return content.map(|content| sub_chunk(number, *encoding, content)).transpose();
        }
        byte = if length == 0 { start } else { start + 1 + length };
    }
    Ok(None)
}

/// The length at `byte`, and where it ends; `None` if it is cut off or larger than memory.
fn length_at(data: &[u8], byte: usize) -> Option<(usize, usize)> {
    let mut fields = Fields::new(data.get(byte..)?);
    let length = usize::try_from(fields.uvarint().ok()?).ok()?;
    Some((length, data.len() - fields.rest().len()))
}

fn sub_chunk(slot: usize, encoding: u8, data: &[u8]) -> Result<SubChunk<'_>, ChunkError> {
    match Encoding::try_from(encoding) {
        Ok(known @ (Encoding::Xor | Encoding::Histogram | Encoding::FloatHistogram)) => {
            Ok(SubChunk { encoding: known, data })
        }
        Ok(Encoding::Aggregate) | Err(_) => Err(ChunkError::AggregateEncoding { slot, encoding }),
    }
}

/// The data of an aggregate chunk; slots in the order of [`Aggregate::ALL`], all five always written.
#[must_use]
pub fn join(slots: [Option<SubChunk<'_>>; 5]) -> Vec<u8> {
    let mut out = Vec::with_capacity(slots.iter().flatten().map(|slot| slot.data.len() + 4).sum::<usize>() + 5);
    for slot in slots {
        // Chunks without a byte of data are not told from absent ones, and no encoding has them.
        match slot.filter(|slot| !slot.data.is_empty()) {
            Some(SubChunk { encoding, data }) => {
                put_uvarint(&mut out, data.len() as u64);
                out.push(encoding.byte());
                out.extend_from_slice(data);
            }
            None => out.push(0),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const XOR: u8 = 1;

    fn slots() -> impl Strategy<Value = [Option<(u8, Vec<u8>)>; 5]> {
        proptest::array::uniform5(proptest::option::of((1_u8..4, proptest::collection::vec(any::<u8>(), 1..300))))
    }

    proptest! {
        #[test]
        fn slots_survive(slots in slots()) {
            let views = slots.each_ref().map(|slot| slot.as_ref().map(|(encoding, data)| {
                SubChunk { encoding: Encoding::try_from(*encoding).unwrap(), data }
            }));
            let data = join(views);
            for (wanted, view) in Aggregate::ALL.into_iter().zip(views) {
                if wanted == Aggregate::Counter && view.is_none() {
                    let refused = matches!(slot(&data, wanted), Err(ChunkError::AggregateSize { slot: 4, .. }));
                    prop_assert!(refused);
                } else {
                    prop_assert_eq!(slot(&data, wanted), Ok(view));
                }
            }
        }

        #[test]
        fn any_bytes_are_read_or_refused(data in proptest::collection::vec(any::<u8>(), 0..60)) {
            for wanted in Aggregate::ALL {
                let _ = slot(&data, wanted);
            }
        }
    }

    #[test]
    fn an_empty_chunk_is_not_an_absent_one() {
        let data = [0, 2, XOR, 0, 0, 0, 0, 0];
        assert_eq!(slot(&data, Aggregate::Count), Ok(None));
        assert_eq!(slot(&data, Aggregate::Sum), Ok(Some(SubChunk { encoding: Encoding::Xor, data: &[0, 0] })));
        assert_eq!(slot(&data, Aggregate::Max), Ok(None));
    }

    #[test]
    fn a_slot_that_is_cut_off_is_named_with_its_place() {
        let cut = ChunkError::AggregateSize { slot: 1, byte: 1 };
        assert_eq!(slot(&[0, 3, XOR, 0, 0], Aggregate::Sum), Err(cut));
        assert_eq!(slot(&[0, 3, XOR, 0, 0], Aggregate::Counter), Err(cut));
        assert_eq!(slot(&[0, 0x80], Aggregate::Sum), Err(cut));
        let too_long = [0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, XOR];
        assert_eq!(slot(&too_long, Aggregate::Sum), Err(cut));
    }

    #[test]
    fn other_encodings_are_refused_only_where_asked_for() {
        let data = [2, 0xff, 0, 0, 2, XOR, 0, 0, 0, 0, 0];
        assert_eq!(slot(&data, Aggregate::Count), Err(ChunkError::AggregateEncoding { slot: 0, encoding: 0xff }));
        assert!(slot(&data, Aggregate::Sum).is_ok_and(|sum| sum.is_some()));
    }
}
