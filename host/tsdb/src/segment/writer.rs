//! Writes chunk records and decides which segment a chunk goes to.

use super::{HEADER_BYTES, MAGIC, VERSION};
use crate::{BlockFile, Error, outlet::Outlet, stream::Stream, varint::put_uvarint};

/// Segments are cut before they exceed this many bytes, unless asked for otherwise.
pub const DEFAULT_SEGMENT_BYTES: u64 = 512 << 20;
/// What the cutting rule counts for a chunk beside its data: always five bytes of length, encoding, checksum.
const OVERHEAD_BYTES: u64 = 5 + 1 + 4;
/// Offsets in a segment have 32 bits.
const OFFSET_LIMIT: u64 = u32::MAX as u64;

/// The segments of a block in the making.
pub(crate) struct Writer {
    limit: u64,
    stream: Option<Stream>,
    /// Sizes of the finished segments.
    finished: Vec<u64>,
    batch: Batch,
}

/// The present batch of the present series' chunks: those that stand in one segment.
#[derive(Clone, Copy, Default)]
struct Batch {
    /// Size of the open segment when the series began; 0 when there was none.
    open_bytes: u64,
    /// What the batch takes by the rule's counting.
    bytes: u64,
    /// Whether no cut was made in this series.
    is_first: bool,
    is_empty: bool,
}

impl Writer {
    /// `limit` 0 means the default.
    pub(crate) fn new(limit: u64) -> Self {
        let limit = if limit == 0 { DEFAULT_SEGMENT_BYTES } else { limit };
        Self { limit, stream: None, finished: Vec::new(), batch: Batch::default() }
    }

    /// Begins the next series: the cutting rule counts by series.
    #[inline]
    pub(crate) fn begin_series(&mut self) {
        let open_bytes = self.stream.as_ref().map_or(0, Stream::position);
        self.batch = Batch { open_bytes, bytes: 0, is_first: true, is_empty: true };
    }

    /// Appends a chunk of the series and returns its reference. `body` is encoding, data and checksum of the data.
    ///
    /// Source: `tsdb-format.md` 2.5.
    #[inline]
    pub(crate) fn chunk(&mut self, body: &[u8], outlet: &mut dyn Outlet) -> Result<u64, Error> {
        let data_bytes = (body.len() as u64).saturating_sub(5);
        let is_cut = self.is_cut(data_bytes);
        let mut stream = match self.stream.take() {
            Some(stream) if !is_cut => stream,
            open => self.next_segment(open, outlet)?,
        };
        let segment = self.finished.len() as u64;
        let offset = stream.position();
        if offset > OFFSET_LIMIT {
            return Err(Error::Limit { what: "chunk segment", size: offset, limit: OFFSET_LIMIT });
        }
        put_uvarint(&mut stream.buffer, data_bytes);
        stream.buffer.extend_from_slice(body);
        let handed = stream.hand_on(outlet);
        self.stream = Some(stream);
        handed.map(|()| segment << 32 | offset)
    }

    #[inline]
    fn is_cut(&mut self, data_bytes: u64) -> bool {
        let counted = OVERHEAD_BYTES + data_bytes;
        let batch = &mut self.batch;
        batch.bytes += counted;
        let cut = if batch.is_first && batch.open_bytes > HEADER_BYTES {
            batch.bytes + batch.open_bytes > self.limit
        } else {
            !batch.is_empty && batch.bytes + HEADER_BYTES > self.limit
        };
        if cut {
            batch.bytes = counted;
            batch.is_first &= batch.open_bytes <= HEADER_BYTES;
        }
        batch.is_empty = false;
        cut
    }

    #[cold]
    fn next_segment(&mut self, open: Option<Stream>, outlet: &mut dyn Outlet) -> Result<Stream, Error> {
        if let Some(mut stream) = open {
            self.finished.push(stream.finish(outlet)?);
        }
        let number = u32::try_from(self.finished.len() + 1).unwrap_or(u32::MAX);
        let mut stream = Stream::new(BlockFile::Segment(number));
        stream.buffer.extend(MAGIC.to_be_bytes());
        stream.buffer.extend([VERSION, 0, 0, 0]);
        Ok(stream)
    }

    /// Completes the last segment; returns the sizes of all.
    pub(crate) fn finish(mut self, outlet: &mut dyn Outlet) -> Result<Vec<u64>, Error> {
        if let Some(mut stream) = self.stream.take() {
            self.finished.push(stream.finish(outlet)?);
        }
        Ok(self.finished)
    }
}
