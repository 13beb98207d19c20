//! The built-in components and their lock, `plugins/dist`.
//!
//! The lock says of what they were made: a digest over all sources that go into them, which every test run compares with
//! the tree, and the compiler, with which the bytes can be made again.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{BuildError, build};
use crate::sha256;

/// The crates in `plugins/` that become components.
pub const GUESTS: [&str; 5] = ["downsampler", "grouper", "planner", "retention", "selector"];

/// What only the guests' tests need.
const TEST_TOOLS: [&str; 2] = ["proptest", "serde_json"];

/// `plugins/dist/lock.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    /// What `rustc --version` says.
    pub compiler: String,
    /// Digest over the sources, by [`sources`].
    pub sources: String,
    /// Digest of each component, by the name of its crate.
    pub components: BTreeMap<String, String>,
}

/// Where the lock stands in a repository.
#[must_use]
pub fn lock_path(repository: &Path) -> PathBuf {
    repository.join("plugins/dist/lock.json")
}

/// Builds all components of a repository; returns them by name, with their lock. Nothing is written.
///
/// # Errors
/// [`BuildError`] of the first that cannot be built.
pub fn build_all(repository: &Path, target: &Path) -> Result<(BTreeMap<String, Vec<u8>>, Lock), BuildError> {
    let sources = sources(repository)
        .map_err(|error| BuildError::Crate { path: repository.to_owned(), message: error.to_string() })?;
    let mut lock = Lock { compiler: String::new(), sources, components: BTreeMap::new() };
    let mut components = BTreeMap::new();
    for guest in GUESTS {
        let built = build(&repository.join("plugins").join(guest), target)?;
        lock.components.insert(guest.to_owned(), built.digest);
        lock.compiler = built.compiler;
        components.insert(guest.to_owned(), built.component);
    }
    Ok((components, lock))
}

/// The digest over everything that the components are made of: crates without their tests, the WIT folder, and the
/// versions of what they depend on.
///
/// # Errors
/// The file system's.
pub fn sources(repository: &Path) -> io::Result<String> {
    let mut files = BTreeSet::new();
    for guest in GUESTS.into_iter().chain(["sdk"]) {
        let guest = Path::new("plugins").join(guest);
        files.insert(guest.join("Cargo.toml"));
        collect(repository, &guest.join("src"), &mut files)?;
    }
    for guest in GUESTS {
        files.insert(Path::new("plugins").join(guest).join("manifest.json"));
    }
    collect(repository, Path::new("wit/0.1.0"), &mut files)?;
    let mut text = String::new();
    for file in files {
        let name = file.to_string_lossy().replace('\\', "/");
        text.push_str(&format!("{name} {}\n", sha256(&fs::read(repository.join(&file))?)));
    }
    let lock = fs::read_to_string(repository.join("Cargo.lock"))?;
    for (name, package) in dependencies(&lock) {
        text.push_str(&format!("{name} {package}\n"));
    }
    Ok(sha256(text.as_bytes()))
}

/// All files below `folder` but tests, relative to the repository.
fn collect(repository: &Path, folder: &Path, files: &mut BTreeSet<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(repository.join(folder))? {
        let entry = entry?;
        let path = folder.join(entry.file_name());
        if path.file_stem().is_some_and(|stem| stem == "tests") {
            continue;
        }
        if entry.file_type()?.is_dir() {
            collect(repository, &path, files)?;
        } else {
            files.insert(path);
        }
    }
    Ok(())
}

/// Version and checksum of every package that the guests need, by name, and by name and version where a name stands there
/// twice. Test tools of the workspace do not count.
fn dependencies(lock: &str) -> BTreeMap<String, String> {
    let value = |line: &str, key: &str| Some(line.strip_prefix(key)?.trim_matches([' ', '=', '"', ',']).to_owned());
    let mut packages: BTreeMap<String, (String, Vec<String>)> = BTreeMap::new();
    for package in lock.split("[[package]]").skip(1) {
        let one = |key: &str| package.lines().find_map(|line| value(line, key)).unwrap_or_default();
        let needs: Vec<String> = package
            .lines()
            .filter_map(|line| value(line, " \""))
            .filter(|name| !TEST_TOOLS.contains(&name.as_str()))
            .collect();
        let (name, version) = (one("name"), one("version"));
        let evidence = format!("{version} {}", one("checksum"));
        packages.insert(format!("{name} {version}"), (evidence.clone(), needs.clone()));
        packages.insert(name, (evidence, needs));
    }
    let mut found = BTreeMap::new();
    let mut open: Vec<String> = GUESTS.iter().chain(&["sdk"]).map(|guest| format!("lithify-{guest}")).collect();
    while let Some(name) = open.pop() {
        if let Some((evidence, needs)) = packages.get(&name)
            && found.insert(name, evidence.clone()).is_none()
        {
            open.extend(needs.iter().cloned());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repository() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
    }

    #[test]
    fn the_lock_holds_for_the_tree() {
        let lock: Lock = serde_json::from_slice(&fs::read(lock_path(&repository())).unwrap()).unwrap();
        let advice = "the sources of the built-in components changed: run `cargo run -p lithify-plugin --example dist`";
        assert_eq!(lock.sources, sources(&repository()).unwrap(), "{advice}");
        for guest in GUESTS {
            let component = fs::read(repository().join(format!("plugins/dist/{guest}.wasm"))).unwrap();
            assert_eq!(lock.components[guest], sha256(&component), "{guest}: {advice}");
        }
    }

    #[test]
    fn dependencies_are_followed_and_test_tools_are_not() {
        let lock = "[[package]]\nname = \"lithify-sdk\"\nversion = \"0.1.0\"\ndependencies = [\n \"a\",\n \"proptest\",\n]\n\
                    [[package]]\nname = \"a\"\nversion = \"1.2.3\"\nchecksum = \"ff\"\n[[package]]\nname = \"b\"\n";
        let found: Vec<(String, String)> = dependencies(lock).into_iter().collect();
        assert_eq!(found[0], ("a".to_owned(), "1.2.3 ff".to_owned()));
        assert_eq!(found.len(), 2);
    }
}
