//! `lithify plugin unmark RULE`: lifts the deletion marks of one retention rule from outside.

use std::{collections::BTreeSet, process::ExitCode};

use lithify_compactor::{Act, Author, Lifted, RuleMark, lift, rule_marks};
use tracing::error;

use super::answer::{self, Trouble};
use crate::{
    config::UnmarkConfig,
    render::{
        look::Look,
        unmark::{LiftReport, UnmarkReport},
    },
};

/// Runs the command; a mark that could not be lifted makes the status 1.
pub async fn run(config: UnmarkConfig, environment: &dyn Fn(&str) -> Option<String>, look: Look) -> ExitCode {
    match answer::print(report(&config, environment).await, config.json, &look) {
        Some(report) if report.is_complete() => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

async fn report(config: &UnmarkConfig, environment: &dyn Fn(&str) -> Option<String>) -> Result<UnmarkReport, Trouble> {
    let bucket = lithify_bucket::from_yaml(&config.objstore, environment)?;
    let marks = rule_marks(&*bucket, config.concurrency).await?;
    let (own, others): (Vec<_>, Vec<_>) =
        marks.into_iter().partition(|mark| mark.is_by_since(&config.rule, config.since));
    let mut lifts = Vec::with_capacity(own.len());
    for mark in &own {
        let outcome = match (config.dry_run, mark.has_meta) {
            (_, false) => TOO_LATE,
            (true, true) => "would be lifted",
            (false, true) => lifted(lift(&*bucket, mark).await, mark),
        };
        lifts.push(told(mark, outcome));
    }
    let names: BTreeSet<String> = others.iter().map(|mark| mark.by.rule.clone()).collect();
    Ok(UnmarkReport {
        rule: config.rule.clone(),
        since_ms: config.since.0,
        dry_run: config.dry_run,
        marks: lifts,
        rules_left_alone: names.into_iter().collect(),
    })
}

const TOO_LATE: &str = "too late, its deletion has begun";

fn lifted(outcome: Result<Lifted, lithify_bucket::Error>, mark: &RuleMark) -> &'static str {
    match outcome {
        Ok(Lifted::Lifted) => {
            let reason = format!("marked by {}: {}", mark.by.rule, mark.why);
            Author::program("plugin-unmark").tell(Act::Unmarked, mark.id, &reason);
            "lifted"
        }
        Ok(Lifted::Absent) => "was gone already",
        Ok(Lifted::Changed) => "stays, it is another mark by now",
        Ok(Lifted::TooLate) => TOO_LATE,
        Err(error) => {
            error!(block = %mark.id, err = %crate::logging::chain(&error), "the mark could not be lifted; run again");
            UnmarkReport::FAILED
        }
    }
}

fn told(mark: &RuleMark, outcome: &'static str) -> LiftReport {
    LiftReport {
        block: mark.id.to_string(),
        marked_at_ms: mark.mark.time_seconds.saturating_mul(1000),
        rule: mark.by.rule.clone(),
        plugin: mark.by.plugin.clone(),
        version: mark.by.version.clone(),
        sha256: mark.by.digest.clone(),
        run: mark.by.run.clone(),
        reason: mark.why.clone(),
        outcome,
    }
}
