//! A merge without samples: the files of a result are names, and its numbers are those of its sources.

use bytes::Bytes;
use lithify_block::{BlockFacts, BlockId, File, Job, Stats};
use lithify_compactor::{Context, Downsampling, Files, Maker, StepError};
use lithify_tsdb::Merged;

/// Counts, where the engine merges.
pub(super) struct Counting;

impl Maker for Counting {
    fn merge<'a>(&'a self, cx: &'a Context, job: &'a Job, id: BlockId) -> Files<'a> {
        Box::pin(put(cx, id, sum(job.blocks())))
    }

    fn downsample<'a>(&'a self, cx: &'a Context, due: &'a Downsampling, id: BlockId) -> Files<'a> {
        let mut stats = due.source.meta.stats;
        // Raw samples come every 15 seconds, those of a 5m block twelve times an hour.
        stats.num_samples = (stats.num_samples / if due.source.meta.thanos.resolution == 0 { 20 } else { 12 }).max(1);
        Box::pin(put(cx, id, stats))
    }
}

fn sum(blocks: &[BlockFacts]) -> Stats {
    let mut sum = Stats::default();
    for stats in blocks.iter().map(|block| block.meta.stats) {
        sum.num_samples += stats.num_samples;
        sum.num_chunks += stats.num_chunks;
        sum.num_series = sum.num_series.max(stats.num_series);
    }
    sum
}

/// Blocks are planned by what the listing shows of them, so there is an index to be listed.
async fn put(cx: &Context, id: BlockId, stats: Stats) -> Result<(Merged, Vec<File>), StepError> {
    let index = format!("{id}/index");
    cx.bucket.upload(&index, Bytes::from_static(b"index")).await?;
    let file = File { rel_path: "index".to_owned(), size_bytes: 5, ..File::default() };
    Ok((Merged { stats, ..Merged::default() }, vec![file]))
}
