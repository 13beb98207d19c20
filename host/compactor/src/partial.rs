//! Cleaning up after uploads that were broken off: blocks without a meta.json that can be read.
//!
//! Source: `thanos-compactor.md` 9.5.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use lithify_block::{BlockId, Timestamp};
use lithify_bucket::{Depth, Snapshot, layout};
use tracing::{debug, info, warn};

use crate::{
    Context, Standing, View,
    audit::{Act, Author},
    delete::delete,
};

/// Age of its newest object that a partial block must exceed before it goes: 48 hours, milliseconds.
pub const PARTIAL_AGE_MS: i64 = 48 * 3_600_000;

/// The partial blocks of the last sync, and whose turn it is to clean them. Clones are the same list.
#[derive(Clone, Debug, Default)]
pub struct Partials {
    blocks: Arc<Mutex<BTreeMap<BlockId, Kind>>>,
    turn: Arc<tokio::sync::Mutex<()>>,
}

/// Why a block is partial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// It had no meta.json.
    Missing,
    /// Its meta.json did not decode.
    Corrupt,
}

/// The partial blocks of `view` by id, each with the time that must be over before it is cleaned. `snapshot` is what the
/// view was made of.
#[must_use]
pub fn partial_uploads(view: &View, snapshot: &Snapshot) -> Vec<(BlockId, Timestamp)> {
    let partial = view.blocks.iter().filter_map(|(id, seen)| {
        let directory = snapshot.blocks.get(id)?;
        matches!(seen.standing, Standing::Partial | Standing::Corrupt(_))
            .then(|| (*id, cleaned_after(*id, directory.newest())))
    });
    partial.collect()
}

/// When nothing was written to a block for long enough; of a store that tells no times, its creation counts.
fn cleaned_after(id: BlockId, newest: Option<Timestamp>) -> Timestamp {
    Timestamp(newest.unwrap_or_else(|| id.created()).0.saturating_add(PARTIAL_AGE_MS))
}

impl Partials {
    /// Takes over what a sync saw.
    pub(crate) fn note(&self, view: &View) {
        let partial = view.blocks.iter().filter_map(|(id, seen)| {
            let corrupt = matches!(seen.standing, Standing::Corrupt(_));
            let missing = seen.standing == Standing::Partial;
            (missing || corrupt).then_some((*id, if corrupt { Kind::Corrupt } else { Kind::Missing }))
        });
        *self.blocks.lock().unwrap_or_else(PoisonError::into_inner) = partial.collect();
    }

    fn list(&self) -> Vec<(BlockId, Kind)> {
        self.blocks.lock().unwrap_or_else(PoisonError::into_inner).iter().map(|(id, kind)| (*id, *kind)).collect()
    }

    fn forget(&self, id: BlockId) {
        self.blocks.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }
}

/// What is to be done with one partial block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// Nothing was written to it for long enough.
    Delete,
    /// It may still be written to, or nothing is known.
    Keep,
    /// It is gone already.
    Gone,
}

/// Deletes the partial blocks of the last sync to which nothing was written for more than 48 hours. Never fails; two
/// cleanings never overlap.
pub async fn clean_partial_uploads(cx: &Context) {
    let _turn = cx.partials.turn.lock().await;
    for (id, kind) in cx.partials.list() {
        if cx.stop.is_set() {
            return;
        }
        match look(cx, id, kind).await {
            Verdict::Keep => {}
            Verdict::Gone => cx.partials.forget(id),
            Verdict::Delete => clean(cx, id).await,
        }
    }
    cx.metrics.running.cleanup_loops.inc();
}

async fn clean(cx: &Context, id: BlockId) {
    info!(block = %id, "found partially uploaded block; deleting");
    cx.metrics.running.partial_attempts.inc();
    match delete(cx, id).await {
        Ok(()) => {
            cx.metrics.running.blocks_cleaned.inc();
            cx.partials.forget(id);
            let reason = "its upload was broken off, and nothing was written to it for 48 hours";
            Author::program("partial-uploads").tell(Act::CleanedUp, id, reason);
        }
        Err(error) => {
            cx.metrics.running.cleanup_failures.inc();
            warn!(block = %id, err = %error, "failed to delete aborted partial upload; it is tried again");
        }
    }
}

/// Looks at the block anew: whoever writes to it may have gone on since the last sync.
async fn look(cx: &Context, id: BlockId, kind: Kind) -> Verdict {
    let directory = layout::directory(id);
    let mut pages = cx.bucket.list(&directory, Depth::All);
    let (mut objects, mut newest, mut complete) = (0_usize, None, false);
    loop {
        match pages.next().await {
            Ok(Some(page)) => {
                for entry in page {
                    objects += 1;
                    newest = newest.max(entry.modified);
                    complete |= entry.name == layout::meta(id);
                }
            }
            Ok(None) => break,
            Err(error) => {
                warn!(block = %id, err = %error, "partial block could not be listed; it stays until it can be");
                return Verdict::Keep;
            }
        }
    }
    if objects == 0 {
        return Verdict::Gone;
    }
    if complete && kind == Kind::Missing {
        debug!(block = %id, "partial block has a meta.json by now; the next sync will read it");
        return Verdict::Keep;
    }
    by_age(id, newest, cx.ambient.timestamp())
}

fn by_age(id: BlockId, newest: Option<Timestamp>, now: Timestamp) -> Verdict {
    if newest.is_none() {
        warn!(block = %id, "no last modified time found for block, using its creation time instead");
    }
    if now > cleaned_after(id, newest) { Verdict::Delete } else { Verdict::Keep }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partial_block_goes_when_its_newest_object_is_older_than_48_hours() {
        let created = Timestamp(1_740_787_200_000);
        let id = BlockId::from_parts(created, 7);
        let after = |ms: i64| Timestamp(created.0 + ms);
        for (newest, now, expected) in [
            (Some(created), after(PARTIAL_AGE_MS), Verdict::Keep),
            (Some(created), after(PARTIAL_AGE_MS + 1), Verdict::Delete),
            (Some(after(3_600_000)), after(PARTIAL_AGE_MS + 1), Verdict::Keep),
            (None, after(PARTIAL_AGE_MS), Verdict::Keep),
            (None, after(PARTIAL_AGE_MS + 1), Verdict::Delete),
            // A store whose clock runs ahead.
            (Some(after(PARTIAL_AGE_MS)), created, Verdict::Keep),
        ] {
            assert_eq!(by_age(id, newest, now), expected, "{newest:?} {now:?}");
        }
    }

    #[test]
    fn objects_of_an_old_time_prove_age_although_the_id_is_of_the_future() {
        let id = BlockId::from_parts(Timestamp(4_102_444_800_000), 7);
        assert_eq!(by_age(id, Some(Timestamp(0)), Timestamp(1_740_787_200_000)), Verdict::Delete);
        assert_eq!(by_age(id, None, Timestamp(1_740_787_200_000)), Verdict::Keep);
    }
}
