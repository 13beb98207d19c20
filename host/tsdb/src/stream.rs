//! A file of the result while it is encoded: a position, and the bytes that the outlet does not have yet.

use crate::{
    BlockFile, Error,
    outlet::{BUFFER_BYTES, Outlet},
};

pub(crate) struct Stream {
    file: BlockFile,
    /// What the outlet has.
    handed: u64,
    /// What it does not have yet.
    pub(crate) buffer: Vec<u8>,
}

impl Stream {
    pub(crate) fn new(file: BlockFile) -> Self {
        Self { file, handed: 0, buffer: Vec::with_capacity(BUFFER_BYTES + BUFFER_BYTES / 4) }
    }

    /// Bytes so far.
    #[inline]
    pub(crate) fn position(&self) -> u64 {
        self.handed + self.buffer.len() as u64
    }

    /// Appends zeros up to a multiple of `alignment`.
    #[inline]
    pub(crate) fn pad(&mut self, alignment: u64) {
        let zeros = self.position().next_multiple_of(alignment) - self.position();
        self.buffer.extend((0..zeros).map(|_| 0));
    }

    /// Hands the buffer on if it is full.
    #[inline]
    pub(crate) fn hand_on(&mut self, outlet: &mut dyn Outlet) -> Result<(), Error> {
        if self.buffer.len() < BUFFER_BYTES {
            return Ok(());
        }
        self.flush(outlet)
    }

    fn flush(&mut self, outlet: &mut dyn Outlet) -> Result<(), Error> {
        self.handed += self.buffer.len() as u64;
        outlet.append(self.file, &mut self.buffer)?;
        self.buffer.reserve(BUFFER_BYTES + BUFFER_BYTES / 4);
        Ok(())
    }

    /// Hands on what is left and completes the file; returns its size.
    pub(crate) fn finish(&mut self, outlet: &mut dyn Outlet) -> Result<u64, Error> {
        if !self.buffer.is_empty() {
            self.flush(outlet)?;
        }
        outlet.finish(self.file)?;
        Ok(self.handed)
    }
}
