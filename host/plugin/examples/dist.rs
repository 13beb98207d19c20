//! Makes the built-in components anew, or checks that they can be made:
//!
//! `cargo run -p lithify-plugin --example dist` writes `plugins/dist` and its lock;
//! `cargo run -p lithify-plugin --example dist -- --check` writes nothing. It fails if the compiler is the lock's and
//! a component differs; with another compiler it says so.
#![expect(clippy::print_stdout, reason = "a tool for a terminal")]

use std::{
    error::Error,
    fs,
    path::{Path, PathBuf},
};

use lithify_plugin::build::dist::{Lock, build_all, lock_path};

fn main() -> Result<(), Box<dyn Error>> {
    let repository = fs::canonicalize(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."))?;
    let target = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target/guests");
    let (components, lock) = build_all(&repository, &target)?;
    if std::env::args().any(|argument| argument == "--check") {
        return check(&repository, &lock);
    }
    for (name, component) in &components {
        fs::write(repository.join(format!("plugins/dist/{name}.wasm")), component)?;
        println!("{name}: {} bytes, {}", component.len(), lock.components[name]);
    }
    fs::write(lock_path(&repository), serde_json::to_string_pretty(&lock)? + "\n")?;
    Ok(())
}

fn check(repository: &Path, built: &Lock) -> Result<(), Box<dyn Error>> {
    let committed: Lock = serde_json::from_slice(&fs::read(lock_path(repository))?)?;
    if committed.compiler != built.compiler {
        println!("built with {}, the lock names {}: bytes are not compared", built.compiler, committed.compiler);
        return Ok(());
    }
    if committed != *built {
        return Err(format!("plugins/dist is not what its sources make: {committed:?} and {built:?}").into());
    }
    println!("plugins/dist is what its sources make, byte for byte");
    Ok(())
}
