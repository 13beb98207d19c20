//! What one sync learned from the bucket: every block directory, its objects, its meta.json and its marks.
//!
//! One recursive listing shows everything; metas and marks are read only where the listing says that they changed.
//!
//! Source: `thanos-compactor.md` 3.1 to 3.3.

use std::{collections::BTreeMap, sync::Arc};

use futures_util::{StreamExt as _, TryStreamExt as _};
use lithify_block::{BlockId, DeletionMark, MarkError, Meta, MetaError, NoCompactMark, NoDownsampleMark, Timestamp};

use crate::{
    Bucket, Depth, Entry, Error, MetaCache,
    layout::{self, MarkKind},
};

/// The largest meta.json that is read, in bytes; the lists of sources and files of real ones stay far below.
pub const META_BYTES_MAX: u64 = 64 << 20;

/// The largest mark that is read, in bytes.
pub const MARK_BYTES_MAX: u64 = 1 << 20;

/// All block directories of a bucket at one moment.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// By id of the directory, whatever its meta.json says.
    pub blocks: BTreeMap<BlockId, BlockDirectory>,
    /// How many metas and marks had to be read for it.
    pub fetched: usize,
}

/// What lies below one `<ULID>/`.
#[derive(Clone, Debug, Default)]
pub struct BlockDirectory {
    /// By name below the directory: `index`, `chunks/000001`.
    pub objects: BTreeMap<Box<str>, Object>,
    /// meta.json.
    pub meta: MetaState,
    /// deletion-mark.json.
    pub deletion: MarkState<DeletionMark>,
    /// no-compact-mark.json.
    pub no_compact: MarkState<NoCompactMark>,
    /// no-downsample-mark.json.
    pub no_downsample: MarkState<NoDownsampleMark>,
}

/// An object as the listing shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// Bytes.
    pub size: u64,
    /// When it was last written, where the store says so.
    pub modified: Option<Timestamp>,
    /// Changes with the content, where the store says so.
    pub etag: Option<Box<str>>,
}

/// What is known of a meta.json.
#[derive(Clone, Debug, Default)]
pub enum MetaState {
    /// There is none, or it went away while it was read: the block is partial.
    #[default]
    Missing,
    /// It decodes and its version is 1.
    Found(Arc<Meta>),
    /// It does not decode: the block counts as partial. The text says why.
    Corrupted(String),
    /// It decodes, and its version is not 1: the block keeps its place and is left alone.
    Unsupported(Arc<Meta>, MetaError),
}

/// What is known of a mark.
#[derive(Clone, Debug, Default)]
pub enum MarkState<M> {
    /// There is none, or its JSON does not decode (which was warned about).
    #[default]
    Absent,
    /// There is one.
    Found(M),
    /// There is one of a version that we do not know: the block is left alone and never deleted.
    Unsupported(MarkError),
}

impl<M> MarkState<M> {
    /// The mark, if it could be read.
    #[must_use]
    pub fn found(&self) -> Option<&M> {
        match self {
            Self::Found(mark) => Some(mark),
            Self::Absent | Self::Unsupported(_) => None,
        }
    }
}

impl Object {
    /// Whether the store says that this is what `other` was. Without ETag and time nothing is said.
    fn is_same(&self, other: &Self) -> bool {
        let told = self.etag.is_some() || self.modified.is_some();
        told && self == other
    }
}

impl BlockDirectory {
    /// Bytes of the index, if there is one.
    #[must_use]
    pub fn index_size(&self) -> Option<u64> {
        self.objects.get(layout::INDEX).map(|object| object.size)
    }

    /// When anything below it was last written.
    #[must_use]
    pub fn newest(&self) -> Option<Timestamp> {
        self.objects.values().filter_map(|object| object.modified).max()
    }

    /// The meta, if it can be used.
    #[must_use]
    pub fn meta(&self) -> Option<&Arc<Meta>> {
        match &self.meta {
            MetaState::Found(meta) => Some(meta),
            MetaState::Missing | MetaState::Corrupted(_) | MetaState::Unsupported(..) => None,
        }
    }
}

