//! Asks the linker to pack the places that the loader has to adjust, where the loader knows how to read that.
//!
//! The program can be loaded at any address, so 40,000 pointers in it are adjusted at each start. Their list takes 0.9 MB,
//! which is read and counts as memory of every run; packed, it takes a fiftieth.

use std::{env, process::Command};

/// The first glibc whose loader reads packed lists.
const GLIBC: (u32, u32) = (2, 36);

#[expect(clippy::disallowed_methods, reason = "cargo tells a build script by its environment what to do")]
fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let variable = |name: &str| env::var(name).unwrap_or_default();
    let is_gnu = variable("CARGO_CFG_TARGET_OS") == "linux" && variable("CARGO_CFG_TARGET_ENV") == "gnu";
    // Of another machine nothing is known.
    if is_gnu && variable("HOST") == variable("TARGET") && glibc().is_some_and(|version| version >= GLIBC) {
        println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}

/// The version of this machine's glibc.
fn glibc() -> Option<(u32, u32)> {
    let output = Command::new("getconf").arg("GNU_LIBC_VERSION").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let (major, rest) = text.trim().strip_prefix("glibc ")?.split_once('.')?;
    Some((major.parse().ok()?, rest.split('.').next()?.parse().ok()?))
}
