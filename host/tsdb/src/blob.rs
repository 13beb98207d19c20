//! Where bytes of a source come from: random reads of one object.

use std::{
    fs::File,
    io::{self, ErrorKind},
    os::unix::fs::FileExt,
};

use bytes::Bytes;

/// Random reads of one object: a local file, memory, ranged reads of a stored object.
///
/// Sequential callers read at growing offsets; implementations for remote stores read ahead themselves.
pub trait Blob: Send + Sync {
    /// Number of bytes.
    fn size(&self) -> u64;

    /// Fills `buffer` with the bytes from `offset` on.
    ///
    /// # Errors
    /// Whatever the transport says; [`ErrorKind::UnexpectedEof`] where the object ends first.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()>;
}

/// A local file. It is read, not mapped: mapped pages count as resident memory.
#[derive(Debug)]
pub struct LocalFile {
    file: File,
    size: u64,
}

impl LocalFile {
    /// Takes an open file; its size is asked once.
    ///
    /// # Errors
    /// Where the size cannot be learned.
    pub fn new(file: File) -> io::Result<Self> {
        let size = file.metadata()?.len();
        Ok(Self { file, size })
    }
}

impl Blob for LocalFile {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(buffer, offset)
    }
}

impl Blob for Bytes {
    fn size(&self) -> u64 {
        self.len() as u64
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let wanted = usize::try_from(offset)
            .ok()
            .and_then(|start| self.get(start..)?.get(..buffer.len()))
            .ok_or(ErrorKind::UnexpectedEof)?;
        buffer.copy_from_slice(wanted);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_ends_where_it_ends() {
        let blob = Bytes::from_static(b"abc");
        let mut two = [0; 2];
        blob.read_at(1, &mut two).unwrap();
        assert_eq!(&two, b"bc");
        for offset in [2, u64::MAX] {
            assert_eq!(blob.read_at(offset, &mut two).unwrap_err().kind(), ErrorKind::UnexpectedEof);
        }
    }
}
