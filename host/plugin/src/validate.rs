//! No answer is believed. Each is checked whole and refused whole, with a reason that its author understands.
//!
//! Source: `policies.md` 4; `thanos-compactor.md` 5.

mod columns;
mod histograms;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use lithify_block::{BlockFacts, Group, Labels, policy};

use crate::{limits::TEXT_BYTES_MAX, store::cut, wire};

pub(crate) use columns::{of_aggregates, of_histogram_aggregates, of_raw, of_raw_histograms};

/// Most labels of one set.
const LABELS_MAX: usize = 64;
/// Longest group key, bytes. It names a directory.
const KEY_BYTES_MAX: usize = 128;

/// One answer for each of `asked` sets.
pub(crate) fn selection(answer: Vec<Option<wire::LabelSet>>, asked: &[Labels]) -> Result<Vec<Option<Labels>>, String> {
    if answer.len() != asked.len() {
        let (answers, sets) = (answer.len(), asked.len());
        return Err(format!("{answers} answers to {sets} label sets; there must be one each, in the same order"));
    }
    let check = |(i, (set, asked)): (usize, (Option<wire::LabelSet>, &Labels))| {
        set.map(|set| labels(set.labels, asked).map_err(|error| format!("answer {i}: {error}"))).transpose()
    };
    answer.into_iter().zip(asked).enumerate().map(check).collect()
}

/// Each block at most once; one key has one set of labels and one resolution.
pub(crate) fn grouping(
    answer: Vec<wire::Assignment>,
    blocks: &[BlockFacts],
) -> Result<Vec<policy::Assignment>, String> {
    let mut seen = BTreeSet::new();
    let mut groups: BTreeMap<String, (Labels, i64)> = BTreeMap::new();
    let mut checked = Vec::with_capacity(answer.len().min(blocks.len()));
    for (i, assignment) in answer.into_iter().enumerate() {
        let at = |error: String| format!("assignment {i}: {error}");
        let (block, facts) = position(assignment.block, blocks, &mut seen).map_err(at)?;
        key(&assignment.key).map_err(at)?;
        let labels = labels(assignment.labels, &facts.meta.thanos.labels).map_err(at)?;
        let resolution = facts.meta.thanos.resolution;
        match groups.get(&assignment.key) {
            Some((known, _)) if *known != labels => {
                return Err(at(format!("group {:?} is given labels {known} and {labels}", assignment.key)));
            }
            Some((_, known)) if *known != resolution => {
                let key = &assignment.key;
                return Err(at(format!("group {key:?} has blocks of the resolutions {known} and {resolution} ms")));
            }
            Some(_) => {}
            None => {
                groups.insert(assignment.key.clone(), (labels.clone(), resolution));
            }
        }
        checked.push(policy::Assignment { block, key: assignment.key, labels });
    }
    Ok(checked)
}

/// Jobs disjoint, of unmarked blocks; marks on blocks that have none and are in no job.
pub(crate) fn plan(answer: wire::Plan, group: &Group, reasons: Vec<policy::Reason>) -> Result<policy::Plan, String> {
    let mut seen = BTreeSet::new();
    let mut plan = policy::Plan { reasons, ..policy::Plan::default() };
    for (i, job) in answer.jobs.into_iter().enumerate() {
        let at = |error: String| format!("job {i}: {error}");
        if job.blocks.is_empty() {
            return Err(at("no blocks".into()));
        }
        let mut blocks = Vec::with_capacity(job.blocks.len().min(group.blocks.len()));
        for block in job.blocks {
            let (block, facts) = position(block, &group.blocks, &mut seen).map_err(at)?;
            if let Some(reason) = &facts.no_compact {
                return Err(at(format!("block {} at position {block} is marked no-compact: {reason}", facts.id)));
            }
            blocks.push(block);
        }
        blocks.sort_unstable();
        text("reason", &job.reason).map_err(at)?;
        plan.jobs.push(policy::PlannedJob { blocks, reason: job.reason });
    }
    for (i, mark) in answer.no_compact.into_iter().enumerate() {
        let at = |error: String| format!("mark {i}: {error}");
        let (block, facts) = position(mark.block, &group.blocks, &mut seen).map_err(at)?;
        if facts.no_compact.is_some() {
            return Err(at(format!("block {} at position {block} is marked already", facts.id)));
        }
        if mark.reason.is_empty() {
            return Err(at("no reason".into()));
        }
        text("reason", &mark.reason).map_err(at)?;
        text("details", &mark.details).map_err(at)?;
        plan.no_compact.push(policy::PlannedMark { block, reason: mark.reason, details: mark.details });
    }
    Ok(plan)
}

