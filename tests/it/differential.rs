//! The streaming engine against the slow one of the kit: the same bytes for any blocks, or both refuse.

use std::sync::atomic::AtomicBool;

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
                prop_assert!(false, "{blocks:#?}\nfound {:#?}\nexpected {series:#?}", content(&memory, range));
            }
        }
        (Err(_), Err(_)) => {}
        (found, expected) => prop_assert!(false, "{blocks:#?}\nfound {found:?}\nexpected {expected:#?}"),
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

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn overlapping_blocks_become_the_block_that_the_rules_give(
        bytes in proptest::collection::vec(any::<u8>(), 0..3000),
        penalty in any::<bool>(),
        downsampled in proptest::bool::weighted(0.25),
    ) {
        let content = if downsampled { Content::Downsampled } else { Content::Raw };
        let blocks = random::blocks(&mut Dice::new(&bytes), content);
        merges_alike(&blocks, if penalty { Deduplication::Penalty } else { Deduplication::OneToOne })?;
    }
}
