//! One job: sources in, a complete block out, sources marked.
//!
//! Source: `thanos-compactor.md` 6.1, 6.8 and 6.9.

use std::{collections::BTreeSet, time::Duration};

use lithify_block::{BlockFacts, BlockId, Compaction, File, Job, Meta, Parent, SOURCE_COMPACTOR, Thanos};
use lithify_tsdb::{Error as EngineError, Merged};
use serde_json::Value;
use tracing::{info, warn};

use crate::{
    Context,
    failure::{Failure, Step, StepError},
    making::{self, Making},
    mark::{self, Cause},
    sources, spans,
};

/// What a job did.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The group's key.
    pub group: String,
    /// The planner's reason.
    pub reason: String,
    /// The blocks that were merged.
    pub sources: Vec<BlockFacts>,
    /// The new block; `None` if no source had any sample.
    pub result: Option<Meta>,
    /// Bytes of the sources' objects, as far as the listing told.
    pub bytes_in: u64,
    /// Bytes of the result's index and chunks.
    pub bytes_out: u64,
    /// How long it took.
    pub took: Duration,
}

/// What a job needs to know of its whole group.
#[derive(Clone, Debug)]
pub(crate) struct OfGroup {
    /// Extensions of the result.
    pub(crate) extensions: Option<Value>,
    /// Whether any of its blocks share time.
    pub(crate) overlaps: bool,
}

/// Merges the blocks of `job`, uploads the result and marks the sources, in this order: a crash between any two steps
/// leaves a bucket that the next run understands.
///
/// # Errors
/// [`Failure`] naming the step; nothing is visible unless the result is complete.
pub(crate) async fn run(cx: &Context, job: &Job, of_group: &OfGroup) -> Result<Outcome, Failure> {
    let started = cx.ambient.elapsed();
    let ids = || job.blocks().iter().map(|block| block.id);
    let failed = |step| move |error: StepError| Failure::new(step, error).of(job.group(), ids());
    let id = cx.ambient.new_block_id();
    info!(group = job.group(), blocks = %join(ids()), result = %id, reason = job.reason(), "compacting blocks");
    if let Some((source, first, second)) = job.shared_source() {
        warn!(group = job.group(), %source, %first, %second, "two of the blocks hold the samples of the same source");
    }
    let merged = cx.maker.merge(cx, job, id).await;
    if merged.as_ref().err().is_none_or(was_begun) {
        cx.metrics.merging.count(job, cx.ambient.elapsed() - started);
    }
    let (merged, files) = merged.map_err(failed(Step::Merge))?;
    let result = if merged.stats.num_samples == 0 {
        nothing_to_write(job.blocks(), &merged).map_err(failed(Step::Merge))?;
        None
    } else {
        let mut meta = meta_of(job, id, &merged);
        meta.thanos.extensions.clone_from(&of_group.extensions);
        count(cx, job, of_group);
        spans::within(spans::upload(), making::upload_meta(cx, &mut meta, files))
            .await
            .map_err(failed(Step::Upload))?;
        Some(meta)
    };
    let into =
        result.as_ref().map_or_else(|| "nothing was left to write".to_owned(), |_| format!("compacted into {id}"));
    let cause = Cause { author: cx.policies.planned_by.clone(), reason: format!("{into}: {}", job.reason()) };
    mark::sources(cx, ids(), cause).await.map_err(failed(Step::MarkSources))?;
    match result {
        Some(_) => cx.metrics.garbage_collected_blocks.inc_by(job.blocks().len() as u64),
        None => cx.spent.add(ids()),
    }
    let outcome = Outcome {
        group: job.group().to_owned(),
        reason: job.reason().to_owned(),
        sources: job.blocks().to_vec(),
        bytes_in: job.blocks().iter().filter_map(|block| block.size_bytes).sum(),
        bytes_out: result.iter().flat_map(|meta| &meta.thanos.files).map(|file| file.size_bytes.cast_unsigned()).sum(),
        result,
        took: cx.ambient.elapsed() - started,
    };
    log(&outcome);
    Ok(outcome)
}

