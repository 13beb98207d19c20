//! Deleting blocks whose deletion mark is due. Nothing else is deleted here.
//!
//! Source: `thanos-compactor.md` 9.4.

use lithify_block::{BlockId, Timestamp};
use lithify_bucket::delete_block;
use tokio::task::JoinSet;
use tracing::{error, warn};

use crate::{
    Context, View,
    audit::{Act, Author},
    failure::{Failure, Step, StepError},
};

/// Blocks that are deleted at a time.
const DELETIONS: usize = 32;

/// A block whose deletion mark is older than the delete delay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DueDeletion {
    /// The block.
    pub id: BlockId,
    /// When it was marked.
    pub marked_at: Timestamp,
}

/// The blocks of `view` that are to be deleted when it is `now`, by id. The delay is exceeded, not reached.
#[must_use]
pub fn due_deletions(view: &View, delete_delay_ms: i64, now: Timestamp) -> Vec<DueDeletion> {
    marked(view).filter(|due| now.since(due.marked_at) > delete_delay_ms).collect()
}

/// The blocks of `view` that are to be deleted sooner or later, by id.
///
/// Only blocks that passed the time partition, the selector and the consistency delay are among them; a mark that names
/// another block proves nothing.
pub fn marked(view: &View) -> impl Iterator<Item = DueDeletion> {
    view.blocks.iter().filter_map(|(id, seen)| {
        let marked_at = seen.facts.as_ref()?.deletion_marked_at?;
        (!view.foreign_marks.contains_key(id)).then_some(DueDeletion { id: *id, marked_at })
    })
}

/// Deletes the blocks of `view` that are due. Gives the blocks that are gone, also when others could not be deleted.
///
/// # Errors
/// One [`Failure`] that names every block that could not be deleted; the others were deleted all the same.
pub async fn delete_marked(cx: &Context, view: &View) -> (Vec<BlockId>, Result<(), Failure>) {
    for (id, named) in &view.foreign_marks {
        warn!(
            block = %id, named = %named,
            "the deletion mark names another block, so neither is deleted; correct the mark or remove it"
        );
    }
    let due = due_deletions(view, cx.config.delete_delay_ms, cx.ambient.timestamp());
    let mut left = due.iter();
    let mut running = JoinSet::new();
    let mut done = Done::default();
    loop {
        while running.len() < DELETIONS && !cx.stop.is_set() {
            let Some(due) = left.next() else { break };
            let (cx, id) = (cx.clone(), due.id);
            running.spawn(async move { (id, delete(&cx, id).await) });
        }
        let Some(finished) = running.join_next().await else { break };
        done.add(cx, finished);
    }
    if cx.stop.is_set() && left.next().is_some() {
        let stopped = done.failure.unwrap_or_else(|| Failure::new(Step::Delete, StepError::Stopped));
        return (done.gone, Err(stopped));
    }
    (done.gone, done.failure.map_or(Ok(()), Err))
}

/// What became of the deletions so far.
#[derive(Default)]
struct Done {
    gone: Vec<BlockId>,
    failure: Option<Failure>,
}

impl Done {
    fn add(&mut self, cx: &Context, finished: Result<(BlockId, Result<(), StepError>), tokio::task::JoinError>) {
        let (id, deleted) = match finished {
            Ok((id, deleted)) => (Some(id), deleted),
            Err(panic) => (None, Err(StepError::Panic(panic.to_string()))),
        };
        match (id, deleted) {
            (Some(id), Ok(())) => {
                Author::program("delete-delay").tell(Act::Deleted, id, "its deletion mark was due");
                cx.metrics.running.blocks_cleaned.inc();
                self.gone.push(id);
            }
            (_, Err(StepError::Stopped)) => {
                self.failure.get_or_insert_with(|| Failure::new(Step::Delete, StepError::Stopped));
            }
            (id, deleted) => {
                let error = deleted.err().unwrap_or(StepError::Stopped);
                error!(block = ?id.map(|id| id.to_string()), err = %error, "deletion of a marked block failed");
                cx.metrics.running.cleanup_failures.inc();
                let mut blocks = self.failure.take().map(|failure| failure.blocks).unwrap_or_default();
                blocks.extend(id);
                self.failure = Some(Failure { blocks, ..Failure::new(Step::Delete, error) });
            }
        }
    }
}

/// Deletes one block. A deletion that is interrupted leaves a block that the next run knows is to go.
pub(crate) async fn delete(cx: &Context, id: BlockId) -> Result<(), StepError> {
    tokio::select! {
        deleted = delete_block(&*cx.bucket, id) => Ok(deleted?),
        () = cx.stop.wait() => Err(StepError::Stopped),
    }
}
