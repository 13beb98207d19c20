//! `FILESYSTEM`: a directory as a bucket. Objects appear whole or not at all; links are not followed.
//!
//! Source: `object-storage.md` section 7.

mod path;
mod staging;
mod walk;
mod writer;

use std::{
    fs::{self, File},
    io::{self, Read as _, Write as _},
    os::unix::fs::{FileExt as _, MetadataExt as _},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use bytes::Bytes;

use crate::{
    Answer, Attributes, Bucket, Depth, Entry, Error, Operation, Pages, Reader, Writer,
    error::Failure,
    fs::{staging::Staging, walk::Walk, writer::FileWriter},
};

/// A directory as a bucket. It need not exist: it is made by the first write.
pub struct Filesystem {
    name: String,
    tree: Arc<Tree>,
}

struct Tree {
    root: PathBuf,
    staging: Arc<Staging>,
    /// Whether the root was there once: if it goes away then, nothing is proven about any object.
    seen: AtomicBool,
}

impl Filesystem {
    /// A bucket in `directory`, which is made absolute by the current directory.
    ///
    /// # Errors
    /// [`Error::Config`] if `directory` is empty or the current directory is unknown.
    pub fn new(directory: &Path) -> Result<Self, Error> {
        let root = std::path::absolute(directory)
            .map_err(|error| Error::Config(format!("FILESYSTEM: directory cannot be made absolute: {error}")))?;
        let root: PathBuf = root.components().collect();
        let tree = Tree { staging: Staging::new(&root), seen: AtomicBool::new(false), root };
        Ok(Self { name: format!("fs: {}", tree.root.display()), tree: Arc::new(tree) })
    }

    /// Does blocking work on a thread that may block.
    fn blocking<'a, T: Send + 'static>(
        &self,
        operation: Operation,
        name: &str,
        work: impl FnOnce(&Tree, &str) -> Result<T, Error> + Send + 'static,
    ) -> Answer<'a, T> {
        let (tree, name) = (Arc::clone(&self.tree), name.to_owned());
        Box::pin(async move {
            let object = name.clone();
            let done = tokio::task::spawn_blocking(move || work(&tree, &name)).await;
            done.unwrap_or_else(|error| Err(Error::Other(Failure::new(operation, &object, "").because(error))))
        })
    }
}

impl Tree {
    /// Path and attributes of the object; an absent object is told from an absent root.
    fn find(&self, name: &str, operation: Operation) -> Result<(PathBuf, Attributes), Error> {
        let path = path::resolve(&self.root, name, operation)?;
        if name.ends_with('/') {
            return Err(Error::NotFound(Failure::new(operation, name, "")));
        }
        match path::plain_file(&self.root, &path, name, operation) {
            Ok(metadata) => {
                self.seen.store(true, Ordering::Relaxed);
                Ok((path, walk::attributes(&metadata)))
            }
            Err(Error::NotFound(_)) if self.seen.load(Ordering::Relaxed) && !self.root.is_dir() => {
                let detail = format!("the directory {} is gone", self.root.display());
                Err(Error::Unavailable(Failure::new(operation, name, detail)))
            }
            Err(error) => Err(error),
        }
    }

    fn read(&self, name: &str, max_bytes: u64) -> Result<Bytes, Error> {
        let (path, found) = self.find(name, Operation::Get)?;
        let failed = |error| Error::from_io(error, Operation::Get, name);
        let too_large = |size: u64| {
            let detail = format!("the object has {size} bytes, and at most {max_bytes} are expected");
            Error::Invalid(Failure::new(Operation::Get, name, detail))
        };
        if found.size > max_bytes {
            return Err(too_large(found.size));
        }
        let mut data = Vec::new();
        let file = File::open(path).map_err(failed)?;
        file.take(max_bytes.saturating_add(1)).read_to_end(&mut data).map_err(failed)?;
        if data.len() as u64 > max_bytes {
            return Err(too_large(data.len() as u64));
        }
        Ok(data.into())
    }

    fn read_range(&self, name: &str, offset: u64, length: Option<u64>) -> Result<Bytes, Error> {
        let (path, found) = self.find(name, Operation::GetRange)?;
        let rest = found.size.saturating_sub(offset);
        let length = length.map_or(rest, |length| length.min(rest));
        let failed = |error| Error::from_io(error, Operation::GetRange, name);
        let size = usize::try_from(length).map_err(|_| failed(io::ErrorKind::OutOfMemory.into()))?;
        let mut data = vec![0; size];
        File::open(path).and_then(|file| file.read_exact_at(&mut data, offset)).map_err(failed)?;
        Ok(data.into())
    }

    fn target(&self, name: &str) -> Result<PathBuf, Error> {
        let path = path::resolve(&self.root, name, Operation::Upload)?;
        if name.ends_with('/') {
            let detail = "a file's name cannot end with a slash";
            return Err(Error::Invalid(Failure::new(Operation::Upload, name, detail)));
        }
        path::no_links(&self.root, &path, name, Operation::Upload)?;
        Ok(path)
    }

    fn write(&self, name: &str, data: &[u8]) -> Result<(), Error> {
        let target = self.target(name)?;
        let write = || {
            let mut staged = self.staging.file()?;
            staged.file.write_all(data)?;
            staged.publish(&target)
        };
        write().map_err(|error| Error::from_io(error, Operation::Upload, name))?;
        self.seen.store(true, Ordering::Relaxed);
        Ok(())
    }

