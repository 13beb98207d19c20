//! Marks that the compactor writes, and how they are counted.
//!
//! Source: `thanos-compactor.md` 9.2.

use std::sync::Arc;

use lithify_block::{BlockId, DeletionMark, NoCompactMark};
use lithify_bucket::{Mark, layout::MarkKind, write_mark};
use tokio::task::JoinSet;

use crate::{
    Context,
    audit::{Act, Author},
    failure::StepError,
    spans,
};

/// Details of the marks that sources of a compacted block get.
pub(crate) const SOURCE_OF_COMPACTED: &str = "source of compacted block";

/// Details of the mark that a block gets when it was repaired.
pub(crate) const SOURCE_OF_REPAIRED: &str = "source of repaired block";

/// Who wants a mark, and why.
#[derive(Clone, Debug)]
pub(crate) struct Cause {
    pub(crate) author: Author,
    pub(crate) reason: String,
}

/// Puts a deletion mark on `id`; whether it is new.
///
/// # Errors
/// [`StepError::Store`], or [`StepError::Stopped`] if the store did not answer any more.
pub(crate) async fn for_deletion(cx: &Context, id: BlockId, details: &str, cause: &Cause) -> Result<bool, StepError> {
    let mark = Mark::Deletion(DeletionMark::new(id, details, cx.ambient.timestamp()));
    let new = written(cx, &mark).await?;
    if new {
        cause.author.tell(Act::MarkedForDeletion, id, &cause.reason);
        cx.metrics.blocks_marked.with_label_values(&[MarkKind::Deletion.file(), ""]).inc();
    }
    Ok(new)
}

/// Puts a no-compact mark on `id` because `author` wants it; whether it is new.
///
/// # Errors
/// [`StepError::Store`], or [`StepError::Stopped`] if the store did not answer any more.
pub(crate) async fn no_compact(
    cx: &Context,
    id: BlockId,
    (reason, details): (&str, &str),
    author: &Author,
) -> Result<bool, StepError> {
    let mark = Mark::NoCompact(NoCompactMark::new(id, reason, details, cx.ambient.timestamp()));
    let new = written(cx, &mark).await?;
    if new {
        author.tell(Act::MarkedNoCompact, id, &format!("{reason}: {details}"));
        cx.metrics.blocks_marked.with_label_values(&[MarkKind::NoCompact.file(), reason]).inc();
    }
    Ok(new)
}

/// Writes `mark`, also when the run was just told to stop; whether it is new.
async fn written(cx: &Context, mark: &Mark) -> Result<bool, StepError> {
    Ok(cx.stop.outlast(write_mark(&*cx.bucket, mark)).await.ok_or(StepError::Stopped)??)
}

/// Marks the sources of a compacted block because of `cause`, all at once: each mark waits for the store, and their order tells nobody
/// anything.
///
/// # Errors
/// The last [`StepError::Store`], once all were tried.
pub(crate) async fn sources(
    cx: &Context,
    blocks: impl Iterator<Item = BlockId>,
    cause: Cause,
) -> Result<(), StepError> {
    let mut marking = JoinSet::new();
    let shared = Arc::new((cx.clone(), cause));
    for id in blocks {
        let shared = Arc::clone(&shared);
        let span = spans::delete(id);
        marking.spawn(async move {
            let (cx, cause) = &*shared;
            spans::within(span, for_deletion(cx, id, SOURCE_OF_COMPACTED, cause)).await
        });
    }
    let mut outcome = Ok(());
    while let Some(marked) = marking.join_next().await {
        match marked.map_err(|panic| StepError::Panic(panic.to_string())).flatten() {
            Ok(_) => {}
            Err(error) => outcome = Err(error),
        }
    }
    outcome
}
