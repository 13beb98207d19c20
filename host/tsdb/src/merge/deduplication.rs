//! Which of the samples that overlapping chunks of a series hold survive.

/// What is done with chunks of several blocks that overlap in a series. Chunks that overlap nothing are copied, and
/// equal chunks are written once, in either case.
///
/// Source: `downsampling.md` 6.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Deduplication {
    /// All samples in the order of time, one of those that share a millisecond.
    #[default]
    OneToOne,
    /// The samples of one replica, until it pauses for so long that another one takes over. Chunks of another encoding
    /// than the first of an overlap are left out.
    Penalty,
}
