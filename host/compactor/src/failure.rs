//! What a failure means.
//!
//! Source: `thanos-compactor.md` 2.5.

use std::fmt;

use lithify_block::{BlockId, Refusal, policy::PolicyError};
use lithify_tsdb::{Defect, Error as EngineError};

use crate::Unsupported;

/// What was being done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Learning what the bucket holds.
    Sync,
    /// Marking blocks whose samples are in a larger one.
    CollectGarbage,
    /// Asking the grouper.
    Group,
    /// Asking the planner and checking its plan.
    Plan,
    /// Reading the sources and writing the result.
    Merge,
    /// Making the result visible.
    Upload,
    /// Marking the sources of a result.
    MarkSources,
    /// Writing a broken block anew; if it fails, the failure that it was to remedy counts.
    Repair,
    /// Deciding what is to be downsampled.
    DecideDownsampling,
    /// Downsampling a block.
    Downsample,
    /// Making a downsampled block visible.
    UploadDownsampled,
    /// Deleting blocks whose deletion mark is due.
    Delete,
    /// Asking retention rules and marking what they let go.
    Retain,
}

/// Ordered so that many failures fold to the worst one with `max`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Passing trouble: log, count, go on with the next iteration.
    Retriable,
    /// Nothing more can be done here: end the process with an error.
    Fatal,
    /// Data or code is wrong: touch nothing more and wait for a person.
    Halting,
}

impl Severity {
    /// The word that the reference has for it.
    #[must_use]
    pub fn kind(self) -> &'static str {
        match self {
            Self::Retriable => "retry",
            Self::Fatal => "plain",
            Self::Halting => "halt",
        }
    }

    /// What happens next, for whoever reads the log.
    #[must_use]
    pub fn next(self) -> &'static str {
        match self {
            Self::Retriable => "this may pass; run again",
            Self::Fatal => "the run ends; nothing of this group was changed",
            Self::Halting => {
                "the run ends; the blocks named need a person to look at them, nothing of them was changed"
            }
        }
    }
}

/// A step that could not be done.
#[derive(Debug)]
pub struct Failure {
    /// What was being done.
    pub step: Step,
    /// The group concerned, if it was one.
    pub group: Option<String>,
    /// The blocks concerned.
    pub blocks: Vec<BlockId>,
    /// What went wrong.
    pub error: Box<StepError>,
}

/// What can go wrong.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// The bucket.
    #[error(transparent)]
    Store(#[from] lithify_bucket::Error),
    /// The bytes of a block.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A policy.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// A plan that breaks a rule.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A block of a version that this release does not know.
    #[error(transparent)]
    Unsupported(#[from] Unsupported),
    /// An object that every block has is not there.
    #[error("block {id}: {object} is not there; restore it from a copy, or mark the block no-compact or for deletion")]
    Missing {
        /// The block.
        id: BlockId,
        /// The object, below the block.
        object: &'static str,
    },
    /// The planner came back with what has been carried out already.
    #[error(
        "the same plan came back in one iteration, so the effect of the first try is not to be seen in the bucket; \
         check that listings show new objects at once, or the planner"
    )]
    SamePlan,
    /// A job that cannot fit.
    #[error("merging needs up to {need} bytes of memory, the budget is {budget}; raise --compact.memory-budget")]
    Memory {
        /// Bytes needed.
        need: u64,
        /// Bytes there are.
        budget: u64,
    },
    /// Nothing came out of a merge although there should be something.
    #[error(
        "the merge found no samples to keep, but meta.json of block {id} claims {claimed} and its index has {chunks} \
         chunks, which no tombstones explain; nothing was marked; restore the objects of the block from a copy, or \
         mark it for deletion"
    )]
    Nothing {
        /// A source that claims samples.
        id: BlockId,
        /// How many.
        claimed: u64,
        /// How many chunks its index has.
        chunks: u64,
    },
    /// A broken block that is not repaired.
    #[error("block {id} is downsampled, and such blocks are not repaired; mark it for deletion, and it is made anew")]
    RepairDownsampled {
        /// The block.
        id: BlockId,
    },
    /// A resolution that nobody writes.
    #[error(
        "block {id} has a resolution of {resolution} ms, known are 0, 300000 and 3600000; correct its meta.json, or \
         switch downsampling off with --downsampling.disable"
    )]
    UnknownResolution {
        /// The block.
        id: BlockId,
        /// What its meta.json says.
        resolution: i64,
    },
    /// A block without external labels, whose copy nobody could tell from others'.
    #[error(
        "block {id} has no external labels, so a downsampled copy cannot be uploaded; give its writer external labels"
    )]
    NoLabels {
        /// The block.
        id: BlockId,
    },
    /// A sync that took too long.
    #[error("reading the state of the bucket took longer than {0:?}; raise --wait-interval")]
    SyncDeadline(std::time::Duration),
    /// The run was told to stop.
    #[error("stopped before it was done")]
    Stopped,
    /// A bug of ours that must not take the bucket with it.
    #[error("internal error: {0}")]
    Panic(String),
}

