//! Any bytes as a tombstones file, as they are and with magic number, version and checksum put right: fails with a
//! reason, or gives intervals in order that neither overlap nor touch, which write as a file that reads as the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lithify_fuzz::repair;
use lithify_tsdb::tombstones::{Interval, Tombstones};

/// Magic number and version.
const HEADER: [u8; 5] = [0x01, 0x30, 0xba, 0x30, 1];

fuzz_target!(|bytes: &[u8]| {
    check(bytes);
    let mut repaired = bytes.to_vec();
    if let Some(header) = repaired.first_chunk_mut() {
        *header = HEADER;
    }
    repair::tombstones(&mut repaired);
    check(&repaired);
});

fn check(file: &[u8]) {
    let Ok(tombstones) = Tombstones::read(file) else { return };
    let mut before: Option<(u64, Interval)> = None;
    for (series, interval) in tombstones.entries() {
        assert!(interval.min <= interval.max);
        if let Some((series_before, interval_before)) = before {
            assert!(series_before <= series);
            let apart = interval_before.max.checked_add(1).is_some_and(|next| next < interval.min);
            assert!(series_before != series || apart, "{interval_before:?} {interval:?}");
        }
        let deleted = tombstones.get(series).expect("a series with entries");
        assert!(deleted.contains(interval.min) && deleted.covers(interval));
        before = Some((series, interval));
    }
    let written = tombstones.write();
    assert_eq!(Tombstones::read(&written).as_ref(), Ok(&tombstones));
}
