//! One job: sources in, a complete block out, sources marked.
//!
//! Source: `thanos-compactor.md` 6.1, 6.8 and 6.9.

use std::{
    collections::BTreeSet,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use lithify_block::{BlockFacts, BlockId, Compaction, DeletionMark, File, Job, Meta, Parent, SOURCE_COMPACTOR, Thanos};
use lithify_bucket::{
    Mark,
    layout::{self, MarkKind},
    write_mark,
};
use lithify_tsdb::{Merged, Options, Source};
use serde_json::Value;
use tokio::task::JoinSet;
use tracing::{info, warn};

use crate::{
    Context,
    failure::{Failure, Step, StepError},
    sources,
    staged::Staged,
};

/// Details of the marks that sources of a compacted block get.
const SOURCE_OF_COMPACTED: &str = "source of compacted block";

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

/// Merges the blocks of `job`, uploads the result and marks the sources, in this order: a crash between any two steps
/// leaves a bucket that the next run understands. `extensions` are those of the whole group.
///
/// # Errors
/// [`Failure`] naming the step; nothing is visible unless the result is complete.
pub(crate) async fn run(cx: &Context, job: &Job, extensions: Option<Value>) -> Result<Outcome, Failure> {
    let started = cx.ambient.elapsed();
    let ids = || job.blocks().iter().map(|block| block.id);
    let failed = |step| move |error: StepError| Failure::new(step, error).of(job.group(), ids());
    let id = cx.ambient.new_block_id();
    info!(group = job.group(), blocks = %join(ids()), result = %id, reason = job.reason(), "compacting blocks");
    let (merged, files) = merge(cx, job, id).await.map_err(failed(Step::Merge))?;
    let result = if merged.stats.num_samples == 0 {
        nothing_to_write(job).map_err(failed(Step::Merge))?;
        None
    } else {
        let mut meta = meta_of(job, id, &merged, files);
        meta.thanos.extensions = extensions;
        meta.thanos.upload_time = cx.ambient.now();
        let name = layout::meta(id);
        let upload = cx.bucket.upload(&name, Bytes::from(meta.to_json())).await;
        upload.map_err(|error| failed(Step::Upload)(error.into()))?;
        cx.metrics.group_compactions.with_label_values(&[&job.resolution().to_string()]).inc();
        Some(meta)
    };
    mark_sources(cx, job).await.map_err(failed(Step::MarkSources))?;
    let took = cx.ambient.elapsed() - started;
    let outcome = Outcome {
        group: job.group().to_owned(),
        reason: job.reason().to_owned(),
        sources: job.blocks().to_vec(),
        bytes_in: job.blocks().iter().filter_map(|block| block.size_bytes).sum(),
        bytes_out: result.iter().flat_map(|meta| &meta.thanos.files).map(|file| file.size_bytes.cast_unsigned()).sum(),
        result,
        took,
    };
    log(&outcome);
    Ok(outcome)
}

/// Runs the engine on a blocking thread once its memory is admitted.
async fn merge(cx: &Context, job: &Job, id: BlockId) -> Result<(Merged, Vec<(String, u64)>), StepError> {
    let sources = sources::open(cx, job).await?;
    let (sources, need) = tokio::task::spawn_blocking(move || memory_needed(sources))
        .await
        .map_err(|panic| StepError::Panic(panic.to_string()))??;
    let _admitted = cx.memory.admit(need).await?;
    if cx.stop.is_set() {
        return Err(StepError::Stopped);
    }
    let mut staged = Staged::new(id, Arc::clone(&cx.bucket), Arc::clone(&cx.progress));
    let (range, stop) = (job.range(), cx.stop.clone());
    let work = move || {
        let progress = lithify_tsdb::Progress::default();
        let options = Options {
            segment_bytes: 0,
            accept_malformed: false,
            deduplication: lithify_tsdb::Deduplication::OneToOne,
            cancel: stop.flag(),
            progress: &progress,
        };
        let merged = lithify_tsdb::compact(&sources, range, &mut staged, &options).map_err(engine_error)?;
        if merged.stats.num_samples == 0 {
            return Ok((merged, Vec::new()));
        }
        if stop.is_set() {
            return Err(StepError::Stopped);
        }
        let files = staged.publish()?;
        Ok((merged, files))
    };
    let panic_caught =
        move || catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| Err(StepError::Panic(text_of(&*panic))));
    tokio::task::spawn_blocking(panic_caught).await.map_err(|error| StepError::Panic(error.to_string()))?
}