/// Each block at most once, with a rule and a reason.
pub(crate) fn deletions(
    answer: Vec<wire::Deletion>,
    blocks: &[BlockFacts],
) -> Result<Vec<policy::ProposedDeletion>, String> {
    let mut seen = BTreeSet::new();
    let check = |(i, deletion): (usize, wire::Deletion)| {
        let at = |error: String| format!("deletion {i}: {error}");
        let (block, _) = position(deletion.block, blocks, &mut seen).map_err(at)?;
        for (what, said) in [("rule", &deletion.rule), ("reason", &deletion.reason)] {
            if said.is_empty() {
                return Err(at(format!("no {what}")));
            }
            text(what, said).map_err(at)?;
        }
        Ok(policy::ProposedDeletion { block, rule: deletion.rule, reason: deletion.reason })
    };
    answer.into_iter().enumerate().map(check).collect()
}

/// The block at a position that was not named before.
fn position<'a>(
    position: u32,
    blocks: &'a [BlockFacts],
    seen: &mut BTreeSet<u32>,
) -> Result<(usize, &'a BlockFacts), String> {
    let index = usize::try_from(position).unwrap_or(usize::MAX);
    let facts = blocks.get(index).ok_or_else(|| {
        format!("position {position} does not exist: the question has {} blocks, counted from 0", blocks.len())
    })?;
    if !seen.insert(position) {
        return Err(format!("block {} at position {position} is named twice", facts.id));
    }
    Ok((index, facts))
}

/// A set of labels that a guest made. What the block has itself is fine, whatever it looks like.
fn labels(labels: Vec<wire::Label>, own: &Labels) -> Result<Labels, String> {
    let most = LABELS_MAX.max(own.0.len());
    if labels.len() > most {
        return Err(format!("{} labels; at most {most} are allowed", labels.len()));
    }
    let mut checked = Labels::default();
    for wire::Label { name, value } in labels {
        if checked.0.last_key_value().is_some_and(|(last, _)| *last >= name) {
            return Err(format!("label {:?} is not in order: labels are sorted by name, names unique", cut(&name)));
        }
        if own.get(&name) != Some(&value) {
            label(&name, &value)?;
        }
        checked.0.insert(name, value);
    }
    Ok(checked)
}

fn label(name: &str, value: &str) -> Result<(), String> {
    text("label name", name)?;
    text("label value", value)?;
    if name.is_empty() {
        return Err("a label without a name".into());
    }
    if name.starts_with("__") {
        return Err(format!("label name {name:?} is reserved: names that start with `__` are the host's"));
    }
    Ok(())
}

/// A group key is a directory's name too.
fn key(key: &str) -> Result<(), String> {
    let plain = |c: char| !c.is_control() && c != '/' && c != '\\';
    if key.is_empty() || key.len() > KEY_BYTES_MAX {
        return Err(format!("a group key has {} bytes; it must have 1 to {KEY_BYTES_MAX}", key.len()));
    }
    if key == "." || key == ".." || !key.chars().all(plain) {
        return Err(format!(
            "group key {key:?} cannot name a directory: no `/`, `\\`, control characters, `.` or `..`"
        ));
    }
    Ok(())
}

/// Text that goes into logs, marks and tables.
fn text(what: &str, text: &str) -> Result<(), String> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(format!("a {what} has {} bytes; at most {TEXT_BYTES_MAX} are allowed", text.len()));
    }
    if text.chars().any(char::is_control) {
        return Err(format!("a {what} has control characters: {:?}", text.chars().take(64).collect::<String>()));
    }
    Ok(())
}
