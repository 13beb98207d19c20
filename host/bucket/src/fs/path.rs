//! From object names to paths below the root: no way out of it, no links followed.

use std::{
    fs::{self, Metadata},
    io,
    path::{Path, PathBuf},
};

use crate::{Error, Operation, error::Failure};

/// Temporary directories below the root begin so; names that begin so are nobody's objects.
pub(super) const STAGING: &str = ".tmp-";

/// The path of `name` below `root`.
///
/// # Errors
/// [`Error::Invalid`] for the empty name, for names with empty, `.` or `..` parts, and for names of temporary files.
pub(super) fn resolve(root: &Path, name: &str, operation: Operation) -> Result<PathBuf, Error> {
    let invalid = |detail| Err(Error::Invalid(Failure::new(operation, name, detail)));
    if name.is_empty() {
        return invalid("the name of the object is empty");
    }
    let parts = name.strip_suffix('/').unwrap_or(name);
    if parts.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return invalid("the name has an empty, `.` or `..` part, which no file can have");
    }
    if parts.contains('\0') {
        return invalid("the name has a NUL, which no file can have");
    }
    if parts.starts_with(STAGING) {
        return invalid("the name is one of our temporary directories");
    }
    Ok(root.join(parts))
}

/// The metadata of the file at `path`, a path that [`resolve`] made below `root`.
///
/// # Errors
/// [`Error::NotFound`], also if a directory on the way is a file; [`Error::Invalid`] if it or a directory on the way is
/// a link, or if it is not a plain file.
pub(super) fn plain_file(root: &Path, path: &Path, name: &str, operation: Operation) -> Result<Metadata, Error> {
    if let Some(parent) = path.parent() {
        no_links(root, parent, name, operation)?;
    }
    let metadata = fs::symlink_metadata(path).map_err(|e| Error::from_io(e, operation, name))?;
    let invalid = |detail| Err(Error::Invalid(Failure::new(operation, name, detail)));
    if metadata.is_symlink() {
        invalid("is a symbolic link, and links are not followed")
    } else if metadata.is_dir() {
        invalid("is a directory")
    } else if metadata.is_file() {
        Ok(metadata)
    } else {
        invalid("is not a plain file")
    }
}

/// Refuses if a directory between `root` and `directory`, both included in the walk but the root itself, is a link.
/// What does not exist is no link.
pub(super) fn no_links(root: &Path, directory: &Path, name: &str, operation: Operation) -> Result<(), Error> {
    let below = directory.strip_prefix(root).expect("the caller joined it to the root");
    let mut path = root.to_path_buf();
    for part in below.components() {
        path.push(part);
        match fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.is_symlink() => {
                let detail = format!("{} is a symbolic link, and links are not followed", path.display());
                return Err(Error::Invalid(Failure::new(operation, name, detail)));
            }
            Ok(_) => {}
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(());
            }
            Err(error) => return Err(Error::from_io(error, operation, name)),
        }
    }
    Ok(())
}
