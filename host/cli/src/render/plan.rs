//! What a run would do, as a table for people and as JSON for programs.

mod downsampling;
mod upkeep;

use std::collections::BTreeMap;

use serde::Serialize;

use super::look::{Look, Paint};
use super::report::Report;
use super::table::{Align, Table};
use super::units;
use crate::calendar::for_people;
pub use downsampling::{CopyReport, DownsamplingReport, LeftReport};
use lithify_block::Timestamp;
pub use upkeep::{
    BudgetReport, DeletionReport, GoingReport, LeftOutReport, PartialReport, PolicyReport, RefusedTenantReport,
    RuleSaidReport,
};

/// Everything that `lithify plan` tells.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct PlanReport {
    /// How many blocks have which standing, in the order of showing.
    pub blocks: Vec<StandingCount>,
    /// What each pass would do; later passes work on the results of earlier ones.
    pub passes: Vec<PassReport>,
    /// What each pass of downsampling would do after that; none if compaction fails or downsampling is off.
    pub downsampling: Vec<DownsamplingReport>,
    /// Why it cannot be decided what is to be downsampled, or what is left out for it, with the way out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub downsampling_errors: Vec<String>,
    /// Blocks that are left alone because something is wrong with them.
    pub left_out: Vec<LeftOutReport>,
    /// Blocks that are marked because another one has their samples.
    pub superseded: Vec<GoingReport>,
    /// Blocks that retention lets go, of those that are there after compaction and downsampling.
    pub retention: Vec<GoingReport>,
    /// What each retention rule said.
    pub retention_rules: Vec<RuleSaidReport>,
    /// Why retention cannot be decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention_error: Option<String>,
    /// Marked blocks, those that are deleted now and those that will be.
    pub deletions: Vec<DeletionReport>,
    /// Uploads that were broken off, those that are cleaned now and those that will be.
    pub partial: Vec<PartialReport>,
    /// Who decided.
    pub policies: Vec<PolicyReport>,
}

/// How many blocks have one standing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StandingCount {
    /// The state as the metric `thanos_blocks_meta_synced` spells it.
    pub state: String,
    /// How many.
    pub count: usize,
}

/// One pass.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PassReport {
    /// Groups with something to do or something to say, in the order of work.
    pub groups: Vec<GroupReport>,
}

/// What would become of one group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct GroupReport {
    /// Group key.
    pub key: String,
    /// External labels, `{a="1", b="2"}`.
    pub labels: String,
    /// Resolution in milliseconds, 0 for raw.
    pub resolution_ms: i64,
    /// How many blocks it has.
    pub blocks: usize,
    /// What would be merged.
    pub jobs: Vec<JobReport>,
    /// What would be marked no-compact.
    pub no_compact: Vec<MarkReport>,
    /// What the planner says about it.
    pub reasons: Vec<ReasonReport>,
    /// Why nothing can be done, with the way out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// One merge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct JobReport {
    /// Start of the result, milliseconds.
    pub min_time_ms: i64,
    /// End of the result, milliseconds, not inside.
    pub max_time_ms: i64,
    /// Compaction level of the result.
    pub level: i64,
    /// Its sources, as they are merged; in later passes ids are made up.
    pub blocks: Vec<String>,
    /// Samples of the sources together.
    pub samples: u64,
    /// Bytes of the sources together, where known.
    pub size_bytes: Option<u64>,
    /// Why, in the planner's words.
    pub reason: String,
}

/// One no-compact mark.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MarkReport {
    /// The block.
    pub block: String,
    /// The reason as it would stand in the mark.
    pub reason: String,
    /// Words for people.
    pub details: String,
}

/// One thing that a planner says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReasonReport {
    /// What it is about.
    pub subject: String,
    /// The rule that was applied.
    pub rule: String,
    /// Words for people.
    pub message: String,
}

