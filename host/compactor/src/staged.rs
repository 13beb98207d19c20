//! A block in the making: nothing of it is visible before all of it is written.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread,
};

use bytes::Bytes;
use lithify_block::{BlockId, File, FileHash};
use lithify_bucket::{Bucket, Reader, Writer, layout};
use lithify_tsdb::{Blob, BlockFile, Output, Sink};
use sha2::{Digest as _, Sha256};
use tokio::{runtime::Handle, task::JoinHandle};

use crate::{Progress, Stop};

/// An object of the bucket as the engine reads it. A stop ends reads that wait for the store.
pub(crate) struct Stored {
    reader: Arc<dyn Reader>,
    watch: JoinHandle<()>,
}

impl Stored {
    /// Must be called on a thread of the runtime's.
    pub(crate) fn new(reader: Arc<dyn Reader>, stop: &Stop) -> Self {
        let (watched, stop) = (Arc::clone(&reader), stop.clone());
        let watch = tokio::spawn(async move {
            stop.wait().await;
            watched.give_up();
        });
        Self { reader, watch }
    }
}

impl Drop for Stored {
    fn drop(&mut self) {
        self.watch.abort();
    }
}

impl Blob for Stored {
    fn size(&self) -> u64 {
        self.reader.size()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.reader.read_at(offset, buffer)
    }
}

/// The objects of a new block. They are sent while the engine appends, and become visible in [`Staged::publish`].
pub(crate) struct Staged {
    id: BlockId,
    bucket: Arc<dyn Bucket>,
    runtime: Handle,
    progress: Arc<Progress>,
    hashed: bool,
    shelf: Arc<Mutex<Vec<Written>>>,
}

/// An object that is written but not visible.
struct Written {
    file: BlockFile,
    size_bytes: u64,
    hash: Option<FileHash>,
    writer: Box<dyn Writer>,
}

impl Staged {
    /// Starts block `id`, whose files are digested on the way if `hashed`. Must be called on a thread of the runtime's;
    /// the engine then works on a blocking one.
    pub(crate) fn new(id: BlockId, bucket: Arc<dyn Bucket>, progress: Arc<Progress>, hashed: bool) -> Self {
        Self { id, bucket, runtime: Handle::current(), progress, hashed, shelf: Arc::default() }
    }

    /// Makes all objects visible, segments before the index. Gives them as meta.json lists them, by path.
    ///
    /// # Errors
    /// The first refusal of the store; what was made visible before stays as a block without meta.json.
    pub(crate) fn publish(self) -> Result<Vec<File>, lithify_bucket::Error> {
        let mut written = std::mem::take(&mut *self.shelf.lock().unwrap_or_else(PoisonError::into_inner));
        written.sort_by_key(|written| written.file);
        let files = written.iter().map(Written::for_meta).collect();
        let (index, segments): (Vec<_>, Vec<_>) = written.into_iter().partition(|w| w.file == BlockFile::Index);
        finish_side_by_side(segments)?;
        finish_side_by_side(index)?;
        Ok(files)
    }
}

impl Written {
    fn for_meta(&self) -> File {
        let (rel_path, hash) = (self.file.to_string(), self.hash.clone());
        File { rel_path, size_bytes: self.size_bytes.cast_signed(), hash }
    }
}

/// Objects that are finished at the same time: each waits for the store or the disk, not for the processor.
const FINISHING_MAX: usize = 4;

fn finish_side_by_side(written: Vec<Written>) -> Result<(), lithify_bucket::Error> {
    let (results, outcomes) = mpsc::channel();
    let queue = Mutex::new(written.into_iter());
    thread::scope(|scope| {
        for _ in 0..FINISHING_MAX {
            let results = results.clone();
            let queue = &queue;
            scope.spawn(move || {
                loop {
                    let next = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
                    let Some(written) = next else { break };
                    // The receiver outlives the scope.
                    let _ = results.send(written.writer.finish());
                }
            });
        }
    });
    drop(results);
    outcomes.into_iter().collect()
}

impl Output for Staged {
    fn create(&mut self, file: BlockFile) -> io::Result<Box<dyn Sink>> {
        let name = format!("{}{file}", layout::directory(self.id));
        let writer = self.runtime.block_on(self.bucket.create(&name)).map_err(io::Error::other)?;
        Ok(Box::new(StagedFile {
            file,
            size_bytes: 0,
            writer,
            progress: Arc::clone(&self.progress),
            digest: self.hashed.then(Sha256::new),
            shelf: Arc::clone(&self.shelf),
        }))
    }
}

struct StagedFile {
    file: BlockFile,
    size_bytes: u64,
    writer: Box<dyn Writer>,
    progress: Arc<Progress>,
    digest: Option<Sha256>,
    shelf: Arc<Mutex<Vec<Written>>>,
}

impl Sink for StagedFile {
    fn append(&mut self, bytes: Bytes) -> io::Result<()> {
        let length = bytes.len() as u64;
        if let Some(digest) = &mut self.digest {
            digest.update(&bytes);
        }
        self.writer.append(bytes).map_err(io::Error::other)?;
        self.size_bytes += length;
        self.progress.wrote(length);
        Ok(())
    }

    fn finish(self: Box<Self>) -> io::Result<()> {
        let Self { file, size_bytes, writer, digest, shelf, .. } = *self;
        let hash = digest.map(|digest| FileHash { func: "SHA256".to_owned(), value: hex(&digest.finalize()) });
        shelf.lock().unwrap_or_else(PoisonError::into_inner).push(Written { file, size_bytes, hash, writer });
        Ok(())
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
