//! What the demo tells: the bucket before and after, what was done, who decided, and how long it took.

use std::{collections::BTreeMap, time::Duration};

use lithify_block::{BlockFacts, BlockId, Meta};
use lithify_compactor::{Downsampled, Iteration, Outcome, Standing, View};
use lithify_plugin::Kind;

use super::bucket::Made;
use crate::{
    render::{
        look::{Look, Paint},
        table::{Align, Table},
        timeline, units,
    },
    wire::Wired,
};

/// What there was to begin with.
#[must_use]
pub fn made(made: Made, making: Duration, look: &Look) -> String {
    let (samples, size) = (units::count(made.samples), units::size(made.bytes));
    let took = units::took(millis(making));
    look.paragraph(Paint::Plain, &format!("{} blocks with {samples} samples, {size}, made in {took}", made.blocks))
        + "\n"
}

/// The blocks that take part in `view` by labels and resolution; with `before`, those that were not there then are new,
/// and those that gave their samples away are marked.
#[must_use]
pub fn picture(title: &str, view: &View, before: Option<&View>) -> timeline::Picture {
    let mut groups: BTreeMap<(String, i64), Vec<timeline::Bar>> = BTreeMap::new();
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
        let meta = &facts.meta;
        let bar = timeline::Bar::new(meta.compaction.level, meta.range, fate);
        groups.entry((meta.thanos.labels.to_string(), meta.thanos.resolution)).or_default().push(bar);
    }
    let groups = groups.into_iter().map(|((labels, resolution), blocks)| {
        let name = format!("{labels} {}", units::resolution(resolution));
        timeline::Group { name, blocks }
    });
    timeline::Picture { title: title.to_owned(), groups: groups.collect() }
}

/// The block that covers most time, the oldest of equals: there is most to tell about it.
#[must_use]
pub fn longest(view: &View) -> Option<BlockId> {
    let length = |facts: &&BlockFacts| (facts.meta.range.length_ms(), std::cmp::Reverse(facts.id));
    view.active().max_by_key(length).map(|facts| facts.id)
}

/// What was done, step by step, and which policies decided.
#[must_use]
pub fn work(wired: &Wired, iteration: &Iteration, look: &Look) -> String {
    let policy = |kind| {
        let loaded = wired.loaded.iter().find(|loaded| loaded.kind == kind);
        loaded.map_or_else(String::new, |loaded| loaded.plugin.clone())
    };
    let (grouper, planner) = (policy(Kind::Grouper), policy(Kind::Planner));
    let merged = iteration.outcomes.iter().filter_map(Act::merge);
    let copied: Vec<Act> = iteration.downsampled.iter().map(Act::copy).collect();
    let mut text =
        format!("\n{}", look.paragraph(Paint::Cyan, &format!("compaction: {grouper} groups, {planner} plans")));
    text.push_str(&table(merged).draw(look));
    if !copied.is_empty() {
        let calls = wired.door.metrics().calls;
        let asked = calls.keys().find(|call| call.kind == Kind::Downsampler);
        let asked = asked.map_or("", |call| call.plugin.as_str());
        text.push_str(&format!("\n{}", look.paragraph(Paint::Cyan, &format!("downsampling: {asked} aggregates"))));
        text.push_str(&table(copied.into_iter()).draw(look));
    }
    text
}

/// How long all of it took, and how much of that the policies.
#[must_use]
pub fn cost(wired: &Wired, iteration: &Iteration, took: Duration, look: &Look) -> String {
    let results = iteration.outcomes.iter().filter_map(|outcome| outcome.result.as_ref());
    let samples: u64 = results.clone().map(|meta| meta.stats.num_samples).sum();
    let (merging, bytes) = (sum(iteration.outcomes.iter().map(|outcome| outcome.took)), iteration.outcomes.iter());
    let rate = units::rate(bytes.map(|outcome| outcome.bytes_in).sum(), millis(merging));
    let rate = rate.map_or_else(String::new, |rate| format!(" at {rate}"));
    let policies = wired.door.metrics();
    let calls: u64 = policies.calls.values().map(|calls| calls.count).sum();
    let (merged, copied) = (units::blocks(results.count()), units::blocks(iteration.downsampled.len()));
    let work = format!(
        "{merged} of {} samples merged{rate}, {copied} downsampled, all in {}",
        units::count(samples),
        units::took(millis(took)),
    );
    let loading = policies.loading_cpu + policies.late_loading_cpu;
    let door = format!(
        "the policies are WebAssembly: {calls} calls, {} of processor time, and {} to load them",
        units::took(millis(policies.cpu)),
        units::took(millis(loading)),
    );
    format!("\n{}{}\n", look.paragraph(Paint::Plain, &work), look.paragraph(Paint::Plain, &door))
}

/// One block that was made.
struct Act {
    labels: String,
    /// What was made, of what and why: acts that are equal in this are told as one.
    words: [String; 3],
    samples: u64,
    took: Duration,
}

impl Act {
    fn merge(outcome: &Outcome) -> Option<Self> {
        let of = units::blocks(outcome.sources.len());
        Some(Self::new(outcome.result.as_ref()?, of, outcome.reason.clone(), outcome.took))
    }

    fn copy(copy: &Downsampled) -> Self {
        let meta = &copy.source.meta;
        let of = format!("{} {}", units::length(meta.range.length_ms()), units::resolution(meta.thanos.resolution));
        let why = format!("in no {} block yet", units::resolution(copy.result.thanos.resolution));
        Self::new(&copy.result, of, why, copy.took)
    }

    fn new(result: &Meta, of: String, why: String, took: Duration) -> Self {
        let made = units::length(result.range.length_ms());
        let (labels, samples) = (result.thanos.labels.to_string(), result.stats.num_samples);
        Self { labels, words: [made, of, why], samples, took }
    }
}

/// Equal acts in one row, in the order of the first of each.
fn table(acts: impl Iterator<Item = Act>) -> Table {
    let mut kinds: Vec<Vec<Act>> = Vec::new();
    for act in acts {
        let is_equal = |kind: &&mut Vec<Act>| kind.iter().any(|of| of.labels == act.labels && of.words == act.words);
        match kinds.iter_mut().find(is_equal) {
            Some(kind) => kind.push(act),
            None => kinds.push(vec![act]),
        }
    }
    let mut table = Table::new(&[
        ("STREAM", Align::Left),
        ("MADE", Align::Right),
        ("EACH OF", Align::Left),
        ("SAMPLES", Align::Right),
        ("TOOK", Align::Right),
        ("WHY", Align::Left),
    ]);
    for kind in kinds {
        let Some(Act { labels, words: [made, of, why], .. }) = kind.first() else { continue };
        table.row([
            labels.clone(),
            format!("{} x {made}", kind.len()),
            of.clone(),
            units::count(kind.iter().map(|act| act.samples).sum()),
            units::took(millis(sum(kind.iter().map(|act| act.took)))),
            why.clone(),
        ]);
    }
    table
}

fn sum(times: impl Iterator<Item = Duration>) -> Duration {
    times.sum()
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
