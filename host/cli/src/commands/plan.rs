//! `lithify plan`: what `compact` would do, and why. Changes nothing in the bucket.

mod upkeep;

use std::{collections::BTreeMap, process::ExitCode};

use lithify_bucket::Snapshot;
use lithify_compactor::{Decision, Downsampling, Failure, Planned, Verdict, View, foresee, sync};
use prometheus::Registry;

use super::answer::{self, Trouble};
use crate::{
    config::PlanConfig,
    render::{
        look::Look,
        plan::{
            CopyReport, DownsamplingReport, GroupReport, JobReport, LeftReport, MarkReport, PassReport, PlanReport,
            ReasonReport, StandingCount,
        },
        units,
    },
    wire::{Manner, Wired, wire},
};

/// Runs the command; a group that cannot be compacted makes the status 1, as it would that of `compact`.
pub async fn run(config: PlanConfig, environment: &dyn Fn(&str) -> Option<String>, look: Look) -> ExitCode {
    let Some(report) = answer::print(report(&config, environment).await, config.json, &look) else {
        return ExitCode::FAILURE;
    };
    let failed = report.passes.iter().flat_map(|pass| &pass.groups).any(|group| group.error.is_some());
    let failed = failed || !report.downsampling_errors.is_empty() || report.retention_error.is_some();
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

async fn report(config: &PlanConfig, environment: &dyn Fn(&str) -> Option<String>) -> Result<PlanReport, Trouble> {
    let wired = wire(&config.selection, Manner::DRY, &Registry::new(), environment).await?;
    let view = sync(&wired.cx).await.map_err(failed)?;
    let seen = wired.cx.last.snapshot().unwrap_or_default();
    told(&wired, (view, &seen)).await
}

fn failed(failure: Failure) -> String {
    format!("{failure}: {}", failure.chain())
}

/// What would be done over `view`, which was made of `seen`.
pub(super) async fn told(wired: &Wired, (view, seen): (View, &Snapshot)) -> Result<PlanReport, Trouble> {
    let cx = &wired.cx;
    let foresight = foresee(cx, view.clone()).await.map_err(failed)?;
    let (retention, retention_rules, retention_error) = upkeep::retention(cx, &foresight);
    let pass = |decisions: &Vec<Decision>| PassReport { groups: decisions.iter().map(group).collect() };
    Ok(PlanReport {
        blocks: standings(&view),
        left_out: upkeep::left_out(&view),
        superseded: upkeep::superseded(&view),
        deletions: upkeep::deletions(&view, &cx.config),
        partial: upkeep::partial(&view, seen),
        retention,
        retention_rules,
        retention_error,
        policies: upkeep::policies(wired),
        passes: foresight.compaction.iter().map(pass).collect(),
        downsampling: foresight.downsampling.iter().map(|decisions| downsampling(decisions)).collect(),
        downsampling_errors: foresight.errors.iter().map(Failure::chain).collect(),
    })
}

fn standings(view: &View) -> Vec<StandingCount> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for seen in view.blocks.values() {
        *counts.entry(seen.standing.state()).or_default() += 1;
    }
    counts.into_iter().map(|(state, count)| StandingCount { state: state.to_owned(), count }).collect()
}

fn group(decision: &Decision) -> GroupReport {
    let none = Planned::default();
    let (planned, error) = match &decision.planned {
        Ok(planned) => (planned, None),
        Err(error) => (&none, Some(error.to_string())),
    };
    GroupReport {
        key: decision.group.key.clone(),
        labels: decision.group.labels.to_string(),
        resolution_ms: decision.group.resolution,
        blocks: decision.group.blocks.len(),
        jobs: planned.jobs.iter().map(job).collect(),
        no_compact: decision
            .marks()
            .map(|(block, reason, details)| MarkReport {
                block: block.to_string(),
                reason: reason.to_owned(),
                details: details.to_owned(),
            })
            .collect(),
        reasons: planned
            .plan
            .reasons
            .iter()
            .map(|reason| ReasonReport {
                subject: reason.subject.clone(),
                rule: reason.rule.clone(),
                message: reason.message.clone(),
            })
            .collect(),
        error,
    }
}

fn job(job: &lithify_block::Job) -> JobReport {
    let blocks = job.blocks();
    JobReport {
        min_time_ms: job.range().min.0,
        max_time_ms: job.range().max.0,
        level: blocks.iter().map(|block| block.meta.compaction.level).max().unwrap_or_default().saturating_add(1),
        blocks: blocks.iter().map(|block| block.id.to_string()).collect(),
        samples: blocks.iter().map(|block| block.meta.stats.num_samples).sum(),
        size_bytes: blocks.iter().map(|block| block.size_bytes).sum(),
        reason: job.reason().to_owned(),
    }
}

fn downsampling(decisions: &[Downsampling]) -> DownsamplingReport {
    let (due, left): (Vec<_>, Vec<_>) = decisions.iter().partition(|decision| decision.is_due());
    DownsamplingReport {
        copies: due.into_iter().map(copy).collect(),
        left: left
            .into_iter()
            .map(|decision| LeftReport {
                block: decision.source.id.to_string(),
                resolution_ms: decision.source.meta.thanos.resolution,
                reason: words(decision),
            })
            .collect(),
    }
}

fn copy(decision: &Downsampling) -> CopyReport {
    let (source, meta) = (&decision.source, &decision.source.meta);
    CopyReport {
        block: source.id.to_string(),
        labels: meta.thanos.labels.to_string(),
        from_resolution_ms: meta.thanos.resolution,
        to_resolution_ms: decision.target,
        min_time_ms: meta.range.min.0,
        max_time_ms: meta.range.max.0,
        samples: meta.stats.num_samples,
        size_bytes: source.size_bytes,
        reason: words(decision),
    }
}

/// Why a block is downsampled, or not.
pub(super) fn words(decision: &Downsampling) -> String {
    let (target, sources) = (units::length(decision.target), decision.source.meta.compaction.sources.len());
    match &decision.verdict {
        Verdict::Due { missing_sources } if *missing_sources == sources => format!("in no {target} block yet"),
        Verdict::Due { missing_sources } => {
            format!("{missing_sources} of its {sources} sources are in no {target} block yet")
        }
        Verdict::Marked(reason) => format!("marked no-downsample: {reason}"),
        Verdict::TooShort { length_min_ms } => format!("shorter than {}", units::length(*length_min_ms)),
        Verdict::Done if sources == 0 => "its meta.json names no sources".to_owned(),
        Verdict::Done => format!("all its sources are in {target} blocks"),
    }
}
