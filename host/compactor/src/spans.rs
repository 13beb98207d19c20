//! Spans around the work on a group, for whoever collects traces. Nobody does unless told to; then they are nothing.
//!
//! Logs know nothing of them: they have a target of their own.
//!
//! Source: `thanos-compactor.md` 6.1.

use lithify_block::BlockId;
use tracing::{Instrument as _, Span, field::Empty, info_span};

use crate::failure::{Failure, StepError};

/// Target of spans that are for traces and not for logs. A field `error` says what went wrong in a span.
pub const SPANS: &str = "spans";

/// All that is done for a group in one pass; a trace of its own.
pub(crate) fn group(key: &str) -> Span {
    info_span!(target: SPANS, parent: None, "compaction_group", "group.key" = key, error = Empty)
}

/// Asking the planner, for the group of `group`.
pub(crate) fn planning(group: &Span) -> Span {
    info_span!(target: SPANS, parent: group, "compaction_planning", error = Empty)
}

/// Learning what a source consists of, for a group. Its bytes are read while it is merged.
pub(crate) fn download(block: BlockId) -> Span {
    if Span::current().is_none() {
        return Span::none();
    }
    info_span!(target: SPANS, "compaction_block_download", "block.id" = %block, error = Empty)
}

/// Reading the sources, and writing and publishing the result.
pub(crate) fn compaction() -> Span {
    info_span!(target: SPANS, "compaction", error = Empty)
}

/// Making the result a block.
pub(crate) fn upload() -> Span {
    info_span!(target: SPANS, "compaction_block_upload", error = Empty)
}

/// Marking a source.
pub(crate) fn delete(block: BlockId) -> Span {
    info_span!(target: SPANS, "compaction_block_delete", "block.id" = %block, error = Empty)
}

/// Does `work` within `span`, which tells how it failed.
pub(crate) async fn within<T>(span: Span, work: impl Future<Output = Result<T, StepError>>) -> Result<T, StepError> {
    let done = work.instrument(span.clone()).await;
    note(&span, &done);
    done
}

/// Tells `span` how `done` failed, if it did.
pub(crate) fn note<T>(span: &Span, done: &Result<T, StepError>) {
    if let Err(error) = done
        && !span.is_disabled()
    {
        span.record("error", Failure::chain_of(error));
    }
}

/// Tells `span` of `failure`.
pub(crate) fn note_failure(span: &Span, failure: &Failure) {
    if !span.is_disabled() {
        span.record("error", failure.chain());
    }
}
