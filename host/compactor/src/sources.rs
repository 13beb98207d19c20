//! Opening the blocks of a job.

use lithify_block::BlockFacts;
use lithify_bucket::{Depth, layout};
use lithify_tsdb::{Blob, Source, is_segment_name};

use crate::{Context, Unsupported, failure::StepError, spans, staged::Stored};

/// Largest tombstones file that is read, bytes: some hundred thousand intervals.
const TOMBSTONES_BYTES_MAX: u64 = 64 << 20;

/// `blocks` in their order, ready to be read. What a block consists of is asked anew, not taken from the view.
///
/// # Errors
/// [`StepError`] if a block lacks its index, is of an unknown version, or cannot be opened; [`StepError::Stopped`] as soon
/// as the run is told to stop.
pub(crate) async fn open(cx: &Context, blocks: &[BlockFacts]) -> Result<Vec<Source>, StepError> {
    let opened = async {
        let mut sources = Vec::with_capacity(blocks.len());
        for block in blocks {
            sources.push(spans::within(spans::download(block.id), open_block(cx, block)).await?);
        }
        Ok(sources)
    };
    tokio::select! {
        biased;
        () = cx.stop.wait() => Err(StepError::Stopped),
        opened = opened => opened,
    }
}

async fn open_block(cx: &Context, block: &BlockFacts) -> Result<Source, StepError> {
    let id = block.id;
    block.meta.check_thanos_version().map_err(|error| Unsupported::Meta { id, error })?;
    let names = names_below(cx, block).await?;
    let directory = layout::directory(id);
    let object = |path: &str| format!("{directory}{path}");
    if !names.iter().any(|name| name == layout::INDEX) {
        return Err(StepError::Missing { id, object: layout::INDEX });
    }
    let index: Box<dyn Blob> = Box::new(Stored::new(cx.bucket.open(&layout::index(id)).await?, &cx.stop));
    let mut segments: Vec<(String, Box<dyn Blob>)> = Vec::new();
    for name in names.iter().filter_map(|name| name.strip_prefix("chunks/")).filter(|name| is_segment_name(name)) {
        let blob = cx.bucket.open(&object(&format!("chunks/{name}"))).await?;
        segments.push((name.to_owned(), Box::new(Stored::new(blob, &cx.stop))));
    }
    let tombstones = if names.iter().any(|name| name == "tombstones") {
        Some(cx.bucket.get(&object("tombstones"), TOMBSTONES_BYTES_MAX).await?.to_vec())
    } else {
        None
    };
    Ok(Source { id, range: block.meta.range, index, segments, tombstones })
}

/// Names of the block's objects, below the block, sorted by their bytes.
async fn names_below(cx: &Context, block: &BlockFacts) -> Result<Vec<String>, StepError> {
    let directory = layout::directory(block.id);
    let mut pages = cx.bucket.list(&directory, Depth::All);
    let mut names = Vec::new();
    while let Some(page) = pages.next().await? {
        names.extend(page.into_iter().filter_map(|entry| entry.name.strip_prefix(&directory).map(str::to_owned)));
    }
    names.sort_unstable();
    Ok(names)
}
