//! From a view to plans to checked jobs. Decisions are values; `execute` carries them out, `plan` prints them.

use std::collections::{BTreeMap, BTreeSet};

use lithify_block::{
    BlockFacts, BlockId, Group, Job,
    policy::{Assignment, Outcome, Plan, PlannedMark, PolicyError},
};
use lithify_bucket::layout;
use tracing::Span;

use crate::{
    Context, View,
    failure::{Failure, Step, StepError},
    spans,
};

/// What is to be done with one group.
#[derive(Debug)]
pub struct Decision {
    /// The group as the planner saw it last: without spent blocks, with its own marks in place.
    pub group: Group,
    /// What the planner said and the host made of it.
    pub planned: Result<Planned, StepError>,
    /// What is done for the group in this pass, as traces have it.
    pub(crate) span: Span,
}

/// A plan and the jobs that came out of it.
#[derive(Debug, Default)]
pub struct Planned {
    /// What the planner proposed, with its reasons.
    pub plan: Plan,
    /// The jobs, checked.
    pub jobs: Vec<Job>,
}

/// Groups the blocks of `view` and plans each group that has more than one, in the order of their keys. Policies run on
/// a blocking thread.
///
/// # Errors
/// [`Failure`] if the grouper fails. What goes wrong in one group stands in its decision.
pub async fn decide(cx: &Context, view: &View) -> Result<Vec<Decision>, Failure> {
    let blocks: Vec<BlockFacts> = view.placed().cloned().collect();
    let cx = cx.clone();
    tokio::task::spawn_blocking(move || {
        let groups = group(&cx, blocks)?;
        Ok(groups.into_iter().map(|group| plan(&cx, group)).collect())
    })
    .await
    .map_err(|panic| Failure::new(Step::Plan, StepError::Panic(panic.to_string())))?
}

pub(crate) fn group(cx: &Context, blocks: Vec<BlockFacts>) -> Result<Vec<Group>, Failure> {
    if blocks.is_empty() {
        return Ok(Vec::new());
    }
    let assignments =
        cx.policies.grouper.group(&cx.question(), &blocks).map_err(|error| Failure::new(Step::Group, error))?;
    assemble(blocks, assignments).map_err(|error| Failure::new(Step::Group, error))
}

/// Puts blocks into the groups that they were assigned to, by key.
fn assemble(blocks: Vec<BlockFacts>, assignments: Vec<Assignment>) -> Result<Vec<Group>, PolicyError> {
    let mut blocks: Vec<_> = blocks.into_iter().map(Some).collect();
    let mut groups: BTreeMap<String, Group> = BTreeMap::new();
    for Assignment { block, key, labels } in assignments {
        let facts = blocks.get_mut(block).and_then(Option::take).ok_or_else(|| {
            mixed(format!("block {block} does not exist or is assigned twice; name each block at most once"))
        })?;
        let resolution = facts.meta.thanos.resolution;
        let group =
            groups.entry(key).or_insert_with_key(|key| Group::new(key.clone(), labels.clone(), resolution, Vec::new()));
        if group.labels != labels || group.resolution != resolution {
            return Err(mixed(format!(
                "group {} would hold blocks of different labels or resolutions ({} among them); give them different keys",
                group.key, facts.id
            )));
        }
        group.blocks.push(facts);
    }
    Ok(groups.into_values().map(|group| Group::new(group.key, group.labels, group.resolution, group.blocks)).collect())
}

fn mixed(message: String) -> PolicyError {
    PolicyError { plugin: "in use".to_owned(), kind: "grouper", outcome: Outcome::BadAnswer, message }
}

fn plan(cx: &Context, group: Group) -> Decision {
    // As in the reference the planner is not asked about a single block.
    if group.blocks.len() == 1 {
        return Decision { group, planned: Ok(Planned::default()), span: Span::none() };
    }
    let span = spans::group(&group.key);
    let planning = spans::planning(&span);
    let (group, planned) = planning.in_scope(|| plan_settled(cx, group));
    spans::note(&planning, &planned);
    Decision { group, planned, span }
}

