//! What goes, what is cleaned up, what is left out, and who decided.

use lithify_block::Timestamp;
use serde::Serialize;

use super::PlanReport;
use crate::{
    calendar::{for_people, not_before},
    render::{
        look::{Look, Paint},
        table::{Align, Table},
        units,
    },
};

/// A policy of the run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PolicyReport {
    /// What it decides: `planner`, `retention`.
    pub kind: String,
    /// As the configuration names it.
    pub plugin: String,
    /// Its own version.
    pub version: String,
    /// Of the component.
    pub sha256: String,
}

/// A block that is not used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LeftOutReport {
    /// The block.
    pub block: String,
    /// Its standing.
    pub state: String,
    /// Why, with the way out.
    pub reason: String,
}

/// A block that is marked for deletion, or deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct GoingReport {
    /// The block; made up where it does not exist yet.
    pub block: String,
    /// External labels, empty where they are not known.
    pub labels: String,
    /// Resolution in milliseconds, 0 for raw.
    pub resolution_ms: i64,
    /// Start, milliseconds, where known.
    pub min_time_ms: Option<i64>,
    /// End, milliseconds, not inside, where known.
    pub max_time_ms: Option<i64>,
    /// Bytes of its objects, where known.
    pub size_bytes: Option<u64>,
    /// Who decided.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// A marked block.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DeletionReport {
    /// The block.
    #[serde(flatten)]
    pub going: GoingReport,
    /// When it was marked, milliseconds.
    pub marked_at_ms: i64,
    /// What must be over before it goes, milliseconds.
    pub due_at_ms: i64,
    /// Whether that is over.
    pub is_due: bool,
}

/// An upload that was broken off.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PartialReport {
    /// The block.
    pub block: String,
    /// What must be over before it is cleaned, milliseconds.
    pub due_at_ms: i64,
    /// Whether that is over.
    pub is_due: bool,
    /// How many objects it has.
    pub objects: usize,
    /// Bytes of its objects.
    pub size_bytes: u64,
    /// Why it is partial.
    pub reason: String,
}

/// A tenant about whom a retention rule was refused.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RefusedTenantReport {
    /// The tenant.
    pub tenant: String,
    /// Blocks of it that the rule proposed.
    pub proposed: usize,
    /// The bound that the answer is refused for.
    pub refused_by: String,
    /// The same in words.
    pub refused_because: String,
}

/// What went by a rule within seven days, before this run, and what may.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct BudgetReport {
    /// The tenant, if the rule is asked tenant by tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// Blocks that went.
    pub spent_blocks: u64,
    /// Bytes that went.
    pub spent_bytes: u64,
    /// Blocks that may go.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_blocks: Option<u64>,
    /// Bytes that may go.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_bytes: Option<u64>,
    /// The part of the bucket, or of the tenant's blocks, that may go.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_share_percent: Option<f64>,
}

/// What a retention rule said, and what became of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct RuleSaidReport {
    /// The rule's name.
    pub rule: String,
    /// Its plugin.
    pub plugin: String,
    /// The plugin's own version.
    pub version: String,
    /// `enforce` or `shadow`.
    pub mode: &'static str,
    /// Whether it only agrees or disagrees.
    pub veto: bool,
    /// Blocks that it proposed.
    pub proposed: usize,
    /// Blocks of those that go.
    pub accepted: usize,
    /// The bound that its answer is refused for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused_by: Option<String>,
    /// The same in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused_because: Option<String>,
    /// Tenants about whom it is refused, if it is asked tenant by tenant.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub refused_tenants: Vec<RefusedTenantReport>,
    /// What it has spent of its budget over seven days, tenant by tenant if it is asked so.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub budget: Vec<BudgetReport>,
    /// In the shadow: blocks that go by it alone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub would_let_go: Vec<String>,
    /// In the shadow: blocks that go and would stay by it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub would_keep: Vec<String>,
}

