//! A block's files written without a single rule of the format being asked after: whatever its series and chunks say, in
//! the order in which they say it, and with the right checksums.
//!
//! Source: `tsdb-format.md` 2 (segments), 4 (index).

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use lithify_block::{BlockId, TimeRange};
use lithify_kit::slow::{self, Chunk, Labels};
use lithify_tsdb::{Blob, Source};

/// Series in the order of the index, with their chunks in theirs.
pub(super) type Content = Vec<(Labels, Vec<Chunk>)>;

/// Reads the block in this directory, lets `change` do what it likes, and writes what comes of it.
pub(super) fn rewrite(block: &Path, change: impl FnOnce(&mut Content)) {
    let blob = |path: &str| Box::new(bytes::Bytes::from(fs::read(block.join(path)).unwrap())) as Box<dyn Blob>;
    let mut content = slow::read(&Source {
        id: BlockId::default(),
        range: TimeRange::new(0, 1),
        index: blob("index"),
        segments: vec![("000001".to_owned(), blob("chunks/000001"))],
        tombstones: None,
    })
    .unwrap();
    change(&mut content);
    let (segment, references) = segment(&content);
    fs::write(block.join("chunks/000001"), segment).unwrap();
    fs::write(block.join("index"), index(&content, &references)).unwrap();
}

/// The segment, and where each chunk of each series is in it.
fn segment(content: &Content) -> (Vec<u8>, Vec<Vec<u64>>) {
    let mut out = vec![0x85, 0xbd, 0x40, 0xdd, 1, 0, 0, 0];
    let mut put = |chunk: &Chunk| {
        let reference = out.len() as u64;
        put_uvarint(&mut out, chunk.data.len() as u64);
        let body = [&[chunk.encoding], chunk.data.as_slice()].concat();
        out.extend(&body);
        out.extend(crc32c::crc32c(&body).to_be_bytes());
        reference
    };
    let references = content.iter().map(|(_, chunks)| chunks.iter().map(&mut put).collect()).collect();
    (out, references)
}

fn index(content: &Content, references: &[Vec<u64>]) -> Vec<u8> {
    let mut out = vec![0xba, 0xaa, 0xd7, 0x00, 2];
    let mut places = vec![out.len() as u64];
    let labels = || content.iter().flat_map(|(labels, _)| labels);
    let symbols: BTreeSet<&[u8]> =
        labels().flat_map(|(name, value)| [name.as_slice(), value]).chain([b"".as_slice()]).collect();
    let mut table = count(symbols.len());
    symbols.iter().for_each(|symbol| put_text(&mut table, symbol));
    section(&mut out, &table);
    let numbers: BTreeMap<&[u8], u64> = symbols.into_iter().zip(0..).collect();

    places.push(out.len() as u64);
    let mut lists: BTreeMap<(&[u8], &[u8]), Vec<u32>> = BTreeMap::new();
    for ((labels, chunks), references) in content.iter().zip(references) {
        out.resize(out.len().next_multiple_of(16), 0);
        let id = u32::try_from(out.len() / 16).unwrap();
        let names = labels.iter().map(|(name, value)| (name.as_slice(), value.as_slice()));
        names.chain([(b"".as_slice(), b"".as_slice())]).for_each(|key| lists.entry(key).or_default().push(id));
        let entry = series(labels, chunks, references, &numbers);
        put_uvarint(&mut out, entry.len() as u64);
        out.extend(&entry);
        out.extend(crc32c::crc32c(&entry).to_be_bytes());
    }

    places.push(out.len() as u64);
    out.resize(out.len().next_multiple_of(4), 0);
    let lists_at = out.len() as u64;
    let mut table = count(lists.len());
    for ((name, value), ids) in lists {
        put_uvarint(&mut table, 2);
        put_text(&mut table, name);
        put_text(&mut table, value);
        put_uvarint(&mut table, out.len() as u64);
        let ids: Vec<u8> = count(ids.len()).into_iter().chain(ids.into_iter().flat_map(u32::to_be_bytes)).collect();
        section(&mut out, &ids);
    }
    // There are no label indices, so their table begins where the table of postings does.
    let table_at = out.len() as u64;
    places.extend([table_at, lists_at, table_at]);
    section(&mut out, &table);
    let places: Vec<u8> = places.into_iter().flat_map(u64::to_be_bytes).collect();
    out.extend(&places);
    out.extend(crc32c::crc32c(&places).to_be_bytes());
    out
}

fn series(labels: &Labels, chunks: &[Chunk], references: &[u64], numbers: &BTreeMap<&[u8], u64>) -> Vec<u8> {
    let mut out = Vec::new();
    put_uvarint(&mut out, labels.len() as u64);
    for (name, value) in labels {
        put_uvarint(&mut out, numbers[name.as_slice()]);
        put_uvarint(&mut out, numbers[value.as_slice()]);
    }
    put_uvarint(&mut out, chunks.len() as u64);
    let mut before = None;
    for (chunk, reference) in chunks.iter().zip(references) {
        let length = chunk.max.wrapping_sub(chunk.min).cast_unsigned();
        match before {
            None => {
                put_varint(&mut out, chunk.min);
                put_uvarint(&mut out, length);
                put_uvarint(&mut out, *reference);
            }
            Some((max, reference_before)) => {
                put_uvarint(&mut out, chunk.min.wrapping_sub(max).cast_unsigned());
                put_uvarint(&mut out, length);
                put_varint(&mut out, reference.wrapping_sub(reference_before).cast_signed());
            }
        }
        before = Some((chunk.max, *reference));
    }
    out
}

fn count(items: usize) -> Vec<u8> {
    u32::try_from(items).unwrap().to_be_bytes().to_vec()
}

fn section(out: &mut Vec<u8>, content: &[u8]) {
    out.extend(count(content.len()));
    out.extend(content);
    out.extend(crc32c::crc32c(content).to_be_bytes());
}

fn put_text(out: &mut Vec<u8>, text: &[u8]) {
    put_uvarint(out, text.len() as u64);
    out.extend(text);
}

fn put_varint(out: &mut Vec<u8>, value: i64) {
    put_uvarint(out, ((value << 1) ^ (value >> 63)).cast_unsigned());
}

fn put_uvarint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push((value & 0x7f) as u8);
}
