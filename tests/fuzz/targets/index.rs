//! Any bytes as the index of a block with sound segments, as they are and with all checksums repaired: opening, reading,
//! verifying and merging end with an error, or the result holds exactly what was read.
#![no_main]

use std::sync::LazyLock;

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use lithify_block::TimeRange;
use lithify_fuzz::{block, repair};
use lithify_tsdb::{BlockFile, index::Index, memory_estimate};

static SPECIMEN: LazyLock<block::Files> = LazyLock::new(|| block::write(&block::specimen()).expect("it is sound"));

fuzz_target!(|bytes: &[u8]| {
    let mut repaired = bytes.to_vec();
    repair::index(&mut repaired);
    let as_it_is = (repaired != bytes).then(|| bytes.to_vec());
    for index in as_it_is.into_iter().chain([repaired]).map(Bytes::from) {
        if let Ok(opened) = Index::open(&index) {
            let _ = opened.sizes().map(|sizes| memory_estimate(&[sizes, sizes]));
        }
        let mut files = SPECIMEN.clone();
        files.insert(BlockFile::Index, index);
        block::examine(&files, TimeRange::new(0, 1000));
        let range = TimeRange::new(0, 2000);
        let pair = [block::source(3, TimeRange::new(0, 1000), &files), block::source(4, range, &SPECIMEN)];
        if let Ok((_, merged)) = block::compact(&pair, range) {
            block::read(&block::source(5, range, &merged)).expect("what was merged can be read");
        }
    }
});
