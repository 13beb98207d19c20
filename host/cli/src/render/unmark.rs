//! What became of the marks of a retention rule, as a text for people and as JSON for programs.

use lithify_block::Timestamp;
use serde::Serialize;

use super::{
    look::{Look, Paint},
    report::Report,
    table::{Align, Table},
};
use crate::calendar::for_people;

/// Everything that `lithify plugin unmark` tells.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct UnmarkReport {
    /// The rule, as it was typed.
    pub rule: String,
    /// Older marks stay, milliseconds.
    pub since_ms: i64,
    /// Whether nothing was done.
    pub dry_run: bool,
    /// The rule's marks, by block.
    pub marks: Vec<LiftReport>,
    /// Names of the rules that other marks of retention rules are by, older ones of this rule among them.
    pub rules_left_alone: Vec<String>,
}

/// One mark.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LiftReport {
    /// The block.
    pub block: String,
    /// When it was marked, milliseconds.
    pub marked_at_ms: i64,
    /// The rule's name.
    pub rule: String,
    /// Its plugin.
    pub plugin: String,
    /// The plugin's own version.
    pub version: String,
    /// Of the component.
    pub sha256: String,
    /// The run that marked it.
    pub run: String,
    /// Why it was marked.
    pub reason: String,
    /// What became of the mark.
    pub outcome: &'static str,
}

impl UnmarkReport {
    /// What became of a mark that the bucket did not let go.
    pub const FAILED: &str = "failed, see the log";

    /// Whether every mark is gone that was to be lifted and could be.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.marks.iter().all(|mark| mark.outcome != Self::FAILED)
    }
}

impl Report for UnmarkReport {
    fn text(&self, look: &Look) -> String {
        // Marks know whole seconds.
        let since = for_people(Timestamp(self.since_ms.div_euclid(1000).saturating_mul(1000)));
        let mut text = String::new();
        if self.marks.is_empty() {
            text = look.paragraph(Paint::Plain, &format!("no deletion mark by {} since {since}", self.rule));
        } else {
            text.push_str(&self.table().draw(look));
        }
        if !self.rules_left_alone.is_empty() {
            let names = self.rules_left_alone.join(", ");
            text.push_str(&look.paragraph(Paint::Dim, &format!("other marks of retention rules stay, by {names}")));
        }
        let is_any = |outcome| self.marks.iter().any(|mark| mark.outcome == outcome);
        if is_any("would be lifted") {
            text.push_str("\nnothing is done yet: --no-dry-run lifts them\n");
        }
        if is_any("would be lifted") || is_any("lifted") {
            let warning = "the next run marks them again unless the rule is changed, put in the shadow or taken out \
                           first; what it has spent of its budget stays spent";
            text.push_str(&look.paragraph(Paint::Yellow, warning));
        }
        text
    }
}

impl UnmarkReport {
    fn table(&self) -> Table {
        let mut table = Table::new(&[
            ("BLOCK", Align::Left),
            ("MARKED", Align::Left),
            ("OUTCOME", Align::Left),
            ("BY", Align::Left),
            ("WHY", Align::Left),
        ]);
        for mark in &self.marks {
            table.row([
                mark.block.clone(),
                for_people(Timestamp(mark.marked_at_ms)),
                mark.outcome.to_owned(),
                format!("{} {}", mark.rule, mark.version),
                mark.reason.clone(),
            ]);
        }
        table
    }
}
