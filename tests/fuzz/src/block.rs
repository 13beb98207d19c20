//! Small blocks in memory.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::AtomicBool,
};

use bytes::Bytes;
use lithify_block::{BlockId, TimeRange, Timestamp};
use lithify_tsdb::{
    Blob, BlockFile, BlockReader, BlockWriter, Deduplication, Error, Memory, Merged, NewChunk, Options, Progress,
    Source, chunk,
};

/// Names and values in stored order.
pub type Labels = Vec<(Vec<u8>, Vec<u8>)>;

/// A chunk with its samples encoded.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Chunk {
    /// First millisecond, inside.
    pub min: i64,
    /// Last millisecond, inside.
    pub max: i64,
    /// 1 to 3, or 0xff.
    pub encoding: u8,
    /// The encoded samples.
    pub data: Vec<u8>,
}

/// All that a block says, by series in the order of the index.
pub type Content = BTreeMap<Labels, Vec<Chunk>>;

/// The files of a block.
pub type Files = BTreeMap<BlockFile, Bytes>;

/// The block that mutations of an index or of segments start from: five series, chunks of every encoding, two segments.
#[must_use]
pub fn specimen() -> Content {
    let floats = |from: i64| {
        let mut appender = chunk::XorAppender::new();
        for i in 0..4 {
            appender.append(from + i * 15, (i as f64 * 0.5).to_bits()).expect("room for four samples");
        }
        Chunk { min: from, max: from + 45, encoding: 1, data: appender.finish() }
    };
    let opaque = |from: i64, encoding, data: &[u8]| Chunk { min: from, max: from + 9, encoding, data: data.to_vec() };
    let labels = |pairs: &[(&str, &str)]| pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    Content::from([
        (labels(&[("__name__", "up"), ("job", "a")]), vec![floats(0), floats(60), floats(120)]),
        (labels(&[("__name__", "up"), ("job", "b")]), vec![floats(7)]),
        (labels(&[("__name__", "up"), ("job", "b"), ("zone", "")]), vec![floats(90)]),
        (labels(&[("job", "a")]), vec![opaque(3, 2, &[0, 0, 0]), opaque(20, 3, &[0, 0, 0])]),
        (labels(&[("job", "b")]), vec![opaque(5, 0xff, &[3, 1, 0, 2, 9, 0, 0, 0, 0])]),
    ])
}

/// Largest segment of a block that [`write`] makes, bytes.
const SEGMENT_BYTES: u64 = 160;

/// Writes a block; `None` where a rule of the format forbids what `content` has.
#[must_use]
pub fn write(content: &Content) -> Option<Files> {
    let series = content.keys().flatten();
    let symbols: BTreeSet<&[u8]> = series.flat_map(|(name, value)| [name.as_slice(), value.as_slice()]).collect();
    let mut memory = Memory::default();
    let mut writer = BlockWriter::new(&mut memory, symbols, SEGMENT_BYTES).ok()?;
    for (labels, chunks) in content {
        let new = |chunk| {
            let &Chunk { min, max, encoding, ref data } = chunk;
            NewChunk { min, max, encoding, data }
        };
        writer.series(labels, &chunks.iter().map(new).collect::<Vec<_>>()).ok()?;
    }
    writer.finish().ok()?;
    Some(memory.files())
}

/// The block number `n` of these files.
#[must_use]
pub fn source(n: u128, range: TimeRange, files: &Files) -> Source {
    let blob = |bytes: &Bytes| Box::new(bytes.clone()) as Box<dyn Blob>;
    let segments = files.iter().filter_map(|(file, bytes)| match file {
        BlockFile::Segment(number) => Some((format!("{number:06}"), blob(bytes))),
        BlockFile::Index => None,
    });
    Source {
        id: BlockId::from_parts(Timestamp(0), n),
        range,
        index: blob(files.get(&BlockFile::Index).unwrap_or(&Bytes::new())),
        segments: segments.collect(),
        tombstones: None,
    }
}

/// Merges blocks into memory.
///
/// # Errors
/// Those of [`lithify_tsdb::compact`].
pub fn compact(sources: &[Source], range: TimeRange) -> Result<(Merged, Files), Error> {
    let (cancel, progress, mut memory) = (AtomicBool::new(false), Progress::default(), Memory::default());
    let options = Options {
        segment_bytes: SEGMENT_BYTES,
        accept_malformed: false,
        deduplication: Deduplication::OneToOne,
        cancel: &cancel,
        progress: &progress,
    };
    let merged = lithify_tsdb::compact(sources, range, &mut memory, &options)?;
    Ok((merged, memory.files()))
}

/// Reads a whole block, and decodes every sample as far as it can be decoded.
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
            let known = chunk::Encoding::try_from(encoding).expect("records have known encodings only");
            if let Ok(samples) = chunk::Samples::new(known, &data) {
                assert!(samples.count() <= usize::from(record.samples()) + 1, "more samples than announced");
            }
            chunks.push(Chunk { min: meta.min, max: meta.max, encoding, data });
        }
        all.push((labels, chunks));
    }
    Ok(all)
}

/// Reads, verifies and merges a block that may be wrong: each step ends with an error, or the merge holds exactly what
/// was read.
pub fn examine(files: &Files, range: TimeRange) {
    let block = source(1, range, files);
    let _ = lithify_tsdb::verify(&block, &AtomicBool::new(false));
    let found = read(&block);
    let merged = compact(std::slice::from_ref(&block), range);
    if let Err(error) = &merged {
        assert!(!error.to_string().is_empty());
    }
    let Ok((_, merged)) = merged else { return };
    let found = found.expect("what merges can be read");
    let again = read(&source(2, range, &merged)).expect("what was merged can be read");
    assert_eq!(found, again, "a merge of one block changes nothing");
    let verified = lithify_tsdb::verify(&source(2, range, &merged), &AtomicBool::new(false));
    assert_eq!(verified.expect("what was merged verifies").verdict(false), None);
}
