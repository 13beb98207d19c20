//! The bounds of a retention rule: over one of them its whole answer is refused, nothing is cut to size.
//!
//! Source: `policies.md` 5.

use std::collections::{BTreeMap, BTreeSet};

use lithify_block::{
    BlockFacts, BlockId, Labels, TimeRange, Timestamp,
    budget::Amount,
    rails::{Rails, RetentionRule, Share},
};

use crate::View;

/// How far the clock may be behind the newest block before a rule from outside is not believed: 5 minutes, milliseconds.
const CLOCK_SLACK_MS: i64 = 300_000;

/// An answer and what it is held against.
pub(super) struct Case<'a> {
    pub(super) rails: &'a Rails,
    pub(super) is_foreign: bool,
    pub(super) now: Timestamp,
    pub(super) delete_delay_ms: i64,
    pub(super) view: &'a View,
    pub(super) blocks: &'a [&'a BlockFacts],
    /// What the bucket has, or the tenant if the rule is asked about one.
    pub(super) whole: Amount,
    /// What went within seven days, the proposed blocks apart; an error if it cannot be told.
    pub(super) spent: Result<Amount, Bound>,
}

/// Why an answer was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Bound {
    /// More blocks than a run may let go.
    #[error("{proposed} blocks are proposed, at most {max} may go in a run; see max-blocks")]
    Blocks {
        /// How many.
        proposed: u64,
        /// How many may.
        max: u64,
    },
    /// More bytes than a run may let go.
    #[error("{proposed} bytes are proposed, at most {max} may go in a run; see max-bytes")]
    Bytes {
        /// How many.
        proposed: u64,
        /// How many may.
        max: u64,
    },
    /// Too large a part of the bucket.
    #[error("{proposed} of {whole} {what} of the bucket are proposed, which is more than {}.{:02} %; see max-share", max.0 / 100, max.0 % 100)]
    Share {
        /// `blocks` or `bytes`.
        what: &'static str,
        /// How many.
        proposed: u64,
        /// Of how many.
        whole: u64,
        /// The largest part.
        max: Share,
    },
    /// Too large a part of the blocks of one label set.
    #[error("{proposed} of {whole} blocks of {labels} are proposed, which is more than {}.{:02} %; see max-label-set-share", max.0 / 100, max.0 % 100)]
    SetShare {
        /// The labels.
        labels: String,
        /// How many.
        proposed: u64,
        /// Of how many.
        whole: u64,
        /// The largest part.
        max: Share,
    },
    /// More blocks than may go within seven days.
    #[error(
        "{spent} blocks went within seven days and {proposed} are proposed, at most {max} may go; see max-blocks-per-week"
    )]
    WeekBlocks {
        /// How many went.
        spent: u64,
        /// How many are to go.
        proposed: u64,
        /// How many may.
        max: u64,
    },
    /// More bytes than may go within seven days.
    #[error(
        "{spent} bytes went within seven days and {proposed} are proposed, at most {max} may go; see max-bytes-per-week"
    )]
    WeekBytes {
        /// How many went.
        spent: u64,
        /// How many are to go.
        proposed: u64,
        /// How many may.
        max: u64,
    },
    /// Too large a part of the bucket within seven days.
    #[error("{spent} {what} went within seven days and {proposed} of {whole} are proposed, which is more than {}.{:02} %; see max-share-per-week", max.0 / 100, max.0 % 100)]
    WeekShare {
        /// `blocks` or `bytes`.
        what: &'static str,
        /// How many went.
        spent: u64,
        /// How many are to go.
        proposed: u64,
        /// Of how many.
        whole: u64,
        /// The largest part.
        max: Share,
    },
    /// What went within seven days cannot be told.
    #[error(
        "what went within seven days cannot be told, because {object} is damaged: {why}; restore it, or remove it, and \
         what it reserved counts no more"
    )]
    Ledger {
        /// The object.
        object: String,
        /// What is wrong with it.
        why: String,
    },
    /// A block that is too young.
    #[error("block {id} is proposed, whose newest sample is {age_ms} ms old and must be {min_ms}; see {option}")]
    Age {
        /// The block.
        id: BlockId,
        /// Its age.
        age_ms: i64,
        /// The least age.
        min_ms: i64,
        /// The option that sets it.
        option: &'static str,
    },
    /// Marks would be acted on too soon.
    #[error(
        "marked blocks are deleted after {delete_delay_ms} ms and must be kept for {floor_ms}; raise --delete-delay, or see delete-delay-floor"
    )]
    DeleteDelay {
        /// `--delete-delay`.
        delete_delay_ms: i64,
        /// The least.
        floor_ms: i64,
    },
    /// A raw block whose samples are in no coarser block.
    #[error(
        "raw block {id} is proposed, but no coarser blocks that are older than the delete delay hold its samples; see require-coverage"
    )]
    Coverage {
        /// The block.
        id: BlockId,
    },
    /// The clock went back, or the bucket's writers are ahead.
    #[error("block {id} is {ahead_ms} ms ahead of this machine's clock; correct the clock")]
    Clock {
        /// The newest block.
        id: BlockId,
        /// How far.
        ahead_ms: i64,
    },
}

