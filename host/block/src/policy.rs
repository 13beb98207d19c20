//! What policies are asked and what they answer.
//!
//! The traits are declared here, implemented by `lithify-plugin`, called by `lithify-compactor` and joined in
//! `lithify-cli`. An answer names blocks by their position in the question, so it cannot name what was not shown.
//!
//! Source: `policies.md` 2.

use alloc::{boxed::Box, string::String, vec::Vec};

use crate::{
    BlockFacts, BlockId, Group, Labels, Timestamp,
    columns::{Aggregates, Column, HistogramAggregates, HistogramColumn},
};

/// What every question carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Context {
    /// The time that counts as now.
    pub now: Timestamp,
    /// Names the run, for logs.
    pub run_id: String,
    /// Whether nothing will be carried out.
    pub dry_run: bool,
    /// The shard that this process works on, if there are several.
    pub shard: Option<String>,
}

/// Decides which label sets belong to this compactor.
pub trait Selector: Send + Sync {
    /// One answer for each of `sets`, in order: `None` leaves the block alone, `Some` keeps it.
    ///
    /// # Errors
    /// [`PolicyError`] if the policy fails or its answer breaks a rule.
    fn select(&self, cx: &Context, sets: &[Labels]) -> Result<Vec<Option<Labels>>, PolicyError>;
}

/// Decides which blocks belong together.
pub trait Grouper: Send + Sync {
    /// The group of each block; a block that is left out is not compacted in this run.
    ///
    /// # Errors
    /// [`PolicyError`] if the policy fails or its answer breaks a rule.
    fn group(&self, cx: &Context, blocks: &[BlockFacts]) -> Result<Vec<Assignment>, PolicyError>;
}

/// Decides what to compact within one group.
pub trait Planner: Send + Sync {
    /// What to do with `group`. `ranges` are the lengths of blocks to aim at, milliseconds, ascending.
    ///
    /// # Errors
    /// [`PolicyError`] if the policy fails or its answer breaks a rule.
    fn plan(&self, cx: &Context, group: &Group, ranges: &[i64]) -> Result<Plan, PolicyError>;
}

/// Decides what becomes of the samples of a window.
pub trait Downsampler: Send + Sync {
    /// Begins with `block`: one unit of work, from which several threads may each have an aggregator of their own.
    ///
    /// # Errors
    /// [`PolicyError`] if the policy cannot begin.
    fn begin(&self, cx: &Context, block: BlockId) -> Result<Box<dyn Aggregator>, PolicyError>;
}

/// A downsampler at work. All four questions: `labels` has the series of each run, or nothing unless
/// [`Aggregator::wants_labels`]; windows are `resolution` milliseconds long, aligned to the epoch; the answer has as many
/// runs as the question, and no run of it more rows than it was given.
///
/// # Errors
/// [`PolicyError`] if the policy fails or its answer breaks a rule; the aggregator is of no use then.
pub trait Aggregator: Send {
    /// Whether runs come with the labels of their series.
    fn wants_labels(&self) -> bool;

    /// Raw floats, free of stale markers and other NaN.
    #[expect(clippy::missing_errors_doc, reason = "the trait says it once")]
    fn raw(&mut self, resolution: i64, labels: &[Labels], rows: &Column) -> Result<Aggregates, PolicyError>;

    /// Aggregates of a finer resolution. Its `counter` column has the totals over the whole run, drops added back.
    #[expect(clippy::missing_errors_doc, reason = "the trait says it once")]
    fn aggregates(&mut self, resolution: i64, labels: &[Labels], rows: &Aggregates) -> Result<Aggregates, PolicyError>;

    /// Raw histograms, free of stale markers and of those whose sum is NaN.
    #[expect(clippy::missing_errors_doc, reason = "the trait says it once")]
    fn raw_histograms(
        &mut self,
        resolution: i64,
        labels: &[Labels],
        rows: &HistogramColumn,
    ) -> Result<HistogramAggregates, PolicyError>;

    /// Histogram aggregates of a finer resolution, as they were stored.
    #[expect(clippy::missing_errors_doc, reason = "the trait says it once")]
    fn histogram_aggregates(
        &mut self,
        resolution: i64,
        labels: &[Labels],
        rows: &HistogramAggregates,
    ) -> Result<HistogramAggregates, PolicyError>;
}

/// Decides what to let go.
pub trait Retention: Send + Sync {
    /// The blocks to be marked for deletion.
    ///
    /// # Errors
    /// [`PolicyError`] if the policy fails or its answer breaks a rule.
    fn evaluate(&self, cx: &Context, blocks: &[BlockFacts]) -> Result<Vec<ProposedDeletion>, PolicyError>;
}

/// A block that may go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProposedDeletion {
    /// Position of the block in the question.
    pub block: usize,
    /// The rule that decided, such as `retention.resolution-raw`.
    pub rule: String,
    /// Why, for people.
    pub reason: String,
}

/// A block's place in a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// Position of the block in the question.
    pub block: usize,
    /// The group's key.
    pub key: String,
    /// The group's labels.
    pub labels: Labels,
}

/// What a planner proposes for one group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Blocks to merge into one each; disjoint, in order of urgency.
    pub jobs: Vec<PlannedJob>,
    /// Blocks to mark so that they take part in no compaction.
    pub no_compact: Vec<PlannedMark>,
    /// Why blocks were chosen or left.
    pub reasons: Vec<Reason>,
}

/// Blocks to merge into one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedJob {
    /// Positions of the blocks in the question.
    pub blocks: Vec<usize>,
    /// Why, for people.
    pub reason: String,
}

/// A no-compact mark to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedMark {
    /// Position of the block in the question.
    pub block: usize,
    /// Why, for programs.
    pub reason: String,
    /// Why, for people.
    pub details: String,
}

/// One sentence of a policy on its decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// What it is about: a ULID, or empty for the whole question.
    pub subject: String,
    /// The rule that decided, such as `range` or `fresh`.
    pub rule: String,
    /// What it decided.
    pub message: String,
}

/// A policy that failed or answered what it must not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind} {plugin}: {outcome}: {message}")]
pub struct PolicyError {
    /// Name of the plugin, such as `builtin:tsdb` or a path.
    pub plugin: String,
    /// Kind of policy, such as `planner`.
    pub kind: &'static str,
    /// What happened.
    pub outcome: Outcome,
    /// Evidence and the way out.
    pub message: String,
}

/// How a call of a policy ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Outcome {
    /// An answer that holds.
    #[error("ok")]
    Ok,
    /// The policy said that it cannot answer.
    #[error("plugin error")]
    PluginError,
    /// It used up its fuel.
    #[error("out of fuel")]
    OutOfFuel,
    /// It took too long.
    #[error("deadline exceeded")]
    Deadline,
    /// It asked for more memory than it may have.
    #[error("memory limit")]
    MemoryLimit,
    /// It ran out of its stack or touched memory that is not its own.
    #[error("stack or bounds")]
    StackOrBounds,
    /// It gave up.
    #[error("panic")]
    Panic,
    /// Its answer was larger than it may be.
    #[error("answer too big")]
    AnswerTooBig,
    /// Its answer breaks a rule.
    #[error("bad answer")]
    BadAnswer,
    /// It could not be loaded.
    #[error("load failed")]
    LoadFailed,
}
