//! What the program runs with, inside the test's own process.

use std::{
    fs,
    path::Path,
    pin::pin,
    task::{self, Poll, Waker},
};

use lithify_cli::{
    config::{CompactConfig, Surroundings},
    flags::{self, Command, Outcome, table},
    wire::{Manner, wire},
};
use lithify_compactor::Context;
use prometheus::Registry;

use crate::program::filesystem;

/// What `lithify compact` with these flags would run with on the directory `bucket` below `work`.
pub(crate) fn wired(work: &Path, flags: &[&str]) -> Context {
    let bucket = work.join("bucket");
    fs::create_dir_all(&bucket).unwrap();
    let mut words = vec!["lithify".to_owned(), "compact".to_owned()];
    words.push(format!("--objstore.config={}", filesystem(&bucket)));
    words.push(format!("--data-dir={}", work.join("data").display()));
    words.extend(flags.iter().map(ToString::to_string));
    let Outcome::Run(flags) = flags::parse(table::COMMANDS, &words) else { panic!("{words:?} cannot be run") };
    let Command::Compact(flags) = flags.command else { panic!("{words:?} do not compact") };
    let nothing = |_: &str| None;
    let config = CompactConfig::new(&flags, Surroundings { environment: &nothing, memory_bytes: None }).unwrap();
    let (manner, registry) = (Manner::of(&config), Registry::new());
    let wiring = pin!(wire(&config.selection, manner, &registry, &nothing));
    // Nothing is read from the bucket for policies that are built in, so there is nothing to wait for.
    let Poll::Ready(wired) = wiring.poll(&mut task::Context::from_waker(Waker::noop())) else { panic!("it waits") };
    wired.unwrap().cx
}
