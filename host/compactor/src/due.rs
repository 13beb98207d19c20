//! Which blocks are to be downsampled, and why others are not.
//!
//! Source: `thanos-compactor.md` 7.1.

use std::collections::BTreeSet;

use lithify_block::{BlockFacts, BlockId};

use crate::{View, failure::StepError};

/// Milliseconds between samples of blocks that were downsampled once.
pub const RESOLUTION_5M: i64 = 300_000;

/// Milliseconds between samples of blocks that were downsampled twice.
pub const RESOLUTION_1H: i64 = 3_600_000;

/// Shortest raw block that is downsampled: 40 hours in milliseconds.
const RAW_LENGTH_MIN_MS: i64 = 144_000_000;

/// Shortest 5m block that is downsampled: 10 days in milliseconds.
const FIVE_MINUTES_LENGTH_MIN_MS: i64 = 864_000_000;

/// What downsampling makes of one block.
#[derive(Clone, Debug, PartialEq)]
pub struct Downsampling {
    /// The block.
    pub source: BlockFacts,
    /// Milliseconds between samples of the copy.
    pub target: i64,
    /// Whether the copy is made, and why not.
    pub verdict: Verdict,
}

/// Whether a block is downsampled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is: this many of its sources are in no block of the target.
    Due {
        /// At least 1.
        missing_sources: usize,
    },
    /// It would be, but carries a no-downsample mark with this reason.
    Marked(String),
    /// It is shorter than this, milliseconds.
    TooShort {
        /// The shortest length.
        length_min_ms: i64,
    },
    /// All its sources are in blocks of the target, or it names none.
    Done,
}

/// What becomes of the raw and the 5m blocks of `view`, by id. Blocks of an hour stay as they are and are left out.
///
/// Marked blocks are not downsampled, but count among those that hold a source, so that the parent of a marked copy is
/// not downsampled once more.
///
/// # Errors
/// [`StepError::UnknownResolution`] for the first block of another resolution that carries no no-downsample mark.
pub fn decide_downsampling(view: &View) -> Result<Vec<Downsampling>, StepError> {
    let sources_at = |resolution: i64| -> BTreeSet<BlockId> {
        let blocks = view.active().filter(|block| block.meta.thanos.resolution == resolution);
        blocks.flat_map(|block| block.meta.compaction.sources.iter().copied()).collect()
    };
    let (in_5m, in_1h) = (sources_at(RESOLUTION_5M), sources_at(RESOLUTION_1H));
    let mut decisions = Vec::new();
    for block in view.active() {
        let (done, length_min_ms, target) = match block.meta.thanos.resolution {
            0 => (&in_5m, RAW_LENGTH_MIN_MS, RESOLUTION_5M),
            RESOLUTION_5M => (&in_1h, FIVE_MINUTES_LENGTH_MIN_MS, RESOLUTION_1H),
            RESOLUTION_1H => continue,
            // Somebody has said that this block is to be left alone.
            _ if block.no_downsample.is_some() => continue,
            resolution => return Err(StepError::UnknownResolution { id: block.id, resolution }),
        };
        let missing_sources = block.meta.compaction.sources.iter().filter(|source| !done.contains(source)).count();
        let verdict = if missing_sources == 0 {
            Verdict::Done
        } else if block.meta.range.length_ms() < length_min_ms {
            Verdict::TooShort { length_min_ms }
        } else if let Some(reason) = &block.no_downsample {
            Verdict::Marked(reason.clone())
        } else {
            Verdict::Due { missing_sources }
        };
        decisions.push(Downsampling { source: block.clone(), target, verdict });
    }
    Ok(decisions)
}

impl Downsampling {
    /// Whether the copy is to be made.
    #[must_use]
    pub fn is_due(&self) -> bool {
        matches!(self.verdict, Verdict::Due { .. })
    }
}

#[cfg(test)]
mod tests {
    use lithify_block::{Meta, TimeRange, Timestamp};

    use super::*;
    use crate::{Seen, Standing};

    fn id(n: u128) -> BlockId {
        BlockId::from_parts(Timestamp(0), n)
    }

