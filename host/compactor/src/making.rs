//! Making a block: memory is admitted, the engine works on a blocking thread, and its files become visible together.
//!
//! Merging, repairing and downsampling differ in what the engine is asked for, and in meta.json.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use bytes::Bytes;
use lithify_block::{BlockId, File, Meta};
use lithify_bucket::layout;
use lithify_tsdb::{IndexSizes, Options, Source};

use crate::{Context, Stop, failure::StepError, staged::Staged};

/// A block that is to be made.
pub(crate) struct Making {
    /// Its id.
    pub(crate) id: BlockId,
    /// What it is made of.
    pub(crate) sources: Vec<Source>,
    /// Whether digests of its files are recorded.
    pub(crate) hash_files: bool,
    /// Memory besides that for indexes and windows, bytes.
    pub(crate) extra_bytes: u64,
}

/// Lets `work` write a block and makes its files visible, segments before the index, if `is_block` says that the result
/// is one. Gives what `work` did and the files for meta.json, none if there is no block. The block becomes one with
/// [`upload_meta`].
///
/// # Errors
/// [`StepError`]; nothing is visible, or segments without an index if the store refused halfway.
pub(crate) async fn make<T: Send + 'static>(
    cx: &Context,
    making: Making,
    is_block: impl Fn(&T) -> bool + Send + 'static,
    work: impl FnOnce(&[Source], &mut Staged, &Options<'_>) -> Result<T, lithify_tsdb::Error> + Send + 'static,
) -> Result<(T, Vec<File>), StepError> {
    let Making { id, sources, hash_files, extra_bytes } = making;
    let measured = on_blocking_thread(move || memory_needed(sources)).await;
    let (sources, need) = measured.map_err(|error| given_up(error, &cx.stop))?;
    let _admitted = cx.memory.admit(need.saturating_add(extra_bytes)).await?;
    if cx.stop.is_set() {
        return Err(StepError::Stopped);
    }
    let mut staged = Staged::new(id, Arc::clone(&cx.bucket), Arc::clone(&cx.progress), hash_files);
    let (config, stop) = (Arc::clone(&cx.config), cx.stop.clone());
    let working = on_blocking_thread(move || {
        let progress = lithify_tsdb::Progress::default();
        let options = Options {
            segment_bytes: 0,
            accept_malformed: config.accept_malformed_index,
            deduplication: config.deduplication,
            cancel: stop.flag(),
            progress: &progress,
        };
        let made = work(&sources, &mut staged, &options);
        let made = made.map_err(|error| given_up(engine_error(error), &stop))?;
        if !is_block(&made) {
            return Ok((made, Vec::new()));
        }
        if stop.is_set() {
            return Err(StepError::Stopped);
        }
        Ok((made, staged.publish()?))
    });
    // A thread that waits for the store is left behind: there is no waking it, and the process is about to end.
    cx.stop.outlast(working).await.unwrap_or(Err(StepError::Stopped))
}

fn engine_error(error: lithify_tsdb::Error) -> StepError {
    if matches!(error, lithify_tsdb::Error::Cancelled) { StepError::Stopped } else { StepError::Engine(error) }
}

/// A read that failed because the run was told to stop is a stop.
fn given_up(error: StepError, stop: &Stop) -> StepError {
    let is_read = matches!(error, StepError::Engine(lithify_tsdb::Error::Read { .. }));
    if is_read && stop.is_set() { StepError::Stopped } else { error }
}

/// Stamps `meta` with its files and the time and uploads it, which makes the block visible.
///
/// # Errors
/// [`StepError::Store`], or [`StepError::Stopped`] if the store did not answer any more.
pub(crate) async fn upload_meta(cx: &Context, meta: &mut Meta, files: Vec<File>) -> Result<(), StepError> {
    let segments = files.iter().filter_map(|file| file.rel_path.strip_prefix("chunks/"));
    meta.thanos.segment_files = segments.map(str::to_owned).collect();
    let of_itself = File { rel_path: layout::META.to_owned(), ..File::default() };
    meta.thanos.files = files.into_iter().chain([of_itself]).collect();
    meta.thanos.upload_time = cx.ambient.now();
    let name = layout::meta(meta.id);
    let uploading = cx.bucket.upload(&name, Bytes::from(meta.to_json()));
    Ok(cx.stop.outlast(uploading).await.ok_or(StepError::Stopped)??)
}

/// The most memory that reading `sources` takes, bytes, by the sizes that their indexes state. Reads them, so it blocks.
fn memory_needed(sources: Vec<Source>) -> Result<(Vec<Source>, u64), StepError> {
    let sizes = sources.iter().map(|source| -> Result<IndexSizes, lithify_tsdb::Error> {
        let of = |fault: lithify_tsdb::Fault| fault.of(source.id, layout::INDEX);
        lithify_tsdb::index::Index::open(source.index.as_ref()).map_err(of)?.sizes().map_err(of)
    });
    let need = lithify_tsdb::memory_estimate(&sizes.collect::<Result<Vec<_>, _>>()?);
    Ok((sources, need))
}

/// Runs `work` where it may block; a panic in it becomes an error.
pub(crate) async fn on_blocking_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StepError> + Send + 'static,
) -> Result<T, StepError> {
    let caught =
        move || catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| Err(StepError::Panic(text_of(&*panic))));
    tokio::task::spawn_blocking(caught).await.map_err(|error| StepError::Panic(error.to_string()))?
}

fn text_of(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}
