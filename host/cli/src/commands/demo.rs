//! `lithify demo`: a bucket of real blocks, compacted, and shown before and after.

use std::{
    collections::BTreeMap,
    io::Write as _,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{Arc, Mutex},
    time::Duration,
};

use lithify_block::{BlockFacts, BlockId};
use lithify_compactor::{Iteration, Outcome, Standing, View, iterate, sync};
use prometheus::Registry;
use tracing::error;

use super::compact::status;
use crate::{
    config::{CompactConfig, DemoConfig, Surroundings},
    demo::bucket::{Made, Shape, write},
    flags::{self, table::COMMANDS},
    machine_memory,
    render::{
        look::{Look, Paint},
        progress, timeline, units,
    },
    screen::Screen,
    wire::{Manner, Wired, wire},
};

type Trouble = Box<dyn std::error::Error + Send + Sync>;

/// Runs the command.
pub async fn run(config: DemoConfig, look: Look, screen: Arc<Mutex<Screen>>) -> ExitCode {
    match show(&config, look, screen).await {
        Ok(status) => status,
        Err(failure) => {
            error!(err = %failure, "running command failed");
            ExitCode::FAILURE
        }
    }
}

async fn show(config: &DemoConfig, look: Look, screen: Arc<Mutex<Screen>>) -> Result<ExitCode, Trouble> {
    let place = Place::prepare(config)?;
    let bucket = place.directory.join("bucket");
    let wired = wired(&place.directory, &bucket)?;
    let cx = &wired.cx;
    let shape = Shape { series: usize::try_from(config.series)?, seed: config.seed, now: cx.ambient.timestamp() };
    say(&format!("making blocks of {} series in {} …\n", config.series, bucket.display()));
    let begun = cx.ambient.elapsed();
    let made = tokio::task::spawn_blocking(move || write(&bucket, &shape)).await??;
    let making = cx.ambient.elapsed() - begun;
    let before = sync(cx).await.map_err(|failure| failure.chain())?;
    let started = cx.ambient.elapsed();
    let iteration = tokio::select! {
        iteration = iterate(cx) => iteration,
        () = progress::show(screen, || status(cx, started)) => Iteration::default(),
    };
    let took = cx.ambient.elapsed() - started;
    let after = sync(cx).await.map_err(|failure| failure.chain())?;
    say(&made_text(made, making));
    say(&timeline::draw(&[picture("before", &before, None), picture("after", &after, Some(&before))], &look));
    say(&decisions(&wired, &iteration, &look));
    say(&cost(&wired, &iteration, took));
    say(&place.farewell());
    Ok(if iteration.is_complete() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What `compact` would use with this bucket, all flags as they are by default but for the consistency delay.
fn wired(directory: &Path, bucket: &Path) -> Result<Wired, Trouble> {
    let quoted = serde_json::to_string(&bucket.display().to_string())?;
    let typed = [
        "lithify".to_owned(),
        "compact".to_owned(),
        format!("--objstore.config={{type: FILESYSTEM, config: {{directory: {quoted}}}}}"),
        format!("--data-dir={}", directory.join("data").display()),
        "--consistency-delay=0s".to_owned(),
        "--downsampling.disable".to_owned(),
    ];
    let flags::Outcome::Run(flags) = flags::parse(COMMANDS, &typed) else { return Err("no flags for the demo".into()) };
    let flags::Command::Compact(flags) = flags.command else { return Err("no command for the demo".into()) };
    let surroundings = Surroundings { environment: &|_| None, memory_bytes: machine_memory::bytes() };
    let config = CompactConfig::new(&flags, surroundings)?;
    Ok(wire(&config.selection, Manner::of(&config), &Registry::new(), &|_| None)?)
}

/// Where the demo happens.
struct Place {
    directory: PathBuf,
    stays: bool,
}

impl Place {
    fn prepare(config: &DemoConfig) -> Result<Self, Trouble> {
        let (directory, stays) = match &config.dir {
            Some(directory) => (directory.clone(), true),
            None => (std::env::temp_dir().join(format!("lithify-demo-{}", std::process::id())), config.keep),
        };
        if directory.join("bucket").exists() {
            return Err(format!(
                "{} holds a bucket already; name another directory with --dir, or remove it",
                directory.display()
            )
            .into());
        }
        std::fs::create_dir_all(&directory).map_err(|error| format!("create {}: {error}", directory.display()))?;
        Ok(Self { directory, stays })
    }

    fn farewell(&self) -> String {
        let directory = self.directory.display();
        if !self.stays {
            return "the bucket is gone now; `lithify demo --keep` leaves it for you to look at, and README.md says how to \
                    compact your own\n"
                .to_owned();
        }
        let shown = format!("--objstore.config='{{type: FILESYSTEM, config: {{directory: {directory}/bucket}}}}'");
        format!(
            "the bucket is in {directory}/bucket; look at it:\n  lithify plan {shown} --data-dir={directory}/data\n  ls {directory}/bucket\n"
        )
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if !self.stays {
            // What cannot be removed from the temporary directory does no harm there.
            let _ = std::fs::remove_dir_all(&self.directory);
        }
    }
}

fn made_text(made: Made, making: Duration) -> String {
    format!(
        "{} blocks with {} samples, {}, made in {}\n\n",
        made.blocks,
        units::count(made.samples),
        units::size(made.bytes),
        units::took(millis(making)),
    )
}

/// The blocks that take part in `view` by group; with `before`, those that were not there then are new, and those that
/// gave their samples away are marked.
fn picture(title: &str, view: &View, before: Option<&View>) -> timeline::Picture {
    let mut groups: BTreeMap<String, Vec<timeline::Bar>> = BTreeMap::new();
    for (id, seen) in &view.blocks {
        let Some(facts) = &seen.facts else { continue };
        let known = before.is_none_or(|before| before.blocks.contains_key(id));
        let fate = match &seen.standing {
            Standing::Active if known => timeline::Fate::Stays,
            Standing::Active => timeline::Fate::New,
            Standing::SupersededBy(_) | Standing::MarkedForDeletion => timeline::Fate::Marked,
            Standing::TooFresh { .. }
            | Standing::OutsideShard
            | Standing::OutsideTime
            | Standing::Partial
            | Standing::Corrupt(_)
            | Standing::Misnamed(_)
            | Standing::LeftOut(_)
            | Standing::Unsupported(_) => continue,
        };
        groups.entry(facts.meta.thanos.labels.to_string()).or_default().push(bar(facts, fate));
    }
    let groups = groups.into_iter().map(|(name, blocks)| timeline::Group { name, blocks }).collect();
    timeline::Picture { title: title.to_owned(), groups }
}

fn bar(facts: &BlockFacts, fate: timeline::Fate) -> timeline::Bar {
    timeline::Bar::new(facts.meta.compaction.level, facts.meta.range, fate)
}

fn decisions(wired: &Wired, iteration: &Iteration, look: &Look) -> String {
    let by: Vec<String> = wired.loaded.iter().map(|loaded| format!("{} {}", loaded.kind, loaded.plugin)).collect();
    let heading = format!("what was decided, by {}", by.join(" and "));
    let mut text = format!("{}\n", look.paint(Paint::Bold, &heading));
    for outcome in &iteration.outcomes {
        text.push_str(&decision(outcome));
    }
    text.push('\n');
    text
}

fn decision(outcome: &Outcome) -> String {
    let Some(result) = &outcome.result else { return String::new() };
    format!(
        "  {}  {} blocks into {} of {} at level {}: {}\n",
        result.thanos.labels,
        outcome.sources.len(),
        short(result.id),
        units::length(result.range.length_ms()),
        result.compaction.level,
        outcome.reason,
    )
}

/// The end of an id, by which blocks of one minute differ.
fn short(id: BlockId) -> String {
    let text = id.to_string();
    format!("…{}", text.get(18..).unwrap_or(&text))
}

fn cost(wired: &Wired, iteration: &Iteration, took: Duration) -> String {
    let policies = wired.door.metrics();
    let samples: u64 = iteration.outcomes.iter().filter_map(|o| Some(o.result.as_ref()?.stats.num_samples)).sum();
    let bytes: u64 = iteration.outcomes.iter().map(|outcome| outcome.bytes_in).sum();
    let calls: u64 = policies.calls.values().map(|calls| calls.count).sum();
    let rate = units::rate(bytes, millis(took)).map_or_else(String::new, |rate| format!(", {rate}"));
    format!(
        "{} blocks made of {} samples in {}{rate}\nthe policies are WebAssembly: {calls} calls, {} of processor time\n\n",
        iteration.outcomes.len(),
        units::count(samples),
        units::took(millis(took)),
        units::took(millis(policies.cpu)),
    )
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn say(text: &str) {
    // A reader that has seen enough closes the pipe; that is no failure of ours.
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_with_a_bucket_is_not_used_again() {
        let directory = std::env::temp_dir().join(format!("lithify-demo-test-{}", std::process::id()));
        std::fs::create_dir_all(directory.join("bucket")).unwrap();
        let config = DemoConfig { dir: Some(directory.clone()), keep: false, series: 1, seed: 0, color: false };
        let refused = Place::prepare(&config).err().unwrap().to_string();
        std::fs::remove_dir_all(directory).unwrap();
        assert!(refused.contains("holds a bucket already"), "{refused}");
    }
}
