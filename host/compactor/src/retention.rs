//! What is let go: every retention rule is asked, the host's bounds are applied, and what is left is marked.
//!
//! Source: `thanos-compactor.md` 8, `policies.md` 5.

mod bounds;

use std::collections::{BTreeMap, BTreeSet};

use lithify_block::{
    BlockFacts, BlockId,
    policy::ProposedDeletion,
    rails::{Mode, RetentionRule},
};
use tracing::{debug, error, info, warn};

pub use self::bounds::Bound;
use crate::{
    Context, View,
    failure::{Failure, Step, StepError},
    mark,
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
    /// The bound that its answer was refused for.
    pub refused: Option<Bound>,
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
/// [`Failure`] of a policy that is not to be skipped.
pub async fn rule(cx: &Context, view: &View, fresh: &BTreeSet<BlockId>) -> Result<Ruling, Failure> {
    if cx.policies.retention.is_empty() {
        return Ok(Ruling::default());
    }
    let (cx, view, fresh) = (cx.clone(), view.clone(), fresh.clone());
    let asked = tokio::task::spawn_blocking(move || ask_all(&cx, &view, &fresh)).await;
    asked.map_err(|panic| Failure::new(Step::Retain, StepError::Panic(panic.to_string())))?
}

/// Puts a deletion mark on each block that is let go and has none. Gives the number of marks written.
///
/// # Errors
/// The first [`Failure`], of a policy or to write a mark.
pub async fn apply_retention(cx: &Context, view: &View, fresh: &BTreeSet<BlockId>) -> Result<usize, Failure> {
    cx.progress.doing("retention");
    let ruling = rule(cx, view, fresh).await?;
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
        let new = mark::for_deletion(cx, go.id, &go.details).await;
        let failed = |error| Failure { blocks: vec![go.id], ..Failure::new(Step::Retain, error) };
        if new.map_err(failed)? {
            info!(block = %go.id, by = go.by, rule = go.rule, reason = go.reason, "marked block for deletion");
            written += 1;
        }
    }
    Ok(written)
}

fn ask_all(cx: &Context, view: &View, fresh: &BTreeSet<BlockId>) -> Result<Ruling, Failure> {
    let rules = &cx.policies.retention;
    let held: Vec<_> = rules.iter().flat_map(|rule| &rule.rails.legal_hold).collect();
    let is_held = |facts: &BlockFacts| held.iter().any(|hold| bounds::contains(&facts.meta.thanos.labels, hold));
    let all: Vec<BlockFacts> = view.active().filter(|facts| !is_held(facts)).cloned().collect();
    // A rule from outside is not shown what it could only spoil: results of this iteration, and what goes anyway.
    let is_shown = |facts: &&BlockFacts| facts.deletion_marked_at.is_none() && !fresh.contains(&facts.id);
    let shown: Vec<BlockFacts> = all.iter().filter(is_shown).cloned().collect();
    let mut answers = Vec::with_capacity(rules.len());
    for rule in rules {
        let question = if is_built_in(rule) { &all } else { &shown };
        answers.push(ask(cx, view, rule, question)?);
    }
    Ok(unite(rules, answers, &all))
}

fn is_built_in(rule: &RetentionRule) -> bool {
    rule.plugin.starts_with("builtin:")
}

/// The proposals of one rule by block, unless a bound refuses all of them.
type Answer = (BTreeMap<BlockId, ProposedDeletion>, Option<Bound>);

fn ask(cx: &Context, view: &View, rule: &RetentionRule, question: &[BlockFacts]) -> Result<Answer, Failure> {
    if question.is_empty() {
        return Ok(Answer::default());
    }
    let asked = cx.question();
    let proposed = rule.policy.evaluate(&asked, question).map_err(|error| Failure::new(Step::Retain, error))?;
    let blocks: Vec<&BlockFacts> = proposed.iter().filter_map(|deletion| question.get(deletion.block)).collect();
    let bound = bounds::exceeded(&bounds::Case {
        rails: &rule.rails,
        is_foreign: !is_built_in(rule),
        now: asked.now,
        delete_delay_ms: cx.config.delete_delay_ms,
        view,
        blocks: &blocks,
    });
    let ids: Vec<BlockId> = blocks.iter().map(|facts| facts.id).collect();
    Ok((ids.into_iter().zip(proposed).collect(), bound))
}

/// A block goes if a rule without a veto proposes it and every veto agrees; of several proposals the first rule's counts.
fn unite(rules: &[RetentionRule], answers: Vec<Answer>, all: &[BlockFacts]) -> Ruling {
    let counts = |rule: &RetentionRule, veto: bool| rule.mode == Mode::Enforce && rule.veto == veto;
    let is_agreed = |id: &BlockId| {
        let vetoes = rules.iter().zip(&answers).filter(|(rule, _)| counts(rule, true));
        let mut agreed = vetoes.map(|(_, (proposed, refused))| refused.is_none() && proposed.contains_key(id));
        agreed.all(|agreed| agreed)
    };
    let marked: BTreeSet<BlockId> =
        all.iter().filter(|facts| facts.deletion_marked_at.is_some()).map(|facts| facts.id).collect();
    let mut let_go = BTreeMap::new();
    for (rule, (proposed, refused)) in rules.iter().zip(&answers).filter(|(rule, _)| counts(rule, false)) {
        if refused.is_some() {
            continue;
        }
        for (id, deletion) in proposed.iter().filter(|(id, _)| is_agreed(id)) {
            let_go.entry(*id).or_insert_with(|| letting_go(rule, *id, deletion, marked.contains(id)));
        }
    }
    let verdicts = rules.iter().zip(answers).map(|(rule, (proposed, refused))| Verdict {
        rule: rule.name.clone(),
        mode: rule.mode,
        veto: rule.veto,
        proposed: proposed.into_keys().collect(),
        refused,
    });
    Ruling { verdicts: verdicts.collect(), let_go: let_go.into_values().collect() }
}

fn letting_go(rule: &RetentionRule, id: BlockId, deletion: &ProposedDeletion, is_marked: bool) -> LetGo {
    let ProposedDeletion { rule: why, reason, .. } = deletion;
    // Marks of the built-in read as the reference's; others name who wrote them.
    let details =
        if is_built_in(rule) { reason.clone() } else { format!("{} {}: {why}: {reason}", rule.name, rule.version) };
    LetGo { id, by: rule.name.clone(), rule: why.clone(), reason: reason.clone(), details, is_marked }
}

/// One line a rule, for whoever asks later what it decided.
fn tell(cx: &Context, ruling: &Ruling) {
    let enforced: BTreeSet<BlockId> = ruling.let_go.iter().map(|go| go.id).collect();
    for (rule, verdict) in cx.policies.retention.iter().zip(&ruling.verdicts) {
        let proposed = verdict.proposed.len();
        let accepted = verdict.proposed.iter().filter(|id| enforced.contains(id)).count();
        if let Some(bound) = &verdict.refused {
            let enforced = verdict.mode == Mode::Enforce;
            error!(
                rule = verdict.rule, plugin = rule.plugin, version = rule.version, sha256 = rule.digest, proposed,
                enforced, bound = bound.name(), err = %bound, "the answer of a retention rule is refused as a whole"
            );
            cx.metrics.running.retention_refusals.with_label_values(&[verdict.rule.as_str(), bound.name()]).inc();
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
