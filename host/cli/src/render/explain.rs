//! What a run knows of one block, as a text for people and as JSON for programs.

use lithify_block::Timestamp;
use serde::Serialize;

use super::look::{Look, Paint};
use super::report::Report;
use super::table::{Align, Table};
use super::units;
use crate::calendar::{for_people, not_before};

/// Everything that `lithify explain` tells.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ExplainReport {
    /// The block.
    pub block: String,
    /// Its standing, as the metric `thanos_blocks_meta_synced` spells it.
    pub standing: String,
    /// What its meta.json says, if that decodes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub meta: Option<MetaReport>,
    /// The rules in their order, and what each made of the block.
    pub rules: Vec<RuleReport>,
    /// Its marks.
    pub marks: Vec<FoundMarkReport>,
    /// The group that it is in, if it takes part.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<GroupOfBlock>,
    /// What the planner said of the block or its group.
    pub planner: Vec<SaidReport>,
    /// What was read of it, and what is wrong with that.
    pub check: CheckReport,
    /// What retention rules say of it.
    pub retention: Vec<KeptReport>,
    /// What becomes of it, in order; never empty.
    pub next: Vec<NextReport>,
}

/// What was read of the block.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CheckReport {
    /// `index and chunks`, `index` or `nothing`.
    pub read: &'static str,
    /// Why not more; empty where everything was read.
    pub why: String,
    /// What is wrong; absent if nothing was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub defect: Option<DefectReport>,
}

/// What is wrong with a block.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DefectReport {
    /// How bad it is without isolation: `retry`, `plain` or `halt`.
    pub kind: &'static str,
    /// A short name, as the metric `lithify_left_out` has it.
    pub reason: &'static str,
    /// The words of the log of `compact`: which file, where, which series, what.
    pub err: String,
    /// What `compact` does about it.
    pub becomes: &'static str,
    /// What a person can do; empty if the words say it already.
    pub way_out: &'static str,
}

/// What a retention rule says of the block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeptReport {
    /// The rule's name.
    pub rule: String,
    /// `keeps it`, `lets it go`, and finer shades.
    pub says: &'static str,
    /// When the built-in rule lets it go, milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_before_ms: Option<i64>,
    /// Why.
    pub why: String,
}

/// What a meta.json says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct MetaReport {
    /// Start, milliseconds.
    pub min_time_ms: i64,
    /// End, milliseconds, not inside.
    pub max_time_ms: i64,
    /// Resolution in milliseconds, 0 for raw.
    pub resolution_ms: i64,
    /// Compaction level.
    pub level: i64,
    /// External labels, those of replicas removed.
    pub labels: String,
    /// Series in it.
    pub series: u64,
    /// Samples in it.
    pub samples: u64,
    /// Bytes of all its objects, where known.
    pub size_bytes: Option<u64>,
    /// Who wrote it.
    pub source: String,
    /// The level-1 blocks whose samples it holds.
    pub sources: Vec<String>,
    /// The blocks it was merged from.
    pub parents: Vec<String>,
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RuleReport {
    /// Its name.
    pub rule: &'static str,
    /// `passed`, `failed`, or `not asked` because an earlier rule left the block out.
    pub outcome: &'static str,
    /// Why.
    pub why: String,
}

/// One mark beside the block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FoundMarkReport {
    /// Name of the object.
    pub file: &'static str,
    /// When it was set, milliseconds.
    pub marked_at_ms: i64,
    /// How long ago that is, milliseconds.
    pub age_ms: i64,
    /// Why, for programs; empty for deletion marks.
    pub reason: String,
    /// Why, for people.
    pub details: String,
}

/// The group that a block is in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GroupOfBlock {
    /// Its key.
    pub key: String,
    /// External labels.
    pub labels: String,
    /// How many blocks it has.
    pub blocks: usize,
}

/// One thing that the planner said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SaidReport {
    /// In which pass.
    pub pass: usize,
    /// The rule that was applied.
    pub rule: String,
    /// Words for people.
    pub message: String,
}

/// One thing that becomes of the block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NextReport {
    /// `seen`, `compaction`, `no-compact mark`, `downsampling`, `deletion mark`, `deletion`, `cleaning`, `nothing`.
    pub what: &'static str,
    /// When at the earliest, milliseconds; absent for the next run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_before_ms: Option<i64>,
    /// Blocks that take part in it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub with: Vec<String>,
    /// Why, or why not.
    pub why: String,
}

