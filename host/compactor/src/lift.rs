//! Lifting deletion marks: those of one retention rule from outside, since a point in time, and no others.
//!
//! A mark is the rule's if its details say so in the host's own words and it names the block that it lies beside. Marks
//! of other rules, of garbage collection, of the built-in rule and of people are never touched.
//!
//! Source: `policies.md` 5.

use lithify_block::{BlockId, DeletionMark, Provenance, Timestamp};
use lithify_bucket::{
    Bucket, Error, MarkState, MarkedBlock, deletion_mark, deletion_marks, layout, layout::MarkKind, remove_mark,
};

/// A deletion mark that a retention rule from outside has written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleMark {
    /// The block.
    pub id: BlockId,
    /// The mark, as it was read.
    pub mark: DeletionMark,
    /// Whose it is.
    pub by: Provenance,
    /// What the rule said of why.
    pub why: String,
    /// Whether the block can still be had: its deletion takes its meta.json first.
    pub has_meta: bool,
}

/// What became of a mark that was to be lifted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lifted {
    /// It is gone, and the block takes part again.
    Lifted,
    /// Somebody else has removed it.
    Absent,
    /// It is another mark by now.
    Changed,
    /// The deletion of the block has begun; what is left of it must not pass for a block again.
    TooLate,
}

/// The marks of all retention rules from outside, by block.
///
/// # Errors
/// Those of the bucket.
pub async fn rule_marks(bucket: &dyn Bucket, concurrency: usize) -> Result<Vec<RuleMark>, Error> {
    Ok(deletion_marks(bucket, concurrency).await?.into_iter().filter_map(of_a_rule).collect())
}

fn of_a_rule(marked: MarkedBlock) -> Option<RuleMark> {
    let MarkedBlock { id, has_meta, mark } = marked;
    let mark = mark.found().filter(|mark| mark.id == id)?.clone();
    let (by, why) = Provenance::read(&mark.details)?;
    let why = why.to_owned();
    Some(RuleMark { id, by, why, has_meta, mark })
}

impl RuleMark {
    /// Whether the mark is by what `name` calls, and was made at `since` or later. Marks know whole seconds.
    #[must_use]
    pub fn is_by_since(&self, name: &str, since: Timestamp) -> bool {
        self.by.is_called(name) && self.mark.time_seconds >= since.seconds()
    }
}

/// Removes `mark` if it still is what was read and the block can still be had.
///
/// # Errors
/// Those of the bucket; then the mark may be there or not.
pub async fn lift(bucket: &dyn Bucket, mark: &RuleMark) -> Result<Lifted, Error> {
    match deletion_mark(bucket, mark.id).await? {
        MarkState::Absent => return Ok(Lifted::Absent),
        MarkState::Found(now) if now == mark.mark => {}
        MarkState::Found(_) | MarkState::Unsupported(_) => return Ok(Lifted::Changed),
    }
    if !bucket.exists(&layout::meta(mark.id)).await? {
        return Ok(Lifted::TooLate);
    }
    Ok(if remove_mark(bucket, mark.id, MarkKind::Deletion).await? { Lifted::Lifted } else { Lifted::Absent })
}
