//! What happens in what order? Sync, decide, execute, mark; again until nothing is left to do.
//!
//! Invariants: policies are asked through `lithify_block::policy` and never named here; a job is carried out only if it
//! came out of `Job::check`; a source is marked only when its successor is complete.
//!
//! Start with [`iterate`], then [`View`], then [`decide`].

mod ambient;
mod audit;
mod check;
mod config;
mod context;
mod decide;
mod delete;
mod downsample;
mod due;
mod execute;
mod failure;
mod foresee;
mod garbage;
mod isolation;
mod iterate;
mod lift;
mod maker;
mod making;
mod mark;
mod memory;
mod merge;
mod metrics;
mod partial;
mod progress;
mod remedy;
mod repeat;
mod replica_labels;
mod retention;
mod sources;
mod spans;
mod spent;
mod staged;
mod stop;
mod superseded;
mod sync;
mod todo;
mod view;
mod views;

pub use ambient::{Ambient, Machine};
pub use audit::{Act, Author};
pub use check::{Depth, check};
pub use config::{COMPACTION_RANGES, Config, Moment, TimePartition};
pub use context::{Context, Policies};
pub use decide::{Decision, Planned, decide};
pub use delete::{DueDeletion, delete_marked, due_deletions, marked as marked_for_deletion};
pub use downsample::Downsampled;
pub use due::{Downsampling, RESOLUTION_1H, RESOLUTION_5M, Verdict, decide_downsampling};
pub use execute::Pass;
pub use failure::{Failure, Severity, Step, StepError};
pub use foresee::{Foresight, foresee};
pub use garbage::{mark_superseded, superseded as superseded_without_mark};
pub use isolation::Broken;
pub use iterate::{Iteration, iterate};
pub use lift::{Lifted, RuleMark, lift, rule_marks};
pub use maker::{Engine, Files, Maker};
pub use memory::Memory;
pub use merge::Outcome;
pub use metrics::{DownsamplingMetrics, MergingMetrics, Metrics, RunningMetrics, TodoMetrics, register_constants};
pub use partial::{PARTIAL_AGE_MS, Partials, clean_partial_uploads, partial_uploads};
pub use progress::{Progress, Standstill};
pub use remedy::{Remedy, remedy};
pub use repeat::{Ending, Repetition, repeat};
pub use replica_labels::ReplicaLabels;
pub use retention::{
    Bound, LetGo, Refused, Ruling, Verdict as RetentionVerdict, apply_retention, rule as rule_retention,
};
pub use spans::SPANS;
pub use spent::Spent;
pub use stop::Stop;
pub use superseded::{Candidate, superseded};
pub use sync::{Last, look_at, sync};
pub use todo::{Todo, todo};
pub use view::{Rules, Seen, Standing, Unsupported, View};
pub use views::{LookError, Refresh, Shown, Views};
