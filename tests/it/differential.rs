//! The streaming engine against the slow one of the kit: the same bytes for any blocks, or both refuse.

use std::{fmt, sync::atomic::AtomicBool};

use lithify_block::{BlockId, TimeRange, Timestamp};
use lithify_kit::{
    dice::Dice,
    random::{self, Content},
    slow::{self, Block},
};
use lithify_tsdb::{Blob, BlockFile, Deduplication, Memory, Options, Progress, Source, compact};
use proptest::prelude::*;

/// Merges with both engines and compares files; says what the blocks were where they differ.
fn merges_alike(blocks: &[Block], deduplication: Deduplication) -> Result<(), TestCaseError> {
    let sources: Result<Vec<Source>, _> = blocks.iter().zip(1..).map(|(block, number)| block.source(number)).collect();
    let sources = sources.map_err(|error| TestCaseError::reject(error.to_string()))?;
    let slowly = match deduplication {
        Deduplication::OneToOne => slow::Deduplication::OneToOne,
        Deduplication::Penalty => slow::Deduplication::Penalty,
    };
    let expected = slow::merge(blocks, slowly);
    let range = blocks.iter().map(|block| block.range).reduce(TimeRange::union).unwrap();
    let (cancel, progress, mut memory) = (AtomicBool::new(false), Progress::default(), Memory::default());
    let options =
        Options { segment_bytes: 0, accept_malformed: false, deduplication, cancel: &cancel, progress: &progress };
    let merged = compact(&sources, range, &mut memory, &options);
    match (merged, expected) {
        (Ok(_), Ok((symbols, series))) => {
            let files = slow::files(symbols, &series, 0).expect("the slow engine keeps the rules of the format");
            if memory.files() != files {
                let found = content(&memory, range);
                let (found, expected) = (
                    found.iter().filter(|one| !series.contains(one)).collect::<Vec<_>>(),
                    series.iter().filter(|one| !found.contains(one)).collect::<Vec<_>>(),
                );
                prop_assert!(false, "{}\nfound {found:?}\nexpected {expected:?}", drawn(blocks));
            }
        }
        (Err(_), Err(_)) => {}
        (found, expected) => prop_assert!(false, "{}\nfound {found:?}\nexpected {expected:?}", drawn(blocks)),
    }
    Ok(())
}

/// What a result holds, for messages.
fn content(memory: &Memory, range: TimeRange) -> Vec<(slow::Labels, Vec<slow::Chunk>)> {
    let files = memory.files();
    let blob = |bytes: &bytes::Bytes| Box::new(bytes.clone()) as Box<dyn Blob>;
    let segments = files.iter().filter_map(|(file, bytes)| match file {
        BlockFile::Segment(number) => Some((format!("{number:06}"), blob(bytes))),
        BlockFile::Index => None,
    });
    let segments = segments.collect();
    let id = BlockId::from_parts(Timestamp(0), 0);
    slow::read(&Source { id, range, index: blob(&files[&BlockFile::Index]), segments, tombstones: None }).unwrap()
}

/// Blocks as a reader of a failure wants them: one line a chunk.
fn drawn(blocks: &[Block]) -> String {
    let mut lines = Vec::new();
    for block in blocks {
        lines.push(format!("block {}..{}", block.range.min.0, block.range.max.0));
        for series in &block.series {
            lines.push(format!("  series, deleted {:?}", series.deleted));
            lines.extend(series.chunks.iter().map(|chunk| format!("    {chunk:?}")));
        }
    }
    lines.join("\n")
}

/// Throws for dice; a failure is told by its blocks.
#[derive(Clone)]
struct Throws(Vec<u8>);

impl fmt::Debug for Throws {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} throws", self.0.len())
    }
}

fn throws() -> impl Strategy<Value = Throws> {
    proptest::collection::vec(any::<u8>(), 0..3000).prop_map(Throws)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn overlapping_blocks_become_the_block_that_the_rules_give(throws in throws(), penalty in any::<bool>()) {
        let blocks = random::blocks(&mut Dice::new(&throws.0), Content::Raw);
        merges_alike(&blocks, if penalty { Deduplication::Penalty } else { Deduplication::OneToOne })?;
    }

    #[test]
    fn overlapping_downsampled_blocks_become_what_the_rules_give(throws in throws(), penalty in any::<bool>()) {
        let blocks = random::blocks(&mut Dice::new(&throws.0), Content::Downsampled);
        merges_alike(&blocks, if penalty { Deduplication::Penalty } else { Deduplication::OneToOne })?;
    }
}
