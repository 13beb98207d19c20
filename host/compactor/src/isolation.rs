//! One broken block costs one block, one failing group costs one group: what is left out, why, and until when.
//!
//! Source: `thanos-compactor.md` 2.8.

mod blame;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
};

use lithify_block::BlockId;
use lithify_bucket::{Object, Snapshot};
use tracing::{debug, error, warn};

use crate::{
    Context, Failure, Standing, View,
    failure::{Step, StepError},
    merge::join,
};
pub(crate) use blame::culprit;

/// Blocks that were found broken, each with its objects as they were then. Clones are the same list; it lasts as long as
/// the process.
#[derive(Clone, Debug, Default)]
pub struct Broken(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    found: BTreeMap<BlockId, Found>,
    /// Why each block is left out, in the words in which it was reported.
    told: BTreeMap<BlockId, String>,
}

#[derive(Debug)]
struct Found {
    objects: BTreeMap<Box<str>, Object>,
    failure: Arc<Failure>,
}

impl Broken {
    /// Sets the broken blocks of `view` apart, and forgets those that have changed since: they are tried again.
    pub(crate) fn set_apart(&self, view: &mut View, snapshot: &Snapshot) {
        self.lock().found.retain(|id, found| {
            let unchanged = snapshot.blocks.get(id).is_some_and(|now| now.objects == found.objects);
            if let (true, Some(seen)) = (unchanged, view.blocks.get_mut(id))
                && matches!(seen.standing, Standing::Active | Standing::Misnamed(_))
            {
                let why = found.failure.chain();
                seen.set_apart(Standing::LeftOut(why.clone()), &why);
            }
            unchanged
        });
    }

    fn add(&self, id: BlockId, failure: Arc<Failure>, seen: Option<&Snapshot>) {
        let Some(directory) = seen.and_then(|seen| seen.blocks.get(&id)) else { return };
        self.lock().found.insert(id, Found { objects: directory.objects.clone(), failure });
    }

    fn failure(&self, id: BlockId) -> Option<Arc<Failure>> {
        self.lock().found.get(&id).map(|found| Arc::clone(&found.failure))
    }

    /// Whether that is news of the block: nobody was told, or something else. From now on it is none.
    fn is_news(&self, id: BlockId, failure: &Failure) -> bool {
        let why = failure.chain();
        self.lock().told.insert(id, why.clone()) != Some(why)
    }

