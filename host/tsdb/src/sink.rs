//! Where bytes of a result go: files that are only ever appended to.

use std::{
    collections::BTreeMap,
    fmt,
    fs::{self, File},
    io::{self, Write},
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;

/// A file of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BlockFile {
    /// `chunks/NNNNNN`; the number counts from 1.
    Segment(u32),
    /// `index`.
    Index,
}

/// The path below the block.
impl fmt::Display for BlockFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Segment(number) => write!(f, "chunks/{number:06}"),
            Self::Index => f.write_str("index"),
        }
    }
}

/// One file that grows.
pub trait Sink: Send {
    /// Adds bytes at the end. Dropping them gives the engine its buffer back; keeping them is fine.
    ///
    /// # Errors
    /// Whatever the transport says; the merge ends with it.
    fn append(&mut self, bytes: Bytes) -> io::Result<()>;

    /// Makes the file complete. A sink that is dropped without it leaves nothing visible where the transport can do so.
    ///
    /// # Errors
    /// Whatever the transport says.
    fn finish(self: Box<Self>) -> io::Result<()>;
}

/// A block in the making.
///
/// Segments are created and finished one after the other; the index is open from first to last, beside them.
pub trait Output: Send {
    /// Starts a file.
    ///
    /// # Errors
    /// Whatever the transport says.
    fn create(&mut self, file: BlockFile) -> io::Result<Box<dyn Sink>>;
}

/// A block in a directory of this machine.
#[derive(Debug)]
pub struct Directory {
    path: PathBuf,
}

impl Directory {
    /// The block is to be in `path`, which is created when the first file is.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self { path }
    }
}

impl Output for Directory {
    fn create(&mut self, file: BlockFile) -> io::Result<Box<dyn Sink>> {
        let path = self.path.join(file.to_string());
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        Ok(Box::new(LocalSink(File::create_new(path)?)))
    }
}

struct LocalSink(File);

impl Sink for LocalSink {
    fn append(&mut self, bytes: Bytes) -> io::Result<()> {
        self.0.write_all(&bytes)
    }

    fn finish(self: Box<Self>) -> io::Result<()> {
        self.0.sync_all()
    }
}

/// A block in memory. Clones share the files.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    files: Arc<Mutex<BTreeMap<BlockFile, Vec<u8>>>>,
}

impl Memory {
    /// The finished files.
    #[must_use]
    pub fn files(&self) -> BTreeMap<BlockFile, Bytes> {
        let files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.iter().map(|(file, bytes)| (*file, Bytes::copy_from_slice(bytes))).collect()
    }
}

impl Output for Memory {
    fn create(&mut self, file: BlockFile) -> io::Result<Box<dyn Sink>> {
        Ok(Box::new(MemorySink { file, bytes: Vec::new(), done: self.clone() }))
    }
}

struct MemorySink {
    file: BlockFile,
    bytes: Vec<u8>,
    done: Memory,
}

impl Sink for MemorySink {
    fn append(&mut self, bytes: Bytes) -> io::Result<()> {
        self.bytes.extend_from_slice(&bytes);
        Ok(())
    }

    fn finish(self: Box<Self>) -> io::Result<()> {
        self.done.files.lock().unwrap_or_else(PoisonError::into_inner).insert(self.file, self.bytes);
        Ok(())
    }
}

/// A block that nobody wants to have: takes everything and keeps nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nowhere;

impl Output for Nowhere {
    fn create(&mut self, _: BlockFile) -> io::Result<Box<dyn Sink>> {
        Ok(Box::new(Self))
    }
}

impl Sink for Nowhere {
    fn append(&mut self, _: Bytes) -> io::Result<()> {
        Ok(())
    }

    fn finish(self: Box<Self>) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_have_six_digits_and_more_when_needed() {
        assert_eq!(BlockFile::Segment(1).to_string(), "chunks/000001");
        assert_eq!(BlockFile::Segment(1_234_567).to_string(), "chunks/1234567");
        assert_eq!(BlockFile::Index.to_string(), "index");
    }

    #[test]
    fn a_file_appears_when_it_is_finished() {
        let mut memory = Memory::default();
        let mut sink = memory.create(BlockFile::Index).unwrap();
        sink.append(Bytes::from_static(b"ab")).unwrap();
        assert!(memory.files().is_empty());
        sink.append(Bytes::from_static(b"c")).unwrap();
        sink.finish().unwrap();
        assert_eq!(memory.files().get(&BlockFile::Index).unwrap(), "abc");
    }
}
