//! What can go wrong, with the evidence.

use lithify_block::{BlockId, policy::PolicyError};

use crate::{BlockFile, Defect, Hurdle, Obstacle, index::Rule, tombstones::TombstonesError};

/// Why a block could not be read, merged or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The transport failed while a source was read: the bytes may be fine.
    #[error("block {block}: reading {file} at byte {offset}")]
    Read {
        /// The source.
        block: BlockId,
        /// Path below the block.
        file: String,
        /// Where the failed read began.
        offset: u64,
        /// What the transport said.
        source: std::io::Error,
    },
    /// The output refused bytes.
    #[error("writing {file}")]
    Write {
        /// The file of the new block.
        file: BlockFile,
        /// What the output said.
        source: std::io::Error,
    },
    /// Bytes of a source are wrong.
    #[error("block {block}: {file} at byte {offset}: {damage}")]
    Corrupt {
        /// The source.
        block: BlockId,
        /// Path below the block.
        file: String,
        /// Where the wrong bytes are.
        offset: u64,
        /// What is wrong with them.
        damage: Damage,
    },
    /// A source breaks a rule that every block must keep.
    #[error("block {block}: {defect}")]
    Defect {
        /// The source.
        block: BlockId,
        /// Which rule, where and how often.
        defect: Box<Defect>,
    },
    /// Samples of a chunk could not be taken apart or merged with others.
    #[error("block {block}: series {series}: chunk [{min}, {max}]: {obstacle}")]
    Samples {
        /// The source.
        block: BlockId,
        /// The series, as `{name="value"}`.
        series: String,
        /// First millisecond of the chunk.
        min: i64,
        /// Last millisecond of the chunk.
        max: i64,
        /// Why.
        obstacle: Obstacle,
    },
    /// A series cannot be downsampled.
    #[error("block {block}: series {series}{}: {reason}", of_chunk(.chunk))]
    Downsample {
        /// The source.
        block: BlockId,
        /// The series, as `{name="value"}`.
        series: String,
        /// First and last millisecond of the chunk, if it is about one.
        chunk: Option<(i64, i64)>,
        /// What is in the way.
        reason: Box<Hurdle>,
    },
    /// Downsampling was asked for that makes nothing coarser.
    #[error("block {block}: resolution {to_ms} ms is not coarser than the {from_ms} ms that it has")]
    NotCoarser {
        /// The source.
        block: BlockId,
        /// Its resolution.
        from_ms: i64,
        /// The resolution that was asked for.
        to_ms: i64,
    },
    /// The policy that aggregates failed or answered what it must not.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// The result would break a rule of the index format, as a chunk that one block has twice does.
    #[error("the result would not be a valid block: {rule}{}", from_blocks(.blocks))]
    Rule {
        /// Which rule, and where.
        rule: Rule,
        /// The sources that have the series; none where there are no sources or the rule is about the whole result.
        blocks: Vec<BlockId>,
    },
    /// The result would be larger than the format allows.
    #[error("{what} would have {size} bytes, the format allows {limit}")]
    Limit {
        /// Which part of the result.
        what: &'static str,
        /// The size that it would have.
        size: u64,
        /// The largest size.
        limit: u64,
    },
    /// The caller asked for a stop.
    #[error("cancelled")]
    Cancelled,
}

impl Error {
    /// Whether bytes of a source are to blame, as opposed to transport, output or a stop.
    #[must_use]
    pub fn is_about_a_source(&self) -> bool {
        match self {
            Self::Corrupt { .. }
            | Self::Defect { .. }
            | Self::Samples { .. }
            | Self::Downsample { .. }
            | Self::Rule { .. } => true,
            Self::NotCoarser { .. }
            | Self::Policy(_)
            | Self::Read { .. }
            | Self::Write { .. }
            | Self::Limit { .. }
            | Self::Cancelled => false,
        }
    }
}

impl From<Rule> for Error {
    fn from(rule: Rule) -> Self {
        Self::Rule { rule, blocks: Vec::new() }
    }
}

fn of_chunk(chunk: &Option<(i64, i64)>) -> String {
    chunk.map(|(min, max)| format!(", chunk [{min}, {max}]")).unwrap_or_default()
}

