//! Postings lists: which series have a label pair.
//!
//! ```text
//! u32 length | u32 n | n x u32 series id | u32 checksum over n and ids
//! ```
//!
//! The list of all series comes first, then one list a pair, by name and value. All lists are multiples of four bytes.
//!
//! Source: `tsdb-format.md` 4.5.

mod lists;

pub(crate) use lists::{Ids, Lists};

use crate::{Damage, Fault, index::header::Version, index::section::Section};

/// Ids that are read at once.
const BATCH_IDS: u32 = 512;

/// Reads one list from front to back.
pub(crate) struct SeriesIds<'a> {
    section: Section<'a>,
    version: Version,
    left: u32,
    /// The present batch, in reverse.
    batch: Vec<u32>,
}

impl<'a> SeriesIds<'a> {
    pub(crate) fn new(mut section: Section<'a>, version: Version) -> Result<Self, Fault> {
        let (length, mut count) = (section.length(), 0);
        section.take(|fields| {
            count = fields.u32()?;
            Ok(())
        })?;
        if u64::from(length) != 4 + 4 * u64::from(count) {
            return Err(section.explain(Damage::ListLength { length, count }));
        }
        Ok(Self { section, version, left: count, batch: Vec::with_capacity(BATCH_IDS as usize) })
    }

    /// Checks the whole list's checksum beforehand, so that no series is looked for where a wrong id leads.
    pub(crate) fn check(&mut self) -> Result<(), Fault> {
        self.section.check_whole()
    }

    /// The file offset of the next series; `None` at the end of the list, when its checksum was right.
    #[inline]
    pub(crate) fn next(&mut self) -> Result<Option<u64>, Fault> {
        if self.batch.is_empty() && !self.fill()? {
            return Ok(None);
        }
        let id = self.batch.pop().map(u64::from);
        Ok(match self.version {
            Version::V1 => id,
            Version::V2 => id.map(|id| id * super::series::ALIGNMENT),
        })
    }

    fn fill(&mut self) -> Result<bool, Fault> {
        if self.left == 0 {
            self.section.finish()?;
            return Ok(false);
        }
        let count = self.left.min(BATCH_IDS);
        let batch = &mut self.batch;
        self.section.take(|fields| {
            let ids = fields.bytes(u64::from(count) * 4)?;
            batch.clear();
            batch.extend(ids.as_chunks().0.iter().rev().map(|id| u32::from_be_bytes(*id)));
            Ok(())
        })?;
        self.left -= count;
        Ok(true)
    }
}
