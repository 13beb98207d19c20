//! What bounds a retention policy, whatever it answers. The configuration says it, `lithify-compactor` enforces it.
//!
//! All or nothing: over a limit a whole answer is refused, nothing is cut to size.
//!
//! Source: `policies.md` 5.

use alloc::{string::String, sync::Arc, vec::Vec};

use crate::{Labels, budget::Payer, policy::Retention};

/// A retention policy with its place in a run.
///
/// A block goes only if a rule without `veto` proposes it and every rule with `veto` proposes it too. A rule that
/// fails and is skipped proposes nothing, so a failing veto keeps everything.
#[derive(Clone)]
pub struct RetentionRule {
    /// As the configuration names it, else the plugin.
    pub name: String,
    /// The plugin, such as `builtin:by-resolution` or a path.
    pub plugin: String,
    /// The plugin's own version.
    pub version: String,
    /// SHA-256 of the component, hexadecimal.
    pub digest: String,
    /// Whom to ask.
    pub policy: Arc<dyn Retention>,
    /// Whether its answers count.
    pub mode: Mode,
    /// Whether it only agrees or disagrees with what others propose.
    pub veto: bool,
    /// What bounds it.
    pub rails: Rails,
}

/// Whether answers are acted on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// They are.
    #[default]
    Enforce,
    /// They are compared with what is enforced, reported, and nothing else.
    Shadow,
}

/// The bounds. What is `None` is not bounded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rails {
    /// Most blocks a run.
    pub blocks_max: Option<u64>,
    /// Most bytes a run.
    pub bytes_max: Option<u64>,
    /// Largest share of the bucket's blocks, and of its bytes, a run.
    pub share_max: Option<Share>,
    /// Largest share of the blocks of any one set of external labels a run.
    pub set_share_max: Option<Share>,
    /// Most blocks within seven days.
    pub week_blocks_max: Option<u64>,
    /// Most bytes within seven days.
    pub week_bytes_max: Option<u64>,
    /// Largest share of the bucket's blocks, and of its bytes, within seven days.
    pub week_share_max: Option<Share>,
    /// The external label that names a tenant. The rule is asked once for each of its values, about the blocks that have
    /// it and no others, and every bound counts for each tenant alone: its blocks, its bytes, its budget.
    pub tenant_label: Option<String>,
    /// No block whose newest sample is younger, milliseconds.
    pub age_min_ms: Option<i64>,
    /// No raw block whose newest sample is younger, milliseconds.
    pub raw_age_min_ms: Option<i64>,
    /// Shortest time between mark and deletion, milliseconds.
    pub delete_delay_floor_ms: Option<i64>,
    /// No raw block unless coarser blocks cover its range, and are older than the delete delay.
    pub coverage_required: bool,
    /// No block whose external labels contain one of these sets.
    pub legal_hold: Vec<Labels>,
}

/// A part of a whole, in hundredths of a percent: at most 10,000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Share(pub u32);

impl Share {
    /// Whether `part` of `whole` is more than this share.
    #[must_use]
    pub fn is_exceeded(self, part: u64, whole: u64) -> bool {
        u128::from(part) * 10_000 > u128::from(whole) * u128::from(self.0)
    }

    /// The largest part of `whole` that is not more than this share.
    #[must_use]
    pub fn of(self, whole: u64) -> u64 {
        u64::try_from(u128::from(whole) * u128::from(self.0) / 10_000).unwrap_or(u64::MAX)
    }
}

const HOUR_MS: i64 = 3_600_000;

impl Rails {
    /// The bounds of a plugin from outside, unless it is configured otherwise: 500 blocks, 5 % of the bucket, 25 % of a
    /// label set, twice as much of the bucket within seven days, nothing of the last 24 hours, and 48 hours to change
    /// one's mind.
    #[must_use]
    pub fn foreign() -> Self {
        Self {
            blocks_max: Some(500),
            share_max: Some(Share(500)),
            set_share_max: Some(Share(2500)),
            week_blocks_max: Some(1000),
            week_share_max: Some(Share(1000)),
            age_min_ms: Some(24 * HOUR_MS),
            delete_delay_floor_ms: Some(48 * HOUR_MS),
            ..Self::default()
        }
    }

    /// Whether what was let go within seven days is bounded.
    #[must_use]
    pub fn has_budget(&self) -> bool {
        self.week_blocks_max.is_some() || self.week_bytes_max.is_some() || self.week_share_max.is_some()
    }
}

impl RetentionRule {
    /// Whether its marks count against a budget: it decides by itself, and is bounded over seven days.
    #[must_use]
    pub fn spends(&self) -> bool {
        self.mode == Mode::Enforce && !self.veto && self.rails.has_budget()
    }

    /// The tenant of a block with these external labels, if the rule is asked tenant by tenant.
    #[must_use]
    pub fn tenant<'a>(&self, labels: &'a Labels) -> Option<&'a str> {
        labels.0.get(self.rails.tenant_label.as_deref()?).map(String::as_str)
    }

    /// Who pays for a block with these external labels.
    #[must_use]
    pub fn payer(&self, labels: &Labels) -> Payer {
        Payer { rule: self.name.clone(), tenant: self.tenant(labels).map(Into::into) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_exceeded_by_the_first_block_above_it() {
        assert!(!Share(500).is_exceeded(5, 100));
        assert!(Share(500).is_exceeded(6, 100));
        assert!(Share(500).is_exceeded(1, 19));
        assert!(!Share(10_000).is_exceeded(u64::MAX, u64::MAX));
        assert!(Share(0).is_exceeded(1, u64::MAX));
        for (share, whole, part) in [(500, 100, 5), (500, 119, 5), (1, 9_999, 0), (10_000, u64::MAX, u64::MAX)] {
            assert_eq!(Share(share).of(whole), part);
            assert!(!Share(share).is_exceeded(part, whole));
        }
    }
}
