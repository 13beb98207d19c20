//! The command line and HTTP, beside what the reference prints and answers.
//!
//! Where we differ on purpose, an entry of a table says what we do and quotes README's section of differences, and the
//! test fails when the section does not say it or when the difference is gone.
//!
//! Source: `tests/data/cli`; `thanos-compactor.md` 0.3, 11, 12, 17.3.

mod ask;
mod differences;
mod families;
mod http;
mod profile;
mod traces;
mod usage;

use std::{fs, path::Path};

use crate::program::data;

/// A file of `tests/data/cli`.
fn read(name: &str) -> String {
    fs::read_to_string(data(&format!("cli/{name}"))).unwrap()
}

/// README's section of differences, its lines joined.
fn differences() -> String {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("README.md");
    let readme = fs::read_to_string(readme).unwrap();
    let section = readme.split_once("## Differences on purpose").unwrap().1;
    let section = section.split("\n## ").next().unwrap();
    section.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What README does not say of these differences.
fn untold<'a>(words: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let told = differences();
    words.into_iter().filter(|words| !told.contains(words)).map(str::to_owned).collect()
}
