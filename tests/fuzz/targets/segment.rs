//! Any bytes as the two segments of a block with a sound index, as they are and with the checksums of all chunks
//! repaired: reading and merging end with an error, or the result holds exactly what was read.
//!
//! The first two bytes are the length of the first segment.
#![no_main]

use std::sync::LazyLock;

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use lithify_block::TimeRange;
use lithify_fuzz::{block, repair};
use lithify_tsdb::{BlockFile, BlockReader};

const RANGE: (i64, i64) = (0, 1000);

struct Specimen {
    files: block::Files,
    /// Where its chunks are: segment and offset.
    places: Vec<(u64, usize)>,
}

static SPECIMEN: LazyLock<Specimen> = LazyLock::new(|| {
    let files = block::write(&block::specimen()).expect("it is sound");
    let source = block::source(1, TimeRange::new(RANGE.0, RANGE.1), &files);
    let reader = BlockReader::open(&source).expect("it is sound");
    let (mut cursor, mut places) = (reader.series().expect("it is sound"), Vec::new());
    while cursor.advance().expect("it is sound") {
        let place = |reference: u64| (reference >> 32, usize::try_from(reference & 0xffff_ffff).expect("32 bits fit"));
        places.extend(cursor.series().chunks.iter().map(|chunk| place(chunk.reference)));
    }
    Specimen { files, places }
});

fuzz_target!(|bytes: &[u8]| {
    let Some((length, rest)) = bytes.split_first_chunk() else { return };
    let (first, second) = rest.split_at(usize::from(u16::from_be_bytes(*length)).min(rest.len()));
    let mut segments = [first.to_vec(), second.to_vec()];
    for repaired in [false, true] {
        if repaired {
            for &(segment, offset) in &SPECIMEN.places {
                repair::chunk(&mut segments[usize::from(segment > 0)], offset);
            }
        }
        let mut files = SPECIMEN.files.clone();
        for (number, segment) in (1..).zip(&segments) {
            files.insert(BlockFile::Segment(number), Bytes::from(segment.clone()));
        }
        block::examine(&files, TimeRange::new(RANGE.0, RANGE.1));
    }
});