/// Looks at the bucket. What did not change since `previous` or lies in `cache` is not read again; `concurrency`
/// requests run at a time, at least one.
///
/// # Errors
/// A failed listing or a failed read fails the whole: half a view would make blocks look superseded or absent.
pub async fn snapshot(
    bucket: &dyn Bucket,
    previous: Option<&Snapshot>,
    cache: Option<&MetaCache>,
    concurrency: usize,
) -> Result<Snapshot, Error> {
    let mut blocks = list(bucket).await?;
    let mut reads = Vec::new();
    for (id, block) in &mut blocks {
        let before = previous.and_then(|snapshot| snapshot.blocks.get(id));
        reads.extend(block.take_over(*id, before, cache));
    }
    let fetched = reads.len();
    let reading = reads.into_iter().map(|read| read_one(bucket, read));
    let mut answers = futures_util::stream::iter(reading).buffer_unordered(concurrency.max(1));
    while let Some((id, learned)) = answers.try_next().await? {
        let Some(block) = blocks.get_mut(&id) else { continue };
        match learned {
            Learned::Meta(meta, text) => {
                if let (Some(cache), Some(object), Some(text)) = (cache, block.objects.get(layout::META), text) {
                    cache.store(id, object, &text);
                }
                block.meta = meta;
            }
            Learned::Deletion(mark) => block.deletion = mark,
            Learned::NoCompact(mark) => block.no_compact = mark,
            Learned::NoDownsample(mark) => block.no_downsample = mark,
        }
    }
    drop(answers);
    if let Some(cache) = cache {
        cache.retain(|id| blocks.get(&id).is_some_and(|block| block.meta().is_some()));
    }
    Ok(Snapshot { blocks, fetched })
}

async fn list(bucket: &dyn Bucket) -> Result<BTreeMap<BlockId, BlockDirectory>, Error> {
    let mut blocks: BTreeMap<BlockId, BlockDirectory> = BTreeMap::new();
    let mut pages = bucket.list("", Depth::All);
    while let Some(page) = pages.next().await? {
        for Entry { name, size, modified, etag } in page {
            let Some((id, file)) = layout::split(&name) else { continue };
            let object = Object { size: size.unwrap_or_default(), modified, etag: etag.map(Into::into) };
            let block = blocks.entry(id).or_default();
            if !file.is_empty() {
                block.objects.insert(file.into(), object);
            }
        }
    }
    Ok(blocks)
}

/// An object that must be read.
/// A block with a deletion mark.
#[derive(Clone, Debug)]
pub struct MarkedBlock {
    /// The block.
    pub id: BlockId,
    /// Whether it still has its meta.json: without it its deletion has begun, or it was never complete.
    pub has_meta: bool,
    /// Its mark.
    pub mark: MarkState<DeletionMark>,
}

/// All blocks with a deletion mark, by id. Reads nothing but the marks, `concurrency` at a time.
///
/// # Errors
/// Those of the bucket.
pub async fn deletion_marks(bucket: &dyn Bucket, concurrency: usize) -> Result<Vec<MarkedBlock>, Error> {
    let blocks = list(bucket).await?;
    let marked = blocks.iter().filter(|(_, block)| block.objects.contains_key(MarkKind::Deletion.file()));
    // Collected, because a closure in a future that waits keeps it from being sent to another thread.
    let reads: Vec<_> = marked.map(|(id, block)| marked_block(bucket, *id, block)).collect();
    futures_util::stream::iter(reads).buffered(concurrency.max(1)).try_collect().await
}

async fn marked_block(bucket: &dyn Bucket, id: BlockId, block: &BlockDirectory) -> Result<MarkedBlock, Error> {
    Ok(MarkedBlock { id, has_meta: block.objects.contains_key(layout::META), mark: deletion_mark(bucket, id).await? })
}

/// The deletion mark of a block, as it is now.
///
/// # Errors
/// Those of the bucket.
pub async fn deletion_mark(bucket: &dyn Bucket, id: BlockId) -> Result<MarkState<DeletionMark>, Error> {
    let kind = MarkKind::Deletion;
    let text = get(bucket, &layout::mark(id, kind), MARK_BYTES_MAX).await?;
    Ok(text.map_or(MarkState::Absent, |text| mark(id, kind, &text, DeletionMark::from_json)))
}

