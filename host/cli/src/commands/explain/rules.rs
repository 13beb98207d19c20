//! What each rule made of a block.
//!
//! Source: compactor specification 3.6.

use lithify_block::{BlockFacts, Rfc3339, SOURCE_COMPACTOR, Timestamp};
use lithify_compactor::{Config, Seen, Standing};

use crate::render::explain::RuleReport;
use crate::render::units;

/// What the rules are told besides the block.
pub(super) struct Circumstances<'a> {
    /// The time that counts as now.
    pub(super) now: Timestamp,
    /// Settings.
    pub(super) config: &'a Config,
    /// Whether a selector is asked at all.
    pub(super) has_selector: bool,
}

/// Names of the rules, in their order.
const RULES: [&str; 9] = [
    "meta.json",
    "F1 time partition",
    "F2 selector",
    "F3 consistency delay",
    "F4 deletion mark",
    "F5 replica labels",
    "F6 superseded",
    "F7 no-compact mark",
    "F8 no-downsample mark",
];

/// All rules: those before the one that left the block out passed it, those behind were not asked.
pub(super) fn rules(seen: &Seen, at: &Circumstances<'_>) -> Vec<RuleReport> {
    let failed = failed(&seen.standing);
    let reports = RULES.iter().enumerate().map(|(number, rule)| {
        let outcome = match failed {
            Some(failed) if number == failed => "failed",
            // A misnamed block, or one of an unknown version, goes through all other rules and is set apart at the end.
            Some(failed)
                if number > failed && !matches!(seen.standing, Standing::Misnamed(_) | Standing::Unsupported(_)) =>
            {
                "not asked"
            }
            _ => "passed",
        };
        let why = match (outcome, &seen.facts) {
            ("failed", _) => reason(&seen.standing),
            ("passed", Some(facts)) => passed(number, facts, at),
            _ => String::new(),
        };
        RuleReport { rule, outcome, why }
    });
    reports.collect()
}

/// Position of the rule that left the block out.
fn failed(standing: &Standing) -> Option<usize> {
    match standing {
        Standing::Active | Standing::LeftOut(_) => None,
        Standing::Partial | Standing::Corrupt(_) | Standing::Misnamed(_) | Standing::Unsupported(_) => Some(0),
        Standing::OutsideTime => Some(1),
        Standing::OutsideShard => Some(2),
        Standing::TooFresh { .. } => Some(3),
        Standing::MarkedForDeletion => Some(4),
        Standing::SupersededBy(_) => Some(6),
    }
}

/// Why a block is left out.
pub(in crate::commands) fn reason(standing: &Standing) -> String {
    match standing {
        Standing::Active => String::new(),
        Standing::LeftOut(why) => format!("found broken: {why}"),
        Standing::Unsupported(why) => why.to_string(),
        Standing::Partial => "there is no meta.json, so the upload is not complete".to_owned(),
        Standing::Corrupt(why) => why.clone(),
        Standing::Misnamed(found) => {
            format!("it names block {found}; correct it, or mark the directory's block for deletion")
        }
        Standing::OutsideTime => "lies outside --min-time and --max-time".to_owned(),
        Standing::OutsideShard => "the selector leaves it to another compactor".to_owned(),
        Standing::TooFresh { until } => format!("may not be complete yet; seen from {} on", Rfc3339::from(*until)),
        Standing::MarkedForDeletion => "marked for longer than half of --delete-delay, so it is hidden".to_owned(),
        Standing::SupersededBy(by) => format!("all its samples are in block {by}"),
    }
}

fn passed(number: usize, facts: &BlockFacts, at: &Circumstances<'_>) -> String {
    match number {
        0 => "decodes and names this block".to_owned(),
        1 => "touches the time from --min-time to --max-time".to_owned(),
        2 if at.has_selector => "the selector keeps it".to_owned(),
        2 => "no selector, all blocks are ours".to_owned(),
        3 => freshness(facts, at),
        4 => match facts.deletion_marked_at {
            None => "none".to_owned(),
            Some(marked) => {
                let hidden = marked.0.saturating_add(at.config.delete_delay_ms / 2);
                format!("young, so the block stays visible until {}", Rfc3339::from(Timestamp(hidden)))
            }
        },
        5 if at.config.replica_labels.is_empty() => "none are configured".to_owned(),
        5 => "removed before grouping, where the block has them".to_owned(),
        6 => "no other block holds all its samples".to_owned(),
        7 => facts
            .no_compact
            .as_ref()
            .map_or_else(|| "none".to_owned(), |reason| format!("takes part, but is never merged: {reason}")),
        _ => facts
            .no_downsample
            .as_ref()
            .map_or_else(|| "none".to_owned(), |reason| format!("takes part, but is never downsampled: {reason}")),
    }
}

fn freshness(facts: &BlockFacts, at: &Circumstances<'_>) -> String {
    let source = facts.meta.thanos.source.as_str();
    if matches!(source, SOURCE_COMPACTOR | "compactor.repair" | "bucket.repair") {
        return format!("made by {source}, so complete when it is seen");
    }
    let born = facts.uploaded_at.unwrap_or_else(|| facts.id.created());
    format!(
        "{} old, the delay is {}",
        units::length(at.now.since(born).max(0)),
        units::length(at.config.consistency_delay_ms)
    )
}
