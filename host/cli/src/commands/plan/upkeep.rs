//! What goes and what is left out: the same values that `compact` carries out, as reports.

use lithify_block::{
    BlockFacts, BlockId, Timestamp,
    budget::Amount,
    rails::{Mode, RetentionRule},
};
use lithify_bucket::Snapshot;
use lithify_compactor::{
    Config, Context, Failure, Foresight, Refused, Ruling, Standing, View, due_deletions, marked_for_deletion,
    partial_uploads, superseded_without_mark,
};

use crate::{
    commands::explain::rules::reason,
    render::plan::{
        BudgetReport, DeletionReport, GoingReport, LeftOutReport, PartialReport, PolicyReport, RefusedTenantReport,
        RuleSaidReport,
    },
    wire::Wired,
};

/// Who decides.
pub(super) fn policies(wired: &Wired) -> Vec<PolicyReport> {
    let policies = wired.loaded.iter().map(|loaded| PolicyReport {
        kind: loaded.kind.to_string(),
        plugin: loaded.plugin.clone(),
        version: loaded.manifest.version.clone(),
        sha256: loaded.digest.clone(),
    });
    policies.collect()
}

/// Blocks that cannot be used, each with the reason.
pub(super) fn left_out(view: &View) -> Vec<LeftOutReport> {
    let left = view.blocks.iter().filter_map(|(id, seen)| {
        let is_left = matches!(
            seen.standing,
            Standing::Corrupt(_) | Standing::Misnamed(_) | Standing::Unsupported(_) | Standing::LeftOut(_)
        );
        is_left.then(|| LeftOutReport {
            block: id.to_string(),
            state: seen.standing.state().to_owned(),
            reason: reason(&seen.standing),
        })
    });
    let foreign = view.foreign_marks.iter().map(|(id, named)| LeftOutReport {
        block: id.to_string(),
        state: "kept".to_owned(),
        reason: format!("its deletion mark names block {named}, so neither is deleted; correct the mark or remove it"),
    });
    left.chain(foreign).collect()
}

/// Blocks whose samples are in another one, and that get a deletion mark for it.
pub(super) fn superseded(view: &View) -> Vec<GoingReport> {
    let superseded = superseded_without_mark(view);
    superseded.map(|(id, by)| going(view, id, "garbage collection", format!("all its samples are in {by}"))).collect()
}

/// Marked blocks, those that are due now and those that will be.
pub(super) fn deletions(view: &View, config: &Config) -> Vec<DeletionReport> {
    let due: Vec<BlockId> =
        due_deletions(view, config.delete_delay_ms, view.taken_at).into_iter().map(|due| due.id).collect();
    let reports = marked_for_deletion(view).map(|mark| DeletionReport {
        is_due: due.contains(&mark.id),
        marked_at_ms: mark.marked_at.0,
        due_at_ms: mark.marked_at.0.saturating_add(config.delete_delay_ms),
        going: going(view, mark.id, "deletion mark", String::new()),
    });
    reports.collect()
}

/// Uploads that were broken off, those that are cleaned now and those that will be.
pub(super) fn partial(view: &View, snapshot: &Snapshot) -> Vec<PartialReport> {
    let reports = partial_uploads(view, snapshot).into_iter().map(|(id, due_at)| PartialReport {
        block: id.to_string(),
        is_due: view.taken_at > due_at,
        due_at_ms: due_at.0,
        objects: snapshot.blocks.get(&id).map_or(0, |directory| directory.objects.len()),
        size_bytes: snapshot
            .blocks
            .get(&id)
            .map_or(0, |directory| directory.objects.values().map(|object| object.size).sum()),
        reason: view.blocks.get(&id).map(|seen| reason(&seen.standing)).unwrap_or_default(),
    });
    reports.collect()
}

