//! The budget of seven days in the bucket: reading what runs have reserved, and reserving before the first mark.
//!
//! Who reserves looks again afterwards: of two processes that reserve at once at least the later one sees the other's
//! entry, withdraws its own and marks nothing. Reservations that are out of the window are removed with the next one.
//!
//! Source: `policies.md` 5.

use std::collections::BTreeSet;

use lithify_block::{
    BlockId, Timestamp,
    budget::{Amount, Budget, Payer, Reservation, Spending, WINDOW_MS},
    rails::RetentionRule,
};
use lithify_bucket::{Error, layout, remove_reservations, reservations, write_reservation};
use tracing::{info, warn};

use super::{Bound, Refused, Ruling, Verdict, bounds};
use crate::{
    Context, View,
    failure::{Failure, Step},
};

/// How long after the end of its window a reservation is removed, milliseconds: a clock that is a day ahead for a while
/// gives nothing away for good.
const REMOVAL_SLACK_MS: i64 = 24 * 3_600_000;

/// What all runs have reserved.
#[derive(Clone, Debug, Default)]
pub(super) struct Ledger {
    pub(super) budget: Budget,
    /// The first object that cannot be read, and why: then nothing is known of what was spent.
    damaged: Option<Bound>,
    /// Reservations that count no more.
    expired: Vec<BlockId>,
}

impl Ledger {
    /// What `payer` has spent, `except` apart.
    pub(super) fn spent(&self, payer: &Payer, now: Timestamp, except: &BTreeSet<BlockId>) -> Result<Amount, Bound> {
        match &self.damaged {
            Some(bound) => Err(bound.clone()),
            None => Ok(self.budget.spent(payer, now, except)),
        }
    }
}

/// Reads all reservations, if any of `rules` has a budget.
///
/// # Errors
/// [`Failure`] of the bucket. An object that cannot be understood is none: it stops the rules that have a budget.
pub(super) async fn read(cx: &Context, rules: &[RetentionRule]) -> Result<Ledger, Failure> {
    if !rules.iter().any(|rule| rule.rails.has_budget()) {
        return Ok(Ledger::default());
    }
    read_all(cx).await.map_err(|error| Failure::new(Step::Retain, error))
}

async fn read_all(cx: &Context) -> Result<Ledger, Error> {
    let now = cx.ambient.timestamp();
    let mut ledger = Ledger::default();
    for (id, reservation) in reservations(&*cx.bucket).await? {
        match reservation {
            Ok(reservation) => {
                if now.since(reservation.at) >= WINDOW_MS + REMOVAL_SLACK_MS {
                    ledger.expired.push(id);
                }
                ledger.budget.add(&reservation);
            }
            Err(why) => {
                ledger.damaged.get_or_insert(Bound::Ledger { object: layout::reservation(id), why });
            }
        }
    }
    Ok(ledger)
}

/// Reserves what `ruling` lets go at the expense of a budget; afterwards it may be marked. Whose budget turns out to be
/// spent by another process is refused after all. Gives what all runs have reserved by then, if anything was.
///
/// # Errors
/// [`Failure`] of the bucket; then nothing may be marked.
pub(super) async fn reserve(cx: &Context, view: &View, ruling: &mut Ruling) -> Result<Option<Ledger>, Failure> {
    let failed = |error: Error| Failure::new(Step::Retain, error);
    loop {
        let spendings = spendings(cx, view, ruling);
        if spendings.is_empty() {
            return Ok(None);
        }
        let (id, now) = (cx.ambient.new_block_id(), cx.ambient.timestamp());
        let reservation = Reservation { at: now, run: cx.run_id.clone(), spendings };
        write_reservation(&*cx.bucket, id, &reservation).await.map_err(failed)?;
        info!(object = layout::reservation(id), payers = reservation.spendings.len(), "reserved what rules let go");
        let ledger = read_all(cx).await.map_err(failed)?;
        let spendings = reservation.spendings.iter();
        let over: Vec<(Payer, Bound)> = spendings.filter_map(|spending| over(cx, view, &ledger, spending)).collect();
        if over.is_empty() {
            if let Err(error) = remove_reservations(&*cx.bucket, &ledger.expired).await {
                warn!(%error, "reservations that count no more could not be removed; another run will try");
            }
            return Ok(Some(ledger));
        }
        // Withdrawn whole; what is left of it is reserved anew.
        remove_reservations(&*cx.bucket, &[id]).await.map_err(failed)?;
        for (payer, bound) in over {
            refuse(cx, view, ruling, (&payer, bound));
        }
    }
}

/// What is to be marked at the expense of a budget, by who pays.
fn spendings(cx: &Context, view: &View, ruling: &Ruling) -> Vec<Spending> {
    let mut spendings: Vec<Spending> = Vec::new();
    for go in ruling.let_go.iter().filter(|go| !go.is_marked) {
        let rule = cx.policies.retention.iter().find(|rule| rule.name == go.by && rule.spends());
        let facts = view.blocks.get(&go.id).and_then(|seen| seen.facts.as_ref());
        let (Some(rule), Some(facts)) = (rule, facts) else { continue };
        let payer = rule.payer(&facts.meta.thanos.labels);
        let bytes = facts.size_bytes.unwrap_or_default();
        match spendings.iter_mut().find(|spending| spending.payer == payer) {
            Some(spending) => spending.blocks.insert(go.id, bytes),
            None => {
                spendings.push(Spending { payer, blocks: [(go.id, bytes)].into() });
                None
            }
        };
    }
    spendings
}

/// The bound that `spending` exceeds, now that it stands in the bucket with all others.
fn over(cx: &Context, view: &View, ledger: &Ledger, spending: &Spending) -> Option<(Payer, Bound)> {
    let Spending { payer, blocks } = spending;
    let rule = cx.policies.retention.iter().find(|rule| rule.name == payer.rule && rule.spends())?;
    let own: BTreeSet<BlockId> = blocks.keys().copied().collect();
    let proposed =
        Amount { blocks: blocks.len() as u64, bytes: blocks.values().fold(0, |sum, b| sum.saturating_add(*b)) };
    let whole = bounds::whole(view, rule, payer.tenant.as_deref());
    let spent = ledger.spent(payer, cx.ambient.timestamp(), &own);
    bounds::week(&rule.rails, spent, proposed, whole).map(|bound| (payer.clone(), bound))
}

/// Takes back what the ruling lets go at the expense of `payer`.
fn refuse(cx: &Context, view: &View, ruling: &mut Ruling, (payer, bound): (&Payer, Bound)) {
    let rules = &cx.policies.retention;
    let pays = |id: &BlockId| {
        let facts = view.blocks.get(id).and_then(|seen| seen.facts.as_ref());
        let rule = rules.iter().find(|rule| rule.name == payer.rule && rule.spends());
        matches!((facts, rule), (Some(facts), Some(rule)) if rule.payer(&facts.meta.thanos.labels) == *payer)
    };
    ruling.let_go.retain(|go| go.is_marked || go.by != payer.rule || !pays(&go.id));
    let spending = |(rule, _): &(&RetentionRule, &mut Verdict)| rule.name == payer.rule && rule.spends();
    for (_, verdict) in rules.iter().zip(&mut ruling.verdicts).filter(spending) {
        let blocks = verdict.proposed.iter().copied().filter(|id| pays(id)).collect();
        verdict.refused.push(Refused { tenant: payer.tenant.clone(), blocks, bound: bound.clone() });
    }
}
