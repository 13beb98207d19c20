//! Reads chunk records; best in the order of the files.

use super::{HEADER_BYTES, LENGTH_BYTES, MAGIC, Record, VERSION};
use crate::{Blob, Damage, Fault, varint::Fields, window::Window};

/// What is asked for when a record is read, bytes: most chunks fit.
const RECORD_BYTES: usize = 1024;

/// Checks the first eight bytes of a segment; the three after the version are not looked at.
pub(crate) fn check_header(blob: &dyn Blob) -> Result<(), Fault> {
    let have = blob.size();
    if have < HEADER_BYTES {
        return Err(Fault::Damage { offset: 0, damage: Damage::TooSmall { have, need: HEADER_BYTES } });
    }
    let mut header = [0; 5];
    blob.read_at(0, &mut header).map_err(|source| Fault::Io { offset: 0, source })?;
    let [magic @ .., version] = header;
    let found = u32::from_be_bytes(magic);
    if found != MAGIC {
        return Err(Fault::Damage { offset: 0, damage: Damage::Magic { found, want: MAGIC } });
    }
    if version != VERSION {
        return Err(Fault::Damage { offset: 4, damage: Damage::Version { found: version } });
    }
    Ok(())
}

/// The segments of a block, one of them open at a time.
pub(crate) struct ChunkReader<'a> {
    segments: Vec<&'a dyn Blob>,
    /// Position of the open segment.
    open: u64,
    window: Option<Window<'a>>,
}

impl<'a> ChunkReader<'a> {
    pub(crate) fn new(segments: Vec<&'a dyn Blob>) -> Self {
        Self { segments, open: 0, window: None }
    }

    /// Reads the record at `reference`. Faults name an offset in the segment that the reference names.
    ///
    /// Source: `tsdb-format.md` 2.3.
    #[inline]
    pub(crate) fn read(&mut self, reference: u64) -> Result<Record<'_>, Fault> {
        let (index, offset) = (reference >> 32, reference & 0xffff_ffff);
        if self.window.is_none() || self.open != index {
            self.turn_to(index, offset)?;
        }
        let Some(window) = &mut self.window else { return Err(Fault::Damage { offset, damage: Damage::Short }) };
        let size = window.size();
        let Some(head) = window.view(offset, RECORD_BYTES)?.first_chunk::<LENGTH_BYTES>() else {
            let end = offset + LENGTH_BYTES as u64;
            return Err(Fault::Damage { offset, damage: Damage::OutOfBounds { what: "chunk", end, size } });
        };
        let mut fields = Fields::new(head);
        let length = fields.uvarint().map_err(|_| Fault::Damage { offset, damage: Damage::Overflow })?;
        let start = offset + (LENGTH_BYTES - fields.rest().len()) as u64;
        let body = window.verified(start, length + 1, "chunk")?;
        Record::new(body).map_err(Fault::at(offset))
    }

    fn turn_to(&mut self, index: u64, offset: u64) -> Result<(), Fault> {
        let segments = self.segments.len();
        let blob = usize::try_from(index).ok().and_then(|index| self.segments.get(index));
        let blob = blob.ok_or(Fault::Damage { offset, damage: Damage::NoSuchSegment { index, segments } })?;
        self.window = Some(Window::new(*blob));
        self.open = index;
        Ok(())
    }
}
