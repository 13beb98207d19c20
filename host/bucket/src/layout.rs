//! Object names: the only place that knows what a block looks like in a bucket, in which order it is written and in
//! which order it goes.
//!
//! Source: `thanos-compactor.md` 6.9, 9.1, 9.6; Thanos pkg/block/block.go.

use lithify_block::BlockId;

/// What a block says of itself. While it is missing the block is partial, so it is written last and deleted first.
pub const META: &str = "meta.json";

/// Symbols, series, postings.
pub const INDEX: &str = "index";

/// The directory of the chunk segments.
pub const CHUNKS: &str = "chunks";

/// A mark beside a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MarkKind {
    /// The block is to go.
    Deletion,
    /// The block is left alone by compaction.
    NoCompact,
    /// The block is left alone by downsampling.
    NoDownsample,
}

impl MarkKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Deletion, Self::NoCompact, Self::NoDownsample];

    /// The name of its file.
    #[must_use]
    pub fn file(self) -> &'static str {
        match self {
            Self::Deletion => "deletion-mark.json",
            Self::NoCompact => "no-compact-mark.json",
            Self::NoDownsample => "no-downsample-mark.json",
        }
    }
}

/// A part of a block, in the order in which it is uploaded: a crash between any two leaves a block without meta.json,
/// which nobody takes for a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// All chunk segments.
    Chunks,
    /// The index.
    Index,
    /// meta.json.
    Meta,
}

/// The parts in the order of uploading.
pub const UPLOAD_ORDER: [Part; 3] = [Part::Chunks, Part::Index, Part::Meta];

/// `<ULID>/meta.json`.
#[must_use]
pub fn meta(id: BlockId) -> String {
    format!("{id}/{META}")
}

/// `<ULID>/index`.
#[must_use]
pub fn index(id: BlockId) -> String {
    format!("{id}/{INDEX}")
}

/// `<ULID>/chunks/000001`: the segment of this number, counted from 1.
#[must_use]
pub fn segment(id: BlockId, number: u32) -> String {
    format!("{id}/{}", segment_file(number))
}

/// `chunks/000001`: the same below the block, as meta.json lists it.
#[must_use]
pub fn segment_file(number: u32) -> String {
    format!("{CHUNKS}/{number:06}")
}

/// The number of a chunk segment, if `file` (below its block) is one: six digits or more, from 1.
#[must_use]
pub fn segment_number(file: &str) -> Option<u32> {
    let digits = file.strip_prefix(CHUNKS)?.strip_prefix('/')?;
    let plain = digits.len() >= 6 && digits.bytes().all(|b| b.is_ascii_digit());
    digits.parse().ok().filter(|number| plain && *number > 0 && segment_file(*number) == file)
}

/// `<ULID>/deletion-mark.json` and the like.
#[must_use]
pub fn mark(id: BlockId, kind: MarkKind) -> String {
    format!("{id}/{}", kind.file())
}

/// `<ULID>/`: the directory of a block.
#[must_use]
pub fn directory(id: BlockId) -> String {
    format!("{id}/")
}

/// `lithify/retention-budget/`: what retention rules have reserved, an object a run. No block's directory, and nothing
/// that other programs look at.
pub const RESERVATIONS: &str = "lithify/retention-budget/";

/// A policy that lies in the bucket, by the SHA-256 of its component.
#[must_use]
pub fn plugin(digest: &str) -> String {
    format!("plugins/{digest}.wasm")
}

/// `lithify/retention-budget/<ULID>.json`: the reservation of this id.
#[must_use]
pub fn reservation(id: BlockId) -> String {
    format!("{RESERVATIONS}{id}.json")
}

/// The id of a reservation, if `name` is that of one.
#[must_use]
pub fn reservation_id(name: &str) -> Option<BlockId> {
    name.strip_prefix(RESERVATIONS)?.strip_suffix(".json")?.parse().ok()
}

/// Directory markers that some tools leave, innermost first.
#[must_use]
pub fn directory_markers(id: BlockId) -> [String; 2] {
    [format!("{id}/{CHUNKS}/"), format!("{id}/")]
}

/// The block and the file below it, if `name` lies in a block's directory: canonical upper-case ULIDs only. A root
/// object named like a ULID is nobody's.
///
/// Source: `thanos-compactor.md` 3.1, decisions.
#[must_use]
pub fn split(name: &str) -> Option<(BlockId, &str)> {
    let (directory, file) = name.split_once('/')?;
    Some((directory.parse().ok()?, file))
}

/// Whether `name` is a meta.json or a mark: its absence is expected and no failure.
#[must_use]
pub fn may_be_absent(name: &str) -> bool {
    let file = name.rsplit('/').next().unwrap_or(name);
    file == META || MarkKind::ALL.iter().any(|kind| kind.file() == file)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "01JN8BG9006V1WHJJWFFNSHB7N";

    #[test]
    fn names_are_those_of_the_reference() {
        let id = ID.parse().unwrap();
        assert_eq!(segment(id, 12), format!("{ID}/chunks/000012"));
        assert_eq!(mark(id, MarkKind::NoDownsample), format!("{ID}/no-downsample-mark.json"));
        assert_eq!(split(&meta(id)), Some((id, "meta.json")));
    }

    #[test]
    fn only_what_lies_in_a_directory_with_a_canonical_id_belongs_to_a_block() {
        let lower = format!("{}/index", ID.to_lowercase());
        for name in [ID, "debug/metas/x", "", "/", &lower, "01JN8BG9006V1WHJJWFFNSHB7/index"] {
            assert_eq!(split(name), None, "{name}");
        }
    }

    #[test]
    fn segments_have_six_digits_or_more() {
        assert_eq!(segment_number("chunks/000001"), Some(1));
        assert_eq!(segment_number("chunks/1000000"), Some(1_000_000));
        for file in
            ["chunks/1", "chunks/000000", "chunks/0000001", "chunks/00000a", "000001", "chunks//000001", "index"]
        {
            assert_eq!(segment_number(file), None, "{file}");
        }
    }

    #[test]
    fn reservations_are_no_blocks() {
        let name = reservation(ID.parse().unwrap());
        assert_eq!(name, format!("lithify/retention-budget/{ID}.json"));
        assert_eq!((reservation_id(&name), split(&name)), (ID.parse().ok(), None));
        for other in ["lithify/retention-budget/", "lithify/retention-budget/x.json", &name[8..], ID] {
            assert_eq!(reservation_id(other), None, "{other}");
        }
    }

    #[test]
    fn meta_is_uploaded_last() {
        assert!(UPLOAD_ORDER.is_sorted() && UPLOAD_ORDER.last() == Some(&Part::Meta));
    }
}