impl Report for ExplainReport {
    fn text(&self, look: &Look) -> String {
        let heading = format!("block {}, {}", self.block, self.standing);
        let mut text = look.paragraph(Paint::Cyan, &heading);
        if let Some(meta) = &self.meta {
            text.push_str(&meta.text(look));
        }
        if let Some(group) = &self.group {
            let group = format!("group {} {}, {}", group.key, group.labels, units::blocks(group.blocks));
            text.push_str(&look.paragraph(Paint::Plain, &group));
        }
        text.push_str(&self.check.text(look));
        let tables = [self.rules(), self.marks(), self.said(), self.kept(), self.next()];
        for table in tables.iter().filter(|table| !table.is_empty()) {
            text.push('\n');
            text.push_str(&table.draw(look));
        }
        text
    }
}

impl ExplainReport {
    fn rules(&self) -> Table {
        let mut table = Table::new(&[("RULE", Align::Left), ("OUTCOME", Align::Left), ("WHY", Align::Left)]);
        for rule in &self.rules {
            table.row([rule.rule.to_owned(), rule.outcome.to_owned(), rule.why.clone()]);
        }
        table
    }

    fn marks(&self) -> Table {
        let mut table = Table::new(&[
            ("MARK", Align::Left),
            ("SET", Align::Left),
            ("AGE", Align::Right),
            ("REASON", Align::Left),
            ("DETAILS", Align::Left),
        ]);
        for mark in &self.marks {
            table.row([
                mark.file.to_owned(),
                for_people(Timestamp(mark.marked_at_ms)),
                units::length(mark.age_ms),
                mark.reason.clone(),
                mark.details.clone(),
            ]);
        }
        table
    }

    fn said(&self) -> Table {
        let mut table = Table::new(&[("PASS", Align::Right), ("PLANNER", Align::Left), ("SAYS", Align::Left)]);
        for said in &self.planner {
            table.row([said.pass.to_string(), said.rule.clone(), said.message.clone()]);
        }
        table
    }

    fn kept(&self) -> Table {
        let mut table = Table::new(&[
            ("RETENTION", Align::Left),
            ("SAYS", Align::Left),
            ("NOT BEFORE", Align::Left),
            ("WHY", Align::Left),
        ]);
        for kept in &self.retention {
            let at = kept.not_before_ms.map(not_before).unwrap_or_default();
            table.row([kept.rule.clone(), kept.says.to_owned(), at, kept.why.clone()]);
        }
        table
    }

    fn next(&self) -> Table {
        let mut table = Table::new(&[
            ("NEXT", Align::Left),
            ("NOT BEFORE", Align::Left),
            ("WITH", Align::Right),
            ("WHY", Align::Left),
        ]);
        for next in &self.next {
            let when = next.not_before_ms.map_or_else(|| "next run".to_owned(), not_before);
            let with = if next.with.is_empty() { String::new() } else { units::blocks(next.with.len()) };
            let when = if next.what == "nothing" { String::new() } else { when };
            table.row([next.what.to_owned(), when, with, next.why.clone()]);
        }
        table
    }
}

impl CheckReport {
    /// What was read in a line, and the defect in a few.
    fn text(&self, look: &Look) -> String {
        let why = if self.why.is_empty() { String::new() } else { format!("; {}", self.why) };
        let Some(defect) = &self.defect else {
            let found = if self.read == "nothing" { "" } else { ", nothing is wrong" };
            return look.paragraph(Paint::Plain, &format!("{} read{found}{why}", self.read));
        };
        let mut text = look.paragraph(Paint::Plain, &format!("{} read{why}", self.read));
        text.push_str(&look.paragraph(Paint::Red, &format!("broken ({}): {}", defect.reason, defect.err)));
        text.push_str(&look.paragraph(Paint::Plain, defect.becomes));
        if !defect.way_out.is_empty() {
            text.push_str(&look.paragraph(Paint::Plain, &format!("way out: {}", defect.way_out)));
        }
        text
    }
}

impl MetaReport {
    fn text(&self, look: &Look) -> String {
        let resolution = units::resolution(self.resolution_ms);
        let size = units::size_if_known(self.size_bytes);
        let first = format!(
            "{} until {} ({}), {resolution}, level {}, {}",
            for_people(Timestamp(self.min_time_ms)),
            for_people(Timestamp(self.max_time_ms)),
            units::length(self.max_time_ms.saturating_sub(self.min_time_ms)),
            self.level,
            self.labels,
        );
        let mut second = format!(
            "{size}, {} series, {} samples, written by {}",
            units::count(self.series),
            units::count(self.samples),
            if self.source.is_empty() { "?" } else { &self.source },
        );
        if !self.parents.is_empty() {
            second.push_str(&format!(", merged from {}", units::blocks(self.parents.len())));
        }
        if self.sources.len() > 1 {
            second.push_str(&format!(", of {} sources", self.sources.len()));
        }
        look.paragraph(Paint::Plain, &first) + &look.paragraph(Paint::Plain, &second)
    }
}
