//! What is let go: every retention rule is asked, the host's bounds are applied, and what is left is marked.
//!
//! Source: `thanos-compactor.md` 8, `policies.md` 5.

mod bounds;
mod ledger;
mod spending;

use std::collections::{BTreeMap, BTreeSet};

use lithify_block::{
    BlockFacts, BlockId, Provenance,
    budget::{Amount, Payer},
    policy::{self, ProposedDeletion},
    rails::{Mode, RetentionRule},
};
use tracing::{debug, error, info, warn};

pub use self::bounds::Bound;
use self::ledger::Ledger;
use crate::{
    Context, View,
    audit::Author,
    failure::{Failure, Step, StepError},
    mark::{self, Cause},
};

/// A block that is let go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LetGo {
    /// The block.
    pub id: BlockId,
    /// Name of the retention rule in the configuration.
    pub by: String,
    /// What the policy says of why: its own rule, and words for people.
    pub rule: String,
    /// Words for people.
    pub reason: String,
    /// What the deletion mark says.
    pub details: String,
    /// Whether the block carries a mark already, which stays as it is.
    pub is_marked: bool,
}

/// What one rule said and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Name of the rule.
    pub rule: String,
    /// Whether it counts.
    pub mode: Mode,
    /// Whether it only agrees or disagrees.
    pub veto: bool,
    /// The blocks that it proposed.
    pub proposed: BTreeSet<BlockId>,
    /// What was refused: at most one answer, or one for each tenant.
    pub refused: Vec<Refused>,
    /// What had gone within seven days, for each tenant if it is asked tenant by tenant; empty if the rule has no budget
    /// or it cannot be told.
    pub spent: Vec<(Option<String>, Amount)>,
}

/// An answer that was refused as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The tenant it was about, if the rule is asked tenant by tenant.
    pub tenant: Option<String>,
    /// The blocks that it proposed.
    pub blocks: BTreeSet<BlockId>,
    /// The bound that it exceeded.
    pub bound: Bound,
}

impl Verdict {
    /// The bound that keeps this block from going by this rule.
    #[must_use]
    pub fn refusal(&self, id: BlockId) -> Option<&Bound> {
        self.refused.iter().find(|refused| refused.blocks.contains(&id)).map(|refused| &refused.bound)
    }
}

/// What all rules together say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ruling {
    /// The blocks that are let go, by id.
    pub let_go: Vec<LetGo>,
    /// Rule by rule.
    pub verdicts: Vec<Verdict>,
}

/// Asks every rule about the blocks of `view` that take part. `fresh` are blocks that this iteration made: only
/// built-in rules are asked about those. Policies run on a blocking thread.
///
/// # Errors
/// [`Failure`] of a policy that is not to be skipped, or of the bucket when it is asked for what was spent.
pub async fn rule(cx: &Context, view: &View, fresh: &BTreeSet<BlockId>) -> Result<Ruling, Failure> {
    if cx.policies.retention.is_empty() {
        return Ok(Ruling::default());
    }
    let ledger = ledger::read(cx, &cx.policies.retention).await?;
    let (cx, view, fresh) = (cx.clone(), view.clone(), fresh.clone());
    let asked = tokio::task::spawn_blocking(move || ask_all(&cx, &view, &fresh, &ledger)).await;
    asked.map_err(|panic| Failure::new(Step::Retain, StepError::Panic(panic.to_string())))?
}

/// Puts a deletion mark on each block that is let go and has none, once that is reserved where a budget pays for it. Gives
/// the number of marks written.
///
/// # Errors
/// The first [`Failure`], of a policy or to write a mark.
pub async fn apply_retention(cx: &Context, view: &View, fresh: &BTreeSet<BlockId>) -> Result<usize, Failure> {
    cx.progress.doing("retention");
    let mut ruling = rule(cx, view, fresh).await?;
    if cx.stop.is_set() {
        return Err(Failure::new(Step::Retain, StepError::Stopped));
    }
    let ledger = ledger::reserve(cx, view, &mut ruling).await?;
    spending::show(cx, view, &ruling, ledger.as_ref());
    tell(cx, &ruling);
    let mut written = 0;
    for go in &ruling.let_go {
        if cx.stop.is_set() {
            return Err(Failure::new(Step::Retain, StepError::Stopped));
        }
        if go.is_marked {
            debug!(block = %go.id, rule = go.rule, "the block is marked already, the mark stays as it is");
            continue;
        }
        let rule = cx.policies.retention.iter().find(|rule| rule.name == go.by);
        let author = rule.map_or_else(|| Author::program(&go.by), Author::rule);
        let cause = Cause { author, reason: format!("{}: {}", go.rule, go.reason) };
        let new = mark::for_deletion(cx, go.id, &go.details, &cause).await;
        let failed = |error| Failure { blocks: vec![go.id], ..Failure::new(Step::Retain, error) };
        written += usize::from(new.map_err(failed)?);
    }
    Ok(written)
}

