//! Reading one block as a merge would, with nothing coming of it: for whoever asks whether it is broken.
//!
//! Source: `thanos-compactor.md` 6.4.

use std::slice;

use lithify_block::BlockFacts;
use lithify_tsdb::{Error as EngineError, Nowhere, Options, Progress, compact, verify};

use crate::{
    Context,
    failure::{Failure, Step, StepError},
    making::on_blocking_thread,
    merge::nothing_to_write,
    sources,
};

/// How much of a block is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// The index.
    Index,
    /// The index, every chunk and the tombstones.
    All,
}

/// Reads `block` and finds what a merge of it would stumble over. Nothing is written.
///
/// # Errors
/// The [`Failure`] that a merge of the block alone would end with, if it gets to what is read.
pub async fn check(cx: &Context, block: &BlockFacts, depth: Depth) -> Result<(), Failure> {
    let failed = |error: StepError| Failure::of_block(Step::Merge, error, block.id);
    let sources = sources::open(cx, slice::from_ref(block)).await.map_err(failed)?;
    let (config, stop, facts) = (cx.config.clone(), cx.stop.clone(), block.clone());
    let reading = move || {
        let accept_malformed = config.accept_malformed_index;
        if depth == Depth::Index {
            for source in &sources {
                if let Some(defect) = verify(source, stop.flag())?.verdict(accept_malformed) {
                    return Err(EngineError::Defect { block: source.id, defect: Box::new(defect) }.into());
                }
            }
            return Ok(());
        }
        let progress = Progress::default();
        let options = Options {
            segment_bytes: 0,
            accept_malformed,
            deduplication: config.deduplication,
            cancel: stop.flag(),
            progress: &progress,
        };
        let merged = compact(&sources, facts.meta.range, &mut Nowhere, &options)?;
        if merged.stats.num_samples == 0 { nothing_to_write(slice::from_ref(&facts), &merged) } else { Ok(()) }
    };
    on_blocking_thread(reading).await.map_err(failed)
}
