//! Why a series cannot be downsampled.

use crate::chunk::ChunkError;

/// What is in the way; the reference ends with an error as well, panics or never ends.
///
/// Source: `downsampling.md` 5.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Hurdle {
    /// A chunk does not decode.
    #[error(transparent)]
    Chunk(#[from] ChunkError),
    /// Only raw samples are expected in the block.
    #[error("a chunk of aggregates in a block of raw samples: check thanos.downsample.resolution in its meta.json")]
    UnexpectedAggregates,
    /// A slot holds floats where histograms are expected, or the other way round.
    #[error("slot {slot} of the aggregate chunk holds encoding {encoding}, unlike the other slots of its kind")]
    SlotKind {
        /// Count, sum, min, max, counter are 0 to 4.
        slot: usize,
        /// The slot's encoding byte.
        encoding: u8,
    },
    /// The slot of the counter is absent, which cannot be told from a chunk that is cut off.
    #[error("the aggregate chunk has no counter")]
    NoCounter,
    /// The series has no chunks.
    #[error("no chunks")]
    NoChunks,
    /// Chunks begin before the one before them has ended.
    #[error("the chunk before ends at {before_max}, overlapping it; neither is sorted nor merged when downsampling")]
    Overlap {
        /// Last millisecond of the chunk before.
        before_max: i64,
    },
    /// Exponential buckets cannot be brought to the bounds of custom ones.
    #[error("histograms with exponential and with custom buckets in one chunk cannot be aggregated")]
    MixedBuckets,
    /// More chunks should come out than went in, and chunks are never split.
    #[error(
        "{wanted} chunks should be made of {chunks}, as each holds too many windows: chunks too large to downsample; \
         mark the block no-downsample"
    )]
    TooLarge {
        /// Chunks that should come out.
        wanted: i64,
        /// Chunks that went in.
        chunks: i64,
    },
    /// Chunks of histogram aggregates have no sample of a kind.
    #[error("no sample in the {slot} of histogram aggregates")]
    NoHistograms {
        /// Sum or counter.
        slot: &'static str,
    },
    /// A chunk of the result lies outside the block.
    #[error("outside the block's range, [{from}, {to}]: an aggregate is missing in the source")]
    OutsideRange {
        /// First millisecond of the block.
        from: i64,
        /// Where the block ends.
        to: i64,
    },
    /// A run has more rows than can be counted.
    #[error("{rows} samples in one piece of work, at most {limit} can be told to a policy")]
    TooManyRows {
        /// How many there are.
        rows: usize,
        /// How many there may be.
        limit: u32,
    },
}
