//! Writes the seeds that are no text: `cargo run --release --example seeds` in `tests/fuzz`.

use std::{fs, io, path::Path};

use lithify_fuzz::block;
use lithify_tsdb::{
    BlockFile,
    tombstones::{Interval, Tombstones},
};

fn main() -> io::Result<()> {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds");
    let write = |target: &str, name: &str, bytes: &[u8]| {
        fs::create_dir_all(seeds.join(target))?;
        fs::write(seeds.join(target).join(name), bytes)
    };
    let specimen = block::specimen();
    let files = block::write(&specimen).expect("the specimen is sound");
    write("fuzz_index", "specimen", &files[&BlockFile::Index])?;
    // The same bytes as version 1, which the repaired checksums let pass the header at least.
    let mut old = files[&BlockFile::Index].to_vec();
    old[4] = 1;
    write("fuzz_index", "version-1", &old)?;
    let (first, second) = (&files[&BlockFile::Segment(1)], &files[&BlockFile::Segment(2)]);
    let length = u16::try_from(first.len()).expect("segments of the specimen are small").to_be_bytes();
    write("fuzz_segment", "specimen", &[&length, &first[..], &second[..]].concat())?;
    for (number, chunk) in specimen.values().flatten().enumerate() {
        let kind = chunk.encoding.wrapping_sub(1).min(3);
        write("fuzz_chunk", &format!("specimen-{number}"), &[&[kind], chunk.data.as_slice()].concat())?;
    }
    // Dice that fall in many ways, for each kind of content and each function.
    let throws = |from: u32| (0..1500).map(move |i: u32| (from + i).wrapping_mul(2_654_435_761).to_le_bytes()[3]);
    for kind in 0..4 {
        let bytes: Vec<u8> = [kind].into_iter().chain(throws(u32::from(kind) * 7)).collect();
        write("fuzz_overlap", &format!("throws-{kind}"), &bytes)?;
        write("fuzz_downsample", &format!("throws-{kind}"), &bytes)?;
    }
    let mut tombstones = Tombstones::default();
    for (series, min, max) in [(3, -5, 9), (3, 20, 20), (700, i64::MIN, i64::MAX)] {
        tombstones.add(series, Interval { min, max });
    }
    write("fuzz_tombstones", "three", &tombstones.write())
}
