//! Which compiler can make WebAssembly here?

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::BuildError;

/// A compiler for `wasm32-unknown-unknown`.
#[derive(Clone, Debug)]
pub struct Toolchain {
    /// The cargo program.
    pub cargo: PathBuf,
    /// The compiler.
    pub rustc: PathBuf,
    /// What `rustc --version` says.
    pub version: String,
    /// Directory with compiler and libraries.
    pub sysroot: String,
    /// The linker, if it is not the compiler's own.
    pub linker: Option<PathBuf>,
    /// Whether the standard library is built from source, because there is none for the target.
    pub build_std: bool,
}

impl Toolchain {
    /// The installed toolchain if it has the target, else Debian's packages.
    ///
    /// # Errors
    /// [`BuildError::NoCompiler`] if there is neither.
    pub fn find() -> Result<Self, BuildError> {
        Self::installed().or_else(Self::debian).ok_or(BuildError::NoCompiler)
    }

    fn installed() -> Option<Self> {
        let (cargo, rustc) = (PathBuf::from("cargo"), PathBuf::from("rustc"));
        let sysroot = output(&rustc, &["--print", "sysroot"])?;
        let target = Path::new(&sysroot).join("lib/rustlib/wasm32-unknown-unknown/lib");
        if !target.is_dir() {
            return None;
        }
        let version = output(&rustc, &["--version"])?;
        Some(Self { cargo, rustc, version, sysroot, linker: None, build_std: false })
    }

    /// `rustc-web`, `cargo-web`, `rust-web-src` and `lld`.
    fn debian() -> Option<Self> {
        let (cargo, rustc) = (PathBuf::from("/usr/bin/cargo"), PathBuf::from("/usr/bin/rustc"));
        let sysroot = output(&rustc, &["--print", "sysroot"])?;
        if !Path::new(&sysroot).join("lib/rustlib/src/rust/library/core").is_dir() {
            return None;
        }
        let linkers = ["/usr/bin/wasm-ld", "/usr/bin/wasm-ld-19", "/usr/bin/rust-lld"];
        let linker = linkers.iter().map(PathBuf::from).find(|path| path.exists())?;
        let version = output(&rustc, &["--version"])?;
        Some(Self { cargo, rustc, version, sysroot, linker: Some(linker), build_std: true })
    }
}

/// What a program prints, without the end of the line; `None` if it is missing or fails.
fn output(program: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
