//! Files that are not objects yet: written in a directory of their own, then moved into place.

use std::{
    fs::{self, File},
    hash::{BuildHasher, RandomState},
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use crate::fs::path::STAGING;

/// What a dead process left is removed when it is this old by the clock of the file system.
const LEFTOVER: Duration = Duration::from_hours(24);

/// How often making a file's parents is tried again when somebody removes them as empty at the same moment.
const RACES: usize = 16;

/// The staging directory of one bucket; it exists only while somebody writes.
pub(super) struct Staging {
    root: PathBuf,
    path: PathBuf,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    writers: usize,
    names: u64,
    cleaned: bool,
}

/// A file in the staging directory. Removed when dropped before [`Staged::publish`].
pub(super) struct Staged {
    /// Where its bytes go.
    pub(super) file: File,
    path: PathBuf,
    staging: Arc<Staging>,
}

impl Staging {
    /// A staging directory below `root`; nothing is made before the first write.
    pub(super) fn new(root: &Path) -> Arc<Self> {
        let random = RandomState::new().hash_one(std::process::id());
        let path = root.join(format!("{STAGING}{random:016x}"));
        Arc::new(Self { root: root.to_path_buf(), path, state: Mutex::default() })
    }

    /// A new empty file.
    pub(super) fn file(self: &Arc<Self>) -> io::Result<Staged> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.writers == 0 {
            fs::create_dir_all(&self.root)?;
            match fs::create_dir(&self.path) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => {}
            }
        }
        if !state.cleaned {
            state.cleaned = true;
            self.remove_leftovers()?;
        }
        state.names += 1;
        let path = self.path.join(state.names.to_string());
        let file = File::options().write(true).create_new(true).open(&path)?;
        state.writers += 1;
        drop(state);
        Ok(Staged { file, path, staging: Arc::clone(self) })
    }

    /// Removes staging directories in which nothing happened for a day. The present is what the file system says of the
    /// directory that was just made.
    fn remove_leftovers(&self) -> io::Result<()> {
        let Some(limit) = fs::metadata(&self.path)?.modified()?.checked_sub(LEFTOVER) else { return Ok(()) };
        for entry in fs::read_dir(&self.root)?.flatten() {
            let old = |path: &Path| {
                let modified = fs::symlink_metadata(path).and_then(|metadata| metadata.modified());
                modified.is_ok_and(|modified| modified < limit)
            };
            let path = entry.path();
            if !entry.file_name().to_string_lossy().starts_with(STAGING) || path == self.path || !old(&path) {
                continue;
            }
            let files: Vec<_> = fs::read_dir(&path).into_iter().flatten().flatten().map(|file| file.path()).collect();
            if files.iter().all(|file| old(file)) && fs::remove_dir_all(&path).is_ok() {
                tracing::info!(directory = %path.display(), "removed files that an earlier run left unfinished");
            }
        }
        Ok(())
    }

    fn leave(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.writers -= 1;
        if state.writers == 0 {
            // Whoever finds it still there will take it for a leftover tomorrow.
            let _ = fs::remove_dir(&self.path);
        }
    }
}

impl Staged {
    /// Makes the file durable and moves it to `target`, replacing what is there.
    pub(super) fn publish(self, target: &Path) -> io::Result<()> {
        self.file.sync_all()?;
        let parent = target.parent().ok_or(io::ErrorKind::InvalidFilename)?;
        let known = parent.ancestors().find(|path| path.is_dir()).unwrap_or(parent).to_path_buf();
        let mut races = 0;
        loop {
            fs::create_dir_all(parent)?;
            match fs::rename(&self.path, target) {
                Ok(()) => break,
                Err(error) if error.kind() == io::ErrorKind::NotFound && races < RACES => races += 1,
                Err(error) => return Err(error),
            }
        }
        // The name is an entry of its parent, and each new directory one of its own.
        for directory in parent.ancestors().take_while(|path| path.starts_with(&known)) {
            match File::open(directory).and_then(|opened| opened.sync_all()) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        // After publishing the name is gone already.
        let _ = fs::remove_file(&self.path);
        self.staging.leave();
    }
}