enum Read {
    Meta(BlockId),
    Mark(BlockId, MarkKind),
}

/// What was read.
enum Learned {
    Meta(MetaState, Option<bytes::Bytes>),
    Deletion(MarkState<DeletionMark>),
    NoCompact(MarkState<NoCompactMark>),
    NoDownsample(MarkState<NoDownsampleMark>),
}

impl BlockDirectory {
    /// Fills in what is known already and gives back what must be read.
    fn take_over(&mut self, id: BlockId, before: Option<&Self>, cache: Option<&MetaCache>) -> Vec<Read> {
        let mut reads = Vec::new();
        if let Some(object) = self.objects.get(layout::META) {
            match self.same(before, layout::META).map(|before| &before.meta) {
                // One that was missing vanished while it was read, and is back.
                Some(known) if !matches!(known, MetaState::Missing) => self.meta = known.clone(),
                _ => match cache.and_then(|cache| cache.load(id, object)) {
                    Some(meta) => self.meta = MetaState::Found(Arc::new(meta)),
                    None => reads.push(Read::Meta(id)),
                },
            }
        }
        for kind in MarkKind::ALL {
            if !self.objects.contains_key(kind.file()) {
                continue;
            }
            match (self.same(before, kind.file()), kind) {
                (None, _) => reads.push(Read::Mark(id, kind)),
                (Some(before), MarkKind::Deletion) => self.deletion = before.deletion.clone(),
                (Some(before), MarkKind::NoCompact) => self.no_compact = before.no_compact.clone(),
                (Some(before), MarkKind::NoDownsample) => self.no_downsample = before.no_downsample.clone(),
            }
        }
        reads
    }

    /// The block as it was, if its `file` is what it was.
    fn same<'a>(&self, before: Option<&'a Self>, file: &str) -> Option<&'a Self> {
        let (old, new) = (before?.objects.get(file)?, self.objects.get(file)?);
        before.filter(|_| new.is_same(old))
    }
}

async fn read_one(bucket: &dyn Bucket, read: Read) -> Result<(BlockId, Learned), Error> {
    match read {
        Read::Meta(id) => {
            let text = get(bucket, &layout::meta(id), META_BYTES_MAX).await?;
            let state = text.as_ref().map_or(MetaState::Missing, |text| decode(text));
            Ok((id, Learned::Meta(state, text)))
        }
        Read::Mark(id, kind) => {
            let text = get(bucket, &layout::mark(id, kind), MARK_BYTES_MAX).await?.unwrap_or_default();
            let learned = match kind {
                MarkKind::Deletion => Learned::Deletion(mark(id, kind, &text, DeletionMark::from_json)),
                MarkKind::NoCompact => Learned::NoCompact(mark(id, kind, &text, NoCompactMark::from_json)),
                MarkKind::NoDownsample => Learned::NoDownsample(mark(id, kind, &text, NoDownsampleMark::from_json)),
            };
            Ok((id, learned))
        }
    }
}

/// The object, or nothing if it is proven to be gone.
async fn get(bucket: &dyn Bucket, name: &str, max_bytes: u64) -> Result<Option<bytes::Bytes>, Error> {
    match bucket.get(name, max_bytes).await {
        Ok(text) => Ok(Some(text)),
        Err(Error::NotFound(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

fn decode(text: &[u8]) -> MetaState {
    let meta = match Meta::from_json(text) {
        Ok(meta) => Arc::new(meta),
        Err(error) => return MetaState::Corrupted(error.to_string()),
    };
    match meta.check_version() {
        Ok(()) => MetaState::Found(meta),
        Err(error) => MetaState::Unsupported(meta, error),
    }
}

fn mark<M>(
    id: BlockId,
    kind: MarkKind,
    text: &[u8],
    decode: impl FnOnce(&[u8]) -> Result<M, MarkError>,
) -> MarkState<M> {
    match decode(text) {
        Ok(mark) => MarkState::Found(mark),
        Err(MarkError::Json(problem)) => {
            tracing::warn!(block = %id, file = kind.file(), error = %problem, "the mark is ignored");
            MarkState::Absent
        }
        Err(error @ MarkError::Version { .. }) => MarkState::Unsupported(error),
    }
}
