//! Small blocks as plain lists, and the way from them to files and back.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use lithify_block::{BlockId, TimeRange, Timestamp};
use lithify_tsdb::{
    Blob, BlockFile, BlockReader, BlockWriter, Error, Memory, NewChunk, Source,
    tombstones::{Interval, Tombstones},
};

/// Names and values in stored order.
pub type Labels = Vec<(Vec<u8>, Vec<u8>)>;

/// A chunk with its samples encoded.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Chunk {
    /// First millisecond, inside, as the index says it.
    pub min: i64,
    /// Last millisecond, inside, as the index says it.
    pub max: i64,
    /// 1 to 3, or 0xff.
    pub encoding: u8,
    /// The encoded samples.
    pub data: Vec<u8>,
}

/// A series of a block.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Series {
    /// Its labels.
    pub labels: Labels,
    /// Its chunks, in the order of the index.
    pub chunks: Vec<Chunk>,
    /// What tombstones delete, both ends inside.
    pub deleted: Vec<(i64, i64)>,
}

/// A block: its series in the order of the index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// The range that its meta.json claims.
    pub range: TimeRange,
    /// Its series.
    pub series: Vec<Series>,
}

impl Block {
    /// All strings of the block.
    #[must_use]
    pub fn symbols(&self) -> BTreeSet<Vec<u8>> {
        let labels = self.series.iter().flat_map(|series| &series.labels);
        labels.flat_map(|(name, value)| [name.clone(), value.clone()]).collect()
    }

    /// The block as the engine reads it; `number` becomes part of its id.
    ///
    /// # Errors
    /// Where a rule of the format forbids what the block holds.
    pub fn source(&self, number: u128) -> Result<Source, Error> {
        let series: Vec<_> = self.series.iter().map(|series| (series.labels.clone(), series.chunks.clone())).collect();
        let files = files(self.symbols(), &series, 0)?;
        let index = files.get(&BlockFile::Index).cloned().unwrap_or_default();
        let mut tombstones = Tombstones::default();
        for (series, id) in self.series.iter().zip(series_ids(&index)) {
            for &(min, max) in &series.deleted {
                tombstones.add(id, Interval { min, max });
            }
        }
        let blob = |bytes: &Bytes| Box::new(bytes.clone()) as Box<dyn Blob>;
        let segments = files.iter().filter_map(|(file, bytes)| match file {
            BlockFile::Segment(number) => Some((format!("{number:06}"), blob(bytes))),
            BlockFile::Index => None,
        });
        Ok(Source {
            id: BlockId::from_parts(Timestamp(0), number),
            range: self.range,
            index: blob(&index),
            segments: segments.collect(),
            tombstones: (!tombstones.is_empty()).then(|| tombstones.write()),
        })
    }
}

/// The number by which tombstones call each series: a sixteenth of where its entry begins, in the order of the index.
fn series_ids(index: &[u8]) -> Vec<u64> {
    let toc = index.len() - 52;
    let place = |number: usize| -> u64 {
        let field = index[toc + 8 * number..].first_chunk().expect("a table of contents has six places");
        u64::from_be_bytes(*field)
    };
    let (mut at, end) = (place(1), place(2));
    let mut ids = Vec::new();
    loop {
        at = at.next_multiple_of(16);
        if at >= end {
            return ids;
        }
        ids.push(at / 16);
        let (mut length, mut shift) = (0, 0);
        loop {
            let byte = index[usize::try_from(at).expect("an index in memory")];
            at += 1;
            length |= u64::from(byte & 0x7f) << shift;
            shift += 7;
            if byte < 0x80 {
                break;
            }
        }
        at += length + 4;
    }
}

/// The files of a block with these symbols and series; segments of at most `segment_bytes`, 0 for the usual limit.
///
/// # Errors
/// Where a rule of the format forbids it.
pub fn files(
    symbols: BTreeSet<Vec<u8>>,
    series: &[(Labels, Vec<Chunk>)],
    segment_bytes: u64,
) -> Result<BTreeMap<BlockFile, Bytes>, Error> {
    let mut memory = Memory::default();
    let mut writer = BlockWriter::new(&mut memory, symbols, segment_bytes)?;
    for (labels, chunks) in series {
        let new = |chunk| {
            let &Chunk { min, max, encoding, ref data } = chunk;
            NewChunk { min, max, encoding, data }
        };
        writer.series(labels, &chunks.iter().map(new).collect::<Vec<_>>())?;
    }
    writer.finish()?;
    Ok(memory.files())
}

/// All that a block holds, for messages that say more than "the bytes differ".
///
/// # Errors
/// Those of [`BlockReader`].
pub fn read(source: &Source) -> Result<Vec<(Labels, Vec<Chunk>)>, Error> {
    let reader = BlockReader::open(source)?;
    let (mut cursor, mut all) = (reader.series()?, Vec::new());
    while cursor.advance()? {
        let labels = cursor.labels().map(|(name, value)| (name.to_vec(), value.to_vec())).collect();
        let mut chunks = Vec::new();
        for meta in cursor.series().chunks.clone() {
            let record = cursor.chunk(meta)?;
            let (encoding, data) = (record.encoding(), record.data().to_vec());
            chunks.push(Chunk { min: meta.min, max: meta.max, encoding, data });
        }
        all.push((labels, chunks));
    }
    Ok(all)
}