impl PlanReport {
    pub(super) fn left_out_text(&self, look: &Look) -> String {
        let mut table = Table::new(&[("BLOCK", Align::Left), ("STANDING", Align::Left), ("WHY", Align::Left)]);
        for left in &self.left_out {
            table.row([left.block.clone(), left.state.clone(), left.reason.clone()]);
        }
        section("left alone", &table, "", look)
    }

    pub(super) fn superseded_text(&self, look: &Look) -> String {
        section("marking for deletion, already in another block", &going(self.superseded.iter()), "", look)
    }

    pub(super) fn retention_text(&self, look: &Look) -> String {
        let lines = self.retention_rules.iter().flat_map(|rule| [rule.text()].into_iter().chain(rule.details()));
        let said = lines.map(|line| look.paragraph(Paint::Plain, &line));
        let mut text = String::new();
        if !self.retention_rules.is_empty() {
            text = format!("\n{}\n", look.paint(Paint::Cyan, "retention"));
            text.extend(said);
            let table = going(self.retention.iter());
            text.push_str(&if table.is_empty() { "nothing is let go\n".to_owned() } else { table.draw(look) });
        }
        if let Some(error) = &self.retention_error {
            text.push('\n');
            text.push_str(&look.paragraph(Paint::Red, error));
        }
        text
    }

    pub(super) fn deletions_text(&self, look: &Look) -> String {
        let (due, later): (Vec<_>, Vec<_>) = self.deletions.iter().partition(|deletion| deletion.is_due);
        let table = going_since(&due);
        let times = later.iter().map(|deletion| deletion.due_at_ms);
        let bytes = later.iter().filter_map(|deletion| deletion.going.size_bytes).sum();
        section("deleting", &table, &becoming_due(later.len(), bytes, times), look)
    }

    pub(super) fn partial_text(&self, look: &Look) -> String {
        let mut table = Table::new(&[
            ("PARTIAL UPLOAD", Align::Left),
            ("OBJECTS", Align::Right),
            ("SIZE", Align::Right),
            ("WHY", Align::Left),
        ]);
        let (due, later): (Vec<_>, Vec<_>) = self.partial.iter().partition(|partial| partial.is_due);
        for partial in due {
            table.row([
                partial.block.clone(),
                partial.objects.to_string(),
                units::size(partial.size_bytes),
                partial.reason.clone(),
            ]);
        }
        let bytes = later.iter().map(|partial| partial.size_bytes).sum();
        let rest = becoming_due(later.len(), bytes, later.iter().map(|partial| partial.due_at_ms));
        section("cleaning up", &table, &rest, look)
    }

    pub(super) fn policies_text(&self, look: &Look) -> String {
        let named: Vec<String> =
            self.policies.iter().map(|by| format!("{} {} {}", by.kind, by.plugin, by.version)).collect();
        look.paragraph(Paint::Dim, &format!("decided by {}", named.join(", ")))
    }
}

impl RuleSaidReport {
    /// One line.
    #[must_use]
    pub fn text(&self) -> String {
        let role = match (self.mode, self.veto) {
            ("shadow", _) => ", in the shadow,",
            (_, true) => ", with a veto,",
            _ => "",
        };
        let head = format!("{} ({} {}){role}", self.rule, self.plugin, self.version);
        let proposed = units::blocks(self.proposed);
        match &self.refused_because {
            Some(why) => format!("{head} proposes {proposed}, refused as a whole: {why}"),
            None if self.mode == "shadow" => format!(
                "{head} proposes {proposed}: by it {} more would go and {} would stay; nothing is done about it",
                self.would_let_go.len(),
                self.would_keep.len(),
            ),
            None => format!("{head} proposes {proposed}, {} of them go", self.accepted),
        }
    }
}

/// Lines of tenants that a text for people shows; JSON has all of them.
const TENANTS_MAX: usize = 20;

