//! A pass of downsampling: every block that is due gets a copy of coarser resolution.
//!
//! Source: `thanos-compactor.md` 7.2 and 7.3, `downsampling.md` 4.4.

use std::{sync::Arc, time::Duration};

use lithify_block::{BlockFacts, BlockId, File, Meta, SOURCE_COMPACTOR, policy::Aggregator};
use lithify_tsdb::Merged;
use tokio::task::JoinSet;
use tracing::info;

use crate::{
    Context, Downsampling, Failure, Step, View, decide_downsampling,
    failure::StepError,
    isolation::LeftOut,
    making::{self, Making},
    sources,
};

/// Memory for one aggregator, bytes: the samples it is asked about, its answer and what it keeps meanwhile.
const AGGREGATOR_BYTES: u64 = 64 << 20;

/// A copy that was made.
#[derive(Clone, Debug)]
pub struct Downsampled {
    /// The block that it was made of, which stays.
    pub source: BlockFacts,
    /// The copy.
    pub result: Meta,
    /// Bytes of its index and chunks.
    pub bytes_out: u64,
    /// How long it took.
    pub took: Duration,
}

/// What a pass did.
#[derive(Debug, Default)]
pub(crate) struct DownsamplingPass {
    /// Copies, in the order in which they were finished.
    pub(crate) copies: Vec<Downsampled>,
    /// What went wrong. Nothing was logged of it yet.
    pub(crate) failures: Vec<Failure>,
}

/// Makes all copies that are due in `view`, by the ids of their sources, several side by side; what was left out stays
/// out. After the first failure none is begun any more, unless failures are isolated; those under way are finished.
///
/// # Errors
/// [`Failure`] if it cannot be decided what is due; then nothing was done.
pub(crate) async fn downsample(cx: &Context, view: &View, left_out: &LeftOut) -> Result<DownsamplingPass, Failure> {
    for block in view.active() {
        let resolution = block.meta.thanos.resolution.to_string();
        cx.metrics.downsampling.total.with_label_values(&[&resolution]);
        cx.metrics.downsampling.failures.with_label_values(&[&resolution]);
    }
    let decided = decide_downsampling(view).map_err(|error| Failure::new(Step::DecideDownsampling, error))?;
    let due: Vec<_> = decided.into_iter().filter(|due| due.is_due() && !left_out.has_block(due.source.id)).collect();
    let bytes = due.iter().filter_map(|due| due.source.size_bytes).sum();
    cx.progress.planned(due.len() as u64, bytes);
    let (mut running, mut pass) = (JoinSet::new(), DownsamplingPass::default());
    for due in due {
        while running.len() >= cx.config.downsample_concurrency
            && let Some(finished) = running.join_next().await
        {
            pass.add(finished);
        }
        if !pass.failures.is_empty() && !cx.config.isolate_failures || cx.stop.is_set() {
            break;
        }
        let cx = cx.clone();
        running.spawn(async move { downsample_block(&cx, &due).await });
    }
    while let Some(finished) = running.join_next().await {
        pass.add(finished);
    }
    if cx.stop.is_set() && !pass.failures.iter().any(Failure::is_stop) {
        pass.failures.push(Failure::new(Step::Downsample, StepError::Stopped));
    }
    Ok(pass)
}

async fn downsample_block(cx: &Context, due: &Downsampling) -> Result<Downsampled, Failure> {
    let resolution = due.source.meta.thanos.resolution.to_string();
    let done = copy(cx, due).await;
    cx.metrics.downsampling.total.with_label_values(&[&resolution]).inc();
    match &done {
        Ok(_) => cx.progress.done(),
        Err(_) => cx.metrics.downsampling.failures.with_label_values(&[&resolution]).inc(),
    }
    done
}

