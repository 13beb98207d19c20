//! The traits that a policy implements. They take and return the records of the interface as they are.

use alloc::{string::String, vec::Vec};

use crate::{
    Aggregates, Assignment, Block, Column, Context, Deletion, Error, ErrorKind, HistogramAggregates, HistogramColumn,
    LabelSet, Plan, Request, Wants, Why,
};

/// What all kinds have in common: a policy is made from its configuration.
pub trait Policy: Sized {
    /// Makes the policy from its configuration, a JSON text, `{}` when the operator gave none.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidConfig`], with a message that names the key.
    fn configure(config: &str) -> Result<Self, Error>;

    /// What works with this configuration, but is probably not meant.
    fn warnings(&self) -> Vec<String> {
        Vec::new()
    }
}

/// Decides which blocks a process looks at.
pub trait Selector: Policy {
    /// One answer a set, in the same order; `None` leaves the block alone.
    ///
    /// # Errors
    /// Whatever keeps the policy from answering; the host acts on the configured `on-error`.
    fn select(&self, cx: &Context, sets: Vec<LabelSet>, why: &mut dyn Why) -> Result<Vec<Option<LabelSet>>, Error>;
}

/// Decides which blocks belong together.
pub trait Grouper: Policy {
    /// One assignment a block that takes part, by position.
    ///
    /// # Errors
    /// Whatever keeps the policy from answering; the host acts on the configured `on-error`.
    fn group(&self, cx: &Context, blocks: &[Block], why: &mut dyn Why) -> Result<Vec<Assignment>, Error>;
}

/// Decides what is compacted.
pub trait Planner: Policy {
    /// What should be done about the blocks of one group.
    ///
    /// # Errors
    /// Whatever keeps the policy from answering; the host acts on the configured `on-error`.
    fn make_plan(&self, cx: &Context, request: &Request, why: &mut dyn Why) -> Result<Plan, Error>;
}

/// Decides what becomes of the samples of a window.
///
/// Each question has many runs of samples, the answer as many. Windows are `resolution` milliseconds long and aligned to
/// the epoch. `labels` has the series of each run if [`Downsampler::wanted`] says so, else nothing. What a run becomes
/// must not depend on the runs beside it: the host asks about as many at once as it likes.
///
/// # Errors
/// All four: whatever keeps the policy from answering; the host acts on the configured `on-error`.
pub trait Downsampler: Policy {
    /// What is needed besides samples. Nothing, unless it is said.
    fn wanted(&self) -> Wants {
        Wants::empty()
    }

    /// Raw floats.
    #[expect(clippy::missing_errors_doc, reason = "the trait says it once")]
    fn aggregate_raw(
        &self,
        cx: &Context,
        resolution: i64,
        labels: &[LabelSet],
        rows: &Column,
    ) -> Result<Aggregates, Error>;

    /// Aggregates of a finer resolution. In `counter` drops are added back over the whole run already.
    #[expect(clippy::missing_errors_doc, reason = "the trait says it once")]
    fn aggregate_aggregates(
        &self,
        cx: &Context,
        resolution: i64,
        labels: &[LabelSet],
        rows: &Aggregates,
    ) -> Result<Aggregates, Error>;

    /// Raw histograms.
    #[expect(clippy::missing_errors_doc, reason = "the trait says it once")]
    fn aggregate_raw_histograms(
        &self,
        cx: &Context,
        resolution: i64,
        labels: &[LabelSet],
        rows: &HistogramColumn,
    ) -> Result<HistogramAggregates, Error>;

    /// Histogram aggregates of a finer resolution, as they were stored.
    #[expect(clippy::missing_errors_doc, reason = "the trait says it once")]
    fn aggregate_histogram_aggregates(
        &self,
        cx: &Context,
        resolution: i64,
        labels: &[LabelSet],
        rows: &HistogramAggregates,
    ) -> Result<HistogramAggregates, Error>;
}

/// Decides what may go.
pub trait Retention: Policy {
    /// The blocks that may be marked for deletion, by position, each at most once.
    ///
    /// # Errors
    /// Whatever keeps the policy from answering; the host acts on the configured `on-error`.
    fn evaluate(&self, cx: &Context, blocks: &[Block], why: &mut dyn Why) -> Result<Vec<Deletion>, Error>;
}

impl Error {
    /// An error without details.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), details: Vec::new() }
    }

    /// A configuration that cannot be used.
    pub fn config(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidConfig, message)
    }
}
