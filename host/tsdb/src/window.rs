//! A buffer that slides over one object, so that nothing is ever held whole.

use crate::{Blob, Damage, Fault};

/// Largest read of a window that moves forward, bytes: fits a core's cache with room for others.
pub(crate) const WINDOW_BYTES: usize = 128 << 10;
/// First read after a jump, bytes: a jump may be the first of many.
const JUMP_BYTES: usize = 16 << 10;
/// Content above this size is checked piece by piece before memory is taken for it.
const LARGE_BYTES: u64 = 1 << 20;
/// Bytes of a stored checksum.
const CHECKSUM_BYTES: u64 = 4;

pub(crate) struct Window<'a> {
    blob: &'a dyn Blob,
    size: u64,
    buffer: Vec<u8>,
    /// Offset of the first buffered byte in the object.
    start: u64,
    /// How much of `buffer` holds bytes of the object.
    filled: usize,
    /// Size of the next read.
    ahead: usize,
}

impl<'a> Window<'a> {
    pub(crate) fn new(blob: &'a dyn Blob) -> Self {
        Self { blob, size: blob.size(), buffer: Vec::new(), start: 0, filled: 0, ahead: JUMP_BYTES }
    }

    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// What is buffered from `offset` on: at least `want` bytes, fewer only where the object ends.
    #[inline]
    pub(crate) fn view(&mut self, offset: u64, want: usize) -> Result<&[u8], Fault> {
        let skip = offset.wrapping_sub(self.start);
        // A position before the window wraps to a huge skip.
        if skip.saturating_add(want as u64) > self.filled as u64 {
            self.fill(offset, want)?;
        }
        let skip = usize::try_from(offset - self.start).unwrap_or(usize::MAX);
        Ok(self.buffer.get(skip..self.filled).unwrap_or_default())
    }

    #[cold]
    fn fill(&mut self, offset: u64, want: usize) -> Result<(), Fault> {
        let offset = offset.min(self.size);
        let kept = usize::try_from(offset.wrapping_sub(self.start)).unwrap_or(usize::MAX);
        if kept <= self.filled {
            self.buffer.copy_within(kept..self.filled, 0);
            self.filled -= kept;
            self.ahead = (self.ahead * 2).min(WINDOW_BYTES);
        } else {
            self.filled = 0;
            self.ahead = JUMP_BYTES;
        }
        self.start = offset;
        let from = offset + self.filled as u64;
        let wanted = want.max(self.ahead).saturating_sub(self.filled) as u64;
        let read = usize::try_from(wanted.min(self.size - from)).unwrap_or(usize::MAX);
        let end = self.filled + read;
        if self.buffer.len() < end {
            self.buffer.resize(end, 0);
        }
        let Some(target) = self.buffer.get_mut(self.filled..end) else { return Ok(()) };
        self.blob.read_at(from, target).map_err(|source| Fault::Io { offset: from, source })?;
        self.filled = end;
        Ok(())
    }

    /// The `length` bytes at `offset` and the checksum behind them, once they match; `what` names them in errors.
    ///
    /// The slice ends with the four bytes of the checksum.
    #[inline]
    pub(crate) fn verified(&mut self, offset: u64, length: u64, what: &'static str) -> Result<&[u8], Fault> {
        let end = offset.checked_add(length).and_then(|end| end.checked_add(CHECKSUM_BYTES));
        let size = self.size;
        if end.is_none_or(|end| end > size) {
            let end = end.unwrap_or(u64::MAX);
            return Err(Fault::Damage { offset, damage: Damage::OutOfBounds { what, end, size } });
        }
        if length > LARGE_BYTES {
            self.check_large(offset, length)?;
        }
        let short = || Fault::Damage { offset, damage: Damage::Short };
        let with_checksum = usize::try_from(length + CHECKSUM_BYTES).map_err(|_| short())?;
        let bytes = self.view(offset, with_checksum)?.get(..with_checksum).ok_or_else(short)?;
        let (content, stored) = bytes.split_last_chunk().ok_or_else(short)?;
        check(crc32c::crc32c(content), *stored).map_err(Fault::at(offset))?;
        Ok(bytes)
    }

    /// Checks content in pieces, so that a wrong length in front of it costs time but no memory.
    #[cold]
    fn check_large(&mut self, offset: u64, length: u64) -> Result<(), Fault> {
        let (mut at, end, mut crc) = (offset, offset + length, 0);
        while at < end {
            let left = usize::try_from(end - at).unwrap_or(usize::MAX);
            let view = self.view(at, left.min(WINDOW_BYTES))?;
            let piece = view.get(..left.min(view.len())).unwrap_or_default();
            crc = crc32c::crc32c_append(crc, piece);
            at += piece.len() as u64;
        }
        let stored = *self.view(end, 4)?.first_chunk().unwrap_or(&[0; 4]);
        check(crc, stored).map_err(Fault::at(offset))
    }
}

/// Compares a computed checksum with the four stored bytes.
#[inline]
pub(crate) fn check(found: u32, stored: [u8; 4]) -> Result<(), Damage> {
    let stored = u32::from_be_bytes(stored);
    if found == stored { Ok(()) } else { Err(Damage::Checksum { stored, found }) }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn numbered(count: u32) -> Bytes {
        (0..count).flat_map(u32::to_be_bytes).collect::<Vec<_>>().into()
    }

    #[test]
    fn any_place_can_be_viewed_in_any_order() {
        let blob = numbered(500_000);
        let mut window = Window::new(&blob);
        for at in [0_u32, 1, 5_000, 5_001, 70_000, 400_000, 3, 499_999, 250_000] {
            let view = window.view(u64::from(at) * 4, 4).unwrap();
            assert_eq!(view.first_chunk(), Some(&at.to_be_bytes()));
        }
        assert!(window.view(2_000_000, 5).unwrap().is_empty());
        assert!(window.view(u64::MAX, 5).unwrap().is_empty());
        assert_eq!(window.view(1_999_998, 5).unwrap().len(), 2);
    }

    #[test]
    fn large_content_is_checked_before_it_is_held() {
        let mut bytes = numbered(600_000).to_vec();
        let crc = crc32c::crc32c(&bytes);
        bytes.extend(crc.to_be_bytes());
        let good = Bytes::from(bytes.clone());
        assert_eq!(Window::new(&good).verified(0, 2_400_000, "content").unwrap().len(), 2_400_004);
        *bytes.get_mut(1_234_567).unwrap() ^= 1;
        let bad = Bytes::from(bytes);
        let mut window = Window::new(&bad);
        assert!(matches!(
            window.verified(0, 2_400_000, "content"),
            Err(Fault::Damage { offset: 0, damage: Damage::Checksum { .. } })
        ));
        assert!(window.buffer.len() <= 2 * WINDOW_BYTES);
    }

    #[test]
    fn lengths_that_leave_the_object_are_found_before_reading() {
        let blob = numbered(4);
        for (offset, length) in [(0, 13), (16, 0), (u64::MAX, 1), (1, u64::MAX)] {
            let mut window = Window::new(&blob);
            let found = window.verified(offset, length, "content");
            assert!(matches!(found, Err(Fault::Damage { damage: Damage::OutOfBounds { .. }, .. })));
        }
    }
}
