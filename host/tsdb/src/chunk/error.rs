//! What can be wrong with the bytes of a chunk, or with a sample that should go into one.

/// Why a chunk could not be read or a sample not be appended.
///
/// Positions are bits from the first byte of the chunk's data, its header included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChunkError {
    /// The encoding byte is none that Prometheus 3.9 or Thanos knows.
    #[error(
        "unsupported chunk encoding {0}: only 1 (XOR), 2 (histogram), 3 (float histogram) and 255 (aggregate) can be read; \
         blocks with other encodings were written by Prometheus 3.11 or later with an experimental encoding switched on"
    )]
    UnsupportedEncoding(u8),
    /// The data is shorter than the fixed header of its encoding.
    #[error("chunk data has {length} bytes, its header alone needs {needed}")]
    TooShort {
        /// Bytes at hand.
        length: usize,
        /// Bytes that the header takes.
        needed: usize,
    },
    /// The data ends before the announced number of samples was read.
    #[error("chunk data ends inside sample {sample}, at bit {bit}")]
    EndOfData {
        /// The sample that is cut off, counted from 0.
        sample: u16,
        /// Where the data ends.
        bit: u64,
    },
    /// A variable-length integer holds more than 64 bits.
    #[error("variable-length integer ending at bit {bit} does not fit 64 bits")]
    VarintOverflow {
        /// Position behind the byte that is too much.
        bit: u64,
    },
    /// The window of a changed value is wider than the value.
    #[error("{lead} leading zeros and {significant} significant bits before bit {bit} make more than 64")]
    XorWindow {
        /// Leading zeros as stored.
        lead: u8,
        /// Significant bits as stored.
        significant: u8,
        /// Position behind the two fields.
        bit: u64,
    },
    /// A list in the histogram layout is longer than the rest of the data can hold.
    #[error("histogram layout announces {announced} {what} at bit {bit}, but the rest of the data can hold {possible}")]
    TooMany {
        /// Spans, buckets or custom bounds.
        what: &'static str,
        /// How many the layout asks for.
        announced: u64,
        /// How many the remaining bits could hold at most.
        possible: u64,
        /// Position behind the number.
        bit: u64,
    },
    /// The histogram schema is outside -9 to 52 and is not -53.
    #[error("unknown histogram schema {schema} in the layout that ends at bit {bit}")]
    UnknownSchema {
        /// The schema as stored.
        schema: i32,
        /// Position behind the layout.
        bit: u64,
    },
    /// A span other than the first steps backwards.
    #[error("histogram span {span} has the negative offset {offset}")]
    SpanOffset {
        /// Position in the list of its side, counted from 0.
        span: usize,
        /// The offset.
        offset: i32,
    },
    /// A histogram's bucket list is not as long as its spans say.
    #[error("histogram has {buckets} buckets on one side, its spans cover {covered}")]
    BucketCount {
        /// Entries in the bucket list.
        buckets: usize,
        /// Sum of the lengths of the spans.
        covered: u64,
    },
    /// The chunk holds 65535 samples, more than which its header cannot say.
    #[error("chunk is full: 65535 samples")]
    Full,
    /// The sample would begin a new chunk, which the caller ruled out.
    #[error("histogram does not fit the chunk: counter reset, or another schema, zero threshold, bounds or kind")]
    NeedsNewChunk,
    /// The sample has other buckets than the chunk, and rewriting either was ruled out by the caller.
    #[error("histogram has other buckets than the chunk")]
    NeedsRecode,
    /// A slot of an aggregate chunk is cut off, or its length does not fit 64 bits.
    #[error("aggregate chunk is cut off in slot {slot}, at byte {byte}")]
    AggregateSize {
        /// Count, sum, min, max, counter are 0 to 4.
        slot: usize,
        /// Where the slot begins.
        byte: usize,
    },
    /// A slot of an aggregate chunk holds something other than floats or histograms.
    #[error("aggregate chunk holds encoding {encoding} in slot {slot}, expected 1, 2 or 3")]
    AggregateEncoding {
        /// Count, sum, min, max, counter are 0 to 4.
        slot: usize,
        /// The slot's encoding byte.
        encoding: u8,
    },
}
