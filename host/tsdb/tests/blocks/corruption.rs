//! Wrong bytes: an error that names block, file and offset, or the same result; never a panic, never another result.

use bytes::Bytes;
use lithify_tsdb::{BlockFile, BlockReader, Damage, Error};
use proptest::prelude::*;

use crate::sample::{Block, Chunk, Files, Format, chunk, id, merge, present, source};

/// Series with one and several chunks, values of several names, a list that none of the others has.
fn small() -> Block {
    Block::new(&[
        ("__name__=up job=a", &[chunk(0, 9, 1), chunk(10, 19, 2)]),
        ("__name__=up job=b", &[chunk(0, 9, 3)]),
        ("job=up", &[chunk(5, 9, 4), chunk(12, 13, 5), chunk(14, 15, 6)]),
    ])
}

/// A block beside it that is in order, so that the damaged one has to be found.
fn beside() -> Block {
    Block::new(&[("__name__=up job=b", &[chunk(20, 29, 7)]), ("zone=x", &[chunk(20, 29, 8)])])
}

fn merged(files: &Files) -> Result<Files, Error> {
    let sources = [present(1, (20, 30), &beside()), source(2, (0, 20), files)];
    Ok(merge(&sources)?.1)
}

/// Merges with `bytes` in place of `file` and checks what comes of it.
fn check(files: &Files, file: BlockFile, bytes: Vec<u8>, want: &Files, what: &str) {
    let mut damaged = files.clone();
    let size = bytes.len().max(files.get(&file).unwrap().len()) as u64;
    damaged.insert(file, bytes.into());
    match merged(&damaged) {
        Ok(result) => assert!(result == *want, "{file} {what}: another result"),
        Err(Error::Corrupt { block, file: named, offset, damage }) => {
            assert_eq!((block, named), (id(2), file.to_string()), "{what}: {damage}");
            // A position that was read from the file may lie outside of it.
            let is_outside = matches!(damage, Damage::OutOfBounds { .. });
            assert!(offset <= size || is_outside, "{file} {what}: {offset} {damage}");
        }
        Err(other) => panic!("{file} {what}: {other}"),
    }
}

const FORMATS: [Format; 3] = [Format::Present, Format::WithLabelIndices, Format::First];

#[test]
fn no_changed_byte_changes_the_result() {
    let want = merged(&small().files(Format::Present, 0)).unwrap();
    for format in FORMATS {
        let files = small().files(format, 0);
        for (file, bytes) in &files {
            for at in 0..bytes.len() {
                for flip in [1, 2, 4, 8, 16, 32, 64, 128, 255] {
                    let mut bytes = bytes.to_vec();
                    *bytes.get_mut(at).unwrap() ^= flip;
                    check(&files, *file, bytes, &want, &format!("{format:?} byte {at} ^ {flip:#x}"));
                }
            }
        }
    }
}

#[test]
fn no_file_may_end_early() {
    let want = merged(&small().files(Format::Present, 0)).unwrap();
    for format in FORMATS {
        let files = small().files(format, 0);
        for (file, bytes) in &files {
            for length in 0..bytes.len() {
                let cut = bytes.slice(..length).to_vec();
                let mut damaged = files.clone();
                damaged.insert(*file, cut.clone().into());
                assert!(merged(&damaged).is_err(), "{format:?} {file} cut to {length}");
                check(&files, *file, cut, &want, &format!("{format:?} cut to {length}"));
            }
        }
    }
}

#[test]
fn a_missing_segment_is_named() {
    let files = small().files(Format::Present, 60);
    assert!(files.len() > 3);
    let mut cut = files.clone();
    cut.pop_last();
    let index = files.get(&BlockFile::Index).unwrap().clone();
    cut.pop_last();
    cut.insert(BlockFile::Index, index);
    let error = merged(&cut).unwrap_err();
    assert!(matches!(error, Error::Corrupt { damage: Damage::NoSuchSegment { .. }, .. }), "{error}");
}

/// The content of one record, its checksum made right again.
fn with_record(change: impl Fn(&mut Vec<u8>)) -> Error {
    let mut files = small().files(Format::Present, 0);
    let bytes = files.get(&BlockFile::Segment(1)).unwrap();
    let length = usize::from(*bytes.get(8).unwrap());
    let mut content = bytes.slice(9..10 + length).to_vec();
    change(&mut content);
    let crc = crc32c::crc32c(&content).to_be_bytes();
    let length = u8::try_from(content.len() - 1).unwrap();
    let changed = [bytes.get(..8).unwrap(), &[length], &content, &crc, &[0; 64]].concat();
    files.insert(BlockFile::Segment(1), changed.into());
    merged(&files).unwrap_err()
}

