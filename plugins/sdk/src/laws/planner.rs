//! Laws of planners.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    format,
    string::{String, ToString},
    vec::Vec,
};

use super::{Broken, ONLY_GIVEN, ORDER_FREE, SAME_TWICE, answered, context, law};
use crate::{Block, Plan, Planner, Request, Silent};

/// Checks a planner with one question: only given blocks, jobs disjoint and unmarked, order-free, the same answer twice,
/// and at rest after finitely many rounds of being fed its own results.
///
/// # Errors
/// [`Broken`] with the first law that does not hold. Ids of the question's blocks must be unique.
pub fn planner(planner: &impl Planner, request: &Request) -> Result<(), Broken> {
    let plan = ask(planner, request)?;
    law(SAME_TWICE, ask(planner, request)? == plan, || format!("{plan:?}"))?;
    only_given(request, &plan)?;
    order_free(planner, request, &plan)?;
    comes_to_rest(planner, request)
}

fn ask(planner: &impl Planner, request: &Request) -> Result<Plan, Broken> {
    answered(planner.make_plan(&context(), request, &mut Silent))
}

fn only_given(request: &Request, plan: &Plan) -> Result<(), Broken> {
    let mut seen = BTreeSet::new();
    let marks = plan.no_compact.iter().map(|mark| &mark.block);
    for position in plan.jobs.iter().flat_map(|job| &job.blocks).chain(marks) {
        let block = request.blocks.get(*position as usize);
        law(ONLY_GIVEN, block.is_some() && seen.insert(*position), || format!("position {position}"))?;
        let unmarked = block.is_some_and(|block| block.no_compact.is_none());
        law("marked blocks are neither planned nor marked again", unmarked, || format!("position {position}"))?;
    }
    law("no job is empty", plan.jobs.iter().all(|job| !job.blocks.is_empty()), || format!("{plan:?}"))
}

/// Turns the question round and rotates it; the plan must name the same blocks.
fn order_free(planner: &impl Planner, request: &Request, plan: &Plan) -> Result<(), Broken> {
    let expected = by_name(request, plan);
    let mut turned = request.clone();
    for turn in 0..2 {
        match turn {
            0 => turned.blocks.reverse(),
            _ => turned.blocks.rotate_left(request.blocks.len() / 2),
        }
        let other = by_name(&turned, &ask(planner, &turned)?);
        law(ORDER_FREE, other == expected, || format!("{expected:?} became {other:?}"))?;
    }
    Ok(())
}

/// The plan in ids: jobs in order, blocks of a job and marks sorted.
fn by_name(request: &Request, plan: &Plan) -> (Vec<Vec<String>>, Vec<String>) {
    let name = |i: &u32| request.blocks.get(*i as usize).map(|block| block.id.clone()).unwrap_or_default();
    let sorted = |mut names: Vec<String>| {
        names.sort();
        names
    };
    let jobs = plan.jobs.iter().map(|job| sorted(job.blocks.iter().map(name).collect())).collect();
    (jobs, sorted(plan.no_compact.iter().map(|mark| name(&mark.block)).collect()))
}

/// Plays compactions: each job's blocks become one that covers them, each mark is set.
fn comes_to_rest(planner: &impl Planner, request: &Request) -> Result<(), Broken> {
    let mut request = request.clone();
    // Each round takes away a block, or marks one, or rewrites one without its tombstones.
    let rounds = 3 * request.blocks.len() + 1;
    for round in 0..=rounds {
        let plan = ask(planner, &request)?;
        if plan.jobs.is_empty() && plan.no_compact.is_empty() {
            return Ok(());
        }
        carry_out(&mut request, &plan, round);
    }
    let evidence = || format!("still planning after {rounds} rounds");
    law("a planner that is fed its own results comes to rest", false, evidence)
}

fn carry_out(request: &mut Request, plan: &Plan, round: usize) {
    for mark in &plan.no_compact {
        if let Some(block) = request.blocks.get_mut(mark.block as usize) {
            block.no_compact = Some(mark.reason.clone());
        }
    }
    let mut jobs: BTreeMap<usize, Vec<Block>> = BTreeMap::new();
    let mut rest = Vec::new();
    for (position, block) in core::mem::take(&mut request.blocks).into_iter().enumerate() {
        match plan.jobs.iter().position(|job| job.blocks.iter().any(|i| *i as usize == position)) {
            Some(job) => jobs.entry(job).or_default().push(block),
            None => rest.push(block),
        }
    }
    let merged = jobs.into_iter().filter_map(|(job, blocks)| merge(&format!("M{round:05}{job:05}"), blocks));
    rest.extend(merged);
    rest.sort_by(|a, b| (a.min_time, a.max_time, &a.id).cmp(&(b.min_time, b.max_time, &b.id)));
    request.blocks = rest;
}

/// What a compaction would make of these blocks, as far as a planner can see.
fn merge(id: &str, blocks: Vec<Block>) -> Option<Block> {
    let parents = blocks.iter().map(|block| block.id.clone()).collect();
    let merged = blocks.into_iter().reduce(|mut merged, block| {
        merged.min_time = merged.min_time.min(block.min_time);
        merged.max_time = merged.max_time.max(block.max_time);
        merged.level = merged.level.max(block.level);
        merged.sources.extend(block.sources);
        merged.num_series = merged.num_series.max(block.num_series);
        merged.num_samples = merged.num_samples.saturating_add(block.num_samples);
        merged.num_chunks = merged.num_chunks.saturating_add(block.num_chunks);
        let sum = |(a, b): (u64, u64)| a.saturating_add(b);
        merged.index_size_bytes = merged.index_size_bytes.zip(block.index_size_bytes).map(sum);
        merged
    })?;
    let level = merged.level.saturating_add(1);
    Some(Block { id: id.to_string(), parents, level, num_tombstones: 0, failed: false, ..merged })
}
