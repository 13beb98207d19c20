//! `lithify plugin diff FILE`: what would be decided otherwise if the policies were those that another file names.
//! Changes nothing in the bucket.

use std::{process::ExitCode, sync::Arc, time::Duration};

use lithify_block::Rfc3339;
use lithify_compactor::{Ambient, Failure, Machine, look_at, sync};
use prometheus::Registry;

use super::{
    answer::{self, Trouble},
    plan,
};
use crate::{
    config::{DiffConfig, SelectionConfig},
    render::{diff::DiffReport, look::Look},
    wire::{Manner, wire},
};

/// Status when something differs, as that of `diff`.
const DIFFERS: u8 = 1;

/// Status when it cannot be told whether anything differs.
pub const TROUBLE: u8 = 2;

/// Runs the command.
pub async fn run(config: DiffConfig, environment: &dyn Fn(&str) -> Option<String>, look: Look) -> ExitCode {
    match answer::print(report(&config, environment).await, config.json, &look) {
        Some(report) if report.is_same() => ExitCode::SUCCESS,
        Some(_) => ExitCode::from(DIFFERS),
        None => ExitCode::from(TROUBLE),
    }
}

async fn report(config: &DiffConfig, environment: &dyn Fn(&str) -> Option<String>) -> Result<DiffReport, Trouble> {
    let failed = |failure: Failure| format!("{failure}: {}", failure.chain());
    let now = &config.selection;
    let then = SelectionConfig { plugins: config.plugins.clone(), ..now.clone() };
    let mut before = wire(now, Manner::DRY, &Registry::new(), environment).await?;
    let mut after = wire(&then, Manner::DRY, &Registry::new(), environment).await?;
    let moment: Arc<dyn Ambient> = Arc::new(Moment::now());
    for wired in [&mut before, &mut after] {
        wired.cx.ambient = Arc::clone(&moment);
    }
    let view = sync(&before.cx).await.map_err(failed)?;
    // Both see the same objects at the same time; what differs is up to the policies.
    let seen = before.cx.last.snapshot().unwrap_or_default();
    let before = plan::told(&before, (view, &seen)).await?;
    let view = look_at(&after.cx, Arc::clone(&seen)).await.map_err(failed)?;
    let after = plan::told(&after, (view, &seen)).await?;
    Ok(DiffReport::between(before, after))
}

/// One point in time, so that no age passes a bound between two looks.
struct Moment {
    machine: Machine,
    now: Rfc3339,
}

impl Moment {
    fn now() -> Self {
        let machine = Machine::new();
        Self { now: machine.now(), machine }
    }
}

impl Ambient for Moment {
    fn now(&self) -> Rfc3339 {
        self.now
    }

    fn elapsed(&self) -> Duration {
        self.machine.elapsed()
    }

    fn random(&self) -> u128 {
        self.machine.random()
    }
}