/// Asks the planner until its answer stands: one of nothing but marks is asked again as if they were written, and blocks
/// that are spent are taken out one plan after the other. Each turn marks or takes out a block.
///
/// Source: `thanos-compactor.md` 5.4 and 5.5 (marks), 6.7, decision 3 (spent blocks).
fn plan_settled(cx: &Context, mut group: Group) -> (Group, Result<Planned, StepError>) {
    let (mut marks, mut reasons) = (Vec::new(), Vec::new());
    loop {
        let mut planned = ask(cx, &group);
        if let Ok(Planned { plan, jobs }) = &mut planned {
            let spent = spent(cx, jobs);
            if !spent.is_empty() {
                group.blocks.retain(|block| !spent.contains(&block.id));
                continue;
            }
            let new = mark(&mut group, plan, &mut marks);
            reasons.append(&mut plan.reasons);
            if new && jobs.is_empty() {
                continue;
            }
            let position = |id| group.blocks.iter().position(|block| block.id == id);
            let placed = |(id, mark): (BlockId, PlannedMark)| Some(PlannedMark { block: position(id)?, ..mark });
            plan.no_compact = marks.into_iter().filter_map(placed).collect();
            plan.reasons = reasons;
        }
        return (group, planned);
    }
}

/// What the planner says; as in the reference it is not asked about a single block.
fn ask(cx: &Context, group: &Group) -> Result<Planned, StepError> {
    if group.blocks.len() < 2 {
        return Ok(Planned::default());
    }
    let plan = cx
        .policies
        .planner
        .plan(&cx.question(), group, &cx.config.ranges)
        .map_err(|error| without_index(group, &error).unwrap_or(StepError::Policy(error)))?;
    Ok(Planned { jobs: Job::check(&plan, group, cx.config.overlaps)?, plan })
}

/// Marks blocks of `group` as `plan` wants it; whether one of them had no mark.
fn mark(group: &mut Group, plan: &mut Plan, marks: &mut Vec<(BlockId, PlannedMark)>) -> bool {
    let before = marks.len();
    for mark in plan.no_compact.drain(..) {
        if let Some(block) = group.blocks.get_mut(mark.block).filter(|block| block.no_compact.is_none()) {
            block.no_compact = Some(mark.reason.clone());
            marks.push((block.id, mark));
        }
    }
    marks.len() > before
}

/// Why a planner that asks for the sizes of indexes refuses to plan this group: a block that it may plan has no index. One
/// that breaks in any other way breaks for its own reasons.
fn without_index(group: &Group, error: &PolicyError) -> Option<StepError> {
    if error.outcome != Outcome::PluginError {
        return None;
    }
    let lacks = |block: &&BlockFacts| block.no_compact.is_none() && block.index_size_bytes.is_none();
    group.blocks.iter().find(lacks).map(|block| StepError::Missing { id: block.id, object: layout::INDEX })
}

/// The blocks of jobs that consist of nothing but spent blocks.
fn spent(cx: &Context, jobs: &[Job]) -> BTreeSet<BlockId> {
    let jobs = jobs.iter().filter(|job| job.blocks().iter().all(|block| cx.spent.has(block)));
    jobs.flat_map(|job| job.blocks().iter().map(|block| block.id)).collect()
}

impl Decision {
    /// Whether there is nothing to do and nothing wrong.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.planned.as_ref().is_ok_and(|planned| planned.jobs.is_empty() && planned.plan.no_compact.is_empty())
    }

    /// The jobs, none if planning failed.
    #[must_use]
    pub fn jobs(&self) -> &[Job] {
        self.planned.as_ref().map_or(&[], |planned| &planned.jobs)
    }

    /// The blocks that are to be marked no-compact, with reason and details.
    pub fn marks(&self) -> impl Iterator<Item = (BlockId, &str, &str)> {
        self.planned.iter().flat_map(|planned| planned.marks(&self.group))
    }
}

impl Planned {
    /// The blocks of `group`, for which this was planned, that are to be marked no-compact, with reason and details.
    pub(crate) fn marks(&self, group: &Group) -> impl Iterator<Item = (BlockId, &str, &str)> {
        let named = |mark: &PlannedMark| Some(group.blocks.get(mark.block)?.id);
        self.plan.no_compact.iter().filter_map(move |mark| Some((named(mark)?, &*mark.reason, &*mark.details)))
    }
}