impl Failure {
    /// A failure that concerns no group.
    pub fn new(step: Step, error: impl Into<StepError>) -> Self {
        Self { step, group: None, blocks: Vec::new(), error: Box::new(error.into()) }
    }

    /// A failure that concerns one block.
    pub(crate) fn of_block(step: Step, error: impl Into<StepError>, block: BlockId) -> Self {
        Self { blocks: vec![block], ..Self::new(step, error) }
    }

    /// Names the group and the blocks concerned.
    #[must_use]
    pub fn of(mut self, group: &str, blocks: impl IntoIterator<Item = BlockId>) -> Self {
        self.group = Some(group.to_owned());
        self.blocks = blocks.into_iter().collect();
        self
    }

    /// How bad it is.
    #[must_use]
    pub fn severity(&self) -> Severity {
        severity(self.step, &self.error)
    }

    /// The whole chain of causes in one line.
    #[must_use]
    pub fn chain(&self) -> String {
        Self::chain_of(&self.error)
    }

    /// The chain of what went wrong, whatever was being done.
    pub(crate) fn chain_of(error: &StepError) -> String {
        let mut text = error.to_string();
        let mut cause = std::error::Error::source(error);
        while let Some(error) = cause {
            let next = error.to_string();
            if !text.ends_with(&next) {
                text.push_str(": ");
                text.push_str(&next);
            }
            cause = error.source();
        }
        text
    }

    /// Whether the run was told to stop, which is no failure of anything.
    #[must_use]
    pub fn is_stop(&self) -> bool {
        matches!(*self.error, StepError::Stopped)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let doing = match self.step {
            Step::Sync => "sync of the bucket failed",
            Step::CollectGarbage => "marking superseded blocks failed",
            Step::Group => "grouping failed",
            Step::Plan => "planning failed",
            Step::Merge => "compaction failed",
            Step::Upload => "upload of the compacted block failed",
            Step::MarkSources => "marking the sources of the compacted block failed",
            Step::Repair => "repair of the broken block failed",
            Step::DecideDownsampling => "looking for blocks to downsample failed",
            Step::Downsample => "downsampling failed",
            Step::UploadDownsampled => "upload of the downsampled block failed",
            Step::Delete => "deletion of marked blocks failed",
            Step::Retain => "retention failed",
        };
        f.write_str(doing)
    }
}

impl std::error::Error for Failure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&*self.error)
    }
}

fn severity(step: Step, error: &StepError) -> Severity {
    match error {
        StepError::Store(_) => match step {
            Step::Group | Step::Plan | Step::DecideDownsampling | Step::Delete | Step::Retain => Severity::Fatal,
            Step::Sync
            | Step::CollectGarbage
            | Step::Merge
            | Step::Upload
            | Step::MarkSources
            | Step::Repair
            | Step::Downsample
            | Step::UploadDownsampled => Severity::Retriable,
        },
        // Whatever is wrong with a block that is downsampled, its group goes on without a copy of it.
        StepError::Engine(error) if step == Step::Downsample => engine_severity(error).min(Severity::Fatal),
        StepError::Engine(error) => engine_severity(error),
        StepError::Nothing { .. } => Severity::Halting,
        StepError::Missing { .. }
        | StepError::Policy(_)
        | StepError::Memory { .. }
        | StepError::Panic(_)
        | StepError::RepairDownsampled { .. }
        | StepError::UnknownResolution { .. } => Severity::Fatal,
        StepError::Refused(refusal) => match refusal {
            Refusal::Overlap { .. } | Refusal::SharedSource { .. } | Refusal::Across { .. } => Severity::Halting,
            Refusal::NoLabels { .. } | Refusal::Misnamed { .. } => Severity::Retriable,
            Refusal::Empty { .. }
            | Refusal::Foreign { .. }
            | Refusal::Twice { .. }
            | Refusal::Marked { .. }
            | Refusal::Mixed { .. } => Severity::Fatal,
        },
        StepError::NoLabels { .. }
        | StepError::Unsupported(_)
        | StepError::SamePlan
        | StepError::SyncDeadline(_)
        | StepError::Stopped => Severity::Retriable,
    }
}

