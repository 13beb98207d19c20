//! The blocks that the reference made, byte for byte.

use std::{
    fs,
    path::{Path, PathBuf},
};

use lithify_block::Meta;
use lithify_tsdb::Source;

use super::coarser_on;

fn data(case: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/bytes").join(case)
}

fn meta(directory: &Path) -> Meta {
    Meta::from_json(&fs::read(directory.join("meta.json")).unwrap()).unwrap()
}

fn check(from: &Path, to: &Path) {
    let (have, want) = (meta(from), meta(to));
    let source = Source::local(from, have.id, have.range).unwrap();
    for threads in [1, 2, 5] {
        let resolutions = (have.thanos.resolution, want.thanos.resolution);
        let (merged, files) = coarser_on(threads, &source, resolutions, false).unwrap();
        assert_eq!(files.len(), 1 + want.thanos.segment_files.len());
        for (file, size) in &merged.files {
            let got = &files[file];
            assert_eq!(*size, got.len() as u64);
            assert!(*got == fs::read(to.join(file.to_string())).unwrap(), "{} {file} differs", to.display());
        }
        let (made, stats) = (merged.stats, want.stats);
        let counts = |stats: lithify_block::Stats| (stats.num_series, stats.num_chunks, stats.num_samples);
        assert_eq!(counts(made), counts(stats));
        assert_eq!(merged.index_stats, want.thanos.index_stats);
    }
}

#[test]
fn raw_floats_become_five_minutes() {
    let case = data("downsample-floats");
    check(&case.join("in/01JNCMTT00RF5DQBRT3AQFE4KP"), &case.join("out/01M809SN6GPZH4AZ4Z2D0CT5NM"));
}

#[test]
fn raw_histograms_of_both_kinds_become_five_minutes() {
    let case = data("downsample-histograms");
    check(&case.join("in/01JNCMTT008ANKEGJ7D8B0X4S0"), &case.join("out/01M809SNQFYN2BG05G24JAZ1AR"));
}

#[test]
fn five_minutes_become_an_hour() {
    let case = data("downsample-twice");
    check(&case.join("in/01JP6CT000HNJ913BSYCC90PVZ"), &case.join("out/01M809SPFQA6VN879EJ6V36FKG"));
    check(&case.join("out/01M809SPFQA6VN879EJ6V36FKG"), &case.join("out/01M809SPHWKNVHBQCKYKEDMNE0"));
}

#[test]
fn a_fortnight_is_made_coarser_twice() {
    let out = data("fortnight").join("out");
    check(&out.join("01M809SWPKE1GXXVTZCQF01RBH"), &out.join("01M809SWQSPR5MMRAFY2XRTW8Q"));
    check(&out.join("01M809SWQSPR5MMRAFY2XRTW8Q"), &out.join("01M809SWT0PEH0VNRRJ96F5BEV"));
}
