//! What each retention rule says of the block, and when the built-in one lets it go.
//!
//! Source: `thanos-compactor.md` 8.

use lithify_block::{BlockFacts, BlockId, rails::Mode};
use lithify_compactor::{Context, Foresight, RESOLUTION_1H, RESOLUTION_5M};

use crate::{
    config::RetentionConfig,
    render::{explain::KeptReport, units},
};

/// Rule by rule; empty where there is no rule or none is asked.
pub(super) fn kept(
    (id, facts): (BlockId, Option<&BlockFacts>),
    cx: &Context,
    foresight: &Foresight,
    ages: RetentionConfig,
) -> Vec<KeptReport> {
    let rules = &cx.policies.retention;
    let ruling = match &foresight.retention {
        _ if rules.is_empty() => return by_age(facts, ages).into_iter().collect(),
        None => return Vec::new(),
        Some(Err(failure)) => {
            let why = format!("{failure}: {}", failure.chain());
            return vec![KeptReport { rule: "all".to_owned(), says: "nothing", not_before_ms: None, why }];
        }
        Some(Ok(ruling)) => ruling,
    };
    let is_asked = foresight.view.active().any(|active| active.id == id);
    let said = rules.iter().zip(&ruling.verdicts).map(|(rule, verdict)| {
        let aged = by_age(facts, ages).filter(|_| rule.plugin == "builtin:by-resolution");
        let not_before_ms = aged.as_ref().and_then(|aged| aged.not_before_ms);
        let go = ruling.let_go.iter().find(|go| go.id == id && go.by == rule.name);
        let proposes = verdict.proposed.contains(&id);
        let label = rule.rails.tenant_label.as_deref();
        let is_nobodys = facts.is_some_and(|facts| label.is_some() && rule.tenant(&facts.meta.thanos.labels).is_none());
        let (says, why) = match (verdict.refusal(id), go) {
            _ if !is_asked => ("is not asked", "the block takes no part when rules are asked".to_owned()),
            _ if is_nobodys => ("is not asked", format!("the block has no label {}", label.unwrap_or_default())),
            (Some(bound), _) if proposes => ("let it go, refused", bound.to_string()),
            (_, Some(go)) => ("lets it go", format!("{}: {}", go.rule, go.reason)),
            _ if proposes && verdict.mode == Mode::Shadow => ("would let it go", "in the shadow".to_owned()),
            _ if proposes && verdict.veto => ("agrees that it goes", String::new()),
            _ if proposes => ("lets it go", "another rule has a veto, or lets it go already".to_owned()),
            _ => ("keeps it", aged.map(|aged| aged.why).unwrap_or_default()),
        };
        KeptReport { rule: rule.name.clone(), says, not_before_ms, why }
    });
    said.collect()
}

/// When the built-in rule lets a block go that stays as it is.
fn by_age(facts: Option<&BlockFacts>, ages: RetentionConfig) -> Option<KeptReport> {
    let meta = &facts?.meta;
    let (flag, age_ms) = match meta.thanos.resolution {
        0 => ("--retention.resolution-raw", ages.raw_ms),
        RESOLUTION_5M => ("--retention.resolution-5m", ages.five_minutes_ms),
        RESOLUTION_1H => ("--retention.resolution-1h", ages.one_hour_ms),
        _ => ("an unknown resolution", 0),
    };
    let rule = "by-resolution".to_owned();
    if age_ms == 0 {
        let why = format!("{flag} keeps it for ever");
        return Some(KeptReport { rule, says: "keeps it", not_before_ms: None, why });
    }
    // The end counts in whole seconds.
    let end = meta.range.max.0.div_euclid(1000) * 1000;
    let why = format!("{flag} of {} after its newest sample", units::length(age_ms));
    Some(KeptReport { rule, says: "keeps it", not_before_ms: Some(end.saturating_add(age_ms)), why })
}
