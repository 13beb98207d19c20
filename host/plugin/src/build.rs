//! Builds guests: `lithify plugin build PATH`.
//!
//! Compiles the crate for `wasm32-unknown-unknown`, finds the manifest, gives the module the world of the kinds that the
//! manifest claims, wraps it into a component and digests it. Needs a Rust compiler with that target, or Debian's
//! `rustc-web`, `cargo-web`, `rust-web-src` and `lld-19`, which build the standard library on the way.
//!
//! Paths are remapped and nothing is taken from the environment, so the same compiler makes the same bytes anywhere.

mod compile;
mod componentize;
pub mod dist;
mod toolchain;

use std::{
    io,
    path::{Path, PathBuf},
};

pub use componentize::componentize;
pub use toolchain::Toolchain;

use crate::{Manifest, ManifestError, sha256};

/// A guest that was built.
#[derive(Clone, Debug)]
pub struct Built {
    /// The component.
    pub component: Vec<u8>,
    /// SHA-256 of the component, hexadecimal.
    pub digest: String,
    /// What it says about itself.
    pub manifest: Manifest,
    /// The compiler, as `rustc --version` names it.
    pub compiler: String,
}

/// Why a guest could not be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// No compiler for the target.
    #[error(
        "no Rust compiler for wasm32-unknown-unknown: run `rustup target add wasm32-unknown-unknown`, or on Debian \
         `apt-get install rustc-web cargo-web rust-web-src lld-19`"
    )]
    NoCompiler,
    /// A program could not be started.
    #[error("cannot run {program}: {error}")]
    Run {
        /// The program.
        program: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The compiler failed; what it said stands above.
    #[error("{program} failed with {status}")]
    Compile {
        /// The program.
        program: PathBuf,
        /// Its exit status.
        status: std::process::ExitStatus,
    },
    /// The crate cannot be read.
    #[error("{path}: {message}")]
    Crate {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// The manifest is missing or wrong.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The module does not export what its manifest claims, or imports what the host does not offer.
    #[error("cannot make a component: {0}")]
    Component(String),
}

/// Builds the guest crate in `path`. `target` is a directory for intermediate results, usually `<path>/target`.
///
/// # Errors
/// [`BuildError`], which says what is missing or wrong.
pub fn build(path: &Path, target: &Path) -> Result<Built, BuildError> {
    let toolchain = Toolchain::find()?;
    let module = compile::compile(&toolchain, path, target)?;
    let component = componentize(&module)?;
    let manifest = Manifest::of_component(&component)?;
    Ok(Built { digest: sha256(&component), component, manifest, compiler: toolchain.version })
}
