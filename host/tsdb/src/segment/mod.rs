//! Chunk segments: the files under `chunks/`.
//!
//! ```text
//! u32 0x85bd40dd | u8 1 | 3 zeros                                header, 8 bytes
//! uvarint bytes of data | u8 encoding | data | u32 checksum      records, to the end of the file
//! ```
//!
//! The checksum covers encoding and data. A chunk's reference is the zero-based position of its segment among the
//! block's segments, shifted by 32, and the offset of its length field.
//!
//! Source: `tsdb-format.md` 2; Prometheus tsdb/chunks/chunks.go.

mod reader;
mod record;
mod writer;

pub use record::Record;

pub(crate) use record::{FLOAT_HISTOGRAM, HISTOGRAM, XOR};
pub use writer::DEFAULT_SEGMENT_BYTES;

pub(crate) use reader::{ChunkReader, check_header};
pub(crate) use writer::Writer;

/// The magic number of a segment.
pub(crate) const MAGIC: u32 = 0x85bd_40dd;
/// The version of a segment.
pub(crate) const VERSION: u8 = 1;
/// Bytes of the header.
pub(crate) const HEADER_BYTES: u64 = 8;
/// The longest length field, bytes.
pub(crate) const LENGTH_BYTES: usize = 5;