impl Report for PlanReport {
    fn text(&self, look: &Look) -> String {
        let mut text = self.standings(look);
        text.push_str(&self.left_out_text(look));
        text.push_str(&self.deletions_text(look));
        text.push_str(&self.superseded_text(look));
        let mut groups: BTreeMap<&str, Vec<(usize, &GroupReport)>> = BTreeMap::new();
        for (number, pass) in self.passes.iter().enumerate() {
            for group in &pass.groups {
                groups.entry(&group.key).or_default().push((number + 1, group));
            }
        }
        for passes in groups.values().filter(|passes| passes.iter().any(|(_, group)| !group.is_silent())) {
            text.push_str(&of_group(passes, look));
        }
        if self.passes.iter().flat_map(|pass| &pass.groups).all(GroupReport::is_quiet) {
            text.push_str("\nnothing to compact\n");
        }
        text.push_str(&downsampling::text(&self.downsampling, look));
        for error in &self.downsampling_errors {
            text.push('\n');
            text.push_str(&look.paragraph(Paint::Red, error));
        }
        text.push_str(&self.retention_text(look));
        text.push_str(&self.partial_text(look));
        if !self.policies.is_empty() {
            text.push('\n');
            text.push_str(&self.policies_text(look));
        }
        text
    }
}

impl PlanReport {
    fn standings(&self, look: &Look) -> String {
        let count: usize = self.blocks.iter().map(|standing| standing.count).sum();
        let parts: Vec<String> =
            self.blocks.iter().map(|standing| format!("{} {}", standing.count, standing.state)).collect();
        let parts = if parts.is_empty() { "none".to_owned() } else { parts.join(", ") };
        look.paragraph(Paint::Plain, &format!("{count} blocks: {parts}"))
    }
}

impl GroupReport {
    /// Whether nothing is to be done with it and nothing is wrong.
    fn is_quiet(&self) -> bool {
        self.jobs.is_empty() && self.no_compact.is_empty() && self.error.is_none()
    }

    /// Whether there is nothing to tell about it either.
    fn is_silent(&self) -> bool {
        self.is_quiet() && self.reasons.is_empty()
    }
}

/// What becomes of one group, pass after pass.
fn of_group(passes: &[(usize, &GroupReport)], look: &Look) -> String {
    let Some((_, first)) = passes.first() else { return String::new() };
    let blocks = units::blocks(first.blocks);
    let resolution = units::resolution(first.resolution_ms);
    let heading = format!("{} {resolution}, {blocks}, group {}", first.labels, first.key);
    let mut text = format!("\n{}", look.paragraph(Paint::Cyan, &heading));
    let (jobs, marks) = (jobs(passes), marks(passes));
    for table in [jobs, marks].iter().filter(|table| !table.is_empty()) {
        text.push_str(&table.draw(look));
    }
    for error in passes.iter().filter_map(|(_, group)| group.error.as_ref()) {
        text.push_str(&look.paragraph(Paint::Red, error));
    }
    if let Some((_, last)) = passes.last().filter(|(_, last)| last.is_quiet()) {
        // Most reasons are about one block each; equal words are said once.
        text.push_str(&staying(last.reasons.iter().map(|reason| ("", reason.message.as_str())), look));
    }
    text
}

fn jobs(passes: &[(usize, &GroupReport)]) -> Table {
    let mut table = Table::new(&[
        ("PASS", Align::Right),
        ("BLOCKS", Align::Right),
        ("FROM", Align::Left),
        ("RANGE", Align::Right),
        ("SAMPLES", Align::Right),
        ("SIZE", Align::Right),
        ("WHY", Align::Left),
    ]);
    for (pass, job) in passes.iter().flat_map(|(pass, group)| group.jobs.iter().map(move |job| (pass, job))) {
        table.row([
            pass.to_string(),
            job.blocks.len().to_string(),
            for_people(Timestamp(job.min_time_ms)),
            units::length(job.max_time_ms.saturating_sub(job.min_time_ms)),
            units::count(job.samples),
            units::size_if_known(job.size_bytes),
            job.reason.clone(),
        ]);
    }
    table
}

fn marks(passes: &[(usize, &GroupReport)]) -> Table {
    let mut table = Table::new(&[
        ("PASS", Align::Right),
        ("MARK NO-COMPACT", Align::Left),
        ("REASON", Align::Left),
        ("DETAILS", Align::Left),
    ]);
    for (pass, mark) in passes.iter().flat_map(|(pass, group)| group.no_compact.iter().map(move |mark| (pass, mark))) {
        table.row([pass.to_string(), mark.block.clone(), mark.reason.clone(), mark.details.clone()]);
    }
    table
}

