//! What is a block? Ids, times, labels, meta.json, marks, groups, and the laws that every plan must obey.
//!
//! Invariants: nothing here reads a clock, a file or the environment; the names do not resolve. Everything is a value.
//!
//! Start with [`Meta`], then [`policy`], then [`Job::check`].
#![no_std]
extern crate alloc;
#[cfg(not(target_family = "wasm"))]
extern crate std as _; // Native builds link its allocator and panic handler; nothing can name it.

pub mod budget;
pub mod columns;
mod group;
mod id;
mod job;
mod json;
mod labels;
mod marks;
mod meta;
pub mod policy;
mod provenance;
pub mod rails;
mod rfc3339;
mod time;

pub use group::{BlockFacts, Group};
pub use id::{BlockId, InvalidBlockId};
pub use job::{Job, Overlaps, Refusal};
pub use labels::Labels;
pub use marks::{DeletionMark, MarkError, NoCompactMark, NoDownsampleMark};
pub use meta::{
    Compaction, File, FileHash, IndexStats, Meta, MetaError, Parent, SOURCE_COMPACTOR, SOURCE_COMPACTOR_REPAIR, Source,
    Stats, Thanos,
};
pub use provenance::Provenance;
pub use rfc3339::Rfc3339;
pub use time::{TimeRange, Timestamp};
