//! Who makes the blocks that were decided on: the engine, or in a simulation somebody who only counts.

use std::pin::Pin;

use lithify_block::{BlockId, File, Job};
use lithify_tsdb::Merged;

use crate::{Context, Downsampling, StepError, downsample, merge};

/// The counts of a block that was made and its files as meta.json lists them. Without samples there is no block and
/// there are no files.
pub type Files<'a> = Pin<Box<dyn Future<Output = Result<(Merged, Vec<File>), StepError>> + Send + 'a>>;

/// Makes the index and the segments of blocks. What to make, the meta.json that makes it a block, and what becomes of its
/// sources are decided elsewhere.
pub trait Maker: Send + Sync {
    /// Merges the blocks of `job` into block `id`.
    ///
    /// # Errors
    /// [`StepError`]; nothing of the block is visible then, or segments without an index.
    fn merge<'a>(&'a self, cx: &'a Context, job: &'a Job, id: BlockId) -> Files<'a>;

    /// Makes block `id`, the copy of coarser resolution that is due.
    ///
    /// # Errors
    /// As for [`Maker::merge`].
    fn downsample<'a>(&'a self, cx: &'a Context, due: &'a Downsampling, id: BlockId) -> Files<'a>;
}

/// Reads samples from the bucket and writes samples to it.
#[derive(Debug)]
pub struct Engine;

impl Maker for Engine {
    fn merge<'a>(&'a self, cx: &'a Context, job: &'a Job, id: BlockId) -> Files<'a> {
        Box::pin(merge::merge(cx, job, id))
    }

    fn downsample<'a>(&'a self, cx: &'a Context, due: &'a Downsampling, id: BlockId) -> Files<'a> {
        Box::pin(downsample::aggregate(cx, due, id))
    }
}