impl Bound {
    /// A short name, for metrics.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Blocks { .. } => "max-blocks",
            Self::Bytes { .. } => "max-bytes",
            Self::Share { .. } => "max-share",
            Self::SetShare { .. } => "max-label-set-share",
            Self::WeekBlocks { .. } => "max-blocks-per-week",
            Self::WeekBytes { .. } => "max-bytes-per-week",
            Self::WeekShare { .. } => "max-share-per-week",
            Self::Ledger { .. } => "budget",
            Self::Age { option, .. } => option,
            Self::DeleteDelay { .. } => "delete-delay-floor",
            Self::Coverage { .. } => "require-coverage",
            Self::Clock { .. } => "clock",
        }
    }
}

/// The first bound that an answer exceeds. An answer without blocks exceeds none.
pub(super) fn exceeded(case: &Case<'_>) -> Option<Bound> {
    if case.blocks.is_empty() {
        return None;
    }
    clock(case)
        .or_else(|| delete_delay(case))
        .or_else(|| amount(case))
        .or_else(|| share_of_sets(case))
        .or_else(|| {
            // What carries a mark already costs nothing more.
            let new = case.blocks.iter().copied().filter(|facts| facts.deletion_marked_at.is_none());
            week(case.rails, case.spent.clone(), amount_of(new), case.whole)
        })
        .or_else(|| case.blocks.iter().find_map(|block| age(case, block)))
        .or_else(|| coverage(case))
}

fn clock(case: &Case<'_>) -> Option<Bound> {
    let newest = case.view.active().filter_map(|facts| Some((facts.uploaded_at?, facts.id))).max()?;
    let ahead_ms = newest.0.since(case.now);
    (case.is_foreign && ahead_ms > CLOCK_SLACK_MS).then_some(Bound::Clock { id: newest.1, ahead_ms })
}

fn delete_delay(case: &Case<'_>) -> Option<Bound> {
    let floor_ms = case.rails.delete_delay_floor_ms?;
    let delete_delay_ms = case.delete_delay_ms;
    (delete_delay_ms < floor_ms).then_some(Bound::DeleteDelay { delete_delay_ms, floor_ms })
}

fn bytes(facts: &BlockFacts) -> u64 {
    facts.size_bytes.unwrap_or_default()
}

/// How many blocks, and how many bytes they have.
pub(super) fn amount_of<'a>(blocks: impl Iterator<Item = &'a BlockFacts>) -> Amount {
    blocks.fold(Amount::default(), |sum, facts| Amount {
        blocks: sum.blocks + 1,
        bytes: sum.bytes.saturating_add(bytes(facts)),
    })
}

/// What the bucket has, or those of its blocks that belong to one tenant.
pub(super) fn whole(view: &View, rule: &RetentionRule, tenant: Option<&str>) -> Amount {
    let all = view.blocks.values().filter_map(|seen| seen.facts.as_ref());
    amount_of(all.filter(|facts| tenant.is_none() || rule.tenant(&facts.meta.thanos.labels) == tenant))
}

fn amount(case: &Case<'_>) -> Option<Bound> {
    let Amount { blocks, bytes } = amount_of(case.blocks.iter().copied());
    if let Some(max) = case.rails.blocks_max.filter(|max| blocks > *max) {
        return Some(Bound::Blocks { proposed: blocks, max });
    }
    if let Some(max) = case.rails.bytes_max.filter(|max| bytes > *max) {
        return Some(Bound::Bytes { proposed: bytes, max });
    }
    let max = case.rails.share_max?;
    let parts = [("blocks", blocks, case.whole.blocks), ("bytes", bytes, case.whole.bytes)];
    let over = parts.into_iter().find(|(_, proposed, whole)| max.is_exceeded(*proposed, *whole));
    over.map(|(what, proposed, whole)| Bound::Share { what, proposed, whole, max })
}