    fn start(&self, name: &str) -> Result<Box<dyn Writer>, Error> {
        let target = self.target(name)?;
        let staged = self.staging.file().map_err(|error| Error::from_io(error, Operation::Upload, name))?;
        Ok(Box::new(FileWriter::new(name, target, staged)))
    }

    /// Removes a file (or a link, or a tree without files if the name ends with a slash), then every parent that
    /// became empty, never the root.
    fn remove(&self, name: &str) -> Result<(), Error> {
        let path = path::resolve(&self.root, name, Operation::Delete)?;
        let parent = path.parent().unwrap_or(&self.root);
        path::no_links(&self.root, parent, name, Operation::Delete)?;
        let failed = |error| Error::from_io(error, Operation::Delete, name);
        let metadata = fs::symlink_metadata(&path).map_err(failed)?;
        match (metadata.is_dir(), name.ends_with('/')) {
            (false, false) => fs::remove_file(&path).map_err(failed)?,
            (false, true) => return Err(Error::NotFound(Failure::new(Operation::Delete, name, ""))),
            (true, true) if !walk::has_files(&path).map_err(failed)? => remove_empty(&path).map_err(failed)?,
            (true, _) => {
                return Err(Error::Invalid(Failure::new(Operation::Delete, name, "is a directory")));
            }
        }
        // A parent that is not empty, or busy, stays; the next deletion in it will try again.
        let below_root = |path: &&Path| path.starts_with(&self.root) && *path != self.root;
        let _ = parent.ancestors().take_while(below_root).try_for_each(fs::remove_dir);
        Ok(())
    }

    fn open(&self, name: &str) -> Result<Arc<dyn Reader>, Error> {
        let (path, found) = self.find(name, Operation::Get)?;
        let file = File::open(path).map_err(|error| Error::from_io(error, Operation::Get, name))?;
        let size = file.metadata().map_or(found.size, |metadata| metadata.size());
        Ok(Arc::new(FileReader { file, size }))
    }
}

/// Removes directories inside out; a file that appeared meanwhile makes it fail, and stays.
fn remove_empty(path: &Path) -> io::Result<()> {
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove_empty(&entry.path())?;
        }
    }
    fs::remove_dir(path)
}

struct FileReader {
    file: File,
    size: u64,
}

impl Reader for FileReader {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(into, offset)
    }

    fn file(&self) -> Option<&File> {
        Some(&self.file)
    }
}

struct Listing<'a> {
    bucket: &'a Filesystem,
    dir: String,
    walk: Option<Walk>,
}

impl Pages for Listing<'_> {
    fn next(&mut self) -> Answer<'_, Option<Vec<Entry>>> {
        let Some(mut walk) = self.walk.take() else { return Box::pin(async { Ok(None) }) };
        Box::pin(async move {
            let step = self.bucket.blocking(Operation::Iter, &self.dir, move |tree, _| {
                let page = walk.next()?;
                if page.is_some() {
                    tree.seen.store(true, Ordering::Relaxed);
                }
                Ok((page, walk))
            });
            let (page, walk) = step.await?;
            self.walk = page.is_some().then_some(walk);
            Ok(page)
        })
    }
}

impl Bucket for Filesystem {
    fn name(&self) -> &str {
        &self.name
    }

    fn list(&self, dir: &str, depth: Depth) -> Box<dyn Pages + '_> {
        let walk = Walk::new(&self.tree.root, dir, depth);
        Box::new(Listing { bucket: self, dir: dir.to_owned(), walk: Some(walk) })
    }

    fn get<'a>(&'a self, name: &'a str, max_bytes: u64) -> Answer<'a, Bytes> {
        self.blocking(Operation::Get, name, move |tree, name| tree.read(name, max_bytes))
    }

    fn get_range<'a>(&'a self, name: &'a str, offset: u64, length: Option<u64>) -> Answer<'a, Bytes> {
        self.blocking(Operation::GetRange, name, move |tree, name| tree.read_range(name, offset, length))
    }

    fn exists<'a>(&'a self, name: &'a str) -> Answer<'a, bool> {
        self.blocking(Operation::Exists, name, |tree, name| match tree.find(name, Operation::Exists) {
            Ok(_) => Ok(true),
            Err(Error::NotFound(_)) => Ok(false),
            // A directory or a link is not an object; an impossible name is the caller's error.
            Err(Error::Invalid(_)) if path::resolve(&tree.root, name, Operation::Exists).is_ok() => Ok(false),
            Err(error) => Err(error),
        })
    }

    fn attributes<'a>(&'a self, name: &'a str) -> Answer<'a, Attributes> {
        self.blocking(Operation::Attributes, name, |tree, name| Ok(tree.find(name, Operation::Attributes)?.1))
    }

    fn upload<'a>(&'a self, name: &'a str, data: Bytes) -> Answer<'a, ()> {
        self.blocking(Operation::Upload, name, move |tree, name| tree.write(name, &data))
    }

    fn create<'a>(&'a self, name: &'a str) -> Answer<'a, Box<dyn Writer>> {
        self.blocking(Operation::Upload, name, Tree::start)
    }

    fn open<'a>(&'a self, name: &'a str) -> Answer<'a, Arc<dyn Reader>> {
        self.blocking(Operation::Get, name, Tree::open)
    }

    fn delete<'a>(&'a self, name: &'a str) -> Answer<'a, ()> {
        self.blocking(Operation::Delete, name, Tree::remove)
    }
}
