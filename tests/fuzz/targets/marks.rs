//! Marks of any bytes: each kind decodes or fails with a reason, and what decodes prints as something that decodes to the
//! same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lithify_block::{DeletionMark, NoCompactMark, NoDownsampleMark};

fuzz_target!(|text: &[u8]| {
    if let Ok(mark) = DeletionMark::from_json(text) {
        assert_eq!(DeletionMark::from_json(mark.to_json().as_bytes()), Ok(mark));
    }
    if let Ok(mark) = NoCompactMark::from_json(text) {
        assert_eq!(NoCompactMark::from_json(mark.to_json().as_bytes()), Ok(mark));
    }
    if let Ok(mark) = NoDownsampleMark::from_json(text) {
        assert_eq!(NoDownsampleMark::from_json(mark.to_json().as_bytes()), Ok(mark));
    }
});
