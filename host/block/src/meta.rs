//! meta.json: what a block says about itself.
//!
//! Source: `tsdb-format.md` 1.2 to 1.4, `thanos-compactor.md` 6.8; Prometheus tsdb/block.go, Thanos
//! pkg/block/metadata/meta.go.

use alloc::{string::String, vec::Vec};

use serde_json::Value;

use crate::{BlockId, Labels, Rfc3339, TimeRange};

mod read;
mod write;

/// The value of [`Thanos::source`] that a compactor writes.
pub const SOURCE_COMPACTOR: &str = "compactor";

/// The value of [`Thanos::source`] of a block that a compactor has repaired.
pub const SOURCE_COMPACTOR_REPAIR: &str = "compactor.repair";

/// The content of meta.json.
#[derive(Clone, Debug, PartialEq)]
pub struct Meta {
    /// The block's id as the file has it; the directory's name is the identity.
    pub id: BlockId,
    /// The range that the block covers, milliseconds, half open.
    pub range: TimeRange,
    /// What the block holds.
    pub stats: Stats,
    /// How the block came about.
    pub compaction: Compaction,
    /// Version of the file; only 1 is supported.
    pub version: i64,
    /// The section that Thanos adds.
    pub thanos: Thanos,
}

/// How much a block holds. Zeros are not printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Samples of all kinds.
    pub num_samples: u64,
    /// Samples in float chunks.
    pub num_float_samples: u64,
    /// Samples in histogram chunks of both kinds.
    pub num_histogram_samples: u64,
    /// Series.
    pub num_series: u64,
    /// Chunks.
    pub num_chunks: u64,
    /// Deletion intervals that wait to be applied.
    pub num_tombstones: u64,
}

/// The `compaction` section.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Compaction {
    /// 1 for a block cut from the head; one more than the highest source otherwise.
    pub level: i64,
    /// The level-1 blocks whose samples are in this block, ascending.
    pub sources: Vec<BlockId>,
    /// Whether the block may be deleted.
    pub deletable: bool,
    /// The blocks it was merged from, in the order of the plan.
    pub parents: Vec<Parent>,
    /// Whether a compaction of it has failed.
    pub failed: bool,
    /// Sorted hints such as `from-out-of-order`.
    pub hints: Vec<String>,
}

/// One entry of `compaction.parents`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parent {
    /// The parent's id.
    pub id: BlockId,
    /// The parent's range.
    pub range: TimeRange,
}

/// The `thanos` section.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Thanos {
    /// Version of the section: 0 and 1 are supported.
    pub version: i64,
    /// External labels.
    pub labels: Labels,
    /// Milliseconds between samples: 0 (raw), 300000 or 3600000.
    pub resolution: i64,
    /// Who wrote the block: `sidecar`, `compactor`, …
    pub source: Source,
    /// Names in `chunks/`, sorted.
    pub segment_files: Vec<String>,
    /// The block's objects, sorted by path.
    pub files: Vec<File>,
    /// History of rewrites, kept as it is.
    pub rewrites: Option<Value>,
    /// Sizes that help readers.
    pub index_stats: IndexStats,
    /// Whatever the user attached.
    pub extensions: Option<Value>,
    /// When the block was uploaded; zero when unknown.
    pub upload_time: Rfc3339,
}

/// `thanos.source`.
pub type Source = String;

/// `thanos.index_stats`; zeros are not printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IndexStats {
    /// Largest distance between two series entries, bytes.
    pub series_max_size: i64,
    /// Largest distance between neighbouring chunks of a series, bytes.
    pub chunk_max_size: i64,
}

/// One entry of `thanos.files`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct File {
    /// Path below the block, such as `chunks/000001`.
    pub rel_path: String,
    /// Size in bytes; 0 is not printed.
    pub size_bytes: i64,
    /// Digest, where one was asked for.
    pub hash: Option<FileHash>,
}

/// Digest of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileHash {
    /// `SHA256`.
    pub func: String,
    /// Lower-case hexadecimal digits.
    pub value: String,
}

/// Why a meta.json cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MetaError {
    /// The text is not JSON, or a member is of the wrong type.
    #[error("meta.json does not decode: {0}")]
    Json(String),
    /// The file is of a version that this release does not know.
    #[error("meta.json has version {found}, supported is 1")]
    Version {
        /// The version in the file.
        found: i64,
    },
    /// The `thanos` section is of a version that this release does not know.
    #[error("the thanos section of meta.json has version {found}, supported are 0 and 1")]
    ThanosVersion {
        /// The version in the file.
        found: i64,
    },
}

impl Meta {
    /// Decodes meta.json as the reference does: unknown members are ignored, missing ones are zero, names match without
    /// regard to case. Versions are left to [`Meta::check_version`] and [`Meta::check_thanos_version`].
    ///
    /// # Errors
    /// [`MetaError::Json`] if the text does not decode.
    pub fn from_json(text: &[u8]) -> Result<Self, MetaError> {
        read::meta(text)
    }

    /// Prints meta.json as Thanos writes it, with a newline at the end.
    #[must_use]
    pub fn to_json(&self) -> String {
        write::meta(self)
    }

    /// Checks the version of the file.
    ///
    /// # Errors
    /// [`MetaError::Version`] if it is not 1.
    pub fn check_version(&self) -> Result<(), MetaError> {
        if self.version == 1 { Ok(()) } else { Err(MetaError::Version { found: self.version }) }
    }

    /// Checks the version of the `thanos` section.
    ///
    /// # Errors
    /// [`MetaError::ThanosVersion`] if it is neither 0 nor 1.
    pub fn check_thanos_version(&self) -> Result<(), MetaError> {
        match self.thanos.version {
            0 | 1 => Ok(()),
            found => Err(MetaError::ThanosVersion { found }),
        }
    }

    /// The size of the index by `thanos.files`, bytes; `None` if it is missing or not positive.
    #[must_use]
    pub fn index_size_bytes(&self) -> Option<u64> {
        let index = self.thanos.files.iter().find(|file| file.rel_path == "index")?;
        u64::try_from(index.size_bytes).ok().filter(|size| *size > 0)
    }
}

#[cfg(test)]
mod tests;
