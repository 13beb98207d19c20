//! What the bucket holds and held, block by block, and who holds the samples of which source.

use std::collections::{BTreeMap, BTreeSet};

use lithify_block::{BlockId, DeletionMark, Meta, Timestamp};

/// How retention says why a block goes.
const LET_GO: &str = "block exceeding retention of ";

/// A block that is in the bucket.
pub(super) struct Block {
    pub(super) meta: Meta,
    pub(super) marked: Option<Timestamp>,
}

/// A stream of samples: whose, and its resolution in milliseconds.
pub(super) type Stream = (String, i64);

/// Follows the changes of the bucket.
#[derive(Default)]
pub(super) struct Ledger {
    pub(super) blocks: BTreeMap<BlockId, Block>,
    /// How many live blocks of a resolution hold a source.
    held: BTreeMap<(i64, BlockId), usize>,
    /// Those that are held by none.
    astray: BTreeSet<(i64, BlockId)>,
    /// Sources that retention has taken.
    let_go: BTreeSet<(i64, BlockId)>,
}

impl Ledger {
    /// This block is there now.
    pub(super) fn add(&mut self, meta: Meta) {
        self.hold(&meta, 1);
        self.blocks.insert(meta.id, Block { meta, marked: None });
    }

    /// The object `name` was written, or is gone if there is a `-` before it.
    pub(super) fn note(&mut self, name: &str, content: impl FnOnce() -> String) {
        let is_gone = name.starts_with('-');
        let (id, object) = name.trim_start_matches('-').split_once('/').unwrap();
        let id: BlockId = id.parse().unwrap();
        match (object, is_gone) {
            ("meta.json", false) => {
                self.add(Meta::from_json(content().as_bytes()).unwrap());
            }
            ("meta.json", true) => {
                let gone = self.blocks.remove(&id).unwrap();
                assert!(gone.marked.is_some(), "{id} is deleted without a mark");
            }
            ("deletion-mark.json", false) => self.mark(id, &content()),
            (_, _) => {}
        }
    }

    fn mark(&mut self, id: BlockId, mark: &str) {
        let mark = DeletionMark::from_json(mark.as_bytes()).unwrap();
        let block = self.blocks.get_mut(&id).unwrap();
        assert_eq!(block.marked, None, "{id} is marked twice");
        block.marked = Some(Timestamp(mark.time_seconds * 1000));
        let meta = block.meta.clone();
        if mark.details.starts_with(LET_GO) {
            let resolution = meta.thanos.resolution;
            self.let_go.extend(meta.compaction.sources.iter().map(|source| (resolution, *source)));
        }
        self.hold(&meta, -1);
    }

    fn hold(&mut self, meta: &Meta, more: isize) {
        for source in &meta.compaction.sources {
            let key = (meta.thanos.resolution, *source);
            let count = self.held.entry(key).or_default();
            *count = count.checked_add_signed(more).unwrap();
            if *count == 0 {
                self.astray.insert(key)
            } else {
                self.astray.remove(&key)
            };
        }
    }

    /// Blocks without a deletion mark.
    pub(super) fn live(&self) -> impl Iterator<Item = &Meta> {
        self.blocks.values().filter(|block| block.marked.is_none()).map(|block| &block.meta)
    }

    /// The same, stream by stream, by time.
    pub(super) fn streams(&self) -> BTreeMap<Stream, Vec<&Meta>> {
        let mut streams: BTreeMap<Stream, Vec<&Meta>> = BTreeMap::new();
        for meta in self.live() {
            let tenant = meta.thanos.labels.get("tenant").unwrap().to_owned();
            streams.entry((tenant, meta.thanos.resolution)).or_default().push(meta);
        }
        for blocks in streams.values_mut() {
            blocks.sort_by_key(|meta| (meta.range.min, meta.range.max, meta.id));
        }
        streams
    }

    /// Sources at a resolution that no block holds, though retention has not taken them.
    pub(super) fn lost(&self) -> Vec<(i64, BlockId)> {
        let is_lost = |key: &&(i64, BlockId)| !self.let_go.contains(key);
        self.astray.iter().filter(is_lost).copied().collect()
    }

    fn holds(&self, resolution: i64, source: BlockId) -> bool {
        self.held.get(&(resolution, source)).is_some_and(|count| *count > 0)
    }

    /// Whether samples of the source are there at the resolution, or were until retention took them.
    pub(super) fn has_or_had(&self, resolution: i64, source: BlockId) -> bool {
        self.holds(resolution, source) || self.let_go.contains(&(resolution, source))
    }
}
