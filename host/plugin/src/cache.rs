//! Compiled code is kept in the data directory, so that a second start need not compile.
//!
//! Compiled code is machine code: whoever can make us load it can make us do anything. So each file carries an
//! HMAC-SHA256 under a key that was drawn for this data directory, over the digest of the component, the engine's
//! compatibility and the code. A file from elsewhere, of another component or with a changed byte is never loaded.
//!
//! ```text
//! plugins/key                          32 random bytes, readable by its owner only
//! plugins/<component>-<engine>.code    "lithify code 1\n"  HMAC (32)  code
//! ```
//!
//! Source: `policies.md` 4.

use std::{
    fs, io,
    io::{Read as _, Write as _},
    path::{Path, PathBuf},
};

use hmac::{Hmac, Mac as _};
use sha2::Sha256;

const MAGIC: &[u8] = b"lithify code 1\n";
const MAC_BYTES: usize = 32;
/// Largest file that is read, bytes: code is several times the size of a component.
const CODE_BYTES_MAX: u64 = 1 << 30;

/// The cache of one data directory.
#[derive(Debug)]
pub(crate) struct Cache {
    directory: PathBuf,
    key: [u8; 32],
}

/// Bytes that this installation wrote for this component and this engine.
pub(crate) struct Authentic<'a>(&'a [u8]);

impl Authentic<'_> {
    pub(crate) fn bytes(&self) -> &[u8] {
        self.0
    }
}

impl Cache {
    /// The cache in `<data_directory>/plugins`; draws its key if there is none.
    ///
    /// # Errors
    /// The file system's.
    pub(crate) fn open(data_directory: &Path) -> io::Result<Self> {
        let directory = data_directory.join("plugins");
        fs::create_dir_all(&directory)?;
        let path = directory.join("key");
        let key = match read_key(&path)? {
            Some(key) => key,
            None => draw_key(&path)?,
        };
        Ok(Self { directory, key })
    }

    /// Hands the code of a component to `then`, if it is there and authentic.
    pub(crate) fn get<T>(&self, component: &str, engine: &str, then: impl FnOnce(&Authentic<'_>) -> T) -> Option<T> {
        let mut file = Vec::new();
        let opened = fs::File::open(self.path(component, engine)).ok()?;
        opened.take(CODE_BYTES_MAX).read_to_end(&mut file).ok()?;
        let (mac, code) = file.strip_prefix(MAGIC)?.split_at_checked(MAC_BYTES)?;
        match self.mac(component, engine, code).verify_slice(mac) {
            Ok(()) => Some(then(&Authentic(code))),
            Err(_) => {
                tracing::warn!(
                    component,
                    "compiled code in the data directory is not ours or was changed: compiling anew"
                );
                None
            }
        }
    }

    /// Keeps the code of a component. A reader sees the whole file or none.
    ///
    /// # Errors
    /// The file system's.
    pub(crate) fn put(&self, component: &str, engine: &str, code: &[u8]) -> io::Result<()> {
        let path = self.path(component, engine);
        let temporary = path.with_extension(format!("{}.tmp", std::process::id()));
        let mac = self.mac(component, engine, code).finalize().into_bytes();
        let mut file = fs::File::create(&temporary)?;
        for part in [MAGIC, &mac, code] {
            file.write_all(part)?;
        }
        drop(file);
        fs::rename(&temporary, &path)
    }

    fn path(&self, component: &str, engine: &str) -> PathBuf {
        let engine = engine.get(..16).unwrap_or(engine);
        self.directory.join(format!("{component}-{engine}.code"))
    }

    fn mac(&self, component: &str, engine: &str, code: &[u8]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("an HMAC takes a key of any length");
        for part in [component.as_bytes(), engine.as_bytes()] {
            mac.update(&part.len().to_le_bytes());
            mac.update(part);
        }
        mac.update(code);
        mac
    }
}

/// The key, or `None` if there is none yet.
fn read_key(path: &Path) -> io::Result<Option<[u8; 32]>> {
    match fs::read(path) {
        Ok(bytes) => bytes.try_into().map(Some).map_err(|_| {
            let message = format!("{} does not hold 32 bytes: delete it, a new key will be drawn", path.display());
            io::Error::new(io::ErrorKind::InvalidData, message)
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Draws a key. If another process was faster, its key is taken.
fn draw_key(path: &Path) -> io::Result<[u8; 32]> {
    let mut key = [0; 32];
    getrandom::fill(&mut key).map_err(io::Error::other)?;
    let temporary = path.with_extension(format!("{}.tmp", std::process::id()));
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(&temporary)?.write_all(&key)?;
    let linked = fs::hard_link(&temporary, path);
    fs::remove_file(&temporary)?;
    match linked {
        Ok(()) => Ok(key),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => read_key(path)?.ok_or(error),
        Err(error) => Err(error),
    }
}
