//! Why each block is planned or not, for `lithify plan`.

use alloc::{string::String, vec::Vec};
use core::ops::Range;

use lithify_sdk::{Why, text::decimal};

use crate::{
    Choice, InOrder, Marks, Rule,
    ranges::{self, Verdict},
    tsdb,
};

/// One explanation a block.
pub(crate) fn explain(group: &InOrder<'_>, marks: &Marks, choice: &Choice, why: &mut dyn Why) {
    let older = group.blocks.len().saturating_sub(1);
    let cuts: Vec<(i64, Vec<Range<usize>>)> =
        group.ranges.iter().skip(1).map(|range| (*range, ranges::parts(group, older, *range))).collect();
    for (i, (position, block)) in group.blocks.iter().enumerate() {
        let (rule, message) = if choice.blocks.contains(&i) {
            (name(choice.rule), ["planned: ", &choice.rule.reason()].concat())
        } else if let Some(mark) = marks.new.iter().find(|mark| mark.block == *position) {
            ("mark", ["to be marked no-compact: ", &mark.details].concat())
        } else if let Some(reason) = &block.no_compact {
            ("no-compact", ["left out: marked no-compact, ", reason].concat())
        } else if choice.rule == Rule::Overlap {
            ("overlap", "waits: overlapping blocks come first".into())
        } else if i == older {
            ("fresh", "set aside: the newest block of the group".into())
        } else {
            ("range", windows(group, i, &cuts, &marks.marked))
        };
        why.explain(&block.id, rule, &message);
    }
}

fn name(rule: Rule) -> &'static str {
    match rule {
        Rule::Overlap => "overlap",
        Rule::Range(_) => "range",
        Rule::Tombstones => "tombstones",
        Rule::Rest => "rest",
    }
}

/// What is in the way in each window that the block is in.
fn windows(group: &InOrder<'_>, i: usize, cuts: &[(i64, Vec<Range<usize>>)], marked: &[bool]) -> String {
    let older = group.blocks.len() - 1;
    let mut message = String::from("not planned:");
    for (range, parts) in cuts {
        if *range <= tsdb::length(group.blocks[i].1) {
            continue; // It has this length already.
        }
        let at = parts.partition_point(|part| part.end <= i);
        let obstacle = match parts.get(at).filter(|part| part.contains(&i)) {
            None => "across a border",
            Some(part) => match ranges::verdict(group, older, part, *range, marked) {
                Verdict::Failed => "with a block whose compaction failed before",
                Verdict::Alone => "alone",
                Verdict::Incomplete => "not full, and more may come",
                Verdict::Marked => "no two neighbours without a no-compact mark",
                Verdict::Good => "after what is planned now",
            },
        };
        let separator = if message.ends_with(':') { " " } else { "; " };
        message.push_str(&[separator, &length(*range), " window: ", obstacle].concat());
    }
    if message.ends_with(':') {
        message.push_str(" as long as the longest window");
    }
    message
}

/// Milliseconds as people say them: in the largest of hours, minutes, seconds that fits.
pub(crate) fn length(ms: i64) -> String {
    for (unit, name) in [(3_600_000, "h"), (60_000, "m"), (1000, "s")] {
        if ms % unit == 0 {
            return [&decimal((ms / unit).unsigned_abs()), name].concat();
        }
    }
    [&decimal(ms.unsigned_abs()), "ms"].concat()
}