    /// Forgets what was told of blocks that are left out no more: should they be so again, that is news.
    fn forget_mended(&self, view: &View) {
        let Known { found, told } = &mut *self.lock();
        let is_unsupported =
            |id: &BlockId| view.blocks.get(id).is_some_and(|seen| matches!(seen.standing, Standing::Unsupported(_)));
        told.retain(|id, _| found.contains_key(id) || is_unsupported(id));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What one iteration leaves out. A block is reported when it is first left out and when the reason changes; those that
/// are left out as before are summed up once an iteration. A group is reported whenever it fails.
#[derive(Debug, Default)]
pub(crate) struct LeftOut {
    pub(crate) failures: Vec<Arc<Failure>>,
    groups: BTreeSet<String>,
    blocks: BTreeSet<BlockId>,
    /// Blocks that are left out as before.
    as_before: BTreeSet<BlockId>,
}

/// How many blocks a line of the log names.
const NAMED_MAX: usize = 20;

impl LeftOut {
    /// Reports the blocks that are set apart in `view`.
    pub(crate) fn note(&mut self, cx: &Context, view: &View) {
        cx.broken.forget_mended(view);
        for (id, seen) in &view.blocks {
            let failure = match &seen.standing {
                Standing::LeftOut(_) => cx.broken.failure(*id),
                Standing::Unsupported(why) => {
                    Some(Arc::new(Failure::of_block(Step::Sync, StepError::Unsupported(why.clone()), *id)))
                }
                Standing::Active
                | Standing::SupersededBy(_)
                | Standing::TooFresh { .. }
                | Standing::OutsideShard
                | Standing::OutsideTime
                | Standing::MarkedForDeletion
                | Standing::Partial
                | Standing::Corrupt(_)
                | Standing::Misnamed(_) => None,
            };
            if let Some(failure) = failure
                && self.blocks.insert(*id)
            {
                if cx.broken.is_news(*id, &failure) {
                    report(&failure, Some(*id), UNTIL_IT_CHANGES);
                } else {
                    debug!(block = %id, reason = failure.reason(), err = %failure.chain(), "left out as before");
                    self.as_before.insert(*id);
                }
                self.failures.push(failure);
            }
        }
    }

    /// Leaves out the block or group that `failure` is about.
    ///
    /// # Errors
    /// `failure` itself where nothing is to be left out: isolation is off, the run was told to stop, or it is about
    /// neither a block nor a group.
    pub(crate) fn take(&mut self, cx: &Context, failure: Failure) -> Result<(), Failure> {
        if !cx.config.isolate_failures || failure.is_stop() {
            return Err(failure);
        }
        let next = match (culprit(&failure.error), &failure.group, failure.blocks.as_slice()) {
            // What was set apart and comes again was not set apart.
            (Some(id), ..) if !self.blocks.insert(id) => return Err(failure),
            (Some(id), ..) => {
                let failure = Arc::new(failure);
                cx.broken.is_news(id, &failure);
                report(&failure, Some(id), UNTIL_IT_CHANGES);
                cx.broken.add(id, Arc::clone(&failure), cx.last.snapshot().as_deref());
                self.failures.push(failure);
                return Ok(());
            }
            (None, Some(group), _) => {
                self.groups.insert(group.clone());
                "the group is left out of this iteration, the next one tries it again; the rest goes on"
            }
            (None, None, []) => return Err(failure),
            (None, None, blocks) => {
                self.blocks.extend(blocks);
                "the block is left out of this iteration, the next one tries it again; the rest goes on"
            }
        };
        report(&failure, None, next);
        self.failures.push(Arc::new(failure));
        Ok(())
    }

    /// Whether the group was left out in this iteration.
    pub(crate) fn has_group(&self, key: &str) -> bool {
        self.groups.contains(key)
    }

    /// Whether the block was left out in this iteration.
    pub(crate) fn has_block(&self, id: BlockId) -> bool {
        self.blocks.contains(&id)
    }

    /// Publishes how much was left out, by reason, and sums up in one line what was left out before and still is.
    pub(crate) fn publish(&self, cx: &Context) {
        if !self.as_before.is_empty() {
            warn!(
                count = self.as_before.len(),
                blocks = join(self.as_before.iter().copied().take(NAMED_MAX)),
                next = "each is tried again when one of its objects changes",
                way_out =
                    "lithify explain ULID says what is wrong with a block; lithify_left_out counts them by reason",
                "blocks are left out as before"
            );
        }
        cx.metrics.running.left_out.reset();
        for failure in &self.failures {
            let what = if culprit(&failure.error).is_some() || failure.group.is_none() { "block" } else { "group" };
            cx.metrics.running.left_out.with_label_values(&[what, failure.reason()]).inc();
        }
    }
}

/// What happens next to a block that is left out.
const UNTIL_IT_CHANGES: &str = "the block is left out until one of its objects changes; the rest goes on";

fn report(failure: &Failure, culprit: Option<BlockId>, next: &str) {
    let blocks = match culprit {
        Some(id) => id.to_string(),
        None => join(failure.blocks.iter().copied()),
    };
    error!(
        group = failure.group.as_deref().unwrap_or_default(),
        blocks,
        kind = failure.severity().kind(),
        reason = failure.reason(),
        err = %failure.chain(),
        next,
        way_out = failure.way_out(),
        "{failure}"
    );
}
