//! The last 52 bytes of an index: where its parts begin.
//!
//! ```text
//! u64 symbols | u64 series | u64 label indices | u64 label offset table | u64 postings | u64 postings offset table
//! u32 checksum over the 48 bytes
//! ```
//!
//! Source: `tsdb-format.md` 4.2.

use crate::{Damage, varint::Fields, window::check};

/// Bytes of the table of contents.
pub(crate) const BYTES: u64 = 52;

/// Offsets of an index's parts from the start of the file. Readers need the first and the last only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Toc {
    /// The symbol table.
    pub symbols: u64,
    /// Behind the symbol table, before the padding of the first series.
    pub series: u64,
    /// Behind the last series; up to Prometheus 3.6 the label indices begin here.
    pub label_indices: u64,
    /// As `postings_table`; up to Prometheus 3.6 the label offset table.
    pub label_table: u64,
    /// Behind the last series or label index, before the padding of the first list.
    pub postings: u64,
    /// The postings offset table.
    pub postings_table: u64,
}

impl Toc {
    /// Appends the table with its checksum.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let start = out.len();
        let parts =
            [self.symbols, self.series, self.label_indices, self.label_table, self.postings, self.postings_table];
        for part in parts {
            out.extend(part.to_be_bytes());
        }
        let crc = crc32c::crc32c(out.get(start..).unwrap_or_default());
        out.extend(crc.to_be_bytes());
    }

    /// Reads the table from the last bytes of a file.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Damage> {
        let (content, stored) = bytes.split_last_chunk().ok_or(Damage::Short)?;
        check(crc32c::crc32c(content), *stored)?;
        let mut fields = Fields::new(content);
        Ok(Self {
            symbols: fields.u64()?,
            series: fields.u64()?,
            label_indices: fields.u64()?,
            label_table: fields.u64()?,
            postings: fields.u64()?,
            postings_table: fields.u64()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_was_written_is_read_and_no_changed_byte_passes(parts: [u64; 6], at in 0..52_usize, flip in 1..=255_u8) {
            let [symbols, series, label_indices, label_table, postings, postings_table] = parts;
            let toc = Toc { symbols, series, label_indices, label_table, postings, postings_table };
            let mut out = Vec::new();
            toc.write(&mut out);
            prop_assert_eq!(out.len() as u64, BYTES);
            prop_assert_eq!(Toc::read(&out), Ok(toc));
            *out.get_mut(at).unwrap() ^= flip;
            let is_checksum_error = matches!(Toc::read(&out), Err(Damage::Checksum { .. }));
            prop_assert!(is_checksum_error);
        }
    }
}
