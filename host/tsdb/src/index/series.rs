//! One entry of the series section.
//!
//! ```text
//! zeros to a multiple of 16
//! uvarint length of the content
//! content:  uvarint pairs, per pair (uvarint name, uvarint value)
//!           uvarint chunks, the first  (varint min, uvarint max - min, uvarint reference)
//!                           the others (uvarint min - max before, uvarint max - min, varint reference - reference before)
//! u32 checksum over the content
//! ```
//!
//! Differences wrap at 64 bits.
//!
//! Source: `tsdb-format.md` 4.4.

use super::SymbolMap;
use crate::{
    Damage,
    varint::{Fields, put_uvarint, put_varint},
};

/// Series begin at multiples of this; their id is their offset divided by it.
pub(crate) const ALIGNMENT: u64 = 16;

/// Where a chunk is and which time it covers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChunkMeta {
    /// First millisecond, inside.
    pub min: i64,
    /// Last millisecond, inside.
    pub max: i64,
    /// Zero-based segment in the upper 32 bits, offset in the segment file in the lower.
    pub reference: u64,
}

/// What the index says about one series.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Series {
    /// Symbol numbers: name, value, name, value, … in stored order.
    pub labels: Vec<u32>,
    /// Chunks in stored order.
    pub chunks: Vec<ChunkMeta>,
}

impl Series {
    /// Reads the content of an entry, turning its references to symbols into numbers.
    pub(crate) fn read(&mut self, content: &[u8], symbols: &SymbolMap) -> Result<(), Damage> {
        self.labels.clear();
        self.chunks.clear();
        let mut fields = Fields::new(content);
        let pairs = fields.uvarint()?;
        for _ in 0..pairs {
            let (name, value) = (fields.uvarint()?, fields.uvarint()?);
            let number = |reference| symbols.get(reference).ok_or(Damage::NoSuchSymbol { number: reference });
            self.labels.extend_from_slice(&[number(name)?, number(value)?]);
        }
        let chunks = fields.uvarint()?;
        let mut before = ChunkMeta::default();
        for i in 0..chunks {
            let min = if i == 0 { fields.varint()? } else { before.max.wrapping_add(fields.uvarint()?.cast_signed()) };
            let max = min.wrapping_add(fields.uvarint()?.cast_signed());
            let reference = if i == 0 {
                fields.uvarint()?
            } else {
                before.reference.wrapping_add(fields.varint()?.cast_unsigned())
            };
            before = ChunkMeta { min, max, reference };
            self.chunks.push(before);
        }
        Ok(())
    }
}

/// Appends the content of an entry.
pub(crate) fn write(labels: &[u32], chunks: &[ChunkMeta], out: &mut Vec<u8>) {
    put_uvarint(out, labels.len() as u64 / 2);
    for symbol in labels {
        put_uvarint(out, u64::from(*symbol));
    }
    put_uvarint(out, chunks.len() as u64);
    let mut before: Option<ChunkMeta> = None;
    for chunk in chunks {
        let length = chunk.max.wrapping_sub(chunk.min).cast_unsigned();
        match before {
            None => {
                put_varint(out, chunk.min);
                put_uvarint(out, length);
                put_uvarint(out, chunk.reference);
            }
            Some(before) => {
                put_uvarint(out, chunk.min.wrapping_sub(before.max).cast_unsigned());
                put_uvarint(out, length);
                put_varint(out, chunk.reference.wrapping_sub(before.reference).cast_signed());
            }
        }
        before = Some(*chunk);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_example_of_the_specification_is_reproduced() {
        let mut out = Vec::new();
        let chunks =
            [ChunkMeta { min: 1000, max: 16000, reference: 8 }, ChunkMeta { min: 31000, max: 31000, reference: 29 }];
        write(&[1, 5, 4, 2], &chunks, &mut out);
        assert_eq!(out, [2, 1, 5, 4, 2, 2, 0xd0, 0x0f, 0x98, 0x75, 0x08, 0x98, 0x75, 0, 0x2a]);
        assert_eq!(crc32c::crc32c(&out), 0x6340_ea4d);
    }

    #[test]
    fn counts_without_bytes_behind_them_take_no_memory() {
        let mut series = Series::default();
        let huge = [0xff, 0xff, 0xff, 0xff, 0x7f, 0, 0];
        assert_eq!(series.read(&huge, &SymbolMap::Numbers(vec![0])), Err(Damage::Short));
        let nowhere = [1, 0, 7, 0];
        assert_eq!(series.read(&nowhere, &SymbolMap::Numbers(vec![0])), Err(Damage::NoSuchSymbol { number: 7 }));
    }

    fn any_chunk() -> impl Strategy<Value = ChunkMeta> {
        any::<(i64, i64, u64)>().prop_map(|(min, max, reference)| ChunkMeta { min, max, reference })
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(pairs in prop::collection::vec((0..9_u32, 0..9_u32), 0..6),
                                    chunks in prop::collection::vec(any_chunk(), 0..6)) {
            let labels: Vec<u32> = pairs.into_iter().flat_map(|(name, value)| [name, value]).collect();
            let mut out = Vec::new();
            write(&labels, &chunks, &mut out);
            let mut read = Series::default();
            read.read(&out, &SymbolMap::Numbers((0..9).collect())).unwrap();
            prop_assert_eq!(read, Series { labels, chunks });
        }
    }
}
