//! Chunk encodings: the bytes inside one chunk record.
//!
//! Which question this answers: what samples do these bytes hold, and which bytes does the reference write for these
//! samples. Reading never trusts a count before it has been held against the number of bytes at hand, and writing gives
//! exactly the bytes of Prometheus 3.9.
//!
//! Start with [`encoding`] for what there is, [`xor`] for floats, [`append`] for the rules of native histograms.
//! One file is one part of the format, the writer beside the reader.

pub mod encoding;
pub mod error;

mod bits;
mod varbit;
mod xor_value;

pub mod xor;

pub mod histogram;
pub mod layout;

mod float_histogram;
mod integer_histogram;
mod resolution;
mod spans;

pub mod append;
pub mod decode;

pub mod aggregate;
pub mod samples;

pub use append::{Appended, HistogramAppender};
pub use decode::HistogramDecoder;
pub use encoding::{Encoding, sample_count};
pub use error::ChunkError;
pub use histogram::{Float, FloatHistogram, Hint, Histogram, Integer, IntegerHistogram};
pub use layout::{Layout, Span};
pub use samples::{Sample, Samples};
pub use xor::{XorAppender, XorDecoder};

/// The bits of the value, or of a histogram's sum, that say "this series ended here".
///
/// Other NaNs are ordinary values. Source: Prometheus `model/value/value.go`.
pub const STALE_BITS: u64 = 0x7ff0_0000_0000_0002;
