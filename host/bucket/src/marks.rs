//! Writing and removing marks, and deleting blocks.
//!
//! Source: `thanos-compactor.md` 9.2, 9.6.

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _};
use lithify_block::{BlockId, DeletionMark, NoCompactMark, NoDownsampleMark};

use crate::{
    Bucket, Depth, Error,
    layout::{self, MarkKind},
};

/// Deletions of one block's objects at a time.
const DELETIONS: usize = 16;

/// A mark of any kind, to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mark {
    /// deletion-mark.json
    Deletion(DeletionMark),
    /// no-compact-mark.json
    NoCompact(NoCompactMark),
    /// no-downsample-mark.json
    NoDownsample(NoDownsampleMark),
}

impl Mark {
    fn parts(&self) -> (BlockId, MarkKind, String) {
        match self {
            Self::Deletion(mark) => (mark.id, MarkKind::Deletion, mark.to_json()),
            Self::NoCompact(mark) => (mark.id, MarkKind::NoCompact, mark.to_json()),
            Self::NoDownsample(mark) => (mark.id, MarkKind::NoDownsample, mark.to_json()),
        }
    }
}

/// Writes a mark unless there is one of its kind. Gives back whether it is new.
///
/// # Errors
/// Those of the bucket.
pub async fn write_mark(bucket: &dyn Bucket, mark: &Mark) -> Result<bool, Error> {
    let (id, kind, json) = mark.parts();
    let name = layout::mark(id, kind);
    if bucket.exists(&name).await? {
        tracing::warn!(block = %id, file = kind.file(), "the block is marked already, the mark stays as it is");
        return Ok(false);
    }
    bucket.upload(&name, Bytes::from(json)).await?;
    Ok(true)
}

/// Removes a mark. Gives back whether there was one.
///
/// # Errors
/// Those of the bucket.
pub async fn remove_mark(bucket: &dyn Bucket, id: BlockId, kind: MarkKind) -> Result<bool, Error> {
    let removed = delete_if_there(bucket, &layout::mark(id, kind)).await?;
    if !removed {
        tracing::warn!(block = %id, file = kind.file(), "the block is not marked, nothing is removed");
    }
    Ok(removed)
}

/// Deletes a block: meta.json first, so that nobody takes the rest for a block; the deletion mark last, so that an
/// interrupted deletion is still known to be wanted. Deleting what is not there succeeds.
///
/// # Errors
/// Those of the bucket; what was not reached stays.
pub async fn delete_block(bucket: &dyn Bucket, id: BlockId) -> Result<(), Error> {
    let (meta, mark) = (layout::meta(id), layout::mark(id, MarkKind::Deletion));
    delete_if_there(bucket, &meta).await?;
    let mut names = Vec::new();
    let directory = layout::directory(id);
    let mut pages = bucket.list(&directory, Depth::All);
    while let Some(page) = pages.next().await? {
        names.extend(page.into_iter().map(|entry| entry.name));
    }
    drop(pages);
    names.retain(|name| *name != meta && *name != mark);
    // Collected, because a closure in a future that waits keeps it from being sent to another thread.
    let deletions: Vec<_> = names.iter().map(|name| delete(bucket, name)).collect();
    futures_util::stream::iter(deletions).buffer_unordered(DELETIONS).try_collect::<()>().await?;
    delete_if_there(bucket, &mark).await?;
    for marker in layout::directory_markers(id) {
        // Some stores have them, most do not; neither is worth a failure.
        let _ = bucket.delete(&marker).await;
    }
    Ok(())
}

async fn delete_if_there(bucket: &dyn Bucket, name: &str) -> Result<bool, Error> {
    if !bucket.exists(name).await? {
        return Ok(false);
    }
    delete(bucket, name).await?;
    Ok(true)
}

/// Deletes an object; somebody else's deletion of it is as good.
async fn delete(bucket: &dyn Bucket, name: &str) -> Result<(), Error> {
    match bucket.delete(name).await {
        Err(error) if !error.is_not_found() => Err(error),
        _ => Ok(()),
    }
}
