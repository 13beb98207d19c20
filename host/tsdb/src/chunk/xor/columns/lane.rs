//! A chunk that is read beside others.

use super::State;

/// Chunks that share a register.
pub(super) const LANES: usize = 8;
/// Rows that are written before.
pub(super) const OPENED: usize = 2;

/// A chunk on its way.
#[derive(Debug)]
pub(super) struct Lane<'r> {
    /// Up to where it is read, from the beginning of all data.
    pub(super) state: State,
    /// All rows.
    pub(super) times: &'r mut [i64],
    pub(super) values: &'r mut [f64],
    /// How many of them are written.
    pub(super) done: usize,
    /// Whether one of their values is NaN.
    pub(super) nan: bool,
}
