//! Which block a failure is to be put down to, in which words it is counted, and what a person can do about it.
//!
//! Source: `thanos-compactor.md` 2.8, the table.

use lithify_block::{BlockId, Refusal};
use lithify_tsdb::{Defect, Error as EngineError};

use crate::{
    Failure, Unsupported,
    failure::{Step, StepError},
};

/// The block that must be left out so that all else can go on, if the error can be put down to one; the step in which it
/// came up does not matter.
pub(crate) fn culprit(error: &StepError) -> Option<BlockId> {
    match error {
        StepError::Engine(error) => engine_culprit(error),
        StepError::Missing { id, .. }
        | StepError::Nothing { id, .. }
        | StepError::RepairDownsampled { id }
        | StepError::UnknownResolution { id, .. }
        | StepError::Refused(Refusal::Misnamed { id, .. })
        | StepError::Unsupported(Unsupported::Meta { id, .. } | Unsupported::Mark { id, .. }) => Some(*id),
        StepError::Store(_)
        | StepError::Policy(_)
        | StepError::Refused(_)
        | StepError::SamePlan
        | StepError::Memory { .. }
        | StepError::NoLabels { .. }
        | StepError::SyncDeadline(_)
        | StepError::Stopped
        | StepError::Panic(_) => None,
    }
}

fn engine_culprit(error: &EngineError) -> Option<BlockId> {
    match error {
        EngineError::Corrupt { block, .. }
        | EngineError::Defect { block, .. }
        | EngineError::Samples { block, .. }
        | EngineError::Downsample { block, .. }
        | EngineError::NotCoarser { block, .. } => Some(*block),
        EngineError::Rule { blocks, .. } => match **blocks {
            [only] => Some(only),
            _ => None,
        },
        EngineError::Read { .. }
        | EngineError::Write { .. }
        | EngineError::Policy(_)
        | EngineError::Limit { .. }
        | EngineError::Cancelled => None,
    }
}

impl Failure {
    /// A short name of the cause, as the metric `lithify_left_out` has it.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        reason(self)
    }

    /// What a person can do about it.
    #[must_use]
    pub fn way_out(&self) -> &'static str {
        way_out(self)
    }
}

/// A short name for metrics.
fn reason(failure: &Failure) -> &'static str {
    match &*failure.error {
        StepError::Engine(error) => engine_reason(error),
        StepError::Store(_) => "storage",
        StepError::Policy(_) => "policy",
        StepError::Unsupported(_) => "unsupported-version",
        StepError::Missing { .. } => "missing-object",
        StepError::SamePlan => "same-plan",
        StepError::Memory { .. } => "memory",
        StepError::Nothing { .. } => "no-samples",
        StepError::RepairDownsampled { .. } => "issue-347",
        StepError::UnknownResolution { .. } => "resolution",
        StepError::NoLabels { .. } | StepError::Refused(Refusal::NoLabels { .. }) => "no-labels",
        StepError::Refused(Refusal::Overlap { .. } | Refusal::Across { .. }) => "overlap",
        StepError::Refused(Refusal::SharedSource { .. }) => "shared-source",
        StepError::Refused(Refusal::Misnamed { .. }) => "misnamed",
        StepError::Refused(_) => "bad-plan",
        StepError::SyncDeadline(_) | StepError::Stopped => "stopped",
        StepError::Panic(_) => "internal",
    }
}

fn engine_reason(error: &EngineError) -> &'static str {
    match error {
        EngineError::Corrupt { file, .. } if file == "index" => "index",
        EngineError::Corrupt { .. } | EngineError::Samples { .. } | EngineError::Rule { .. } => "chunks",
        EngineError::Defect { defect, .. } => match **defect {
            Defect::OutsideRange { .. } => "outside-range",
            Defect::OutOfOrderChunks { .. } => "out-of-order-chunks",
            Defect::Issue347 { .. } => "issue-347",
            Defect::OutOfOrderLabels { .. } => "out-of-order-labels",
            Defect::EmptyLabels { .. } | Defect::SeriesOrder { .. } | Defect::NoChunks { .. } => "index",
        },
        EngineError::Downsample { .. } | EngineError::NotCoarser { .. } => "not-downsampled",
        EngineError::Read { .. } | EngineError::Write { .. } => "storage",
        EngineError::Policy(_) => "policy",
        EngineError::Limit { .. } => "limit",
        EngineError::Cancelled => "stopped",
    }
}

/// What a person can do.
fn way_out(failure: &Failure) -> &'static str {
    let downsampling = matches!(failure.step, Step::Downsample | Step::UploadDownsampled | Step::DecideDownsampling);
    match &*failure.error {
        StepError::Refused(Refusal::Overlap { .. } | Refusal::Across { .. } | Refusal::SharedSource { .. }) => {
            "mark one of the two blocks for deletion, or switch on --compact.enable-vertical-compaction"
        }
        StepError::Refused(Refusal::Misnamed { .. }) => "correct its meta.json, or mark it for deletion",
        StepError::NoLabels { .. } | StepError::Refused(Refusal::NoLabels { .. }) => {
            "give the writers of these blocks external labels"
        }
        StepError::Unsupported(_) => "use a newer release, or remove the object",
        StepError::UnknownResolution { .. } => "correct its meta.json, or mark it no-downsample",
        StepError::Policy(_) | StepError::Refused(_) | StepError::SamePlan => "look into the policy named",
        StepError::Memory { .. } => "raise --compact.memory-budget",
        StepError::Store(_) | StepError::Engine(EngineError::Read { .. } | EngineError::Write { .. }) => {
            "none needed if it passes; else check the bucket and its permissions"
        }
        StepError::SyncDeadline(_) | StepError::Stopped => "none needed",
        StepError::Panic(_) => "report it, with this line",
        StepError::Engine(_)
        | StepError::Missing { .. }
        | StepError::Nothing { .. }
        | StepError::RepairDownsampled { .. } => {
            if downsampling {
                "restore its objects from a copy, or mark it no-downsample or for deletion"
            } else {
                "restore its objects from a copy, or mark it no-compact or for deletion"
            }
        }
    }
}