#[test]
fn records_that_no_one_can_read_are_damage_whatever_their_checksum() {
    let unknown = with_record(|content| *content.first_mut().unwrap() = 4);
    assert!(matches!(unknown, Error::Corrupt { offset: 8, damage: Damage::Encoding { found: 4 }, .. }), "{unknown}");
    let short = with_record(|content| content.truncate(2));
    assert!(matches!(short, Error::Corrupt { offset: 8, damage: Damage::ChunkTooShort { length: 1 }, .. }), "{short}");
}

#[test]
fn an_over_long_length_is_read_and_rewritten() {
    let block = Block::new(&[("a=1", &[chunk(0, 9, 1)])]);
    let want = block.files(Format::Present, 0);
    let mut files = want.clone();
    let bytes = files.get(&BlockFile::Segment(1)).unwrap();
    let length = *bytes.get(8).unwrap();
    let long = [bytes.get(..8).unwrap(), &[length | 0x80, 0x80, 0], bytes.get(9..).unwrap()].concat();
    files.insert(BlockFile::Segment(1), long.into());
    assert_eq!(merge(&[source(1, (0, 10), &files)]).unwrap().1, want);
}

#[test]
fn symbols_out_of_order_are_damage_whatever_their_checksum() {
    let block = Block::new(&[("a=1", &[chunk(0, 9, 1)])]);
    let mut files = block.files(Format::Present, 0);
    let mut index = files.get(&BlockFile::Index).unwrap().to_vec();
    // Symbols "", 1, a: content from byte 9.
    let content = [0, 0, 0, 3, 0, 1, b'b', 1, b'a'];
    assert_eq!(index.get(9..13), content.get(..4));
    index.splice(9..22, content.into_iter().chain(crc32c::crc32c(&content).to_be_bytes()));
    files.insert(BlockFile::Index, index.into());
    let error = merge(&[source(1, (0, 10), &files)]).unwrap_err();
    assert!(matches!(error, Error::Corrupt { damage: Damage::SymbolOrder { number: 2 }, .. }), "{error}");
}

#[test]
fn a_block_reader_meets_the_same_damage() {
    let files = small().files(Format::Present, 0);
    let good = source(1, (0, 20), &files);
    let reader = BlockReader::open(&good).unwrap();
    let mut cursor = reader.series().unwrap();
    let mut seen = Block { extra: vec![String::new()], series: Vec::new() };
    while cursor.advance().unwrap() {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let labels = cursor.labels().map(|(name, value)| (text(name), text(value))).collect();
        let mut chunks = Vec::new();
        for meta in cursor.series().chunks.clone() {
            let record = cursor.chunk(meta).unwrap();
            let (encoding, data) = (record.encoding(), record.data().to_vec());
            chunks.push(Chunk { min: meta.min, max: meta.max, encoding, data });
        }
        seen.series.push((labels, chunks));
    }
    assert_eq!(seen.files(Format::Present, 0), files);

    let mut damaged = files.clone();
    let mut bytes = files.get(&BlockFile::Segment(1)).unwrap().to_vec();
    *bytes.get_mut(12).unwrap() ^= 1;
    damaged.insert(BlockFile::Segment(1), Bytes::from(bytes));
    let bad = source(1, (0, 20), &damaged);
    let reader = BlockReader::open(&bad).unwrap();
    let mut cursor = reader.series().unwrap();
    assert!(cursor.advance().unwrap());
    let first = *cursor.series().chunks.first().unwrap();
    assert!(matches!(cursor.chunk(first), Err(Error::Corrupt { damage: Damage::Checksum { .. }, .. })));
}

proptest! {
    /// What a hostile writer could do: anything, with checksums that are right.
    #[test]
    fn no_content_of_an_index_makes_the_engine_panic(
        format in prop::sample::select(FORMATS.as_slice()),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut files = small().files(format, 0);
        let covered = small().covered(format);
        let mut index = files.get(&BlockFile::Index).unwrap().to_vec();
        for (place, at, byte) in edits {
            let place = place.get(&covered).clone();
            *index.get_mut(place.start + at.index(place.len())).unwrap() = byte;
            let crc = crc32c::crc32c(index.get(place.clone()).unwrap()).to_be_bytes();
            index.get_mut(place.end..place.end + 4).unwrap().copy_from_slice(&crc);
        }
        files.insert(BlockFile::Index, index.into());
        if let Err(error) = merged(&files) {
            prop_assert!(!error.to_string().is_empty());
        }
    }

    #[test]
    fn no_chunk_data_makes_the_engine_panic(data in prop::collection::vec(any::<u8>(), 2..40), encoding in prop::sample::select(&[1, 2, 3, 0xff][..])) {
        let block = Block::new(&[("a=1", &[Chunk { min: 0, max: 9, encoding, data }])]);
        prop_assert_eq!(merge(&[present(1, (0, 10), &block)]).unwrap().1, block.files(Format::Present, 0));
    }
}
