//! A source that breaks a rule which every block must keep. What to do about it is the caller's business.
//!
//! Source: `thanos-compactor.md` 6.4.

use std::fmt;

/// Where a rule was first broken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Example {
    /// The series, as `{name="value"}`.
    pub series: String,
    /// Offset of its entry in the index file.
    pub offset: u64,
    /// First and last millisecond of the chunk, if the rule is about one.
    pub chunk: Option<(i64, i64)>,
}

impl fmt::Display for Example {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "series {} at byte {} of index", self.series, self.offset)?;
        match self.chunk {
            Some((min, max)) => write!(f, ", chunk [{min}, {max}]"),
            None => Ok(()),
        }
    }
}

/// A broken rule, how often it was broken in the block, and where first.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Defect {
    /// A series has no labels.
    #[error("series without labels at byte {offset} of index")]
    EmptyLabels {
        /// Offset of its entry in the index file.
        offset: u64,
    },
    /// A series is not greater than the one before.
    #[error("not greater than the series before: {example}")]
    SeriesOrder {
        /// The later series.
        example: Example,
    },
    /// A series has no chunks.
    #[error("no chunks: {example}")]
    NoChunks {
        /// The series.
        example: Example,
    },
    /// Chunks lie outside the block's range: critical.
    #[error(
        "{} chunks outside the block's range, {completely} of them completely, first: {example}",
        partly + completely
    )]
    OutsideRange {
        /// Chunks that stick out of the range.
        partly: u64,
        /// Chunks that have no sample inside.
        completely: u64,
        /// The first of them.
        example: Example,
    },
    /// Chunks begin before the one before them has ended.
    #[error("{count} chunks overlap or precede the one before, first: {example}")]
    OutOfOrderChunks {
        /// How many.
        count: u64,
        /// The first of them.
        example: Example,
    },
    /// Chunks begin where the block ends, as an early Prometheus wrote them; such blocks can be repaired.
    #[error("{count} chunks begin at the block's end (Prometheus issue 347), first: {example}")]
    Issue347 {
        /// How many.
        count: u64,
        /// The first of them.
        example: Example,
    },
    /// Label names inside a series do not ascend.
    #[error("{count} label names are smaller than the one before, first: {example}")]
    OutOfOrderLabels {
        /// How many.
        count: u64,
        /// The first of them.
        example: Example,
    },
}
