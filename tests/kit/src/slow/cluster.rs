//! Which chunks of a series overlap, and what a cluster of them becomes.

use lithify_tsdb::chunk::aggregate::{self, Aggregate};

use super::{
    Chunk, Deduplication, Result, Timed,
    encode::{decode, encode},
    heap::Heap,
    select::{chain, merge_aggregates, penalty_fold},
};

const AGGREGATE: u8 = 0xff;

/// Merges the chunk lists of one series that several blocks have, in this order.
///
/// # Errors
/// Where chunks cannot be decoded or appended, aggregates overlap in a way that has no answer, or nothing is left.
///
/// Source: 6.8, D 6.2.
pub fn merge_series<'a>(lists: impl Iterator<Item = &'a [Chunk]>, deduplication: Deduplication) -> Result<Vec<Chunk>> {
    let key = |list: &Vec<Chunk>| (list[0].min, list[0].max);
    let mut heap = Heap::new(|a: &Vec<Chunk>, b: &Vec<Chunk>| key(a) < key(b));
    for list in lists.filter(|list| !list.is_empty()) {
        heap.push(list.to_vec());
    }
    let mut done = Vec::new();
    while let Some(mut list) = heap.pop() {
        let base = list.remove(0);
        if !list.is_empty() {
            heap.push(list);
        }
        let (mut others, mut reach, mut before) = (Vec::new(), base.max, base.clone());
        while heap.top().is_some_and(|top| top[0].min <= reach) {
            let mut list = heap.pop().ok_or("the heap has a top")?;
            let next = list.remove(0);
            if (next.min, next.max, &next.data) != (before.min, before.max, &before.data) {
                reach = reach.max(next.max);
                before = next.clone();
                others.push(next);
            }
            if !list.is_empty() {
                heap.push(list);
            }
        }
        let mut pieces = match deduplication {
            Deduplication::OneToOne => one_to_one(base, &others)?,
            Deduplication::Penalty => penalty(base, &others)?,
        };
        if pieces.is_empty() {
            return Err("overlapping chunks without a sample".into());
        }
        done.push(pieces.remove(0));
        if !pieces.is_empty() {
            heap.push(pieces);
        }
    }
    Ok(done)
}

fn one_to_one(base: Chunk, others: &[Chunk]) -> Result<Vec<Chunk>> {
    if others.is_empty() {
        return Ok(vec![base]);
    }
    if others.iter().chain([&base]).any(|chunk| chunk.encoding == AGGREGATE) {
        return Err("aggregate chunks overlap".into());
    }
    let streams: Result<Vec<Vec<Timed>>> =
        others.iter().chain([&base]).map(|chunk| decode(chunk.encoding, &chunk.data)).collect();
    encode(&chain(streams?))
}

fn penalty(base: Chunk, others: &[Chunk]) -> Result<Vec<Chunk>> {
    let has_count = |chunk: &Chunk| aggregate::slot(&chunk.data, Aggregate::Count).is_ok_and(|slot| slot.is_some());
    if !others.iter().any(|chunk| chunk.encoding != AGGREGATE || has_count(chunk)) {
        return Ok(vec![base]);
    }
    let same = others.iter().filter(|chunk| chunk.encoding == base.encoding);
    if base.encoding == AGGREGATE {
        // The base comes last here, and first below.
        let chunks: Vec<&[u8]> = same.chain([&base]).map(|chunk| chunk.data.as_slice()).collect();
        return merge_aggregates(&chunks);
    }
    let streams: Result<Vec<Vec<Timed>>> =
        [&base].into_iter().chain(same).map(|chunk| decode(chunk.encoding, &chunk.data)).collect();
    encode(&penalty_fold(streams?))
}
