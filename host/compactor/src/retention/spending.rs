//! How much of the budgets over seven days is used, for whoever watches.

use std::{cmp::Reverse, collections::BTreeSet};

use lithify_block::{
    budget::{Amount, Payer},
    rails::RetentionRule,
};

use super::{Ledger, Ruling, bounds};
use crate::{Context, View};

/// Most tenants of a rule that are shown: those that have used the largest part.
const TENANTS_MAX: usize = 100;

/// A budget, and what is used of it.
struct Shown {
    payer: Payer,
    used: Amount,
    limit: bounds::Limit,
}

/// Sets the gauges. `ledger` is what the bucket says by now, if this run has reserved anything; what the rules were held
/// against is as good if it has not.
pub(super) fn show(cx: &Context, view: &View, ruling: &Ruling, ledger: Option<&Ledger>) {
    let running = &cx.metrics.running;
    running.retention_budget_used.reset();
    running.retention_budget_limit.reset();
    for (rule, verdict) in cx.policies.retention.iter().zip(&ruling.verdicts) {
        let mut shown: Vec<Shown> =
            verdict.spent.iter().map(|(tenant, spent)| budget(cx, view, (rule, ledger), (tenant, *spent))).collect();
        shown.sort_by_key(|shown| Reverse(shown.part()));
        for Shown { payer, used, limit } in shown.into_iter().take(TENANTS_MAX) {
            let tenant = payer.tenant.as_deref().unwrap_or_default();
            for (of, used, limit) in [("blocks", used.blocks, limit.blocks), ("bytes", used.bytes, limit.bytes)] {
                let labels = [payer.rule.as_str(), tenant, of];
                running.retention_budget_used.with_label_values(&labels).set(gauge(used));
                if let Some(limit) = limit {
                    running.retention_budget_limit.with_label_values(&labels).set(gauge(limit));
                }
            }
        }
    }
}

fn budget(
    cx: &Context,
    view: &View,
    (rule, ledger): (&RetentionRule, Option<&Ledger>),
    (tenant, spent): (&Option<String>, Amount),
) -> Shown {
    let payer = Payer { rule: rule.name.clone(), tenant: tenant.clone() };
    let now = ledger.and_then(|ledger| ledger.spent(&payer, cx.ambient.timestamp(), &BTreeSet::new()).ok());
    let limit = bounds::week_limit(&rule.rails, bounds::whole(view, rule, tenant.as_deref()));
    Shown { used: now.unwrap_or(spent), limit, payer }
}

impl Shown {
    /// The larger part that is used, of blocks or bytes, in millionths.
    fn part(&self) -> u128 {
        let part = |used: u64, limit: Option<u64>| {
            limit.map_or(0, |limit| u128::from(used) * 1_000_000 / u128::from(limit.max(1)))
        };
        part(self.used.blocks, self.limit.blocks).max(part(self.used.bytes, self.limit.bytes))
    }
}

fn gauge(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