fn ask_all(cx: &Context, view: &View, fresh: &BTreeSet<BlockId>, ledger: &Ledger) -> Result<Ruling, Failure> {
    let rules = &cx.policies.retention;
    let held: Vec<_> = rules.iter().flat_map(|rule| &rule.rails.legal_hold).collect();
    let is_held = |facts: &BlockFacts| held.iter().any(|hold| bounds::contains(&facts.meta.thanos.labels, hold));
    let all: Vec<BlockFacts> = view.active().filter(|facts| !is_held(facts)).cloned().collect();
    // A rule from outside is not shown what it could only spoil: results of this iteration, and what goes anyway.
    let is_shown = |facts: &&BlockFacts| facts.deletion_marked_at.is_none() && !fresh.contains(&facts.id);
    let shown: Vec<BlockFacts> = all.iter().filter(is_shown).cloned().collect();
    let asking = Asking { cx, view, ledger };
    let mut answers = Vec::with_capacity(rules.len());
    for rule in rules {
        answers.push(asking.ask(rule, if is_built_in(rule) { &all } else { &shown })?);
    }
    Ok(unite(cx, answers, &all))
}

fn is_built_in(rule: &RetentionRule) -> bool {
    rule.plugin.starts_with("builtin:")
}

/// What one rule answered.
#[derive(Default)]
struct Answer {
    proposed: BTreeMap<BlockId, ProposedDeletion>,
    refused: Vec<Refused>,
    spent: Vec<(Option<String>, Amount)>,
}

impl Answer {
    /// Whether the rule proposes the block and no bound refuses that.
    fn lets_go(&self, id: &BlockId) -> bool {
        self.proposed.contains_key(id) && !self.refused.iter().any(|refused| refused.blocks.contains(id))
    }
}

/// What the rules are asked about, apart from blocks.
struct Asking<'a> {
    cx: &'a Context,
    view: &'a View,
    ledger: &'a Ledger,
}

impl Asking<'_> {
    /// The answer of one rule: to one question, or to one for each tenant.
    fn ask(&self, rule: &RetentionRule, question: &[BlockFacts]) -> Result<Answer, Failure> {
        // One point in time for all tenants.
        let asked = self.cx.question();
        let mut answer = Answer::default();
        if rule.rails.tenant_label.is_none() {
            self.ask_about(rule, (None, question), &asked, &mut answer)?;
            return Ok(answer);
        }
        let mut tenants: BTreeMap<&str, Vec<BlockFacts>> = BTreeMap::new();
        for facts in question {
            // Who belongs to no tenant is let go by nobody who is asked about tenants.
            if let Some(tenant) = rule.tenant(&facts.meta.thanos.labels) {
                tenants.entry(tenant).or_default().push(facts.clone());
            }
        }
        for (tenant, blocks) in &tenants {
            self.ask_about(rule, (Some(tenant), blocks), &asked, &mut answer)?;
        }
        Ok(answer)
    }

    fn ask_about(
        &self,
        rule: &RetentionRule,
        (tenant, question): (Option<&str>, &[BlockFacts]),
        asked: &policy::Context,
        answer: &mut Answer,
    ) -> Result<(), Failure> {
        if question.is_empty() {
            return Ok(());
        }
        let proposed = rule.policy.evaluate(asked, question).map_err(|error| Failure::new(Step::Retain, error))?;
        let blocks: Vec<&BlockFacts> = proposed.iter().filter_map(|deletion| question.get(deletion.block)).collect();
        let payer = Payer { rule: rule.name.clone(), tenant: tenant.map(str::to_owned) };
        let new = || blocks.iter().filter(|facts| facts.deletion_marked_at.is_none());
        let bound = bounds::exceeded(&bounds::Case {
            rails: &rule.rails,
            is_foreign: !is_built_in(rule),
            now: asked.now,
            delete_delay_ms: self.cx.config.delete_delay_ms,
            view: self.view,
            blocks: &blocks,
            whole: bounds::whole(self.view, rule, tenant),
            spent: self.ledger.spent(&payer, asked.now, &new().map(|facts| facts.id).collect()),
        });
        if let (true, Ok(spent)) = (rule.rails.has_budget(), self.ledger.spent(&payer, asked.now, &BTreeSet::new())) {
            answer.spent.push((payer.tenant.clone(), spent));
        }
        let ids: Vec<BlockId> = blocks.iter().map(|facts| facts.id).collect();
        let refused = bound.map(|bound| Refused { tenant: payer.tenant, blocks: ids.iter().copied().collect(), bound });
        answer.refused.extend(refused);
        answer.proposed.extend(ids.into_iter().zip(proposed));
        Ok(())
    }
}

