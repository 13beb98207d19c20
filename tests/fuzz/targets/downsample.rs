//! Any bytes as the chunks of a series, and sound chunks of every kind, made coarser by the built-in policy without its
//! sandbox: sound ones as the slow engine makes them, any others into something or into an error.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lithify_block::{TimeRange, Timestamp};
use lithify_kit::{
    compare,
    dice::Dice,
    random::{self, Content},
    slow::{Block, Chunk, Series},
};

fuzz_target!(|bytes: &[u8]| {
    let Some((first, rest)) = bytes.split_first() else { return };
    let from = if first & 1 == 0 { 0 } else { 10 };
    let to = [20, 70, 300][usize::from(first >> 2) % 3];
    if first & 2 == 0 {
        let content = if from == 0 { Content::Raw } else { Content::Downsampled };
        for block in random::blocks(&mut Dice::new(rest), content) {
            if let Err(difference) = compare::coarsen(&block, from, to) {
                panic!("{difference}");
            }
        }
    } else {
        arbitrary(rest, from, to);
    }
});

/// Chunks of which only the place in the index is sound.
fn arbitrary(bytes: &[u8], from: i64, to: i64) {
    let mut dice = Dice::new(bytes);
    let range = TimeRange { min: Timestamp(0), max: Timestamp(1 << 40) };
    let (mut chunks, mut at) = (Vec::new(), 0);
    for _ in 0..=dice.below(3) {
        let (min, max) = (at, at + i64::from(dice.byte()) * i64::from(dice.pick(&[1, 100, 30_000])));
        at = max + 1;
        let encoding = dice.pick(&[1, 2, 3, 0xff]);
        let length = usize::from(dice.byte()) * 2;
        let data =
            [0, 0].into_iter().chain((0..length).map(|_| dice.byte())).skip(usize::from(length > 2) * 2).collect();
        chunks.push(Chunk { min, max, encoding, data });
    }
    let labels = vec![(b"__name__".to_vec(), b"up".to_vec())];
    let block = Block { range, series: vec![Series { labels, chunks, deleted: Vec::new() }] };
    if let Ok(source) = block.source(1) {
        let _ = compare::natively(&source, range, from, to);
    }
}
