//! What becomes of a block: the same decisions that `compact` carries out, as far as they concern it.
//!
//! Source: compactor specification 2.3, 7.1, 9.

use lithify_block::{BlockId, Timestamp};
use lithify_bucket::BlockDirectory;
use lithify_compactor::{
    Config, Context, Decision, Failure, Foresight, PARTIAL_AGE_MS, Remedy, Seen, Standing, remedy,
};

use super::rules::reason;
use crate::commands::plan::words;
use crate::render::explain::NextReport;
use crate::render::units;

/// What is known of what lies ahead.
pub(super) struct Ahead<'a> {
    /// What a run would do if the block can be read.
    pub(super) foresight: &'a Foresight,
    /// What it would stumble over when it reads the block.
    pub(super) failure: Option<&'a Failure>,
}

/// What becomes of block `id`, in order; never empty.
pub(super) fn next(
    (id, seen): (BlockId, &Seen),
    directory: &BlockDirectory,
    ahead: &Ahead<'_>,
    cx: &Context,
) -> Vec<NextReport> {
    let config = &*cx.config;
    let marked_at = directory.deletion.found().map(|mark| Timestamp(mark.time_seconds.saturating_mul(1000)));
    let deletion = |marked_at: Timestamp| {
        let delay = units::length(config.delete_delay_ms);
        let at = marked_at.0.saturating_add(config.delete_delay_ms);
        step("deletion", Some(at), format!("the first run after --delete-delay of {delay} deletes it"))
    };
    match (&seen.standing, marked_at) {
        (Standing::Active, marked_at) => {
            let mut next = working(id, ahead.foresight);
            if let Some(failure) = ahead.failure {
                next = broken(next, failure, cx);
            }
            next.extend(let_go(id, ahead.foresight, config));
            next.extend(marked_at.map(deletion));
            if next.is_empty() {
                next.push(step("nothing", None, "no rule asks for anything: it stays as it is".to_owned()));
            }
            next
        }
        (Standing::MarkedForDeletion | Standing::SupersededBy(_), Some(marked_at)) => vec![deletion(marked_at)],
        (Standing::SupersededBy(by), None) => vec![
            step("deletion mark", None, format!("all its samples are in block {by}")),
            then_deleted(config, "the mark"),
        ],
        (Standing::Partial | Standing::Corrupt(_), _) => {
            let (newest, of) = match directory.newest() {
                Some(newest) => (newest, "its newest object"),
                None => (id.created(), "its id"),
            };
            let at = newest.0.saturating_add(PARTIAL_AGE_MS);
            vec![step("cleaning", Some(at), format!("{}; deleted 48h after {of}", reason(&seen.standing)))]
        }
        (Standing::TooFresh { until }, _) => vec![step("seen", Some(until.0), reason(&seen.standing))],
        (Standing::LeftOut(_) | Standing::Unsupported(_), _) => vec![step(
            "nothing",
            None,
            format!(
                "{}; it keeps its place and is left alone until one of its objects changes",
                reason(&seen.standing)
            ),
        )],
        (Standing::OutsideShard | Standing::OutsideTime | Standing::Misnamed(_) | Standing::MarkedForDeletion, _) => {
            vec![step("nothing", None, format!("{}, so it is left alone", reason(&seen.standing)))]
        }
    }
}

/// What becomes of a block whose deletion mark names block `named`.
pub(super) fn marked_for_another(named: BlockId) -> Vec<NextReport> {
    let why = format!("its deletion mark names block {named}, so neither is deleted; correct the mark or remove it");
    vec![step("nothing", None, why)]
}

/// What compaction and downsampling make of it.
fn working(id: BlockId, foresight: &Foresight) -> Vec<NextReport> {
    let mut next = Vec::new();
    let mut merged = false;
    for (pass, decisions) in (1..).zip(&foresight.compaction) {
        for decision in decisions.iter().filter(|decision| holds(decision, id)) {
            if let Err(error) = &decision.planned {
                next.push(step("nothing", None, format!("its group cannot be planned: {error}")));
            }
            for (_, reason, details) in decision.marks().filter(|(marked, _, _)| *marked == id) {
                next.push(step("no-compact mark", None, format!("pass {pass}: {reason}: {details}")));
            }
            for job in decision.jobs() {
                let (own, others): (Vec<_>, Vec<_>) = job.blocks().iter().partition(|block| block.id == id);
                if own.is_empty() {
                    continue;
                }
                merged = true;
                let length = units::length(job.range().length_ms());
                next.push(NextReport {
                    with: others.iter().map(|block| block.id.to_string()).collect(),
                    ..step("compaction", None, format!("pass {pass}, into a block of {length}: {}", job.reason()))
                });
                let marked = "its samples are in the merged block then".to_owned();
                next.push(step("deletion mark", None, marked));
            }
        }
    }
    if !merged {
        let copies = foresight.downsampling.iter().flatten().filter(|decision| decision.source.id == id);
        // Both passes look at it; what the first says is what is done.
        next.extend(copies.take(1).map(|decision| {
            let target = units::length(decision.target);
            if decision.is_due() {
                step("downsampling", None, format!("to {target}: {}", words(decision)))
            } else {
                step("nothing", None, format!("no copy of {target}: {}", words(decision)))
            }
        }));
    }
    next
}

/// The first thing that would read the block comes to another end.
fn broken(mut next: Vec<NextReport>, failure: &Failure, cx: &Context) -> Vec<NextReport> {
    let Some(reads) = next.iter().position(|next| matches!(next.what, "compaction" | "downsampling")) else {
        return next;
    };
    let reader = next.split_off(reads).swap_remove(0);
    let (what, why) = match remedy(failure, cx.config.skip_out_of_order_chunks) {
        Remedy::Repair(_) => {
            ("repair", "written anew without the chunks that begin at its end, then marked for deletion")
        }
        Remedy::MarkNoCompact(_) => ("no-compact mark", "its chunks are out of order; the rest of its group goes on"),
        Remedy::None if cx.config.isolate_failures => {
            ("left out", "it is broken: it keeps its place until one of its objects changes, all else goes on")
        }
        Remedy::None => ("failure", "it is broken, which ends the iteration; isolation is switched off"),
    };
    next.push(step(what, None, format!("{} ({}): {why}", reader.what, reader.why)));
    next
}

/// The mark that retention puts on it.
fn let_go(id: BlockId, foresight: &Foresight, config: &Config) -> Vec<NextReport> {
    let Some(Ok(ruling)) = &foresight.retention else { return Vec::new() };
    let Some(go) = ruling.let_go.iter().find(|go| go.id == id && !go.is_marked) else { return Vec::new() };
    let why = format!("retention rule {} lets it go: {}: {}", go.by, go.rule, go.reason);
    vec![step("deletion mark", None, why), then_deleted(config, "the mark")]
}

/// Whether the block is in the group of `decision`.
pub(super) fn holds(decision: &Decision, id: BlockId) -> bool {
    decision.group.blocks.iter().any(|block| block.id == id)
}

fn then_deleted(config: &Config, since: &str) -> NextReport {
    let delay = units::length(config.delete_delay_ms);
    step("deletion", None, format!("the first run more than {delay} after {since} deletes it"))
}

fn step(what: &'static str, not_before_ms: Option<i64>, why: String) -> NextReport {
    NextReport { what, not_before_ms, with: Vec::new(), why }
}