/// A block goes if a rule without a veto proposes it and every veto agrees; of several proposals the first rule's counts.
fn unite(cx: &Context, answers: Vec<Answer>, all: &[BlockFacts]) -> Ruling {
    let rules = &cx.policies.retention;
    let counts = |rule: &RetentionRule, veto: bool| rule.mode == Mode::Enforce && rule.veto == veto;
    let is_agreed = |id: &BlockId| {
        let vetoes = rules.iter().zip(&answers).filter(|(rule, _)| counts(rule, true));
        vetoes.into_iter().all(|(_, answer)| answer.lets_go(id))
    };
    let marked: BTreeSet<BlockId> =
        all.iter().filter(|facts| facts.deletion_marked_at.is_some()).map(|facts| facts.id).collect();
    let mut let_go = BTreeMap::new();
    for (rule, answer) in rules.iter().zip(&answers).filter(|(rule, _)| counts(rule, false)) {
        for (id, deletion) in answer.proposed.iter().filter(|(id, _)| answer.lets_go(id) && is_agreed(id)) {
            let_go
                .entry(*id)
                .or_insert_with(|| LetGo { is_marked: marked.contains(id), ..letting_go(cx, rule, *id, deletion) });
        }
    }
    let verdicts = rules.iter().zip(answers).map(|(rule, answer)| Verdict {
        rule: rule.name.clone(),
        mode: rule.mode,
        veto: rule.veto,
        proposed: answer.proposed.into_keys().collect(),
        refused: answer.refused,
        spent: answer.spent,
    });
    Ruling { verdicts: verdicts.collect(), let_go: let_go.into_values().collect() }
}

fn letting_go(cx: &Context, rule: &RetentionRule, id: BlockId, deletion: &ProposedDeletion) -> LetGo {
    let ProposedDeletion { rule: why, reason, .. } = deletion;
    // Marks of the built-in read as the reference's; others name who wrote them, and can be lifted by that.
    let details = if is_built_in(rule) {
        reason.clone()
    } else {
        let RetentionRule { name, plugin, version, digest, .. } = rule.clone();
        Provenance { rule: name, plugin, version, digest, run: cx.run_id.clone() }.details(&format!("{why}: {reason}"))
    };
    LetGo { id, by: rule.name.clone(), rule: why.clone(), reason: reason.clone(), details, is_marked: false }
}

/// One line a rule, for whoever asks later what it decided.
fn tell(cx: &Context, ruling: &Ruling) {
    let enforced: BTreeSet<BlockId> = ruling.let_go.iter().map(|go| go.id).collect();
    for (rule, verdict) in cx.policies.retention.iter().zip(&ruling.verdicts) {
        let proposed = verdict.proposed.len();
        let accepted = verdict.proposed.iter().filter(|id| enforced.contains(id)).count();
        for Refused { tenant, blocks, bound } in &verdict.refused {
            let enforced = verdict.mode == Mode::Enforce;
            error!(
                rule = verdict.rule, plugin = rule.plugin, version = rule.version, sha256 = rule.digest, tenant,
                proposed = blocks.len(), enforced, bound = bound.name(), err = %bound,
                "the answer of a retention rule is refused as a whole"
            );
            cx.metrics.running.retention_refusals.with_label_values(&[verdict.rule.as_str(), bound.name()]).inc();
        }
        if !verdict.refused.is_empty() && rule.rails.tenant_label.is_none() {
            continue;
        }
        match verdict.mode {
            Mode::Enforce => info!(
                rule = verdict.rule,
                plugin = rule.plugin,
                version = rule.version,
                sha256 = rule.digest,
                veto = verdict.veto,
                proposed,
                accepted,
                "retention rule answered"
            ),
            Mode::Shadow => {
                let more: Vec<String> = verdict.proposed.difference(&enforced).map(ToString::to_string).collect();
                let fewer: Vec<String> = enforced.difference(&verdict.proposed).map(ToString::to_string).collect();
                warn!(
                    rule = verdict.rule,
                    plugin = rule.plugin,
                    version = rule.version,
                    sha256 = rule.digest,
                    proposed,
                    would_let_go = more.join(","),
                    would_keep = fewer.join(","),
                    "retention rule in the shadow answered; nothing is done about it"
                );
            }
        }
    }
}
