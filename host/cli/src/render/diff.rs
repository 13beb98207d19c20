//! What two configurations of policies decide differently, as a table for people and as JSON for programs.

use std::collections::BTreeMap;

use lithify_block::Timestamp;
use serde::Serialize;

use super::{
    look::{Look, Paint},
    plan::{GoingReport, PlanReport, PolicyReport},
    report::Report,
    table::{Align, Table},
    units,
};
use crate::calendar::for_people;

/// Everything that `lithify plugin diff` tells.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DiffReport {
    /// Who decides as it is configured now.
    pub policies_before: Vec<PolicyReport>,
    /// Who would decide.
    pub policies_after: Vec<PolicyReport>,
    /// How many decisions are the same.
    pub same: usize,
    /// What is decided now and would not be.
    pub only_before: Vec<DecisionReport>,
    /// What would be decided and is not now.
    pub only_after: Vec<DecisionReport>,
}

/// One decision. Two are the same if they do the same with the same blocks, whatever their reasons.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DecisionReport {
    /// What is done: `compact`, `downsample`, `let go` and so on.
    pub decision: &'static str,
    /// External labels, empty where they are not known.
    pub labels: String,
    /// Resolution in milliseconds, 0 for raw.
    pub resolution_ms: i64,
    /// With which blocks; in later passes ids are made up.
    pub blocks: Vec<String>,
    /// Start of what comes of it, or of the block, milliseconds, where known.
    pub min_time_ms: Option<i64>,
    /// End, milliseconds, not inside, where known.
    pub max_time_ms: Option<i64>,
    /// Why, in the words of who decided.
    pub reason: String,
}

