//! `lithify plugin`: for those who write policies.

use std::{fs, io::Write as _, path::Path, process::ExitCode};

use lithify_plugin::{Manifest, build, sha256};
use tracing::error;

/// `lithify plugin build PATH`: compiles a guest crate into a component and writes it to `out`, or beside the crate's
/// Cargo.toml under the crate's name.
pub fn run_build(path: &Path, out: Option<&Path>) -> ExitCode {
    finish(build_to(path, out))
}

fn build_to(path: &Path, out: Option<&Path>) -> Result<String, String> {
    let target = std::env::temp_dir().join("lithify-plugin-build");
    let built = build::build(path, &target).map_err(|error| error.to_string())?;
    let out = out.map_or_else(|| path.join(format!("{}.wasm", built.manifest.name)), Path::to_path_buf);
    fs::write(&out, &built.component).map_err(|error| format!("write {}: {error}", out.display()))?;
    Ok(format!(
        "{}\n  {} {}, {} bytes, compiled by {}\n  sha256: {}\n",
        out.display(),
        built.manifest.name,
        built.manifest.version,
        built.component.len(),
        built.compiler,
        built.digest
    ))
}

/// `lithify plugin inspect FILE`: what a component says of itself. Runs nothing of it.
pub fn run_inspect(file: &Path) -> ExitCode {
    finish(inspect(file))
}

fn inspect(file: &Path) -> Result<String, String> {
    let bytes = fs::read(file).map_err(|error| format!("read {}: {error}", file.display()))?;
    let manifest = Manifest::of_component(&bytes).map_err(|error| format!("{}: {error}", file.display()))?;
    Ok(format!("{}size: {} bytes\nsha256: {}\n", described(&manifest), bytes.len(), sha256(&bytes)))
}

fn described(manifest: &Manifest) -> String {
    let kinds: Vec<String> = manifest.kinds.iter().map(ToString::to_string).collect();
    format!(
        "name: {}\nversion: {}\ndescription: {}\nkinds: {}\ninterface: {}\n",
        manifest.name,
        manifest.version,
        manifest.description,
        kinds.join(", "),
        manifest.interface,
    )
}

fn finish(result: Result<String, String>) -> ExitCode {
    match result {
        Ok(text) => {
            // A reader that has seen enough closes the pipe; that is no failure of ours.
            let _ = std::io::stdout().lock().write_all(text.as_bytes());
            ExitCode::SUCCESS
        }
        Err(problem) => {
            error!(err = %problem, "running command failed");
            ExitCode::FAILURE
        }
    }
}
