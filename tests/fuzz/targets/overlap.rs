//! Blocks that overlap in every way, of samples of every kind, by either function: the streaming merge gives the bytes that
//! the slow engine gives, or both refuse.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lithify_kit::{
    compare,
    dice::Dice,
    random::{self, Content},
};
use lithify_tsdb::Deduplication;

fuzz_target!(|bytes: &[u8]| {
    let Some((first, throws)) = bytes.split_first() else { return };
    let content = if first & 2 == 0 { Content::Raw } else { Content::Downsampled };
    let function = if first & 1 == 0 { Deduplication::OneToOne } else { Deduplication::Penalty };
    let blocks = random::blocks(&mut Dice::new(throws), content);
    if let Err(difference) = compare::merge(&blocks, function) {
        panic!("{difference}");
    }
});