fn from_blocks(blocks: &[BlockId]) -> String {
    match blocks {
        [] => String::new(),
        blocks => format!(" (from {})", blocks.iter().map(BlockId::to_string).collect::<Vec<_>>().join(", ")),
    }
}

/// What is wrong with some bytes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// The bytes end before the field does.
    #[error("the bytes end inside a field")]
    Short,
    /// A variable-length integer needs more bits than its type has.
    #[error("variable-length integer overflows")]
    Overflow,
    /// A file is too short to be what its name says.
    #[error("{have} bytes, needs at least {need}")]
    TooSmall {
        /// Bytes that there are.
        have: u64,
        /// Bytes that the fixed parts take.
        need: u64,
    },
    /// The first bytes are not those of the format.
    #[error("magic number {found:#010x}, want {want:#010x}")]
    Magic {
        /// What the file has.
        found: u32,
        /// What the format has.
        want: u32,
    },
    /// The version is unknown.
    #[error("version {found} is not known")]
    Version {
        /// What the file has.
        found: u8,
    },
    /// A checksum does not match its bytes.
    #[error("checksum {found:#010x} over the bytes, stored is {stored:#010x}")]
    Checksum {
        /// What was stored.
        stored: u32,
        /// What the bytes give.
        found: u32,
    },
    /// A length or a position leads out of the file.
    #[error("{what} reaches to byte {end}, the file has {size}")]
    OutOfBounds {
        /// What the length or position is of.
        what: &'static str,
        /// Where it would end.
        end: u64,
        /// Bytes in the file.
        size: u64,
    },
    /// Symbols are not strictly ascending.
    #[error("symbol {number} is not greater than the one before")]
    SymbolOrder {
        /// Position of the symbol in the table.
        number: u64,
    },
    /// There is no such symbol.
    #[error("symbol {number} does not exist")]
    NoSuchSymbol {
        /// A number, or in version 1 an offset.
        number: u64,
    },
    /// An entry of the postings offset table has another number of keys than two.
    #[error("{found} keys in an entry of the postings offset table, want 2")]
    KeyCount {
        /// What the entry has.
        found: u64,
    },
    /// A label name of the postings offset table is not among the symbols.
    #[error("label name {name:?} of the postings offset table is not in the symbol table")]
    UnknownLabelName {
        /// The name, cut to 64 characters.
        name: String,
    },
    /// The length of a list contradicts its count.
    #[error("{length} bytes for a list of {count} series")]
    ListLength {
        /// Bytes of the content.
        length: u32,
        /// Number of series in the list.
        count: u32,
    },
    /// There is no such segment.
    #[error("segment {index} does not exist, the block has {segments}")]
    NoSuchSegment {
        /// Zero-based index of the wanted segment.
        index: u64,
        /// Number of segments.
        segments: usize,
    },
    /// A chunk's encoding is unknown.
    #[error("chunk encoding {found:#04x} is not known")]
    Encoding {
        /// The encoding byte.
        found: u8,
    },
    /// A chunk has no room for its sample count.
    #[error("{length} bytes of chunk data, needs at least 2")]
    ChunkTooShort {
        /// Bytes of data.
        length: u64,
    },
    /// The tombstones file does not decode.
    #[error(transparent)]
    Tombstones(#[from] TombstonesError),
}

/// Something wrong at a position of a file whose name the caller knows.
#[derive(Debug)]
pub enum Fault {
    /// The bytes are wrong.
    Damage {
        /// Where.
        offset: u64,
        /// What.
        damage: Damage,
    },
    /// The bytes could not be read.
    Io {
        /// Where the read began.
        offset: u64,
        /// What the transport said.
        source: std::io::Error,
    },
}

impl Fault {
    /// The error, once block and file are known.
    #[must_use]
    pub fn of(self, block: BlockId, file: &str) -> Error {
        let file = file.to_owned();
        match self {
            Self::Damage { offset, damage } => Error::Corrupt { block, file, offset, damage },
            Self::Io { offset, source } => Error::Read { block, file, offset, source },
        }
    }

    /// Wrong bytes at `offset`.
    pub(crate) fn at(offset: u64) -> impl Fn(Damage) -> Self {
        move |damage| Self::Damage { offset, damage }
    }
}
