//! Groups: blocks of the same stream and resolution, which may be merged with each other.

use alloc::{collections::BTreeMap, string::String, vec::Vec};

use serde_json::Value;

use crate::{BlockId, Labels, Meta, TimeRange, Timestamp};

/// What policies are told of a block: its meta, and what a listing and its marks add.
#[derive(Clone, Debug, PartialEq)]
pub struct BlockFacts {
    /// The directory's ULID, which is the block's identity.
    pub id: BlockId,
    /// meta.json; external labels are already free of replica labels.
    pub meta: Meta,
    /// Size of the index, bytes: by meta.json, else by the listing.
    pub index_size_bytes: Option<u64>,
    /// Size of all objects of the block, bytes, where the listing tells.
    pub size_bytes: Option<u64>,
    /// When the block was uploaded, where that is known.
    pub uploaded_at: Option<Timestamp>,
    /// Reason of the no-compact mark.
    pub no_compact: Option<String>,
    /// Reason of the no-downsample mark.
    pub no_downsample: Option<String>,
    /// Time of the deletion mark.
    pub deletion_marked_at: Option<Timestamp>,
}

impl BlockFacts {
    /// Whether meta.json names another block than the directory does.
    #[must_use]
    pub fn is_misnamed(&self) -> bool {
        self.meta.id != self.id
    }

    /// The order of blocks within a group: by start, then by end, then by id.
    ///
    /// Source: `thanos-compactor.md` 4.2, decision on ties.
    #[must_use]
    pub fn order(&self) -> (Timestamp, Timestamp, BlockId) {
        (self.meta.range.min, self.meta.range.max, self.id)
    }
}

/// Blocks with the same labels and resolution.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// The group's name, such as `0@708190779274861024`.
    pub key: String,
    /// Labels of each of its blocks.
    pub labels: Labels,
    /// Milliseconds between samples: 0 (raw), 300000 or 3600000.
    pub resolution: i64,
    /// The blocks, in the order of [`BlockFacts::order`].
    pub blocks: Vec<BlockFacts>,
}

impl Group {
    /// A group of these blocks, which it puts in order.
    #[must_use]
    pub fn new(key: String, labels: Labels, resolution: i64, mut blocks: Vec<BlockFacts>) -> Self {
        blocks.sort_by_key(BlockFacts::order);
        Self { key, labels, resolution, blocks }
    }

    /// The extensions of a merged block: the first block's that has any, less the keys that a later one lacks. Blocks
    /// whose extensions are no object do not count; `None` if none has any.
    ///
    /// Source: `thanos-compactor.md` 4.4.
    #[must_use]
    pub fn extensions(&self) -> Option<Value> {
        let mut objects = self.blocks.iter().filter_map(|block| block.meta.thanos.extensions.as_ref()?.as_object());
        let mut common = objects.next()?.clone();
        for object in objects {
            common.retain(|key, _| object.contains_key(key));
        }
        Some(Value::Object(common))
    }

    /// The first two neighbours in order of start that share time, if there are any. Misnamed blocks do not count.
    #[must_use]
    pub fn overlap(&self) -> Option<(&BlockFacts, &BlockFacts)> {
        let mut last: Option<&BlockFacts> = None;
        for block in self.blocks.iter().filter(|block| !block.is_misnamed()) {
            match last {
                Some(last) if block.meta.range.min < last.meta.range.max => return Some((last, block)),
                Some(last) if last.meta.range.max >= block.meta.range.max => {}
                _ => last = Some(block),
            }
        }
        None
    }
}

/// The range that holds all of `blocks`; `None` if there is none.
pub(crate) fn span<'a>(blocks: impl IntoIterator<Item = &'a BlockFacts>) -> Option<TimeRange> {
    blocks.into_iter().map(|block| block.meta.range).reduce(TimeRange::union)
}

/// The first level-1 source that two of `blocks` share, with both.
pub(crate) fn shared_source(blocks: &[BlockFacts]) -> Option<(BlockId, BlockId, BlockId)> {
    let mut owners = BTreeMap::new();
    for block in blocks {
        for source in &block.meta.compaction.sources {
            match owners.insert(*source, block.id) {
                Some(owner) if owner != block.id => return Some((*source, owner, block.id)),
                _ => {}
            }
        }
    }
    None
}

#[cfg(test)]
pub(crate) mod tests {
    use alloc::{format, string::ToString, vec};

    use super::*;

    /// A block of the range in hours, with the id of number `n`.
    pub(crate) fn block(n: u128, min_hour: i64, max_hour: i64) -> BlockFacts {
        let id = BlockId::from_parts(Timestamp(0), n);
        let mut meta = Meta::from_json(b"{\"version\":1}").unwrap();
        meta.id = id;
        meta.range = TimeRange::new(min_hour * 3_600_000, max_hour * 3_600_000);
        meta.compaction.sources = vec![id];
        meta.thanos.labels = [("cluster", "eu1")].into_iter().collect();
        BlockFacts {
            id,
            meta,
            index_size_bytes: None,
            size_bytes: None,
            uploaded_at: None,
            no_compact: None,
            no_downsample: None,
            deletion_marked_at: None,
        }
    }

    pub(crate) fn group(blocks: Vec<BlockFacts>) -> Group {
        Group::new("0@1".to_string(), [("cluster", "eu1")].into_iter().collect(), 0, blocks)
    }

    #[test]
    fn blocks_are_ordered_by_start_then_end_then_id() {
        let group = group(vec![block(2, 2, 4), block(3, 0, 2), block(1, 2, 4), block(4, 2, 3)]);
        let order: Vec<_> = group.blocks.iter().map(|b| b.id).collect();
        assert_eq!(order, [3, 4, 1, 2].map(|n| BlockId::from_parts(Timestamp(0), n)));
    }

    #[test]
    fn an_overlap_behind_a_longer_block_is_found() {
        let blocks = group(vec![block(1, 0, 10), block(2, 10, 12), block(3, 11, 13)]);
        let (a, b) = blocks.overlap().unwrap();
        assert_eq!((a.id, b.id), (blocks.blocks[1].id, blocks.blocks[2].id));
        assert!(group(vec![block(1, 0, 2), block(2, 2, 4)]).overlap().is_none());
    }

    #[test]
    fn extensions_keep_the_keys_that_all_have_with_the_values_of_the_first() {
        let with = |n, text: &str| {
            let mut block = block(n, i64::try_from(n).unwrap(), 10);
            block.meta.thanos.extensions = serde_json::from_str(text).unwrap();
            block
        };
        let merged = |texts: &[&str]| {
            let blocks = texts.iter().enumerate().map(|(n, text)| with(n as u128, text)).collect();
            group(blocks).extensions().map(|value| format!("{value}"))
        };
        assert_eq!(merged(&["{}", r#"{"foo":"bar"}"#]).as_deref(), Some("{}"));
        assert_eq!(merged(&[r#"{"foo":"bar"}"#, "null", r#"{"foo":"x","y":1}"#]).as_deref(), Some(r#"{"foo":"bar"}"#));
        assert_eq!(merged(&["null", "[1]"]), None);
    }
}