/// Whether the merge had begun when this happened, and not only the look at its sources: it counts as a merge.
fn was_begun(error: &StepError) -> bool {
    let of_samples = matches!(
        error,
        StepError::Engine(EngineError::Samples { .. } | EngineError::Rule { .. } | EngineError::Limit { .. })
    );
    of_samples || matches!(error, StepError::Engine(EngineError::Corrupt { file, .. }) if file != "index")
}

fn count(cx: &Context, job: &Job, of_group: &OfGroup) {
    let resolution = job.resolution().to_string();
    cx.metrics.group_compactions.with_label_values(&[&resolution]).inc();
    if of_group.overlaps {
        cx.metrics.group_vertical_compactions.with_label_values(&[&resolution]).inc();
    }
}

/// Runs the engine.
pub(crate) async fn merge(cx: &Context, job: &Job, id: BlockId) -> Result<(Merged, Vec<File>), StepError> {
    let sources = sources::open(cx, job.blocks()).await?;
    let making = Making { id, sources, hash_files: cx.config.hash_files, extra_bytes: 0 };
    let range = job.range();
    let making = making::make(
        cx,
        making,
        |merged: &Merged| merged.stats.num_samples > 0,
        move |sources, output, options| lithify_tsdb::compact(sources, range, output, options),
    );
    spans::within(spans::compaction(), making).await
}

/// Nothing came out of `blocks`. That is right only if nothing was in it, or if tombstones delete all that was.
///
/// Source: `thanos-compactor.md` 6.7, decisions 1 and 2.
pub(crate) fn nothing_to_write(blocks: &[BlockFacts], merged: &Merged) -> Result<(), StepError> {
    for (position, block) in blocks.iter().enumerate() {
        let found = merged.found.get(position).copied().unwrap_or_default();
        let (claimed, none) = (block.meta.stats.num_samples, found.chunks == 0);
        if found.deleted_chunks != found.chunks || none && claimed > 0 {
            return Err(StepError::Nothing { id: block.id, claimed, chunks: found.chunks });
        }
    }
    Ok(())
}

/// meta.json of the result, but for its files, extensions and time of upload.
fn meta_of(job: &Job, id: BlockId, merged: &Merged) -> Meta {
    let metas = || job.blocks().iter().map(|block| &block.meta);
    let sources: BTreeSet<BlockId> = metas().flat_map(|meta| meta.compaction.sources.iter().copied()).collect();
    Meta {
        id,
        range: job.range(),
        stats: merged.stats,
        compaction: Compaction {
            level: metas().map(|meta| meta.compaction.level).max().unwrap_or_default().saturating_add(1),
            sources: sources.into_iter().collect(),
            parents: job.blocks().iter().map(|block| Parent { id: block.id, range: block.meta.range }).collect(),
            ..Compaction::default()
        },
        version: 1,
        thanos: Thanos {
            labels: job.labels().clone(),
            resolution: job.resolution(),
            source: SOURCE_COMPACTOR.to_owned(),
            index_stats: merged.index_stats,
            ..Thanos::default()
        },
    }
}

fn log(outcome: &Outcome) {
    let Some(result) = &outcome.result else {
        warn!(
            group = outcome.group, blocks = %join(outcome.sources.iter().map(|block| block.id)),
            "blocks without samples were marked for deletion; no block was written"
        );
        return;
    };
    let stats = result.stats;
    info!(
        group = outcome.group,
        result = %result.id,
        level = result.compaction.level,
        series = stats.num_series,
        samples = stats.num_samples,
        chunks = stats.num_chunks,
        bytes = outcome.bytes_out,
        duration = ?outcome.took,
        "compacted blocks"
    );
}

pub(crate) fn join(ids: impl Iterator<Item = BlockId>) -> String {
    ids.map(|id| id.to_string()).collect::<Vec<_>>().join(",")
}
