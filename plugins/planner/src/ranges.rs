//! Windows that are worth filling.
//!
//! Source: `thanos-compactor.md` 5.3.

use alloc::vec::Vec;
use core::ops::Range;

use crate::InOrder;

/// What is to be said about the blocks of one window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// A compaction of one of them failed before.
    Failed,
    /// There is only one.
    Alone,
    /// They do not fill the window, and more may come.
    Incomplete,
    /// No two neighbours are free of marks.
    Marked,
    /// They can be compacted.
    Good,
}

/// The oldest acceptable part of the smallest range, among the first `older` blocks; with the range.
pub(crate) fn select(group: &InOrder<'_>, older: usize, marked: &[bool]) -> Option<(Vec<usize>, i64)> {
    for range in group.ranges.iter().skip(1) {
        for part in parts(group, older, *range) {
            if verdict(group, older, &part, *range, marked) == Verdict::Good {
                return Some((unmarked_run(&part, marked), *range));
            }
        }
    }
    None
}

/// Cuts the first `older` blocks by windows of `range`, aligned to multiples of it; what straddles a border is in none.
pub(crate) fn parts(group: &InOrder<'_>, older: usize, range: i64) -> Vec<Range<usize>> {
    let mut parts = Vec::new();
    let mut i = 0;
    while i < older {
        let first = group.blocks[i].1;
        let window_start = first.min_time.saturating_sub(first.min_time.rem_euclid(range));
        let window_end = window_start.saturating_add(range);
        let fitting = group.blocks[i..older].iter().take_while(|(_, block)| block.max_time <= window_end).count();
        if fitting > 0 {
            parts.push(i..i + fitting);
        }
        i += fitting.max(1);
    }
    parts
}

/// Whether a part can be compacted, and what is in the way if not.
pub(crate) fn verdict(group: &InOrder<'_>, older: usize, part: &Range<usize>, range: i64, marked: &[bool]) -> Verdict {
    let newest_start = group.blocks[older - 1].1.min_time;
    let blocks = &group.blocks[part.clone()];
    let (Some((_, first)), Some((_, last))) = (blocks.first(), blocks.last()) else {
        return Verdict::Alone;
    };
    if blocks.iter().any(|(_, block)| block.failed) {
        Verdict::Failed
    } else if blocks.len() < 2 {
        Verdict::Alone
    } else if last.max_time.saturating_sub(first.min_time) != range && last.max_time > newest_start {
        Verdict::Incomplete
    } else if unmarked_run(part, marked).is_empty() {
        Verdict::Marked
    } else {
        Verdict::Good
    }
}

/// The first run of at least two neighbours without a mark; empty if there is none.
fn unmarked_run(part: &Range<usize>, marked: &[bool]) -> Vec<usize> {
    let mut run = Vec::new();
    for i in part.clone() {
        if !marked[i] {
            run.push(i);
        } else if run.len() >= 2 {
            break;
        } else {
            run.clear();
        }
    }
    if run.len() < 2 {
        run.clear();
    }
    run
}