/// A source that a check of its own would have found wrong ends the process; one that only the merge stumbles over halts.
///
/// Source: `thanos-compactor.md` 2.5 and 6.4.
fn engine_severity(error: &EngineError) -> Severity {
    match error {
        EngineError::Read { .. } | EngineError::Write { .. } | EngineError::Cancelled => Severity::Retriable,
        EngineError::Corrupt { file, .. } if file == "index" => Severity::Fatal,
        EngineError::Downsample { .. } | EngineError::NotCoarser { .. } | EngineError::Policy(_) => Severity::Fatal,
        EngineError::Defect { defect, .. } => match **defect {
            Defect::OutsideRange { .. } => Severity::Halting,
            Defect::EmptyLabels { .. }
            | Defect::SeriesOrder { .. }
            | Defect::NoChunks { .. }
            | Defect::OutOfOrderChunks { .. }
            | Defect::Issue347 { .. }
            | Defect::OutOfOrderLabels { .. } => Severity::Fatal,
        },
        EngineError::Corrupt { .. }
        | EngineError::Samples { .. }
        | EngineError::Rule { .. }
        | EngineError::Limit { .. } => Severity::Halting,
    }
}

#[cfg(test)]
mod tests {
    use lithify_block::Timestamp;

    use super::*;

    fn of(step: Step, error: impl Into<StepError>) -> Severity {
        Failure::new(step, error).severity()
    }

    #[test]
    fn what_a_failure_means_depends_on_step_and_error() {
        let id = BlockId::from_parts(Timestamp(1), 1);
        let group = || "0@1".to_owned();
        let corrupt = |file: &str| EngineError::Corrupt {
            block: id,
            file: file.to_owned(),
            offset: 7,
            damage: lithify_tsdb::Damage::Short,
        };
        let defect = |defect| EngineError::Defect { block: id, defect: Box::new(defect) };
        let example = lithify_tsdb::Example::default;
        let read = EngineError::Read {
            block: id,
            file: "index".into(),
            offset: 0,
            source: std::io::ErrorKind::ConnectionReset.into(),
        };
        for (severity, expected) in [
            (of(Step::Merge, read), Severity::Retriable),
            (of(Step::Merge, corrupt("index")), Severity::Fatal),
            (of(Step::Merge, corrupt("chunks/000001")), Severity::Halting),
            (of(Step::Merge, defect(Defect::NoChunks { example: example() })), Severity::Fatal),
            (
                of(Step::Merge, defect(Defect::OutsideRange { partly: 1, completely: 0, example: example() })),
                Severity::Halting,
            ),
            (of(Step::Merge, StepError::Missing { id, object: "index" }), Severity::Fatal),
            (of(Step::Merge, StepError::Nothing { id, claimed: 1, chunks: 0 }), Severity::Halting),
            (of(Step::Plan, Refusal::Overlap { group: group(), first: id, second: id }), Severity::Halting),
            (of(Step::Plan, Refusal::NoLabels { group: group() }), Severity::Retriable),
            (of(Step::Plan, Refusal::Marked { group: group(), id }), Severity::Fatal),
            (of(Step::Plan, StepError::SamePlan), Severity::Retriable),
        ] {
            assert_eq!(severity, expected);
        }
    }

    #[test]
    fn many_failures_fold_to_the_worst() {
        let all = [Severity::Fatal, Severity::Retriable, Severity::Halting];
        assert_eq!(all.into_iter().max(), Some(Severity::Halting));
    }

    #[test]
    fn a_failure_tells_its_causes_in_one_line() {
        let read = EngineError::Read {
            block: BlockId::from_parts(Timestamp(1), 1),
            file: "index".into(),
            offset: 5,
            source: std::io::Error::other("connection reset"),
        };
        let text = Failure::new(Step::Merge, StepError::Engine(read)).chain();
        assert_eq!(text, "block 00000000010000000000000001: reading index at byte 5: connection reset");
    }
}
