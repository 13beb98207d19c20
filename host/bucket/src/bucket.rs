//! The one trait that everything above talks to, and the values that it gives back.

use std::{fs::File, future::Future, io, pin::Pin, sync::Arc};

use bytes::Bytes;
use lithify_block::Timestamp;

use crate::Error;

/// What every operation gives back: an answer that comes later, or the error.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

/// Something that a listing shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The full name inside the bucket; ends with `/` if and only if it stands for a directory, or for an odd key that
    /// ends so.
    pub name: String,
    /// Bytes; `None` for a directory.
    pub size: Option<u64>,
    /// When it was last written; `None` for a directory and where a store does not say.
    pub modified: Option<Timestamp>,
    /// Changes whenever the content does, where a store says so.
    pub etag: Option<String>,
}

/// What a store knows about one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attributes {
    /// Bytes.
    pub size: u64,
    /// When it was last written.
    pub modified: Option<Timestamp>,
    /// Changes whenever the content does, where a store says so.
    pub etag: Option<String>,
}

/// How deep a listing goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Objects and directories right below; a directory is shown with a final `/`.
    One,
    /// All objects at any depth, no directories.
    All,
}

/// A listing in progress, page by page. Dropping it ends it.
pub trait Pages: Send {
    /// The next page, `None` at the end. A page may be empty.
    fn next(&mut self) -> Answer<'_, Option<Vec<Entry>>>;
}

/// An open object that blocking threads read from, many at a time.
pub trait Reader: Send + Sync {
    /// Bytes.
    fn size(&self) -> u64;

    /// Fills `into` from `offset`; never less than all of it. Blocks; must not be called on a thread that runs async
    /// tasks.
    ///
    /// # Errors
    /// [`io::ErrorKind::UnexpectedEof`] past the end; else an [`Error`] inside ([`Error::from_read`] takes it out).
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()>;

    /// The file behind it, where there is one: for mapping it or copying it in the kernel.
    fn file(&self) -> Option<&File>;

    /// Lets reads that wait for a far store fail soon, now and from now on: whoever wanted the bytes does so no more. A
    /// reader that never waits long need not do anything.
    fn give_up(&self) {}
}

/// An object being written by a blocking thread. Nothing is visible before [`Writer::finish`]; dropping it earlier
/// removes what was sent.
pub trait Writer: Send {
    /// Takes the next bytes. Blocks when the store is slower than the caller; holds a bounded number of bytes.
    ///
    /// # Errors
    /// When the store refused an earlier part; the writer is of no use afterwards.
    fn append(&mut self, data: Bytes) -> Result<(), Error>;

    /// Makes the object visible, complete and durable, replacing one of the same name.
    ///
    /// # Errors
    /// When the store refused; then nothing is visible and what was sent is removed.
    fn finish(self: Box<Self>) -> Result<(), Error>;
}

/// A bucket of an object store. Names use `/`, have no leading `/`, and are taken byte for byte.
///
/// Source: `object-storage.md` section 6.
pub trait Bucket: Send + Sync {
    /// The label `bucket` of the metrics: `fs: <absolute directory>` or the bucket's name, without prefix.
    fn name(&self) -> &str;

    /// Lists `dir` (with or without its final `/`; empty for the root) in the order of the store. A missing directory
    /// has no entries. The entry equal to `dir` is not shown.
    ///
    /// # Errors
    /// (of each page) a missing bucket, denial, trouble with the store; never an odd key.
    fn list(&self, dir: &str, depth: Depth) -> Box<dyn Pages + '_>;

    /// The whole object.
    ///
    /// # Errors
    /// [`Error::Invalid`] if it has more than `max_bytes`, which is checked before memory is taken.
    fn get<'a>(&'a self, name: &'a str, max_bytes: u64) -> Answer<'a, Bytes>;

    /// `length` bytes from `offset`, to the end with `None`; what there is if the object ends earlier.
    ///
    /// # Errors
    /// Callers must not rely on what a start past the end gives: an error or nothing.
    fn get_range<'a>(&'a self, name: &'a str, offset: u64, length: Option<u64>) -> Answer<'a, Bytes>;

    /// Whether there is such an object.
    ///
    /// # Errors
    /// Whenever neither presence nor absence is proven.
    fn exists<'a>(&'a self, name: &'a str) -> Answer<'a, bool>;

    /// Size, time and ETag.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such object.
    fn attributes<'a>(&'a self, name: &'a str) -> Answer<'a, Attributes>;

    /// Writes an object at once, replacing one of the same name; complete and durable before it is visible.
    ///
    /// # Errors
    /// When the store refuses.
    fn upload<'a>(&'a self, name: &'a str, data: Bytes) -> Answer<'a, ()>;

    /// Starts to write an object whose size is not known yet.
    ///
    /// # Errors
    /// When the store refuses at the start.
    fn create<'a>(&'a self, name: &'a str) -> Answer<'a, Box<dyn Writer>>;

    /// Opens an object for reading its parts.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such object.
    fn open<'a>(&'a self, name: &'a str) -> Answer<'a, Arc<dyn Reader>>;

    /// Removes the object of exactly this name. Stores differ on a missing one: success or [`Error::NotFound`], and
    /// callers treat both as done.
    ///
    /// # Errors
    /// When the store refuses.
    fn delete<'a>(&'a self, name: &'a str) -> Answer<'a, ()>;
}