/// Writes the copy, its meta.json last: until then nobody takes it for a block, and the source is not touched.
async fn copy(cx: &Context, due: &Downsampling) -> Result<Downsampled, Failure> {
    let started = cx.ambient.elapsed();
    let source = &due.source;
    let failed = |step| move |error: StepError| Failure::of_block(step, error, source.id);
    if source.meta.thanos.labels.is_empty() {
        return Err(failed(Step::UploadDownsampled)(StepError::NoLabels { id: source.id }));
    }
    let id = cx.ambient.new_block_id();
    cx.progress.doing(format!("downsample {}", source.id));
    info!(block = %source.id, result = %id, resolution = due.target, "downsampling block");
    let (merged, files) = cx.maker.downsample(cx, due, id).await.map_err(failed(Step::Downsample))?;
    let mut meta = meta_of(due, id, &merged);
    making::upload_meta(cx, &mut meta, files).await.map_err(failed(Step::UploadDownsampled))?;
    let bytes_out = meta.thanos.files.iter().map(|file| file.size_bytes.cast_unsigned()).sum();
    let took = cx.ambient.elapsed() - started;
    info!(
        block = %source.id, result = %id, resolution = due.target, series = meta.stats.num_series,
        samples = meta.stats.num_samples, bytes = bytes_out, duration = ?took, "downsampled block"
    );
    Ok(Downsampled { source: source.clone(), result: meta, bytes_out, took })
}

/// Runs the engine, with as many aggregators as cores are free for a block.
pub(crate) async fn aggregate(cx: &Context, due: &Downsampling, id: BlockId) -> Result<(Merged, Vec<File>), StepError> {
    let source = &due.source;
    let sources = sources::open(cx, std::slice::from_ref(source)).await?;
    let aggregators = begin(cx, source.id).await?;
    let count = aggregators.len() as u64;
    let entry_bytes = u64::try_from(source.meta.thanos.index_stats.series_max_size).unwrap_or_default();
    let extra_bytes = lithify_tsdb::downsampling_estimate(&source.meta.stats, entry_bytes, count)
        .saturating_add(count.saturating_mul(AGGREGATOR_BYTES));
    let making = Making { id, sources, hash_files: cx.config.hash_files, extra_bytes };
    let how = lithify_tsdb::Downsampling { from_ms: source.meta.thanos.resolution, to_ms: due.target, aggregators };
    let (range, ambient) = (source.meta.range, Arc::clone(&cx.ambient));
    let seconds = cx.metrics.downsampling.seconds.with_label_values(&[&source.meta.thanos.resolution.to_string()]);
    making::make(
        cx,
        making,
        |_: &Merged| true,
        move |sources, output, options| {
            let source = sources.first().expect("one block is downsampled");
            let started = ambient.elapsed();
            let merged = lithify_tsdb::downsample(source, range, how, output, options)?;
            seconds.observe((ambient.elapsed() - started).as_secs_f64());
            Ok(merged)
        },
    )
    .await
}

/// Aggregators for `block`. The policy may have to be loaded first, which takes a while.
async fn begin(cx: &Context, block: BlockId) -> Result<Vec<Box<dyn Aggregator>>, StepError> {
    let cx = cx.clone();
    making::on_blocking_thread(move || {
        let begin = |_| cx.policies.downsampler.begin(&cx.question(), block);
        // They are not to take more than half of the budget: what they work on must fit as well.
        let affordable = usize::try_from(cx.config.memory_budget_bytes / 2 / AGGREGATOR_BYTES).unwrap_or(usize::MAX);
        let count = cx.config.downsample_threads.min(affordable).max(1);
        Ok((0..count).map(begin).collect::<Result<_, _>>()?)
    })
    .await
}

/// The source's meta.json with what is different. Counts of samples by kind, like all else, stay those of the source.
///
/// Source: `downsampling.md` 4.4.
fn meta_of(due: &Downsampling, id: BlockId, merged: &Merged) -> Meta {
    let mut meta = due.source.meta.clone();
    meta.id = id;
    meta.version = 1;
    meta.stats.num_series = merged.stats.num_series;
    meta.stats.num_chunks = merged.stats.num_chunks;
    meta.stats.num_samples = merged.stats.num_samples;
    meta.thanos.resolution = due.target;
    meta.thanos.source = SOURCE_COMPACTOR.to_owned();
    let (kept, new) = (&mut meta.thanos.index_stats, merged.index_stats);
    for (kept, new) in
        [(&mut kept.series_max_size, new.series_max_size), (&mut kept.chunk_max_size, new.chunk_max_size)]
    {
        if new > 0 {
            *kept = new;
        }
    }
    meta
}

impl DownsamplingPass {
    fn add(&mut self, finished: Result<Result<Downsampled, Failure>, tokio::task::JoinError>) {
        let finished =
            finished.unwrap_or_else(|panic| Err(Failure::new(Step::Downsample, StepError::Panic(panic.to_string()))));
        match finished {
            Ok(copy) => self.copies.push(copy),
            Err(failure) => self.failures.push(failure),
        }
    }
}
