//! From a crate to a core module.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde::Deserialize;

use super::{BuildError, Toolchain};

const TARGET: &str = "wasm32-unknown-unknown";

/// What is read of cargo's metadata.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    workspace_root: PathBuf,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    manifest_path: PathBuf,
    /// Where it was taken from; `None` if it lies on this machine.
    source: Option<String>,
    #[serde(default)]
    metadata: Option<PackageMetadata>,
}

#[derive(Default, Deserialize)]
struct PackageMetadata {
    #[serde(default)]
    lithify: Option<Options>,
}

/// `[package.metadata.lithify]` of a guest.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Options {
    /// Whether the guest needs std. Guests that do not are built faster where the standard library is built too.
    #[serde(default = "yes")]
    std: bool,
    /// How the compiler optimises; for size unless the guest wants otherwise.
    #[serde(default)]
    opt_level: OptLevel,
    /// Whether a panic logs its place. Without, it only traps, and a guest is smaller by a tenth; a standard library that
    /// was built before knows no such difference.
    #[serde(default = "yes")]
    panic_places: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { std: true, opt_level: OptLevel::default(), panic_places: true }
    }
}

/// As cargo names it.
#[derive(Clone, Copy, Default, Deserialize)]
enum OptLevel {
    #[serde(rename = "z")]
    Smallest,
    #[default]
    #[serde(rename = "s")]
    Small,
    #[serde(rename = "3")]
    Fast,
}

fn yes() -> bool {
    true
}

/// Compiles the crate in `path`; returns the module.
pub(super) fn compile(toolchain: &Toolchain, path: &Path, target: &Path) -> Result<Vec<u8>, BuildError> {
    let wrong = |path: &Path, message: String| BuildError::Crate { path: path.to_owned(), message };
    let path = fs::canonicalize(path).map_err(|error| wrong(path, error.to_string()))?;
    let metadata = metadata(toolchain, &path)?;
    let package = package(&metadata, &path)?;
    let default = Options::default();
    let options = package.metadata.as_ref().and_then(|metadata| metadata.lithify.as_ref()).unwrap_or(&default);
    let opt_level = match options.opt_level {
        OptLevel::Smallest => "opt-level='z'",
        OptLevel::Small => "opt-level='s'",
        OptLevel::Fast => "opt-level=3",
    };
    let mut command = command(toolchain, &path);
    command.args(["rustc", "--lib", "--release", "--locked", "--crate-type", "cdylib", "--target", TARGET]);
    command.arg("--target-dir").arg(target);
    let silent = toolchain.build_std && !options.panic_places;
    let panic = if silent { "panic='immediate-abort'" } else { "panic='abort'" };
    for setting in [opt_level, "lto='fat'", "codegen-units=1", panic, "strip='symbols'", "debug=false"] {
        command.arg("--config").arg(format!("profile.release.{setting}"));
    }
    if toolchain.build_std {
        command.arg(if options.std { "-Zbuild-std=std,panic_abort" } else { "-Zbuild-std=core,alloc" });
        // Smaller sorting and searching: guests are compiled at every cold start, and their lists are short.
        command.arg("-Zbuild-std-features=optimize_for_size");
        if silent {
            command.arg("-Zpanic-immediate-abort");
        }
        command.env("RUSTC_BOOTSTRAP", "1");
    }
    command.env("CARGO_ENCODED_RUSTFLAGS", flags(toolchain, &metadata));
    command.stdin(Stdio::null());
    let program = toolchain.cargo.clone();
    let status = command.status().map_err(|error| BuildError::Run { program: program.clone(), error })?;
    if !status.success() {
        return Err(BuildError::Compile { program, status });
    }
    let module = target.join(TARGET).join("release").join(format!("{}.wasm", package.name.replace('-', "_")));
    fs::read(&module).map_err(|error| wrong(&module, error.to_string()))
}

/// cargo in the crate's directory, without what the environment would change.
fn command(toolchain: &Toolchain, path: &Path) -> Command {
    let mut command = Command::new(&toolchain.cargo);
    command.current_dir(path).env("RUSTC", &toolchain.rustc);
    for name in ["RUSTFLAGS", "CARGO_BUILD_RUSTFLAGS", "RUSTC_WRAPPER", "CARGO_TARGET_DIR", "CARGO_BUILD_TARGET"] {
        command.env_remove(name);
    }
    command
}

/// Compiler flags: no path of this machine in the bytes, and the linker.
fn flags(toolchain: &Toolchain, metadata: &Metadata) -> String {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| std::env::home_dir().map(|home| home.join(".cargo")));
    let mut flags = Vec::new();
    let mut remap = |from: &Path, to: &str| flags.push(format!("--remap-path-prefix={}={to}", from.display()));
    remap(Path::new(&toolchain.sysroot), "/rust");
    if let Some(home) = home {
        remap(&home, "/cargo");
    }
    // Crates beside the guest's workspace; the last flag that fits a path wins.
    for package in metadata.packages.iter().filter(|package| package.source.is_none()) {
        if let Some(directory) = package.manifest_path.parent() {
            remap(directory, &format!("/{}", package.name));
        }
    }
    remap(&metadata.workspace_root, "/guest");
    if let Some(linker) = &toolchain.linker {
        flags.push(format!("-Clinker={}", linker.display()));
    }
    flags.join("\u{1f}")
}

fn metadata(toolchain: &Toolchain, path: &Path) -> Result<Metadata, BuildError> {
    let mut command = command(toolchain, path);
    command.args(["metadata", "--format-version=1", "--locked"]).stderr(Stdio::inherit());
    let program = toolchain.cargo.clone();
    let output = command.output().map_err(|error| BuildError::Run { program: program.clone(), error })?;
    if !output.status.success() {
        return Err(BuildError::Compile { program, status: output.status });
    }
    serde_json::from_slice(&output.stdout)
        .map_err(|error| BuildError::Crate { path: path.to_owned(), message: format!("cargo metadata: {error}") })
}

fn package<'a>(metadata: &'a Metadata, path: &Path) -> Result<&'a Package, BuildError> {
    let manifest = path.join("Cargo.toml");
    let own = |package: &&Package| fs::canonicalize(&package.manifest_path).is_ok_and(|path| path == manifest);
    metadata
        .packages
        .iter()
        .find(own)
        .ok_or_else(|| BuildError::Crate { path: manifest.clone(), message: "not the Cargo.toml of a crate".into() })
}
