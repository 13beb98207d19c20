//! The loops over the buckets of equal layouts. They take four a turn, because the host looks at fuel and clock once a turn.

use crate::pair::{self, Pair};

/// How many buckets a turn.
const BLOCK: usize = 4;

/// Adds place by place.
#[cfg_attr(target_family = "wasm", target_feature(enable = "simd128"))]
pub(super) fn add(to: &mut [f64], counts: &[f64]) {
    let length = to.len().min(counts.len());
    let (to, to_rest) = to[..length].as_chunks_mut::<BLOCK>();
    let (counts, counts_rest) = counts[..length].as_chunks::<BLOCK>();
    for (to, counts) in to.iter_mut().zip(counts) {
        let ([a, b], [c, d]) = (halves_mut(to), halves(counts));
        Pair::of(a).plus(Pair::of(c)).put(a);
        Pair::of(b).plus(Pair::of(d)).put(b);
    }
    for (to, count) in to_rest.iter_mut().zip(counts_rest) {
        *to += count;
    }
}

/// Adds differences place by place: two roundings.
#[cfg_attr(target_family = "wasm", target_feature(enable = "simd128"))]
pub(super) fn add_differences(to: &mut [f64], counts: &[f64], previous: &[f64]) {
    let length = to.len().min(counts.len()).min(previous.len());
    let (to, to_rest) = to[..length].as_chunks_mut::<BLOCK>();
    let (counts, counts_rest) = counts[..length].as_chunks::<BLOCK>();
    let (previous, previous_rest) = previous[..length].as_chunks::<BLOCK>();
    for ((to, counts), previous) in to.iter_mut().zip(counts).zip(previous) {
        let ([a, b], [c, d], [e, f]) = (halves_mut(to), halves(counts), halves(previous));
        Pair::of(a).plus(Pair::of(c).minus(Pair::of(e))).put(a);
        Pair::of(b).plus(Pair::of(d).minus(Pair::of(f))).put(b);
    }
    for ((to, count), previous) in to_rest.iter_mut().zip(counts_rest).zip(previous_rest) {
        *to += count - previous;
    }
}

/// Whether a count is below the one in its place of `before`.
#[cfg_attr(target_family = "wasm", target_feature(enable = "simd128"))]
pub(super) fn any_below(now: &[f64], before: &[f64]) -> bool {
    let length = now.len().min(before.len());
    let (now, before) = (&now[..length], &before[..length]);
    // What is left of the blocks is compared with a block that ends where they do.
    if let (Some(last), Some(last_before)) = (now.last_chunk(), before.last_chunk()) {
        let mut blocks = now.as_chunks().0.iter().zip(before.as_chunks().0);
        return blocks.any(|(now, before)| pair::any_below(now, before)) || pair::any_below(last, last_before);
    }
    now.iter().zip(before).fold(false, |below, (now, before)| below | (now < before))
}

/// A block as two pairs.
#[inline]
pub(super) fn halves(block: &[f64; BLOCK]) -> &[[f64; 2]; 2] {
    block.as_chunks::<2>().0.try_into().expect("a block is two pairs")
}

/// A block as two pairs.
#[inline]
pub(super) fn halves_mut(block: &mut [f64; BLOCK]) -> &mut [[f64; 2]; 2] {
    block.as_chunks_mut::<2>().0.try_into().expect("a block is two pairs")
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn blocks_and_what_is_left_of_them_are_treated_alike() {
        for length in 0..20_u8 {
            let counts: Vec<f64> = (0..length).map(f64::from).collect();
            let mut to: Vec<f64> = counts.iter().map(|count| count * 0.5).collect();
            add(&mut to, &counts);
            let halves = to.clone();
            add_differences(&mut to, &counts, &halves);
            assert_eq!(to, counts);
            assert!(!any_below(&counts, &to));
            for place in 0..usize::from(length) {
                let mut more = to.clone();
                more[place] += 1.0;
                assert!(any_below(&counts, &more));
                more[place] = f64::NAN;
                assert!(!any_below(&counts, &more));
            }
        }
    }
}
