//! Listings of a directory tree: sorted by name, links left out, directories without any file not shown.

use std::{
    collections::VecDeque,
    fs::{self, Metadata},
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use lithify_block::Timestamp;

use crate::{Attributes, Depth, Entry, Error, Operation, fs::path};

/// Entries of one page.
const PAGE: usize = 1000;

/// Where a listing stands.
pub(super) struct Walk {
    root: PathBuf,
    dir: String,
    depth: Depth,
    started: bool,
    /// What is left of each open directory, the innermost last. Names end with `/` for directories.
    open: Vec<VecDeque<(PathBuf, String)>>,
}

impl Walk {
    /// A walk over `dir`, which may be missing, below `root`.
    pub(super) fn new(root: &Path, dir: &str, depth: Depth) -> Self {
        let dir = dir.strip_suffix('/').unwrap_or(dir).to_owned();
        Self { root: root.to_path_buf(), dir, depth, started: false, open: Vec::new() }
    }

    /// The next page, `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Vec<Entry>>, Error> {
        if !self.started {
            self.started = true;
            let first = self.first()?;
            self.open.push(first);
        }
        let mut page = Vec::new();
        while page.len() < PAGE {
            let Some(directory) = self.open.last_mut() else { break };
            let Some((path, name)) = directory.pop_front() else {
                self.open.pop();
                continue;
            };
            self.step(&path, name, &mut page)?;
        }
        Ok(if page.is_empty() { None } else { Some(page) })
    }

    fn first(&self) -> Result<VecDeque<(PathBuf, String)>, Error> {
        if self.dir.is_empty() {
            let mut all = children(&self.root, "", &self.dir)?;
            all.retain(|(_, name)| !name.starts_with(path::STAGING));
            return Ok(all);
        }
        let path = path::resolve(&self.root, &self.dir, Operation::Iter)?;
        path::no_links(&self.root, &path, &self.dir, Operation::Iter)?;
        children(&path, &format!("{}/", self.dir), &self.dir)
    }

    fn step(&mut self, path: &Path, name: String, page: &mut Vec<Entry>) -> Result<(), Error> {
        if name.ends_with('/') {
            match self.depth {
                Depth::All => self.open.push(children(path, &name, &self.dir)?),
                Depth::One if has_files(path).map_err(|e| Error::from_io(e, Operation::Iter, &self.dir))? => {
                    page.push(Entry { name, size: None, modified: None, etag: None });
                }
                Depth::One => {}
            }
            return Ok(());
        }
        match fs::symlink_metadata(path) {
            Ok(metadata) if metadata.is_file() => {
                let Attributes { size, modified, etag } = attributes(&metadata);
                page.push(Entry { name, size: Some(size), modified, etag });
                Ok(())
            }
            Ok(_) => Ok(()), // It was replaced by something else meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(Error::from_io(error, Operation::Iter, &name)),
        }
    }
}

/// What the file system knows about a file. The ETag is made of inode, time and size.
pub(super) fn attributes(metadata: &Metadata) -> Attributes {
    let ms = metadata.mtime().saturating_mul(1000).saturating_add(metadata.mtime_nsec() / 1_000_000);
    let etag = format!("{:x}-{:x}.{:x}-{:x}", metadata.ino(), metadata.mtime(), metadata.mtime_nsec(), metadata.size());
    Attributes { size: metadata.len(), modified: Some(Timestamp(ms)), etag: Some(etag) }
}

/// Files and directories right below `path`, sorted by name; nothing if it is missing or no directory.
fn children(path: &Path, prefix: &str, dir: &str) -> Result<VecDeque<(PathBuf, String)>, Error> {
    let failed = |error| Error::from_io(error, Operation::Iter, dir);
    let Some(entries) = open(path).map_err(failed)? else { return Ok(VecDeque::new()) };
    let mut all = Vec::new();
    for entry in entries {
        let entry = entry.map_err(failed)?;
        let kind = match entry.file_type() {
            Ok(kind) => kind,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(failed(error)),
        };
        if kind.is_file() || kind.is_dir() {
            all.push((entry.file_name(), kind.is_dir()));
        }
    }
    all.sort();
    let named = all.into_iter().map(|(name, is_dir)| {
        let slash = if is_dir { "/" } else { "" };
        let full = format!("{prefix}{}{slash}", name.to_string_lossy());
        (path.join(name), full)
    });
    Ok(named.collect())
}

/// Whether there is a file at any depth below the directory.
pub(super) fn has_files(path: &Path) -> io::Result<bool> {
    let Some(entries) = open(path)? else { return Ok(false) };
    let mut directories = Vec::new();
    for entry in entries {
        let entry = entry?;
        match entry.file_type() {
            Ok(kind) if kind.is_file() => return Ok(true),
            Ok(kind) if kind.is_dir() => directories.push(entry.path()),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    for directory in directories {
        if has_files(&directory)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn open(path: &Path) -> io::Result<Option<fs::ReadDir>> {
    match fs::read_dir(path) {
        Ok(entries) => Ok(Some(entries)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(error),
    }
}
