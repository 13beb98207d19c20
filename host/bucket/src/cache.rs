//! Metas kept in the data directory, so that a cold start reads only what is new.
//!
//! The layout is the reference's: `<data-dir>/meta-syncer/<ULID>/meta.json`. A file is taken only if its size and its
//! modification time are those of the object, which are set when it is stored.
//!
//! Source: `thanos-compactor.md` 2.7, 3.2.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use lithify_block::{BlockId, Meta, Timestamp};

use crate::{Object, layout};

/// The directory of kept metas. Losing it costs requests, nothing else; so its errors are only logged.
#[derive(Debug)]
pub struct MetaCache {
    directory: PathBuf,
}

impl MetaCache {
    /// The cache below `data_dir`; made by the first write.
    #[must_use]
    pub fn new(data_dir: &Path) -> Self {
        Self { directory: data_dir.join("meta-syncer") }
    }

    /// The meta of the block, if the file is that of the `object`, decodes and is of a version that we know.
    pub(crate) fn load(&self, id: BlockId, object: &Object) -> Option<Meta> {
        let path = self.directory.join(layout::meta(id));
        let known = fs::metadata(&path).ok()?;
        if known.len() != object.size || known.modified().ok()? != time(object.modified?)? {
            return None;
        }
        let meta = Meta::from_json(&fs::read(path).ok()?).ok()?;
        let versions = meta.check_version().and_then(|()| meta.check_thanos_version());
        versions.is_ok().then_some(meta)
    }

    /// Keeps the text of the object.
    pub(crate) fn store(&self, id: BlockId, object: &Object, text: &[u8]) {
        let Some(modified) = object.modified.and_then(time) else { return };
        if text.len() as u64 != object.size {
            return; // It changed after the listing; the next sync will see.
        }
        let path = self.directory.join(layout::meta(id));
        if let Err(error) = write(&path, text, modified) {
            tracing::warn!(block = %id, file = %path.display(), %error, "meta.json could not be kept for the next start");
        }
    }

    /// Removes blocks that are no longer there. Names that are no ids stay.
    pub(crate) fn retain(&self, keep: impl Fn(BlockId) -> bool) {
        let Ok(entries) = fs::read_dir(&self.directory) else { return };
        for entry in entries.flatten() {
            let id = entry.file_name().to_str().and_then(|name| name.parse::<BlockId>().ok());
            if id.is_some_and(|id| !keep(id)) {
                // What stays is tried again at the next sync.
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    }
}

fn time(timestamp: Timestamp) -> Option<SystemTime> {
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(u64::try_from(timestamp.0).ok()?))
}

/// Writes beside the file and moves it into place, so that a crash leaves no half of it under its name.
fn write(path: &Path, text: &[u8], modified: SystemTime) -> io::Result<()> {
    let parent = path.parent().ok_or(io::ErrorKind::InvalidFilename)?;
    fs::create_dir_all(parent)?;
    let half = path.with_extension("new");
    let mut file = File::create(&half)?;
    file.write_all(text)?;
    file.set_modified(modified)?;
    fs::rename(half, path)
}
