//! What may go? Blocks whose newest sample is older than the age that is set for their resolution.
//!
//! Invariants: a pure function of each block for itself. Marks keep no block. A resolution without an age, or with the
//! age 0, is kept for ever, and so is a resolution that nobody knows.
//!
//! Start with [`ByResolution::is_due`].
//!
//! Source: `thanos-compactor.md` 8; Thanos pkg/compact/retention.go (`ApplyRetentionPolicyByResolution`).
#![no_std]
extern crate alloc;
#[cfg(not(target_family = "wasm"))]
extern crate std as _; // Native builds link its allocator and panic handler; nothing can name it.

mod duration;
#[cfg(test)]
mod tests;

use alloc::{string::String, vec::Vec};

use lithify_sdk::{Block, Context, Deletion, Error, Policy, Retention, Why, json::Object};

pub use duration::go_duration;

lithify_sdk::export!(include_bytes!("../manifest.json"), retention: ByResolution);

/// The retention rule: ages in milliseconds, 0 for ever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ByResolution {
    /// Of raw blocks.
    pub raw_ms: u64,
    /// Of blocks with a sample each 5 minutes.
    pub five_minutes_ms: u64,
    /// Of blocks with a sample an hour.
    pub hour_ms: u64,
}

impl Policy for ByResolution {
    fn configure(config: &str) -> Result<Self, Error> {
        let mut object = Object::parse(config)?;
        let mut age = |key| object.take_u64(key).map(Option::unwrap_or_default);
        let rule = Self { raw_ms: age("raw-ms")?, five_minutes_ms: age("5m-ms")?, hour_ms: age("1h-ms")? };
        object.finish()?;
        Ok(rule)
    }

    fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        let shorter = |age: u64, than: u64| age != 0 && (than == 0 || age < than);
        if shorter(self.five_minutes_ms, self.raw_ms) || shorter(self.hour_ms, self.five_minutes_ms) {
            warnings.push("a coarser resolution is kept shorter than a finer one".into());
        }
        warnings
    }
}

impl ByResolution {
    /// The age that is set for a resolution in milliseconds, with the flag that sets it.
    fn age(&self, resolution: i64) -> Option<(&'static str, u64)> {
        let (rule, age) = match resolution {
            0 => ("retention.resolution-raw", self.raw_ms),
            300_000 => ("retention.resolution-5m", self.five_minutes_ms),
            3_600_000 => ("retention.resolution-1h", self.hour_ms),
            _ => return None,
        };
        (age != 0).then_some((rule, age))
    }

    /// The rule and its age, if it lets the block go at `now`, in milliseconds since the Unix epoch.
    ///
    /// The block's end counts in whole seconds, and at the very age the block stays.
    #[must_use]
    pub fn is_due(&self, now: i64, block: &Block) -> Option<(&'static str, u64)> {
        let (rule, age) = self.age(block.resolution)?;
        let end = i128::from(block.max_time / 1000) * 1000;
        (i128::from(now) > end + i128::from(age)).then_some((rule, age))
    }
}

impl Retention for ByResolution {
    fn evaluate(&self, cx: &Context, blocks: &[Block], why: &mut dyn Why) -> Result<Vec<Deletion>, Error> {
        let mut deletions = Vec::new();
        for (position, block) in (0..).zip(blocks) {
            let Some((rule, age)) = self.is_due(cx.now, block) else { continue };
            // The words of the reference: they stand in the deletion mark.
            let reason = ["block exceeding retention of ", &go_duration(age)].concat();
            if why.enabled() {
                why.explain(&block.id, rule, &reason);
            }
            deletions.push(Deletion { block: position, rule: rule.into(), reason });
        }
        Ok(deletions)
    }
}
