//! Merges block directories of this machine into a new one: `merge [penalty] OUT IN...`; for profiling. With `-` for OUT
//! the result goes nowhere.
#![expect(clippy::print_stdout, reason = "an example talks to its user")]

use std::{error::Error, fs, path::Path, sync::atomic::AtomicBool};

use lithify_block::{Meta, TimeRange};
use lithify_tsdb::{Deduplication, Directory, Nowhere, Options, Output, Progress, Source, compact};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1).peekable();
    let is_penalty = arguments.next_if(|first| first == "penalty").is_some();
    let deduplication = if is_penalty { Deduplication::Penalty } else { Deduplication::OneToOne };
    let out = arguments.next().ok_or("merge [penalty] OUT IN...")?;
    let sources = arguments.map(|path| open(Path::new(&path))).collect::<Result<Vec<_>, _>>()?;
    let range = sources.iter().map(|source| source.range).reduce(TimeRange::union).ok_or("nothing to merge")?;
    let (cancel, progress) = (AtomicBool::new(false), Progress::default());
    let options =
        Options { segment_bytes: 0, accept_malformed: false, deduplication, cancel: &cancel, progress: &progress };
    let mut output: Box<dyn Output> = if out == "-" { Box::new(Nowhere) } else { Box::new(Directory::new(out.into())) };
    let merged = compact(&sources, range, output.as_mut(), &options)?;
    println!("{merged:#?}");
    Ok(())
}

fn open(path: &Path) -> Result<Source, Box<dyn Error>> {
    let meta = Meta::from_json(&fs::read(path.join("meta.json"))?)?;
    Ok(Source::local(path, meta.id, meta.range)?)
}