/// What makes two decisions the same.
type Key = (&'static str, String, i64, Vec<String>, Option<i64>, Option<i64>);

impl DiffReport {
    /// What differs between two plans over the same bucket.
    #[must_use]
    pub fn between(before: PlanReport, after: PlanReport) -> Self {
        let (old, mut new) = (decisions(&before), decisions(&after));
        let all = old.len();
        let only_before: Vec<_> =
            old.into_iter().filter_map(|(key, decision)| new.remove(&key).is_none().then_some(decision)).collect();
        Self {
            policies_before: before.policies,
            policies_after: after.policies,
            same: all - only_before.len(),
            only_before,
            only_after: new.into_values().collect(),
        }
    }

    /// Whether nothing differs.
    #[must_use]
    pub fn is_same(&self) -> bool {
        self.only_before.is_empty() && self.only_after.is_empty()
    }
}

/// All decisions of a plan, in an order of their own.
fn decisions(plan: &PlanReport) -> BTreeMap<Key, DecisionReport> {
    let groups = plan.passes.iter().flat_map(|pass| &pass.groups);
    let copies = plan.downsampling.iter().flat_map(|pass| &pass.copies);
    let failed = plan.downsampling_errors.iter().chain(&plan.retention_error);
    let rules = plan.retention_rules.iter().filter_map(|rule| {
        let reason = format!("rule {}: {}", rule.rule, rule.refused_because.as_ref()?);
        Some(DecisionReport { decision: "refuse", reason, ..DecisionReport::default() })
    });
    let all = groups
        .flat_map(of_group)
        .chain(copies.map(|copy| DecisionReport {
            decision: "downsample",
            labels: copy.labels.clone(),
            resolution_ms: copy.to_resolution_ms,
            blocks: vec![copy.block.clone()],
            min_time_ms: Some(copy.min_time_ms),
            max_time_ms: Some(copy.max_time_ms),
            reason: copy.reason.clone(),
        }))
        .chain(failed.map(|reason| DecisionReport {
            decision: "fail",
            reason: reason.clone(),
            ..DecisionReport::default()
        }))
        .chain(rules)
        .chain(plan.superseded.iter().map(|block| going("mark superseded", block)))
        .chain(plan.retention.iter().map(|block| going("let go", block)))
        .chain(plan.deletions.iter().filter(|block| block.is_due).map(|block| going("delete", &block.going)))
        .chain(
            plan.partial
                .iter()
                .filter(|block| block.is_due)
                .map(|block| of_block("clean up", &block.block, &block.reason)),
        )
        .chain(plan.left_out.iter().map(|block| of_block("leave out", &block.block, &block.reason)));
    all.map(|decision| (decision.key(), decision)).collect()
}

fn of_group(group: &super::plan::GroupReport) -> impl Iterator<Item = DecisionReport> {
    let of_group = |decision, blocks, reason: &str| DecisionReport {
        decision,
        labels: group.labels.clone(),
        resolution_ms: group.resolution_ms,
        blocks,
        reason: reason.to_owned(),
        ..DecisionReport::default()
    };
    let jobs = group.jobs.iter().map(move |job| DecisionReport {
        min_time_ms: Some(job.min_time_ms),
        max_time_ms: Some(job.max_time_ms),
        ..of_group("compact", job.blocks.clone(), &job.reason)
    });
    let marks = group.no_compact.iter().map(move |mark| {
        of_group("mark no-compact", vec![mark.block.clone()], &format!("{}: {}", mark.reason, mark.details))
    });
    jobs.chain(marks).chain(group.error.iter().map(move |error| of_group("fail", Vec::new(), error)))
}

fn going(decision: &'static str, block: &GoingReport) -> DecisionReport {
    DecisionReport {
        labels: block.labels.clone(),
        resolution_ms: block.resolution_ms,
        min_time_ms: block.min_time_ms,
        max_time_ms: block.max_time_ms,
        ..of_block(decision, &block.block, &format!("{}: {}", block.by, block.reason))
    }
}

fn of_block(decision: &'static str, block: &str, reason: &str) -> DecisionReport {
    DecisionReport { decision, blocks: vec![block.to_owned()], reason: reason.to_owned(), ..DecisionReport::default() }
}

impl DecisionReport {
    fn key(&self) -> Key {
        // Where nothing is done to blocks, the reason is all there is to compare.
        let blocks = if self.blocks.is_empty() { vec![self.reason.clone()] } else { self.blocks.clone() };
        (self.decision, self.labels.clone(), self.resolution_ms, blocks, self.min_time_ms, self.max_time_ms)
    }
}

impl Report for DiffReport {
    fn text(&self, look: &Look) -> String {
        let mut text = String::new();
        for (when, policies) in [("now", &self.policies_before), ("then", &self.policies_after)] {
            let names: Vec<_> = policies
                .iter()
                .map(|policy| {
                    let digest = policy.sha256.get(..12).unwrap_or_default();
                    format!("{} {} {} {digest}", policy.kind, policy.plugin, policy.version)
                })
                .collect();
            text.push_str(&look.paragraph(Paint::Dim, &format!("{when}: {}", names.join(", "))));
        }
        let same = match self.same {
            1 => "1 decision is the same".to_owned(),
            count => format!("{count} decisions are the same"),
        };
        let differ = self.only_before.len() + self.only_after.len();
        let summary = if differ == 0 { format!("{same}, and none differs") } else { same };
        text.push('\n');
        text.push_str(&look.paragraph(Paint::Plain, &summary));
        if differ > 0 {
            text.push_str(&self.table().draw(look));
        }
        text
    }
}

impl DiffReport {
    fn table(&self) -> Table {
        let mut table = Table::new(&[
            ("", Align::Left),
            ("DECISION", Align::Left),
            ("BLOCKS", Align::Left),
            ("LABELS", Align::Left),
            ("RES", Align::Right),
            ("FROM", Align::Left),
            ("RANGE", Align::Right),
            ("WHY", Align::Left),
        ]);
        let before = self.only_before.iter().map(|decision| ("-", decision));
        for (sign, decision) in before.chain(self.only_after.iter().map(|decision| ("+", decision))) {
            let range = decision.min_time_ms.zip(decision.max_time_ms);
            let blocks = match decision.blocks.as_slice() {
                [block] => block.clone(),
                [] => String::new(),
                several => units::blocks(several.len()),
            };
            table.row([
                sign.to_owned(),
                decision.decision.to_owned(),
                blocks,
                decision.labels.clone(),
                if decision.labels.is_empty() { String::new() } else { units::resolution(decision.resolution_ms) },
                decision.min_time_ms.map(|min| for_people(Timestamp(min))).unwrap_or_default(),
                range.map(|(min, max)| units::length(max.saturating_sub(min))).unwrap_or_default(),
                decision.reason.clone(),
            ]);
        }
        table
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::render::plan::{GroupReport, JobReport, PassReport};

    fn plan(blocks: &[&str], reason: &str, gone: &[&str]) -> PlanReport {
        let job = JobReport {
            min_time_ms: 0,
            max_time_ms: 28_800_000,
            level: 2,
            blocks: blocks.iter().map(ToString::to_string).collect(),
            samples: 7,
            size_bytes: None,
            reason: reason.to_owned(),
        };
        let labels = "{a=\"1\"}".to_owned();
        let group = GroupReport { key: "0@1".to_owned(), labels, jobs: vec![job], ..GroupReport::default() };
        let go = |block: &&str| GoingReport {
            block: (*block).to_owned(),
            by: "acme".to_owned(),
            reason: "old".to_owned(),
            ..GoingReport::default()
        };
        PlanReport {
            passes: vec![PassReport { groups: vec![group] }],
            retention: gone.iter().map(go).collect(),
            ..PlanReport::default()
        }
    }

    const LOOK: Look = Look { columns: 100, folds: false, unicode: true, color: false };

    #[test]
    fn what_differs_is_told_with_its_side() {
        let report = DiffReport::between(plan(&["A", "B"], "x", &["G", "H"]), plan(&["A", "B", "C"], "x", &["H"]));
        assert!(!report.is_same());
        expect![[r#"
            now: 
            then: 

            1 decision is the same
               DECISION  BLOCKS    LABELS   RES  FROM              RANGE  WHY
            -  compact   2 blocks  {a="1"}  raw  1970-01-01 00:00     8h  x
            -  let go    G                                                acme: old
            +  compact   3 blocks  {a="1"}  raw  1970-01-01 00:00     8h  x
        "#]]
        .assert_eq(&report.text(&LOOK));
        let value: serde_json::Value = serde_json::from_str(&report.json()).unwrap();
        assert_eq!(value["only_after"][0]["blocks"], serde_json::json!(["A", "B", "C"]));
        assert_eq!((&value["same"], &value["only_before"][1]["decision"]), (&1.into(), &"let go".into()));
    }

    #[test]
    fn another_reason_is_no_other_decision_unless_there_is_nothing_else() {
        let report = DiffReport::between(plan(&["A"], "x", &[]), plan(&["A"], "y", &[]));
        assert!(report.is_same() && report.same == 1);
        assert!(report.text(&LOOK).ends_with("1 decision is the same, and none differs\n"));
        let failing = |why: &str| PlanReport { retention_error: Some(why.to_owned()), ..plan(&["A"], "x", &[]) };
        let report = DiffReport::between(failing("one"), failing("two"));
        assert_eq!((report.only_before.len(), report.only_after.len()), (1, 1));
    }
}
