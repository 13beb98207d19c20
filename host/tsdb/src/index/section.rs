//! Reading a section that may be larger than memory should be.
//!
//! ```text
//! u32 length | content | u32 checksum over the content
//! ```

use crate::{
    Damage, Fault,
    varint::Fields,
    window::{Window, check},
};

/// Bytes asked for first when an entry is taken.
const ENTRY_BYTES: usize = 512;
/// An entry above this size is only taken once the whole section's checksum was found right.
const LARGE_ENTRY_BYTES: usize = 1 << 20;

/// A section that is read from front to back.
pub(crate) struct Section<'a> {
    window: Window<'a>,
    /// Where the content begins.
    content: u64,
    length: u32,
    /// What was not taken yet begins here.
    at: u64,
    /// Checksum of what was taken.
    crc: u32,
    checked: bool,
}

impl<'a> Section<'a> {
    /// Opens the section at `offset`; `what` names it in errors.
    pub(crate) fn open(mut window: Window<'a>, offset: u64, what: &'static str) -> Result<Self, Fault> {
        let size = window.size();
        let out_of_bounds = |end| Fault::Damage { offset, damage: Damage::OutOfBounds { what, end, size } };
        let after_length = offset.checked_add(4).filter(|end| *end <= size);
        let content = after_length.ok_or_else(|| out_of_bounds(offset.saturating_add(4)))?;
        let length = Fields::new(window.view(offset, 4)?).u32().map_err(Fault::at(offset))?;
        let end = content.saturating_add(u64::from(length) + 4);
        if end > size {
            return Err(out_of_bounds(end));
        }
        Ok(Self { window, content, length, at: content, crc: 0, checked: false })
    }

    /// Bytes of the content.
    pub(crate) fn length(&self) -> u32 {
        self.length
    }

    /// Where the next entry begins.
    pub(crate) fn at(&self) -> u64 {
        self.at
    }

    /// Whether all of the content was taken.
    pub(crate) fn is_empty(&self) -> bool {
        self.at >= self.end()
    }

    fn end(&self) -> u64 {
        self.content + u64::from(self.length)
    }

    /// Takes one entry. `parse` is called again with more bytes where those it got were too few.
    #[inline]
    pub(crate) fn take(&mut self, mut parse: impl FnMut(&mut Fields<'_>) -> Result<(), Damage>) -> Result<(), Fault> {
        let mut want = ENTRY_BYTES;
        loop {
            let left = usize::try_from(self.end() - self.at).unwrap_or(usize::MAX);
            let view = self.window.view(self.at, want.min(left))?;
            let view = view.get(..left.min(view.len())).unwrap_or_default();
            let mut fields = Fields::new(view);
            match parse(&mut fields) {
                Ok(()) => {
                    let taken = view.len() - fields.rest().len();
                    self.crc = crc32c::crc32c_append(self.crc, view.get(..taken).unwrap_or_default());
                    self.at += taken as u64;
                    return Ok(());
                }
                Err(Damage::Short) if view.len() < left => want = view.len() * 2,
                Err(damage) => return Err(self.explain(damage)),
            }
            if want > LARGE_ENTRY_BYTES && !self.checked {
                self.check_whole()?;
            }
        }
    }

    /// Checks what was taken and the rest against the stored checksum.
    pub(crate) fn finish(&mut self) -> Result<(), Fault> {
        while self.at < self.end() {
            let left = usize::try_from(self.end() - self.at).unwrap_or(usize::MAX);
            let view = self.window.view(self.at, left.min(ENTRY_BYTES))?;
            let piece = view.get(..left.min(view.len())).unwrap_or_default();
            self.crc = crc32c::crc32c_append(self.crc, piece);
            self.at += piece.len() as u64;
        }
        let stored = self.window.view(self.at, 4)?.first_chunk().copied().unwrap_or_default();
        check(self.crc, stored).map_err(Fault::at(self.content))
    }

    /// The fault for `damage` found at the next entry: a wrong checksum explains whatever was found in the content.
    pub(crate) fn explain(&mut self, damage: Damage) -> Fault {
        let fault = Fault::Damage { offset: self.at, damage };
        self.check_whole().err().unwrap_or(fault)
    }

    /// Checks all of the content without moving.
    pub(crate) fn check_whole(&mut self) -> Result<(), Fault> {
        let (at, crc) = (self.at, self.crc);
        (self.at, self.crc) = (self.content, 0);
        let result = self.finish();
        (self.at, self.crc, self.checked) = (at, crc, true);
        result
    }
}
