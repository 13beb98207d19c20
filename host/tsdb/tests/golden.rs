//! The bytes that the reference made of real blocks, reproduced.
#![expect(clippy::unwrap_used, reason = "a test says by panicking what went wrong")]

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
};

use lithify_block::{Meta, TimeRange};
use lithify_tsdb::{BlockFile, Deduplication, Memory, Options, Progress, Source, compact, repair};

fn data() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/data/bytes"))
}

fn meta(directory: &Path) -> Meta {
    Meta::from_json(&fs::read(directory.join("meta.json")).unwrap()).unwrap()
}

/// Merges the parents of every block in `out` whose parents are kept, and compares files and statistics; returns how
/// many there were.
fn check(case: &str) -> usize {
    let case = data().join(case);
    let command = fs::read_to_string(case.join("cmd")).unwrap();
    let is_penalty = command.contains("--deduplication.func=penalty");
    let deduplication = if is_penalty { Deduplication::Penalty } else { Deduplication::OneToOne };
    let mut checked = 0;
    for out in fs::read_dir(case.join("out")).unwrap() {
        let out = out.unwrap().path();
        let want = meta(&out);
        // What was compacted twice has parents that the reference made. Not all of them are kept.
        let parents = want.compaction.parents.iter().map(|parent| {
            let places = ["in", "out"].map(|place| case.join(place).join(parent.id.to_string()));
            Some((parent.id, places.into_iter().find(|path| path.exists())?))
        });
        let Some(parents) = parents.collect::<Option<Vec<_>>>() else { continue };
        let source = |(id, path): (_, PathBuf)| Source::local(&path, id, meta(&path).range).unwrap();
        let sources: Vec<Source> = parents.into_iter().map(source).collect();
        let range = sources.iter().map(|source| source.range).reduce(TimeRange::union).unwrap();
        assert_eq!(range, want.range);
        let (cancel, progress) = (AtomicBool::new(false), Progress::default());
        let options =
            Options { segment_bytes: 0, accept_malformed: false, deduplication, cancel: &cancel, progress: &progress };
        let mut memory = Memory::default();
        let merged = compact(&sources, range, &mut memory, &options).unwrap();
        let files = memory.files();
        assert_eq!(merged.stats, want.stats, "{}", out.display());
        assert_eq!(merged.index_stats, want.thanos.index_stats, "{}", out.display());
        assert_eq!(files.len(), 1 + want.thanos.segment_files.len());
        for (file, size) in &merged.files {
            let got = files.get(file).unwrap();
            assert_eq!(*size, got.len() as u64);
            assert!(*got == fs::read(out.join(file.to_string())).unwrap(), "{} {file} differs", out.display());
        }
        assert!(files.contains_key(&BlockFile::Index));
        checked += 1;
    }
    checked
}

#[test]
fn floats_of_the_same_series() {
    assert_eq!(check("plain"), 1);
}

#[test]
fn series_that_come_and_go() {
    assert_eq!(check("churn"), 1);
}

#[test]
fn native_histograms_of_both_kinds() {
    assert_eq!(check("histograms"), 1);
}

#[test]
fn labels_of_any_length_and_script() {
    assert_eq!(check("labels"), 1);
}

#[test]
fn series_with_gaps() {
    assert_eq!(check("sparse"), 1);
}

#[test]
fn few_series_with_many_chunks() {
    assert_eq!(check("dense"), 1);
}

#[test]
fn blocks_that_were_compacted_before() {
    assert_eq!(check("fortnight"), 7);
}

#[test]
fn overlapping_floats_of_two_replicas() {
    assert_eq!(check("replicas-one-to-one"), 4);
    assert_eq!(check("replicas-penalty"), 4);
}

#[test]
fn copies_of_three_receivers() {
    assert_eq!(check("receivers-one-to-one"), 4);
    assert_eq!(check("receivers-penalty"), 4);
}

#[test]
fn overlapping_histograms_of_two_replicas() {
    assert_eq!(check("histreplicas-one-to-one"), 4);
    assert_eq!(check("histreplicas-penalty"), 4);
}

#[test]
fn a_long_overlap() {
    assert_eq!(check("longreplicas-penalty"), 1);
}

#[test]
fn deleted_samples() {
    assert_eq!(check("tombstones"), 1);
}

#[test]
fn a_block_with_chunks_at_its_end_is_repaired() {
    let place = |place: &str| {
        let mut entries = fs::read_dir(data().join("repair").join(place)).unwrap();
        entries.next().unwrap().unwrap().path()
    };
    let (broken, want) = (place("in"), place("out"));
    let (old, new) = (meta(&broken), meta(&want));
    let source = Source::local(&broken, old.id, old.range).unwrap();
    let (cancel, progress) = (AtomicBool::new(false), Progress::default());
    let deduplication = Deduplication::OneToOne;
    let options =
        Options { segment_bytes: 0, accept_malformed: false, deduplication, cancel: &cancel, progress: &progress };
    let mut memory = Memory::default();
    let (merged, repaired) = repair(&source, &mut memory, &options).unwrap();
    assert_eq!(merged.stats, new.stats);
    assert_eq!((repaired.issue_347_chunks, repaired.issue_347_samples, repaired.emptied_series), (1, 6, 0));
    for (file, bytes) in memory.files() {
        assert!(bytes == fs::read(want.join(file.to_string())).unwrap(), "{file} differs");
    }
}