/// What retention lets go, rule by rule what was said, and why there is no answer.
pub(super) fn retention(
    cx: &Context,
    foresight: &Foresight,
) -> (Vec<GoingReport>, Vec<RuleSaidReport>, Option<String>) {
    match &foresight.retention {
        None => (Vec::new(), Vec::new(), None),
        Some(Err(failure)) => (Vec::new(), Vec::new(), Some(told(failure))),
        Some(Ok(ruling)) => (let_go(ruling, foresight), said(cx, ruling), None),
    }
}

fn told(failure: &Failure) -> String {
    format!("{failure}: {}", failure.chain())
}

fn let_go(ruling: &Ruling, foresight: &Foresight) -> Vec<GoingReport> {
    // Whoever is marked already goes for that; the list of deletions has it.
    let unmarked = ruling.let_go.iter().filter(|go| !go.is_marked);
    unmarked.map(|go| going(&foresight.view, go.id, &go.by, format!("{}: {}", go.rule, go.reason))).collect()
}

fn said(cx: &Context, ruling: &Ruling) -> Vec<RuleSaidReport> {
    let enforced: std::collections::BTreeSet<BlockId> = ruling.let_go.iter().map(|go| go.id).collect();
    let texts = |ids: Vec<&BlockId>| ids.into_iter().map(ToString::to_string).collect();
    let rules = cx.policies.retention.iter().zip(&ruling.verdicts);
    rules
        .map(|(rule, verdict)| {
            let is_shadow = verdict.mode == Mode::Shadow;
            let refused = verdict.refused.iter().find(|refused| refused.tenant.is_none());
            let compared = |ids: Vec<&BlockId>| if is_shadow { texts(ids) } else { Vec::new() };
            RuleSaidReport {
                rule: verdict.rule.clone(),
                plugin: rule.plugin.clone(),
                version: rule.version.clone(),
                mode: if is_shadow { "shadow" } else { "enforce" },
                veto: verdict.veto,
                proposed: verdict.proposed.len(),
                accepted: verdict.proposed.intersection(&enforced).count(),
                refused_by: refused.map(|refused| refused.bound.name().to_owned()),
                refused_because: refused.map(|refused| refused.bound.to_string()),
                refused_tenants: verdict.refused.iter().filter_map(refused_tenant).collect(),
                budget: verdict.spent.iter().map(|(tenant, spent)| budget(rule, tenant.clone(), *spent)).collect(),
                would_let_go: compared(verdict.proposed.difference(&enforced).collect()),
                would_keep: compared(enforced.difference(&verdict.proposed).collect()),
            }
        })
        .collect()
}

fn refused_tenant(refused: &Refused) -> Option<RefusedTenantReport> {
    Some(RefusedTenantReport {
        tenant: refused.tenant.clone()?,
        proposed: refused.blocks.len(),
        refused_by: refused.bound.name().to_owned(),
        refused_because: refused.bound.to_string(),
    })
}

fn budget(rule: &RetentionRule, tenant: Option<String>, spent: Amount) -> BudgetReport {
    let rails = &rule.rails;
    BudgetReport {
        tenant,
        spent_blocks: spent.blocks,
        spent_bytes: spent.bytes,
        max_blocks: rails.week_blocks_max,
        max_bytes: rails.week_bytes_max,
        max_share_percent: rails.week_share_max.map(|share| f64::from(share.0) / 100.0),
    }
}

fn going(view: &View, id: BlockId, by: &str, reason: String) -> GoingReport {
    let facts: Option<&BlockFacts> = view.blocks.get(&id).and_then(|seen| seen.facts.as_ref());
    let time = |of: fn(&BlockFacts) -> Timestamp| facts.map(|facts| of(facts).0);
    GoingReport {
        block: id.to_string(),
        labels: facts.map(|facts| facts.meta.thanos.labels.to_string()).unwrap_or_default(),
        resolution_ms: facts.map(|facts| facts.meta.thanos.resolution).unwrap_or_default(),
        min_time_ms: time(|facts| facts.meta.range.min),
        max_time_ms: time(|facts| facts.meta.range.max),
        size_bytes: facts.and_then(|facts| facts.size_bytes),
        by: by.to_owned(),
        reason,
    }
}
