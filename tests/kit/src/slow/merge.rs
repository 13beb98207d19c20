//! Blocks into one block: which series meet, and what becomes of their chunks.

use std::{cmp::Ordering, collections::BTreeSet};

use super::{
    Block, Chunk, Labels, Result, Series,
    cluster::merge_series,
    encode::{decode, encode_rest},
    heap::Heap,
};

/// Who wins where blocks overlap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deduplication {
    /// The default: one sample a millisecond.
    OneToOne,
    /// The function `penalty`: one stream at a time.
    Penalty,
}

/// Symbols, and series with their chunks.
pub type Merged = (BTreeSet<Vec<u8>>, Vec<(Labels, Vec<Chunk>)>);

/// Symbols and series of the block that the reference makes of `blocks`, in this order.
///
/// # Errors
/// Where the reference's compaction fails, and where it panics.
///
/// Source: 6.4 to 6.9.
pub fn merge(blocks: &[Block], deduplication: Deduplication) -> Result<Merged> {
    let symbols = blocks.iter().flat_map(Block::symbols).collect();
    let range = blocks.iter().map(|block| block.range).reduce(lithify_block::TimeRange::union);
    let range = range.ok_or("no blocks")?;
    let mut lists = Vec::new();
    for block in blocks {
        let mut list = Vec::new();
        for series in &block.series {
            let kept = remaining(series, range.min.0, range.max.0 - 1)?;
            if let Some(chunks) = kept {
                list.push((series.labels.clone(), chunks));
            }
        }
        lists.push(list);
    }
    Ok((symbols, merge_lists(&lists, deduplication)?))
}

/// The chunks of a series of one block, after deletion; `None` where the series is skipped before a chunk is read.
///
/// Source: 6.5, 6.6.
fn remaining(series: &Series, low: i64, high: i64) -> Result<Option<Vec<Chunk>>> {
    let deleted = united(series.deleted.clone());
    let covered = |chunk: &Chunk| deleted.iter().any(|(from, to)| *from <= chunk.min && chunk.max <= *to);
    let inside = |chunk: &&Chunk| chunk.max >= low && chunk.min <= high && !covered(chunk);
    let kept: Vec<&Chunk> = series.chunks.iter().filter(inside).collect();
    if kept.is_empty() {
        return Ok(None);
    }
    let mut deleted = deleted.clone();
    if kept.iter().any(|chunk| chunk.min < low) {
        deleted.push((i64::MIN, low - 1));
    }
    if kept.iter().any(|chunk| chunk.max > high) {
        deleted.push((high + 1, i64::MAX));
    }
    let deleted = united(deleted);
    let mut chunks = Vec::new();
    for chunk in kept {
        let cut: Vec<_> = deleted.iter().filter(|(from, to)| *from <= chunk.max && chunk.min <= *to).collect();
        if cut.is_empty() {
            chunks.push(chunk.clone());
            continue;
        }
        if chunk.encoding == 0xff {
            // The reference loses the whole chunk here, without a word; we refuse.
            return Err("a part of an aggregate chunk is deleted".into());
        }
        let mut samples = decode(chunk.encoding, &chunk.data)?;
        samples.retain(|(time, _)| !cut.iter().any(|(from, to)| from <= time && time <= to));
        chunks.extend(encode_rest(&samples)?);
    }
    Ok(Some(chunks))
}

/// Intervals without overlap or touch, ascending.
///
/// Source: 5.2.
fn united(mut intervals: Vec<(i64, i64)>) -> Vec<(i64, i64)> {
    intervals.sort_unstable();
    let mut united: Vec<(i64, i64)> = Vec::new();
    for (from, to) in intervals {
        match united.last_mut() {
            Some(last) if from <= last.1.saturating_add(1) => last.1 = last.1.max(to),
            _ => united.push((from, to)),
        }
    }
    united
}

/// A place in the list of series of one block.
struct Cursor<'a> {
    rest: &'a [(Labels, Vec<Chunk>)],
}

/// Merges lists of series, one a block; each ascends by labels. Series that come out without chunks are left out.
///
/// # Errors
/// As [`merge`].
///
/// Source: 6.7.
pub fn merge_lists(
    lists: &[Vec<(Labels, Vec<Chunk>)>],
    deduplication: Deduplication,
) -> Result<Vec<(Labels, Vec<Chunk>)>> {
    let labels = |cursor: &Cursor<'_>| cursor.rest[0].0.clone();
    let mut heap = Heap::new(|a: &Cursor<'_>, b: &Cursor<'_>| labels(a).cmp(&labels(b)) == Ordering::Less);
    let mut merged = Vec::new();
    for list in lists.iter().filter(|list| !list.is_empty()) {
        heap.push(Cursor { rest: list });
    }
    while let Some(first) = heap.pop() {
        let present = labels(&first);
        let mut group = vec![first];
        while heap.top().is_some_and(|top| labels(top) == present) {
            group.extend(heap.pop());
        }
        let chunks = match group.as_slice() {
            [alone] => alone.rest[0].1.clone(),
            several => merge_series(several.iter().map(|cursor| cursor.rest[0].1.as_slice()), deduplication)?,
        };
        if !chunks.is_empty() {
            merged.push((present, chunks));
        }
        for cursor in group.into_iter().filter(|cursor| cursor.rest.len() > 1) {
            heap.push(Cursor { rest: &cursor.rest[1..] });
        }
    }
    Ok(merged)
}