impl RuleSaidReport {
    /// Further lines: refused tenants, and budgets of which something is spent.
    fn details(&self) -> Vec<String> {
        let refused = self.refused_tenants.iter().map(|refused| {
            let RefusedTenantReport { tenant, refused_because, .. } = refused;
            format!("  tenant {tenant}: {} refused: {refused_because}", units::blocks(refused.proposed))
        });
        let spent = self.budget.iter().filter(|budget| budget.spent_blocks > 0).map(BudgetReport::text);
        let mut lines: Vec<String> = refused.chain(spent).collect();
        if let Some(more) = lines.len().checked_sub(TENANTS_MAX).filter(|more| *more > 0) {
            lines.truncate(TENANTS_MAX);
            lines.push(format!("  and {more} more lines, see --output=json"));
        }
        lines
    }
}

impl BudgetReport {
    fn text(&self) -> String {
        let whose = self.tenant.as_ref().map_or_else(String::new, |tenant| format!("tenant {tenant}: "));
        let blocks = self.max_blocks.map(|max| units::blocks(usize::try_from(max).unwrap_or(usize::MAX)));
        let bytes = self.max_bytes.map(units::size);
        let share = self.max_share_percent.map(|percent| format!("{percent} % of all"));
        let most: Vec<String> = [blocks, bytes, share].into_iter().flatten().collect();
        let went = usize::try_from(self.spent_blocks).unwrap_or(usize::MAX);
        let (blocks, size) = (units::blocks(went), units::size(self.spent_bytes));
        format!("  {whose}{blocks}, {size} went within seven days, at most {} may", most.join(", "))
    }
}

fn section(title: &str, table: &Table, rest: &str, look: &Look) -> String {
    if table.is_empty() && rest.is_empty() {
        return String::new();
    }
    let drawn = if table.is_empty() { String::new() } else { table.draw(look) };
    let rest = if rest.is_empty() { String::new() } else { look.paragraph(Paint::Dim, rest) };
    format!("\n{}\n{drawn}{rest}", look.paint(Paint::Cyan, title))
}

fn becoming_due(count: usize, bytes: u64, times: impl Iterator<Item = i64> + Clone) -> String {
    let (Some(first), Some(last)) = (times.clone().min(), times.max()) else { return String::new() };
    let (blocks, size) = (units::blocks(count), units::size(bytes));
    let (first, last) = (not_before(first), not_before(last));
    if first == last {
        format!("later: {blocks}, {size}, after {first}")
    } else {
        format!("later: {blocks}, {size}, between {first} and {last}")
    }
}

fn going<'a>(blocks: impl Iterator<Item = &'a GoingReport>) -> Table {
    let mut table = Table::new(&[
        ("BLOCK", Align::Left),
        ("LABELS", Align::Left),
        ("UNTIL", Align::Left),
        ("SIZE", Align::Right),
        ("BY", Align::Left),
        ("WHY", Align::Left),
    ]);
    for going in blocks {
        table.row([
            going.block.clone(),
            going.stream(),
            going.until(),
            going.size(),
            going.by.clone(),
            going.reason.clone(),
        ]);
    }
    table
}

fn going_since(blocks: &[&DeletionReport]) -> Table {
    let mut table = Table::new(&[
        ("BLOCK", Align::Left),
        ("LABELS", Align::Left),
        ("UNTIL", Align::Left),
        ("SIZE", Align::Right),
        ("MARKED", Align::Left),
    ]);
    for DeletionReport { going, marked_at_ms, .. } in blocks {
        let marked = for_people(Timestamp(*marked_at_ms));
        table.row([going.block.clone(), going.stream(), going.until(), going.size(), marked]);
    }
    table
}

impl GoingReport {
    fn stream(&self) -> String {
        match self.labels.as_str() {
            "" => String::new(),
            labels => format!("{labels} {}", units::resolution(self.resolution_ms)),
        }
    }

    fn until(&self) -> String {
        self.max_time_ms.map(|end| for_people(Timestamp(end))).unwrap_or_default()
    }

    fn size(&self) -> String {
        units::size_if_known(self.size_bytes)
    }
}