/// A line for each reason why blocks stay, which are of a kind such as `raw `, and how many they are.
fn staying<'a>(reasons: impl Iterator<Item = (&'a str, &'a str)>, look: &Look) -> String {
    let mut words: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for reason in reasons {
        *words.entry(reason).or_default() += 1;
    }
    let lines = words.iter().map(|((kind, why), count)| match count {
        1 => look.paragraph(Paint::Dim, &format!("then 1 {kind}block stays as it is: {why}")),
        count => look.paragraph(Paint::Dim, &format!("then {count} {kind}blocks stay as they are: {why}")),
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    const LOOK: Look = Look { columns: 100, folds: false, unicode: true, color: false };

    fn report() -> PlanReport {
        let job = JobReport {
            min_time_ms: 1_740_787_200_000,
            max_time_ms: 1_740_816_000_000,
            level: 2,
            blocks: vec!["01JN7PX380VCMWNYV1GC9165AQ".to_owned(), "01JN7XRTG03VFYBWAG63B5R8VR".to_owned()],
            samples: 94_000_000,
            size_bytes: Some(292 << 20),
            reason: "fills 8h".to_owned(),
        };
        let mark = MarkReport {
            block: "01JN84MHR04YBZBA82BD4X333E".to_owned(),
            reason: "index-size-exceeding".to_owned(),
            details: "index of 70 GiB".to_owned(),
        };
        let reason = ReasonReport {
            subject: "01JN8BG900VGQ0CJJ6RS0TSHAH".to_owned(),
            rule: "newest".to_owned(),
            message: "the newest block is set aside".to_owned(),
        };
        let group = GroupReport {
            key: "0@1".to_owned(),
            labels: "{cluster=\"eu1\"}".to_owned(),
            blocks: 5,
            jobs: vec![job],
            no_compact: vec![mark],
            reasons: vec![reason],
            ..GroupReport::default()
        };
        let broken = GroupReport {
            key: "300000@2".to_owned(),
            labels: "{cluster=\"us1\"}".to_owned(),
            resolution_ms: 300_000,
            blocks: 2,
            error: Some("two blocks overlap".to_owned()),
            ..GroupReport::default()
        };
        let left = GroupReport {
            key: "0@1".to_owned(),
            reasons: vec![ReasonReport {
                subject: "01JN8BG900VGQ0CJJ6RS0TSHAH".to_owned(),
                rule: "fresh".to_owned(),
                message: "set aside: the newest block of the group".to_owned(),
            }],
            ..GroupReport::default()
        };
        let quiet = GroupReport { key: "0@3".to_owned(), ..GroupReport::default() };
        PlanReport {
            blocks: vec![
                StandingCount { state: "loaded".to_owned(), count: 7 },
                StandingCount { state: "too-fresh".to_owned(), count: 1 },
            ],
            passes: vec![PassReport { groups: vec![group, broken, quiet] }, PassReport { groups: vec![left] }],
            downsampling: Vec::new(),
            downsampling_errors: vec!["block 01JN has an unknown resolution".to_owned()],
            ..PlanReport::default()
        }
    }

    #[test]
    fn people_see_what_would_be_merged_and_why() {
        expect![[r#"
            8 blocks: 7 loaded, 1 too-fresh

            {cluster="eu1"} raw, 5 blocks, group 0@1
            PASS  BLOCKS  FROM              RANGE  SAMPLES     SIZE  WHY
               1       2  2025-03-01 00:00     8h     94 M  292 MiB  fills 8h
            PASS  MARK NO-COMPACT             REASON                DETAILS
               1  01JN84MHR04YBZBA82BD4X333E  index-size-exceeding  index of 70 GiB
            then 1 block stays as it is: set aside: the newest block of the group

            {cluster="us1"} 5m, 2 blocks, group 300000@2
            two blocks overlap

            block 01JN has an unknown resolution
        "#]]
        .assert_eq(&report().text(&LOOK));
    }

    #[test]
    fn programs_get_everything() {
        let value: serde_json::Value = serde_json::from_str(&report().json()).unwrap();
        let group = &value["passes"][0]["groups"][0];
        assert_eq!(group["jobs"][0]["samples"], 94_000_000);
        assert_eq!(group["reasons"][0]["rule"], "newest");
        assert_eq!(group.get("error"), None);
        assert_eq!(value["passes"][0]["groups"][1]["error"], "two blocks overlap");
        assert_eq!(value["downsampling_errors"][0], "block 01JN has an unknown resolution");
    }

    #[test]
    fn an_empty_bucket_has_nothing_to_compact() {
        assert_eq!(PlanReport::default().text(&LOOK), "0 blocks: none\n\nnothing to compact\n");
    }
}
