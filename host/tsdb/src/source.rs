//! A block that is read.

use std::{
    fs::{self, File},
    io,
    path::Path,
};

use lithify_block::{BlockId, TimeRange};

use crate::{
    Blob, Damage, Error, LocalFile,
    index::Index,
    segment,
    tombstones::{Tombstones, TombstonesError},
};

/// A block by its parts. Nothing is read until it is needed.
pub struct Source {
    /// The block, for messages.
    pub id: BlockId,
    /// The range that its meta.json claims, milliseconds, half open.
    pub range: TimeRange,
    /// The file `index`.
    pub index: Box<dyn Blob>,
    /// The files in `chunks/` whose names are decimal numbers, with their names, in byte order of the names.
    pub segments: Vec<(String, Box<dyn Blob>)>,
    /// The content of the file `tombstones`, if there is one.
    pub tombstones: Option<Vec<u8>>,
}

impl Source {
    /// A block in a directory of this machine. Missing `tombstones` and `chunks/` are as good as empty ones.
    ///
    /// # Errors
    /// Where a file that is there cannot be opened, or there is no `index`.
    pub fn local(directory: &Path, id: BlockId, range: TimeRange) -> io::Result<Self> {
        let open = |path: &Path| Ok::<_, io::Error>(Box::new(LocalFile::new(File::open(path)?)?) as Box<dyn Blob>);
        let mut segments = Vec::new();
        let listing = match fs::read_dir(directory.join("chunks")) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            listing => Some(listing?),
        };
        for entry in listing.into_iter().flatten() {
            let entry = entry?;
            if let Some(name) = entry.file_name().to_str().filter(|name| is_segment_name(name)) {
                segments.push((name.to_owned(), open(&entry.path())?));
            }
        }
        segments.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        let tombstones = match fs::read(directory.join("tombstones")) {
            Ok(bytes) => Some(bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        Ok(Self { id, range, index: open(&directory.join("index"))?, segments, tombstones })
    }

    /// The name of the segment that a chunk reference leads to, as a path below the block.
    pub(crate) fn segment_path(&self, reference: u64) -> String {
        let position = usize::try_from(reference >> 32).unwrap_or(usize::MAX);
        self.segments.get(position).map_or("chunks".to_owned(), |(name, _)| format!("chunks/{name}"))
    }

    /// The segments without their names.
    pub(crate) fn segment_blobs(&self) -> Vec<&dyn Blob> {
        self.segments.iter().map(|(_, blob)| blob.as_ref()).collect()
    }

    /// Checks the segments' headers and the index's header and table of contents.
    ///
    /// Source: `tsdb-format.md` 6.2: segments, then index.
    pub(crate) fn open(&self) -> Result<Index<'_>, Error> {
        for (name, blob) in &self.segments {
            let path = || format!("chunks/{name}");
            segment::check_header(blob.as_ref()).map_err(|fault| fault.of(self.id, &path()))?;
        }
        self.open_index()
    }

    pub(crate) fn open_index(&self) -> Result<Index<'_>, Error> {
        Index::open(self.index.as_ref()).map_err(|fault| fault.of(self.id, "index"))
    }

    /// What is deleted from the block.
    pub(crate) fn read_tombstones(&self) -> Result<Tombstones, Error> {
        let Some(bytes) = &self.tombstones else { return Ok(Tombstones::default()) };
        Tombstones::read(bytes).map_err(|error| {
            let offset = match error {
                TombstonesError::Entry { byte } => byte as u64,
                TombstonesError::TooShort { .. }
                | TombstonesError::Magic { .. }
                | TombstonesError::Version { .. }
                | TombstonesError::Checksum { .. } => 0,
            };
            let file = "tombstones".to_owned();
            Error::Corrupt { block: self.id, file, offset, damage: Damage::Tombstones(error) }
        })
    }
}

/// Whether a file in `chunks/` is a segment: its whole name is an unsigned decimal number. Other files are ignored.
///
/// A segment's place among the sorted names, not its number, is what references count.
///
/// Source: `tsdb-format.md` 2.3; Go's `strconv.ParseUint` to 64 bits.
#[must_use]
pub fn is_segment_name(name: &str) -> bool {
    // A sign is fine for Rust's parser and not for Go's.
    name.bytes().all(|byte| byte.is_ascii_digit()) && name.parse::<u64>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_files_whose_name_is_a_number() {
        for name in ["000001", "7", "18446744073709551615"] {
            assert!(is_segment_name(name), "{name}");
        }
        for name in ["", "+1", "-1", "1.tmp", "notes.txt", "18446744073709551616", "1_0", "0x1"] {
            assert!(!is_segment_name(name), "{name}");
        }
    }
}
