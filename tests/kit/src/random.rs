//! Blocks that overlap, of samples of every kind, as dice fall.

mod chunks;
mod histograms;

use lithify_block::{TimeRange, Timestamp};

use crate::{
    dice::Dice,
    slow::{Block, Chunk, Labels, Series},
};

pub use chunks::{aggregate_chunks, raw_chunks};

/// What blocks may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// Raw samples, floats and histograms.
    Raw,
    /// Aggregates of a downsampled block, now and then raw samples among them.
    Downsampled,
}

/// Length of the shortest block, milliseconds.
const SHORTEST: i64 = 600;

/// One to five blocks in the order of a plan. They share series, time, sometimes whole chunks.
pub fn blocks(dice: &mut Dice<'_>, content: Content) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    for _ in 0..1 + dice.pick(&[1, 1, 1, 2, 2, 3, 4, 0]) {
        let start = i64::from(dice.below(4)) * 300 - 100;
        let range =
            TimeRange { min: Timestamp(start), max: Timestamp(start + SHORTEST + i64::from(dice.below(4)) * 300) };
        let mut series: Vec<Series> = Vec::new();
        for labels in names() {
            let twin = blocks.last().and_then(|last| last.series.iter().find(|series| series.labels == labels));
            let chunks = match twin {
                Some(twin) if dice.once_in(4) => copy(dice, &twin.chunks, range),
                _ if dice.once_in(4) => Vec::new(),
                _ if content == Content::Downsampled => aggregate_chunks(dice, range),
                _ => raw_chunks(dice, range),
            };
            if !chunks.is_empty() {
                series.push(Series { labels, chunks, deleted: deletions(dice, range) });
            }
        }
        blocks.push(Block { range, series });
    }
    blocks
}

fn names() -> Vec<Labels> {
    let labels = |job: &str| vec![(b"__name__".to_vec(), b"up".to_vec()), (b"job".to_vec(), job.as_bytes().to_vec())];
    ["a", "b", "c"].map(labels).to_vec()
}

/// The chunks of a twin, as far as they lie within the block; sometimes one is left out.
fn copy(dice: &mut Dice<'_>, chunks: &[Chunk], range: TimeRange) -> Vec<Chunk> {
    let inside = |chunk: &&Chunk| range.min.0 <= chunk.min && chunk.max < range.max.0;
    let kept = chunks.iter().filter(inside).filter(|_| !dice.once_in(6));
    kept.cloned().collect()
}

fn deletions(dice: &mut Dice<'_>, range: TimeRange) -> Vec<(i64, i64)> {
    let mut deleted = Vec::new();
    while deleted.len() < 4 && dice.once_in(5) {
        let from = range.min.0 + i64::from(dice.byte()) * 4;
        deleted.push((from, from + i64::from(dice.byte()) * i64::from(dice.pick(&[1, 0, 5]))));
    }
    deleted
}
