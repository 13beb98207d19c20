//! The streaming engine against the slow one of the kit, on blocks that dice have made; and laws of merging.

mod splits;

use std::fmt;

use lithify_kit::{
    compare,
    dice::Dice,
    random::{self, Content},
    slow::{self, Block, Chunk, Series},
};
use lithify_tsdb::Deduplication;
use proptest::prelude::*;

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

fn function() -> impl Strategy<Value = Deduplication> {
    prop::sample::select(vec![Deduplication::OneToOne, Deduplication::Penalty])
}

fn alike(compared: Result<(), String>) -> Result<(), TestCaseError> {
    compared.map_err(TestCaseError::fail)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn overlapping_blocks_become_the_block_that_the_rules_give(throws in throws(), function in function()) {
        alike(compare::merge(&random::blocks(&mut Dice::new(&throws.0), Content::Raw), function))?;
    }

    #[test]
    fn overlapping_downsampled_blocks_become_what_the_rules_give(throws in throws(), function in function()) {
        alike(compare::merge(&random::blocks(&mut Dice::new(&throws.0), Content::Downsampled), function))?;
    }

    #[test]
    fn raw_blocks_become_the_windows_that_the_rules_give(
        throws in throws(),
        to in prop::sample::select(vec![7, 50, 100, 300]),
    ) {
        for block in random::blocks(&mut Dice::new(&throws.0), Content::Raw) {
            alike(compare::coarsen(&block, 0, to))?;
        }
    }

    #[test]
    fn windows_become_the_longer_windows_that_the_rules_give(
        throws in throws(),
        to in prop::sample::select(vec![20, 70, 250]),
    ) {
        for block in random::blocks(&mut Dice::new(&throws.0), Content::Downsampled) {
            alike(compare::coarsen(&block, 10, to))?;
        }
    }

    #[test]
    fn a_block_and_itself_are_the_block(throws in throws()) {
        for mut block in random::blocks(&mut Dice::new(&throws.0), Content::Raw) {
            block.series.iter_mut().for_each(|series| series.deleted.clear());
            let series = content(&block);
            let merged = slow::merge(&[block.clone(), block.clone()], slow::Deduplication::OneToOne);
            prop_assert_eq!(merged.map(|(_, merged)| merged), Ok(series));
            alike(compare::merge(&[block.clone(), block], Deduplication::OneToOne))?;
        }
    }

    #[test]
    fn merging_is_the_same_however_a_series_was_split(throws in throws(), dealt in throws()) {
        for block in random::blocks(&mut Dice::new(&throws.0), Content::Raw) {
            // Every chunk goes to one of three blocks. What was apart stays apart, so the whole comes back.
            let mut dice = Dice::new(&dealt.0);
            let mut parts = [const { Vec::new() }; 3];
            for series in &block.series {
                let mut hands = [const { Vec::<Chunk>::new() }; 3];
                for chunk in &series.chunks {
                    hands[usize::from(dice.below(3))].push(chunk.clone());
                }
                for (part, chunks) in parts.iter_mut().zip(hands).filter(|(_, chunks)| !chunks.is_empty()) {
                    part.push(Series { labels: series.labels.clone(), chunks, deleted: Vec::new() });
                }
            }
            let parts = parts.map(|series| Block { range: block.range, series });
            for (slowly, function) in [
                (slow::Deduplication::OneToOne, Deduplication::OneToOne),
                (slow::Deduplication::Penalty, Deduplication::Penalty),
            ] {
                prop_assert_eq!(slow::merge(&parts, slowly).map(|(_, merged)| merged), Ok(content(&block)));
                alike(compare::merge(&parts, function))?;
            }
        }
    }
}

fn content(block: &Block) -> Vec<(slow::Labels, Vec<Chunk>)> {
    block.series.iter().map(|series| (series.labels.clone(), series.chunks.clone())).collect()
}