/// The bound over seven days that is exceeded if `proposed` goes in addition to what is `spent`.
pub(super) fn week(rails: &Rails, spent: Result<Amount, Bound>, proposed: Amount, whole: Amount) -> Option<Bound> {
    if !rails.has_budget() {
        return None;
    }
    let spent = match spent {
        Ok(spent) => spent,
        Err(bound) => return Some(bound),
    };
    let blocks = (spent.blocks, proposed.blocks);
    let bytes = (spent.bytes, proposed.bytes);
    let is_over = |(spent, proposed): (u64, u64), max: u64| spent.saturating_add(proposed) > max;
    if let Some(max) = rails.week_blocks_max.filter(|max| is_over(blocks, *max)) {
        return Some(Bound::WeekBlocks { spent: blocks.0, proposed: blocks.1, max });
    }
    if let Some(max) = rails.week_bytes_max.filter(|max| is_over(bytes, *max)) {
        return Some(Bound::WeekBytes { spent: bytes.0, proposed: bytes.1, max });
    }
    let max = rails.week_share_max?;
    let parts = [("blocks", blocks, whole.blocks), ("bytes", bytes, whole.bytes)];
    let is_over = |(spent, proposed): (u64, u64), whole| max.is_exceeded(spent.saturating_add(proposed), whole);
    let over = parts.into_iter().find(|(_, part, whole)| is_over(*part, *whole));
    over.map(|(what, (spent, proposed), whole)| Bound::WeekShare { what, spent, proposed, whole, max })
}

/// What may go within seven days; `None` for any amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limit {
    pub(super) blocks: Option<u64>,
    pub(super) bytes: Option<u64>,
}

/// The largest amount that no bound over seven days refuses, of what is `whole`.
pub(super) fn week_limit(rails: &Rails, whole: Amount) -> Limit {
    let share = |whole| rails.week_share_max.map(|share| share.of(whole));
    Limit {
        blocks: rails.week_blocks_max.into_iter().chain(share(whole.blocks)).min(),
        bytes: rails.week_bytes_max.into_iter().chain(share(whole.bytes)).min(),
    }
}

fn share_of_sets(case: &Case<'_>) -> Option<Bound> {
    let max = case.rails.set_share_max?;
    let mut sets: BTreeMap<&Labels, (u64, u64)> = BTreeMap::new();
    for facts in case.view.active() {
        sets.entry(&facts.meta.thanos.labels).or_default().1 += 1;
    }
    for facts in case.blocks {
        sets.entry(&facts.meta.thanos.labels).or_default().0 += 1;
    }
    let over = sets.into_iter().find(|(_, (proposed, whole))| max.is_exceeded(*proposed, *whole));
    over.map(|(labels, (proposed, whole))| Bound::SetShare { labels: labels.to_string(), proposed, whole, max })
}

fn age(case: &Case<'_>, facts: &BlockFacts) -> Option<Bound> {
    let age_ms = case.now.since(facts.meta.range.max);
    let raw = case.rails.raw_age_min_ms.filter(|_| facts.meta.thanos.resolution == 0);
    let least = [("min-age", case.rails.age_min_ms), ("min-raw-age", raw)];
    let (option, min_ms) = least.into_iter().find_map(|(o, min)| Some((o, min.filter(|min| age_ms < *min)?)))?;
    Some(Bound::Age { id: facts.id, age_ms, min_ms, option })
}

/// A raw block goes only if coarser blocks of its stream hold all its sources and its whole range, stay, and are old
/// enough to be seen by everybody.
fn coverage(case: &Case<'_>) -> Option<Bound> {
    if !case.rails.coverage_required {
        return None;
    }
    let proposed: BTreeSet<BlockId> = case.blocks.iter().map(|facts| facts.id).collect();
    let is_cover = |cover: &&BlockFacts| {
        let born = cover.uploaded_at.unwrap_or_else(|| cover.id.created());
        let is_old = case.now.since(born) > case.delete_delay_ms;
        let stays = cover.deletion_marked_at.is_none() && !proposed.contains(&cover.id);
        cover.meta.thanos.resolution > 0 && is_old && stays
    };
    let covers: Vec<&BlockFacts> = case.view.active().filter(is_cover).collect();
    let raw = case.blocks.iter().filter(|facts| facts.meta.thanos.resolution == 0);
    let bare = |facts: &&&BlockFacts| {
        let of_stream = || covers.iter().filter(|cover| cover.meta.thanos.labels == facts.meta.thanos.labels);
        let held: BTreeSet<BlockId> =
            of_stream().flat_map(|cover| cover.meta.compaction.sources.iter().copied()).collect();
        let sources = &facts.meta.compaction.sources;
        let has_sources = !sources.is_empty() && sources.iter().all(|source| held.contains(source));
        !has_sources || !is_covered(facts.meta.range, of_stream().map(|cover| cover.meta.range).collect())
    };
    raw.into_iter().find(bare).map(|facts| Bound::Coverage { id: facts.id })
}

fn is_covered(range: TimeRange, mut covers: Vec<TimeRange>) -> bool {
    covers.sort();
    let mut reached = range.min;
    for cover in covers {
        if cover.min > reached {
            break;
        }
        reached = reached.max(cover.max);
    }
    reached >= range.max
}

/// Whether `labels` has every label of `set`. An empty set is contained in everything.
pub(super) fn contains(labels: &Labels, set: &Labels) -> bool {
    set.0.iter().all(|(name, value)| labels.0.get(name) == Some(value))
}
