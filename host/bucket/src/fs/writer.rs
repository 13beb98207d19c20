//! Writing a large file: plain writes, with the disk kept busy meanwhile.

use std::{
    fs::File,
    io::{self, Write as _},
    path::PathBuf,
    sync::mpsc::{SyncSender, sync_channel},
    thread::JoinHandle,
};

use bytes::Bytes;

use crate::{Error, Operation, Writer, fs::staging::Staged};

/// Small appends are gathered up to this many bytes.
const BUFFER: usize = 256 * 1024;

/// Each time that many bytes were written, the disk is asked to start with them, so that `finish` finds little left to wait
/// for. Compacting 300 MB takes a fifth less time than with 64 MiB; slower disks gain more.
const WRITE_BACK: u64 = 8 << 20;

pub(super) struct FileWriter {
    name: String,
    target: PathBuf,
    staged: Staged,
    buffer: Vec<u8>,
    unsynced: u64,
    flusher: Option<Flusher>,
}

/// A thread that makes durable what was written so far, whenever it is asked and has time.
struct Flusher {
    wake: SyncSender<()>,
    thread: JoinHandle<io::Result<()>>,
}

impl FileWriter {
    pub(super) fn new(name: &str, target: PathBuf, staged: Staged) -> Self {
        Self { name: name.to_owned(), target, staged, buffer: Vec::new(), unsynced: 0, flusher: None }
    }

    fn failed(&self, error: io::Error) -> Error {
        Error::from_io(error, Operation::Upload, &self.name)
    }

    fn write(&mut self, data: &[u8]) -> io::Result<()> {
        self.staged.file.write_all(data)?;
        self.unsynced += data.len() as u64;
        if self.unsynced < WRITE_BACK {
            return Ok(());
        }
        self.unsynced = 0;
        let flusher = match &mut self.flusher {
            Some(flusher) => flusher,
            none => none.insert(Flusher::start(self.staged.file.try_clone()?)?),
        };
        // A full queue means that it is busy and will see these bytes as well.
        let _ = flusher.wake.try_send(());
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        let buffer = std::mem::take(&mut self.buffer);
        self.write(&buffer)?;
        self.buffer = buffer;
        self.buffer.clear();
        Ok(())
    }
}

impl Writer for FileWriter {
    fn append(&mut self, data: Bytes) -> Result<(), Error> {
        if self.buffer.len() + data.len() > BUFFER {
            self.flush().map_err(|e| self.failed(e))?;
        }
        if data.len() < BUFFER {
            self.buffer.extend_from_slice(&data);
            return Ok(());
        }
        self.write(&data).map_err(|e| self.failed(e))
    }

    fn finish(mut self: Box<Self>) -> Result<(), Error> {
        self.flush().map_err(|e| self.failed(e))?;
        if let Some(flusher) = self.flusher.take() {
            flusher.stop().map_err(|e| self.failed(e))?;
        }
        let Self { name, target, staged, .. } = *self;
        staged.publish(&target).map_err(|e| Error::from_io(e, Operation::Upload, &name))
    }
}

impl Flusher {
    fn start(file: File) -> io::Result<Self> {
        let (wake, woken) = sync_channel(1);
        let flush = move || woken.iter().try_for_each(|()| file.sync_data());
        let thread = std::thread::Builder::new().name("write-back".to_owned()).spawn(flush)?;
        Ok(Self { wake, thread })
    }

    /// Reports what a write-back met: an error of the disk is told once only, to whoever asked first.
    fn stop(self) -> io::Result<()> {
        drop(self.wake);
        self.thread.join().unwrap_or_else(|_| Err(io::Error::other("the write-back thread panicked")))
    }
}
