//! What is done about a block whose defect has a remedy, and doing it.
//!
//! Source: `thanos-compactor.md` 2.4, 6.4 and 6.6.

use lithify_block::{BlockFacts, BlockId, File, Group, Meta, SOURCE_COMPACTOR_REPAIR};
use lithify_tsdb::{Defect, Error as EngineError, Merged, Repaired};
use tracing::{error, info};

use crate::{
    Author, Context, Failure,
    failure::{Step, StepError},
    making::{self, Making},
    mark::{self, Cause},
    sources,
};

/// Reason of the mark on a block with chunks out of order.
const OUT_OF_ORDER_CHUNK: &str = "block-index-out-of-order-chunk";

/// Details of that mark, in the words that the reference writes.
const OUT_OF_ORDER_DETAILS: &str =
    "OutofOrderChunk: marking block with out-of-order series/chunks to as no compact to unblock compaction";

/// What to do about a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// Nothing: it is a failure.
    None,
    /// Leave this block out of compaction from now on.
    MarkNoCompact(BlockId),
    /// Write this block anew without the chunks that begin at its end.
    Repair(BlockId),
}

/// What to do about `failure`; whether blocks with chunks out of order are left out is the user's choice.
#[must_use]
pub fn remedy(failure: &Failure, skip_out_of_order_chunks: bool) -> Remedy {
    let StepError::Engine(EngineError::Defect { block, defect }) = &*failure.error else { return Remedy::None };
    match **defect {
        Defect::OutOfOrderChunks { .. } if skip_out_of_order_chunks => Remedy::MarkNoCompact(*block),
        Defect::Issue347 { .. } => Remedy::Repair(*block),
        Defect::OutOfOrderChunks { .. }
        | Defect::OutsideRange { .. }
        | Defect::EmptyLabels { .. }
        | Defect::SeriesOrder { .. }
        | Defect::NoChunks { .. }
        | Defect::OutOfOrderLabels { .. } => Remedy::None,
    }
}

/// Applies the remedy for `failure` of `group`, if there is one; whether the next pass sees something else now.
///
/// # Errors
/// `failure` itself if there is no remedy, or it failed in turn, which is logged.
pub(crate) async fn apply(cx: &Context, group: &Group, failure: Failure) -> Result<(), Failure> {
    let applied = match remedy(&failure, cx.config.skip_out_of_order_chunks) {
        Remedy::None => return Err(failure),
        Remedy::MarkNoCompact(id) => {
            let why = (OUT_OF_ORDER_CHUNK, OUT_OF_ORDER_DETAILS);
            mark::no_compact(cx, id, why, &Author::program("remedy")).await.map(|_| ()).map_err(|e| (id, e))
        }
        Remedy::Repair(id) => match group.blocks.iter().find(|block| block.id == id) {
            Some(block) => repair(cx, &group.key, block).await.map_err(|e| (id, e)),
            None => return Err(failure),
        },
    };
    applied.map_err(|(id, cause)| {
        let why = Failure::new(Step::Repair, cause).of(&group.key, [id]);
        error!(group = group.key, block = %id, err = %why.chain(), "{why}");
        failure
    })
}

/// Uploads `block` without the chunks that begin at its end, and marks it for deletion. Of two crashes in between, the
/// first leaves nothing, the second a block that is made once more.
async fn repair(cx: &Context, group: &str, block: &BlockFacts) -> Result<(), StepError> {
    if block.meta.thanos.resolution != 0 {
        return Err(StepError::RepairDownsampled { id: block.id });
    }
    let id = cx.ambient.new_block_id();
    info!(group, block = %block.id, result = %id, "repairing a block with chunks that begin at its end");
    let sources = sources::open(cx, std::slice::from_ref(block)).await?;
    let making = Making { id, sources, hash_files: false, extra_bytes: 0 };
    let ((merged, repaired), files): ((Merged, Repaired), Vec<File>) = making::make(
        cx,
        making,
        |_| true,
        |sources, output, options| {
            let source = sources.first().expect("one block is repaired");
            lithify_tsdb::repair(source, output, options)
        },
    )
    .await?;
    let mut meta = meta_of(block, id, &merged);
    making::upload_meta(cx, &mut meta, files).await?;
    let cause = Cause { author: Author::program("remedy"), reason: format!("repaired as {id}") };
    mark::for_deletion(cx, block.id, mark::SOURCE_OF_REPAIRED, &cause).await?;
    info!(
        group, block = %block.id, result = %id,
        chunks_left_out = repaired.issue_347_chunks, samples_left_out = repaired.issue_347_samples,
        "repaired block"
    );
    Ok(())
}

/// The meta.json of the broken block, with another id, writer and counts.
fn meta_of(block: &BlockFacts, id: BlockId, merged: &Merged) -> Meta {
    let mut meta = block.meta.clone();
    meta.id = id;
    meta.stats = merged.stats;
    meta.thanos.source = SOURCE_COMPACTOR_REPAIR.to_owned();
    meta
}

#[cfg(test)]
mod tests {
    use lithify_block::Timestamp;
    use lithify_tsdb::Example;

    use super::*;

    #[test]
    fn only_two_defects_have_a_remedy_and_one_of_them_only_on_request() {
        let id = BlockId::from_parts(Timestamp(1), 1);
        let failure = |defect| {
            let error = EngineError::Defect { block: id, defect: Box::new(defect) };
            Failure::new(Step::Merge, StepError::Engine(error))
        };
        let out_of_order = || failure(Defect::OutOfOrderChunks { count: 1, example: Example::default() });
        assert_eq!(remedy(&out_of_order(), true), Remedy::MarkNoCompact(id));
        assert_eq!(remedy(&out_of_order(), false), Remedy::None);
        let issue_347 = failure(Defect::Issue347 { count: 1, example: Example::default() });
        assert_eq!(remedy(&issue_347, false), Remedy::Repair(id));
        let outside = failure(Defect::OutsideRange { partly: 1, completely: 0, example: Example::default() });
        assert_eq!(remedy(&outside, true), Remedy::None);
        assert_eq!(remedy(&Failure::new(Step::Merge, StepError::SamePlan), true), Remedy::None);
    }
}
