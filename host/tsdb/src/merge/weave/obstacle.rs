//! Why samples could not be merged.

use crate::chunk::ChunkError;

/// Why the samples of a chunk could not be taken apart or merged.
///
/// The reference panics, or loses samples without a word, in all of these cases but those of damaged chunks and
/// [`MarkerAmongGauges`](Self::MarkerAmongGauges), where it fails too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Obstacle {
    /// The chunk's bytes are damaged.
    #[error("{0}")]
    Chunk(#[from] ChunkError),
    /// A deletion leaves a stale marker and other samples of a gauge histogram.
    #[error(
        "a deletion would leave a stale marker and other samples of a gauge histogram, which cannot be written into one \
         chunk: extend or remove the deletion"
    )]
    MarkerAmongGauges,
    /// A deletion, or the end of the range, goes through a chunk of aggregates.
    #[error(
        "only a part of this chunk of aggregates is inside the range of the result and not deleted, and aggregates cannot \
         be cut: remove the deletion, or mark the block no-compact"
    )]
    PartOfAggregates,
    /// Chunks of aggregates overlap others and are to be merged 1:1.
    #[error(
        "chunks of aggregates overlap others and cannot be merged one to one: mark one of the blocks no-compact, or delete \
         the downsampled blocks and let them be made anew"
    )]
    AggregatesOneToOne,
    /// Chunks of histogram aggregates overlap.
    #[error(
        "chunks with aggregates of histograms overlap and cannot be merged: mark one of the blocks no-compact, or delete \
         the downsampled blocks and let them be made anew"
    )]
    HistogramAggregates,
    /// Chunks of aggregates overlap others, and none has a count.
    #[error("overlapping chunks of aggregates have no count: mark the block no-compact")]
    NoCounts,
    /// Overlapping chunks have no samples.
    #[error("overlapping chunks have no samples at all: mark the block no-compact")]
    Nothing,
    /// A sample has the smallest time of all, which merging cannot keep.
    #[error("a sample at the beginning of time, -2^63, would be lost where chunks overlap: mark the block no-compact")]
    BeginningOfTime,
}
