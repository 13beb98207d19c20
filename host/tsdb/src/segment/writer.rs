//! Writes chunk records and decides which segment a chunk goes to.

use super::{HEADER_BYTES, MAGIC, VERSION};
use crate::{BlockFile, Error, outlet::Outlet, stream::Stream, varint::put_uvarint};

/// Segments are cut before they exceed this many bytes, unless asked for otherwise.
pub const DEFAULT_SEGMENT_BYTES: u64 = 512 << 20;
/// What the cutting rule counts for a chunk beside its data: always five bytes of length, encoding, checksum.
const OVERHEAD_BYTES: u64 = 5 + 1 + 4;
/// Offsets in a segment have 32 bits. Reached only behind a segment limit above it or a chunk that is as large alone.
const OFFSET_LIMIT: u64 = u32::MAX as u64;

/// The segments of a block in the making.
pub(crate) struct Writer {
    limit: u64,
    /// [`OFFSET_LIMIT`]; tests use a smaller one.
    offset_limit: u64,
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
        Self { limit, offset_limit: OFFSET_LIMIT, stream: None, finished: Vec::new(), batch: Batch::default() }
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
        if offset > self.offset_limit {
            return Err(Error::Limit { what: "chunk segment", size: offset, limit: self.offset_limit });
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Memory, outlet::Direct};

    /// Writes series of chunks with so many bytes of data; returns segment and offset of each chunk, and the files' sizes.
    fn write(limit: u64, series: &[&[usize]]) -> (Vec<(u64, u64)>, Vec<u64>) {
        let mut memory = Memory::default();
        let mut outlet = Direct::new(&mut memory);
        let mut writer = Writer::new(limit);
        let mut places = Vec::new();
        for chunks in series {
            writer.begin_series();
            for bytes in *chunks {
                let reference = writer.chunk(&vec![0; bytes + 5], &mut outlet).unwrap();
                places.push((reference >> 32, reference & 0xffff_ffff));
            }
        }
        let sizes = writer.finish(&mut outlet).unwrap();
        (places, sizes)
    }

    #[test]
    fn a_record_takes_its_true_size_and_counts_ten_bytes_more_than_its_data() {
        // Two records of 20 + 6 bytes end at 60, but count as 8 + 30 + 30.
        assert_eq!(write(68, &[&[20, 20]]), (vec![(0, 8), (0, 34)], vec![60]));
        assert_eq!(write(67, &[&[20, 20]]), (vec![(0, 8), (1, 8)], vec![34, 34]));
        // In an open segment the true size of what is there counts: 34 + 30.
        assert_eq!(write(64, &[&[20], &[20]]), (vec![(0, 8), (0, 34)], vec![60]));
        assert_eq!(write(63, &[&[20], &[20]]), (vec![(0, 8), (1, 8)], vec![34, 34]));
    }

    #[test]
    fn a_series_is_split_by_what_it_counts_in_its_batch() {
        // 34 there, then 34 + 30, 34 + 60 > 90: cut; from then on 8 + 30, 8 + 60, 8 + 90 > 90: cut.
        let (places, sizes) = write(90, &[&[20], &[20, 20, 20, 20]]);
        assert_eq!(places, [(0, 8), (0, 34), (1, 8), (1, 34), (2, 8)]);
        assert_eq!(sizes, [60, 60, 34]);
    }

    #[test]
    fn a_chunk_above_the_limit_stands_alone_and_no_segment_is_empty() {
        let (places, sizes) = write(50, &[&[500], &[500, 2], &[2]]);
        assert_eq!(places, [(0, 8), (1, 8), (2, 8), (2, 16)]);
        assert_eq!(sizes, [8 + 507, 8 + 507, 24]);
    }

    #[test]
    fn offsets_that_a_reference_cannot_hold_are_refused() {
        let mut memory = Memory::default();
        let mut outlet = Direct::new(&mut memory);
        let mut writer = Writer { offset_limit: 30, ..Writer::new(0) };
        writer.begin_series();
        let written: Vec<_> = (0..3).map(|_| writer.chunk(&[0; 15], &mut outlet)).collect();
        assert!(matches!(
            written.as_slice(),
            [Ok(8), Ok(24), Err(Error::Limit { what: "chunk segment", size: 40, limit: 30 })]
        ));
    }
}
