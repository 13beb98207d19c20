//! The index file: which series a block has, and where their chunks are.
//!
//! ```text
//! header                 5 bytes
//! symbols                every string, once, ascending
//! series                 each at a multiple of 16
//! [padding to 4]
//! postings               lists of series ids, by label pair
//! postings offset table  where each list is
//! toc                    last 52 bytes
//! ```
//!
//! A section that begins with a length is `u32 length, content, u32 checksum of the content`.
//!
//! Source: `tsdb-format.md` 4; Prometheus tsdb/index/index.go, tsdb/docs/format/index.md.

mod header;
mod postings;
mod postings_table;
mod reader;
mod section;
mod series;
mod symbols;
mod toc;
mod writer;

pub use reader::Index;
pub use series::{ChunkMeta, Series};
pub use symbols::{SymbolMap, Symbols};
pub use toc::Toc;
pub use writer::Rule;

pub(crate) use postings::SeriesIds;
pub(crate) use reader::SeriesReader;
pub(crate) use symbols::SymbolReader;
pub(crate) use writer::{Limits, Writer};
