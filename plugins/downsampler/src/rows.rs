//! Float samples of many runs, as they come and as they are given back.

use alloc::vec::Vec;

use crate::{Refused, pair};

/// Float samples. Run `i` owns the rows `offsets[i] .. offsets[i + 1]`.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a> {
    /// Where the runs begin and the last one ends: one more than runs, first 0, never falling.
    pub offsets: &'a [u32],
    /// Milliseconds since the Unix epoch, one a row.
    pub timestamps: &'a [i64],
    /// One a row.
    pub values: &'a [f64],
}

/// Float samples that were made here.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Column {
    /// As in [`Rows`].
    pub offsets: Vec<u32>,
    /// Milliseconds since the Unix epoch, one a row.
    pub timestamps: Vec<i64>,
    /// One a row.
    pub values: Vec<f64>,
}

impl Column {
    /// The samples as they would be shown to an aggregation.
    #[must_use]
    pub fn rows(&self) -> Rows<'_> {
        Rows { offsets: &self.offsets, timestamps: &self.timestamps, values: &self.values }
    }
}

impl Rows<'_> {
    /// Whether the columns fit together, so that every run is a range of them.
    pub(crate) fn check(&self) -> Result<(), Refused> {
        check(self.offsets, self.timestamps.len())?;
        if self.values.len() == self.timestamps.len() {
            Ok(())
        } else {
            Err(Refused::because("values and timestamps are not equally many"))
        }
    }

    /// Whether runs and times are those of `other`.
    pub(crate) fn are_at_times_of(&self, other: Self) -> bool {
        let (times, others) = (self.timestamps, other.timestamps);
        times.len() == others.len() && !differ(times, others) && self.offsets == other.offsets
    }
}

/// Whether `offsets` cut `rows` rows into runs.
pub(crate) fn check(offsets: &[u32], rows: usize) -> Result<(), Refused> {
    if offsets.first() != Some(&0) {
        return Err(Refused::because("offsets do not begin with 0"));
    }
    if offsets.last().is_none_or(|end| *end as usize != rows) {
        return Err(Refused::because("offsets do not end with the number of rows"));
    }
    if offsets.windows(2).any(|pair| pair[0] > pair[1]) {
        return Err(Refused::because("offsets fall"));
    }
    Ok(())
}

/// Whether a time is not the one in its place of `others`, of which there are as many.
fn differ(times: &[i64], others: &[i64]) -> bool {
    let ((blocks, rest), (other_blocks, other_rest)) = (times.as_chunks(), others.as_chunks());
    blocks.iter().zip(other_blocks).any(|(block, other)| pair::any_differs(block, other)) || rest != other_rest
}
