//! Marking blocks whose samples are in a larger one.
//!
//! Source: `thanos-compactor.md` 9.3.

use lithify_block::{BlockId, DeletionMark};
use lithify_bucket::{Mark, layout::MarkKind, write_mark};

use crate::{
    Context, Standing, View,
    audit::{Act, Author},
    failure::{Failure, Step},
};

/// Details of the marks that garbage collection writes.
const OUTDATED: &str = "outdated block";

/// Puts a deletion mark on each superseded block of `view` that has none. Gives the number of marks written.
///
/// # Errors
/// The first [`Failure`] to write a mark.
pub async fn mark_superseded(cx: &Context, view: &View) -> Result<usize, Failure> {
    let started = cx.ambient.elapsed();
    let mut written = 0;
    for (id, by) in superseded(view) {
        let mark = DeletionMark::new(id, OUTDATED, cx.ambient.timestamp());
        let new = write_mark(&*cx.bucket, &Mark::Deletion(mark)).await.map_err(|error| {
            cx.metrics.garbage_collection_failures.inc();
            Failure::new(Step::CollectGarbage, error)
        })?;
        if new {
            let reason = format!("all its samples are in {by}");
            Author::program("garbage-collection").tell(Act::MarkedForDeletion, id, &reason);
            cx.metrics.blocks_marked.with_label_values(&[MarkKind::Deletion.file(), ""]).inc();
            written += 1;
        }
        cx.metrics.garbage_collected_blocks.inc();
    }
    cx.metrics.garbage_collections.inc();
    cx.metrics.garbage_collection_seconds.observe((cx.ambient.elapsed() - started).as_secs_f64());
    Ok(written)
}

/// The superseded blocks without a deletion mark, each with the block that holds its samples.
pub fn superseded(view: &View) -> impl Iterator<Item = (BlockId, BlockId)> {
    view.blocks.iter().filter_map(|(id, seen)| {
        let Standing::SupersededBy(by) = seen.standing else { return None };
        // A block that is broken proves nothing about its sources.
        let is_sound = !matches!(view.blocks.get(&by)?.standing, Standing::LeftOut(_) | Standing::Unsupported(_));
        seen.facts.as_ref()?.deletion_marked_at.is_none().then_some((*id, by)).filter(|_| is_sound)
    })
}
