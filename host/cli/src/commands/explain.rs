//! `lithify explain ULID`: what a run knows of one block, and what becomes of it. Changes nothing in the bucket.

mod check;
mod next;
mod retention;
pub(super) mod rules;

use std::process::ExitCode;

use lithify_block::{BlockFacts, BlockId, Timestamp};
use lithify_bucket::BlockDirectory;
use lithify_compactor::{Foresight, foresee, sync};
use prometheus::Registry;

use self::{next::Ahead, rules::Circumstances};
use super::answer::{self, Trouble};
use crate::{
    config::ExplainConfig,
    render::{
        explain::{ExplainReport, FoundMarkReport, GroupOfBlock, MetaReport, SaidReport},
        look::Look,
    },
    wire::{Manner, wire},
};

/// Runs the command; a block that is not in the bucket makes the status 1.
pub async fn run(config: ExplainConfig, environment: &dyn Fn(&str) -> Option<String>, look: Look) -> ExitCode {
    match answer::print(report(&config, environment).await, config.json, &look) {
        Some(_) => ExitCode::SUCCESS,
        None => ExitCode::FAILURE,
    }
}

async fn report(
    config: &ExplainConfig,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<ExplainReport, Trouble> {
    let wired = wire(&config.selection, Manner::DRY, &Registry::new(), environment).await?;
    let (cx, id) = (&wired.cx, config.block);
    let failed = |failure: lithify_compactor::Failure| format!("{failure}: {}", failure.chain());
    let view = sync(cx).await.map_err(failed)?;
    let snapshot = cx.last.snapshot().unwrap_or_default();
    let (Some(seen), Some(directory)) = (view.blocks.get(&id).cloned(), snapshot.blocks.get(&id)) else {
        let count = view.blocks.len();
        return Err(format!(
            "block {id} is not in the bucket, which has {count} others; check the id, the prefix of the bucket, and \
             whether the block was deleted"
        )
        .into());
    };
    let (now, foreign) = (view.taken_at, view.foreign_marks.get(&id).copied());
    let foresight = foresee(cx, view).await.map_err(failed)?;
    let (mut check, failure) = check::read(cx, &seen, config.check).await;
    // What keeps downsampling from being decided is wrong with the block as well.
    let hurdle = foresight.errors.iter().find(|failure| failure.blocks == [id]);
    check.defect = check.defect.or_else(|| Some(check::defect(hurdle?, cx)));
    let retention = retention::kept((id, seen.facts.as_ref()), cx, &foresight, config.selection.retention);
    let at = Circumstances { now, config: &cx.config, has_selector: cx.policies.selector.is_some() };
    Ok(ExplainReport {
        block: id.to_string(),
        standing: seen.standing.state().to_owned(),
        meta: seen.facts.as_ref().map(meta),
        rules: rules::rules(&seen, &at),
        marks: marks(directory, now),
        group: group(id, &foresight),
        planner: said(id, &foresight),
        check,
        retention,
        next: match foreign {
            None => next::next((id, &seen), directory, &Ahead { foresight: &foresight, failure: failure.as_ref() }, cx),
            Some(named) => next::marked_for_another(named),
        },
    })
}

fn meta(facts: &BlockFacts) -> MetaReport {
    let meta = &facts.meta;
    MetaReport {
        min_time_ms: meta.range.min.0,
        max_time_ms: meta.range.max.0,
        resolution_ms: meta.thanos.resolution,
        level: meta.compaction.level,
        labels: meta.thanos.labels.to_string(),
        series: meta.stats.num_series,
        samples: meta.stats.num_samples,
        size_bytes: facts.size_bytes,
        source: meta.thanos.source.clone(),
        sources: meta.compaction.sources.iter().map(BlockId::to_string).collect(),
        parents: meta.compaction.parents.iter().map(|parent| parent.id.to_string()).collect(),
    }
}

fn marks(directory: &BlockDirectory, now: Timestamp) -> Vec<FoundMarkReport> {
    let mark = |file, seconds: i64, reason: &str, details: &str| {
        let marked_at = Timestamp(seconds.saturating_mul(1000));
        FoundMarkReport {
            file,
            marked_at_ms: marked_at.0,
            age_ms: now.since(marked_at),
            reason: reason.to_owned(),
            details: details.to_owned(),
        }
    };
    let deletion = directory.deletion.found();
    let no_compact = directory.no_compact.found();
    let no_downsample = directory.no_downsample.found();
    [
        deletion.map(|found| mark("deletion-mark.json", found.time_seconds, "", &found.details)),
        no_compact.map(|found| mark("no-compact-mark.json", found.time_seconds, &found.reason, &found.details)),
        no_downsample.map(|found| mark("no-downsample-mark.json", found.time_seconds, &found.reason, &found.details)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn group(id: BlockId, foresight: &Foresight) -> Option<GroupOfBlock> {
    let first = foresight.compaction.first()?;
    let decision = first.iter().find(|decision| next::holds(decision, id))?;
    Some(GroupOfBlock {
        key: decision.group.key.clone(),
        labels: decision.group.labels.to_string(),
        blocks: decision.group.blocks.len(),
    })
}

/// What was said of the block itself in any pass, and of its group as a whole while it was in it.
fn said(id: BlockId, foresight: &Foresight) -> Vec<SaidReport> {
    let mut said = Vec::new();
    let subject = id.to_string();
    for (pass, decisions) in (1..).zip(&foresight.compaction) {
        for decision in decisions.iter().filter(|decision| next::holds(decision, id)) {
            let Ok(planned) = &decision.planned else { continue };
            let reasons = planned.plan.reasons.iter();
            said.extend(
                reasons
                    .filter(|reason| reason.subject.is_empty() || reason.subject == subject)
                    .map(|reason| SaidReport { pass, rule: reason.rule.clone(), message: reason.message.clone() }),
            );
        }
    }
    said
}