    fn block(n: u128, resolution: i64, (min, max): (i64, i64), sources: &[u128]) -> BlockFacts {
        let mut meta = Meta::from_json(b"{\"version\":1}").unwrap();
        meta.id = id(n);
        meta.range = TimeRange::new(min, max);
        meta.compaction.sources = sources.iter().map(|source| id(*source)).collect();
        meta.thanos.resolution = resolution;
        BlockFacts {
            id: id(n),
            meta,
            index_size_bytes: None,
            size_bytes: None,
            uploaded_at: None,
            no_compact: None,
            no_downsample: None,
            deletion_marked_at: None,
        }
    }

    fn view(blocks: Vec<BlockFacts>) -> View {
        let seen = |facts: BlockFacts| (facts.id, Seen { standing: Standing::Active, facts: Some(facts) });
        View { blocks: blocks.into_iter().map(seen).collect(), ..View::empty(Timestamp(0)) }
    }

    fn verdicts(blocks: Vec<BlockFacts>) -> Vec<Verdict> {
        decide_downsampling(&view(blocks)).unwrap().into_iter().map(|decision| decision.verdict).collect()
    }

    const DUE: Verdict = Verdict::Due { missing_sources: 1 };

    #[test]
    fn forty_hours_and_ten_days_are_lengths_and_inclusive() {
        let raw = |min| verdicts(vec![block(7, 0, (min, RAW_LENGTH_MIN_MS), &[7])]);
        assert_eq!(raw(1), [Verdict::TooShort { length_min_ms: RAW_LENGTH_MIN_MS }]);
        assert_eq!(raw(0), [DUE]);
        let copy = |min| verdicts(vec![block(7, RESOLUTION_5M, (min, FIVE_MINUTES_LENGTH_MIN_MS), &[7])]);
        assert_eq!(copy(1), [Verdict::TooShort { length_min_ms: FIVE_MINUTES_LENGTH_MIN_MS }]);
        assert_eq!(copy(0), [DUE]);
        assert_eq!(verdicts(vec![block(7, RESOLUTION_1H, (0, i64::MAX), &[7])]), []);
    }

    #[test]
    fn a_block_is_due_if_one_of_its_sources_is_missing_at_the_target() {
        let long = FIVE_MINUTES_LENGTH_MIN_MS;
        let blocks = vec![
            block(1, 0, (1, RAW_LENGTH_MIN_MS), &[7, 8]), // Too short by a millisecond.
            block(2, RESOLUTION_5M, (0, long), &[8, 9]),
            block(3, RESOLUTION_5M, (0, long), &[8, 11]),
            block(4, RESOLUTION_1H, (0, long), &[9, 10]),
        ];
        let short = Verdict::TooShort { length_min_ms: RAW_LENGTH_MIN_MS };
        assert_eq!(verdicts(blocks), [short, DUE, Verdict::Due { missing_sources: 2 }]);
    }

    #[test]
    fn a_block_without_sources_is_never_due() {
        assert_eq!(verdicts(vec![block(1, 0, (0, i64::MAX), &[])]), [Verdict::Done]);
    }

    #[test]
    fn a_marked_copy_is_left_alone_and_its_parent_is_not_downsampled_again() {
        let mut copy = block(2, RESOLUTION_5M, (0, FIVE_MINUTES_LENGTH_MIN_MS), &[1]);
        copy.no_downsample = Some("manual".into());
        let parent = block(1, 0, (0, FIVE_MINUTES_LENGTH_MIN_MS), &[1]);
        assert_eq!(verdicts(vec![parent, copy]), [Verdict::Done, Verdict::Marked("manual".into())]);
    }

    #[test]
    fn an_unknown_resolution_is_an_error_that_names_the_block() {
        let error = decide_downsampling(&view(vec![block(5, 124, (0, 1), &[5])])).unwrap_err();
        assert!(error.to_string().starts_with(&format!("block {} has a resolution of 124 ms", id(5))), "{error}");
    }

    #[test]
    fn a_block_of_an_unknown_resolution_that_is_marked_hinders_nobody() {
        let mut marked = block(5, 124, (0, RAW_LENGTH_MIN_MS), &[5]);
        marked.no_downsample = Some("manual".into());
        assert_eq!(verdicts(vec![marked, block(7, 0, (0, RAW_LENGTH_MIN_MS), &[7])]), [DUE]);
    }
}