fn engine_error(error: lithify_tsdb::Error) -> StepError {
    if matches!(error, lithify_tsdb::Error::Cancelled) { StepError::Stopped } else { StepError::Engine(error) }
}

/// The most memory that merging `sources` takes, bytes, by the sizes that their indexes state. Reads them, so it blocks.
fn memory_needed(sources: Vec<Source>) -> Result<(Vec<Source>, u64), StepError> {
    let sizes = sources.iter().map(|source| {
        let of = |fault: lithify_tsdb::Fault| StepError::Engine(fault.of(source.id, layout::INDEX));
        let index = lithify_tsdb::index::Index::open(source.index.as_ref()).map_err(of)?;
        index.sizes().map_err(of)
    });
    let need = lithify_tsdb::memory_estimate(&sizes.collect::<Result<Vec<_>, _>>()?);
    Ok((sources, need))
}

/// Blocks that claim no samples and have none may go; anything else must not be marked.
///
/// Source: `thanos-compactor.md` 6.7.
fn nothing_to_write(job: &Job) -> Result<(), StepError> {
    match job.blocks().iter().find(|block| block.meta.stats.num_samples > 0) {
        Some(block) => Err(StepError::Nothing { id: block.id, claimed: block.meta.stats.num_samples }),
        None => Ok(()),
    }
}

/// meta.json of the result, but for extensions and time of upload.
fn meta_of(job: &Job, id: BlockId, merged: &Merged, files: Vec<(String, u64)>) -> Meta {
    let metas = || job.blocks().iter().map(|block| &block.meta);
    let sources: BTreeSet<BlockId> = metas().flat_map(|meta| meta.compaction.sources.iter().copied()).collect();
    let segments = files.iter().filter_map(|(path, _)| path.strip_prefix("chunks/").map(str::to_owned)).collect();
    let file =
        |(path, size): &(String, u64)| File { rel_path: path.clone(), size_bytes: size.cast_signed(), hash: None };
    let meta_file = File { rel_path: layout::META.to_owned(), ..File::default() };
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
            segment_files: segments,
            files: files.iter().map(file).chain([meta_file]).collect(),
            index_stats: merged.index_stats,
            ..Thanos::default()
        },
    }
}

/// Marks all sources at once: each mark waits for the store, and their order tells nobody anything.
async fn mark_sources(cx: &Context, job: &Job) -> Result<(), StepError> {
    let mut marking = JoinSet::new();
    for block in job.blocks() {
        let (id, bucket) = (block.id, Arc::clone(&cx.bucket));
        let mark = Mark::Deletion(DeletionMark::new(id, SOURCE_OF_COMPACTED, cx.ambient.timestamp()));
        marking.spawn(async move { write_mark(&*bucket, &mark).await });
    }
    let mut outcome = Ok(());
    while let Some(marked) = marking.join_next().await {
        let marked = marked.map_err(|panic| StepError::Panic(panic.to_string()));
        match marked.and_then(|written| Ok(written?)) {
            Ok(new) => {
                if new {
                    cx.metrics.blocks_marked.with_label_values(&[MarkKind::Deletion.file(), ""]).inc();
                }
                cx.metrics.garbage_collected_blocks.inc();
            }
            Err(error) => outcome = Err(error),
        }
    }
    outcome
}

fn log(outcome: &Outcome) {
    let Some(result) = &outcome.result else {
        warn!(group = outcome.group, "blocks without samples were marked for deletion; no block was written");
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
    let claimed: u64 = outcome.sources.iter().map(|block| block.meta.stats.num_samples).sum();
    if claimed != stats.num_samples {
        warn!(
            group = outcome.group, result = %result.id, claimed, found = stats.num_samples,
            "the sources' meta.json claim another number of samples than their chunks hold"
        );
    }
}

pub(crate) fn join(ids: impl Iterator<Item = BlockId>) -> String {
    ids.map(|id| id.to_string()).collect::<Vec<_>>().join(",")
}

fn text_of(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}
