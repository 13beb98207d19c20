//! Two or three small sound blocks: their merge holds exactly the union of what they hold, chunks that are the same in
//! several of them once, unless chunks of one series overlap: then their samples are merged, or they are found damaged.
#![no_main]

use std::collections::BTreeSet;

use libfuzzer_sys::{
    arbitrary::{Result, Unstructured},
    fuzz_target,
};
use lithify_block::TimeRange;
use lithify_fuzz::block::{self, Chunk, Content, Labels};
use lithify_tsdb::{Error, chunk::XorAppender};

/// Milliseconds that a block covers.
const BLOCK_MS: i64 = 256;
/// Names and values; bytes that are not UTF-8 among them.
const NAMES: [&[u8]; 5] = [b"__name__", b"a", b"b", b"\xff\xfe", b"job"];
const VALUES: [&[u8]; 6] = [b"", b"a", b"b", b"job", b"\x80", b"a value of some length, so that symbols differ in it"];

fuzz_target!(|bytes: &[u8]| {
    let _ = check(&mut Unstructured::new(bytes));
});

fn check(bytes: &mut Unstructured<'_>) -> Result<()> {
    let mut contents = Vec::new();
    for number in 0..2 + i64::from(bytes.arbitrary::<bool>()?) {
        // Now and then blocks share time, or all of it.
        let start = if bytes.ratio(1, 8)? { bytes.int_in_range(0..=number)? } else { number } * BLOCK_MS;
        contents.push((TimeRange::new(start, start + BLOCK_MS), content(bytes, start)?));
    }
    let numbered = contents.iter().zip(1..);
    let sources: Vec<_> = numbered
        .map(|((range, content), n)| block::source(n, *range, &block::write(content).expect("content is sound")))
        .collect();
    for (source, (_, content)) in sources.iter().zip(&contents) {
        let expected: Vec<_> = content.clone().into_iter().collect();
        assert_eq!(block::read(source).expect("what was written can be read"), expected);
    }
    let range = contents.iter().map(|(range, _)| *range).reduce(TimeRange::union).expect("there are two");
    match (block::compact(&sources, range), union(contents.into_iter().map(|(_, content)| content))) {
        (Ok((merged, files)), Some(expected)) => {
            let chunks: usize = expected.iter().map(|(_, chunks)| chunks.len()).sum();
            assert_eq!((merged.stats.num_series, merged.stats.num_chunks), (expected.len() as u64, chunks as u64));
            let found = block::read(&block::source(9, range, &files)).expect("what was merged can be read");
            assert_eq!(found, expected);
        }
        (Ok(_) | Err(Error::Samples { .. }), None) => {}
        (found, expected) => panic!("{:?}, expected {expected:?}", found.map(|(merged, _)| merged)),
    }
    Ok(())
}

/// Series of a block that starts at `start`.
fn content(bytes: &mut Unstructured<'_>, start: i64) -> Result<Content> {
    let mut content = Content::new();
    for _ in 0..bytes.int_in_range(0..=6)? {
        let mut labels = Labels::new();
        let names: BTreeSet<&[u8]> =
            (0..bytes.int_in_range(1..=3)?).map(|_| bytes.choose(&NAMES).copied()).collect::<Result<_>>()?;
        for name in names {
            labels.push((name.to_vec(), bytes.choose(&VALUES)?.to_vec()));
        }
        let (mut chunks, mut at) = (Vec::new(), 0);
        for _ in 0..bytes.int_in_range(1..=4)? {
            let min = at + bytes.int_in_range(0..=40)?;
            let max = min + bytes.int_in_range(0..=20)?;
            if max < BLOCK_MS {
                chunks.push(chunk(bytes, start + min, start + max)?);
                at = max + 1;
            }
        }
        content.insert(labels, chunks);
    }
    Ok(content)
}

/// A chunk of two floats, or of bytes that claim to be something else: no merge looks into them.
fn chunk(bytes: &mut Unstructured<'_>, min: i64, max: i64) -> Result<Chunk> {
    let encoding = *bytes.choose(&[1, 1, 2, 3, 0xff])?;
    if encoding != 1 {
        let length = bytes.int_in_range(0..=12)?;
        let data = [&[encoding, 0], bytes.bytes(length)?].concat();
        return Ok(Chunk { min, max, encoding, data });
    }
    let mut appender = XorAppender::new();
    for timestamp in [min, max] {
        appender.append(timestamp, bytes.arbitrary()?).expect("room for two samples");
    }
    Ok(Chunk { min, max, encoding, data: appender.finish() })
}

/// What a merge must hold; nothing if chunks of a series overlap without being the same.
fn union(contents: impl Iterator<Item = Content>) -> Option<Vec<(Labels, Vec<Chunk>)>> {
    let mut united = Content::new();
    for (labels, chunks) in contents.flatten() {
        united.entry(labels).or_default().extend(chunks);
    }
    for chunks in united.values_mut() {
        chunks.sort();
        chunks.dedup();
        if !chunks.is_sorted_by(|one, next| one.max < next.min) {
            return None;
        }
    }
    Some(united.into_iter().collect())
}
