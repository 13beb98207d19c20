//! The symbol table: every string of the index, strictly ascending by bytes.
//!
//! ```text
//! u32 length | u32 count | count x (uvarint bytes, bytes) | u32 checksum over count and symbols
//! ```
//!
//! A symbol's number is its position. In version 1 series refer to the file offset of a symbol's length instead.
//!
//! Source: `tsdb-format.md` 4.3, 4.11.

use super::section::Section;
use crate::{
    Damage, Fault,
    varint::{Fields, put_uvarint, uvarint_len},
};

/// Strings by number, ascending; numbers compare as the strings do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Symbols {
    bytes: Vec<u8>,
    /// Where each symbol ends in `bytes`. The table's size limit keeps it in 32 bits.
    ends: Vec<u32>,
    /// Bytes that the symbols take in the file.
    encoded: u64,
}

impl Symbols {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The string with this number.
    #[must_use]
    pub fn get(&self, number: u32) -> Option<&[u8]> {
        let number = number as usize;
        let end = *self.ends.get(number)? as usize;
        let start = number.checked_sub(1).and_then(|before| self.ends.get(before)).map_or(0, |end| *end as usize);
        self.bytes.get(start..end)
    }

    /// The number of this string.
    #[must_use]
    pub fn find(&self, symbol: &[u8]) -> Option<u32> {
        let (mut low, mut high) = (0_u32, u32::try_from(self.len()).ok()?);
        while low < high {
            let middle = low + (high - low) / 2;
            match self.get(middle)?.cmp(symbol) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Equal => return Some(middle),
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        None
    }

    /// Label pairs as text for messages, `{name="value", …}`; bytes that are no UTF-8 are replaced.
    #[must_use]
    pub fn show(&self, labels: &[u32]) -> String {
        let text = |number: &u32| String::from_utf8_lossy(self.get(*number).unwrap_or(b"?")).into_owned();
        let pair = |pair: &[u32]| match pair {
            [name, value] => format!("{}={:?}", text(name), text(value)),
            _ => String::new(),
        };
        format!("{{{}}}", labels.chunks(2).map(pair).collect::<Vec<_>>().join(", "))
    }

    /// Adds the next symbol, which is greater than the ones before, and returns its number; `None` when the table is full.
    pub(crate) fn push(&mut self, symbol: &[u8]) -> Option<u32> {
        let end = u32::try_from(self.bytes.len() + symbol.len()).ok()?;
        let number = u32::try_from(self.ends.len()).ok()?;
        self.bytes.extend_from_slice(symbol);
        self.ends.push(end);
        self.encoded += (uvarint_len(symbol.len() as u64) + symbol.len()) as u64;
        Some(number)
    }

    /// The last symbol.
    pub(crate) fn last(&self) -> Option<&[u8]> {
        self.get(u32::try_from(self.len().checked_sub(1)?).ok()?)
    }

    /// Bytes of the section's content.
    pub(crate) fn content_bytes(&self) -> u64 {
        4 + self.encoded
    }

    /// Appends the entries of the symbols from `from` on until `room` bytes are filled; returns the next number.
    pub(crate) fn write(&self, from: u32, room: usize, out: &mut Vec<u8>) -> u32 {
        let mut number = from;
        while out.len() < room
            && let Some(symbol) = self.get(number)
        {
            put_uvarint(out, symbol.len() as u64);
            out.extend_from_slice(symbol);
            number += 1;
        }
        number
    }
}

/// What a source's references to symbols mean in a united table.
#[derive(Clone, Debug)]
pub enum SymbolMap {
    /// United number by number: versions 2 and 3.
    Numbers(Vec<u32>),
    /// United number by file offset, both ascending: version 1.
    Offsets(Vec<(u64, u32)>),
}

impl SymbolMap {
    /// The united number of a reference; `None` if it refers to nothing.
    #[inline]
    #[must_use]
    pub fn get(&self, reference: u64) -> Option<u32> {
        match self {
            Self::Numbers(numbers) => numbers.get(usize::try_from(reference).ok()?).copied(),
            Self::Offsets(offsets) => {
                let position = offsets.binary_search_by_key(&reference, |(offset, _)| *offset).ok()?;
                offsets.get(position).map(|(_, number)| *number)
            }
        }
    }

    /// Whether the source has the symbol with this united number.
    #[must_use]
    pub fn contains(&self, united: u32) -> bool {
        match self {
            Self::Numbers(numbers) => numbers.binary_search(&united).is_ok(),
            Self::Offsets(offsets) => offsets.binary_search_by_key(&united, |(_, number)| *number).is_ok(),
        }
    }

    pub(crate) fn push(&mut self, offset: u64, united: u32) {
        match self {
            Self::Numbers(numbers) => numbers.push(united),
            Self::Offsets(offsets) => offsets.push((offset, united)),
        }
    }
}

/// Reads a source's table from front to back, one symbol in memory.
pub(crate) struct SymbolReader<'a> {
    section: Section<'a>,
    count: u32,
    taken: u32,
    /// Where the present symbol begins in the file.
    offset: u64,
    current: Vec<u8>,
    next: Vec<u8>,
}

impl<'a> SymbolReader<'a> {
    pub(crate) fn new(mut section: Section<'a>) -> Result<Self, Fault> {
        let mut count = 0;
        section.take(|fields| {
            count = fields.u32()?;
            Ok(())
        })?;
        Ok(Self { section, count, taken: 0, offset: 0, current: Vec::new(), next: Vec::new() })
    }

    /// How many symbols the table can have at most; bounded by the size of the file, so room may be reserved for them.
    pub(crate) fn capacity(&self) -> usize {
        self.count.min(self.section.length()) as usize
    }

    /// Goes to the next symbol; `false` at the end of the table, when its checksum was right.
    pub(crate) fn advance(&mut self) -> Result<bool, Fault> {
        if self.taken == self.count {
            self.section.finish()?;
            return Ok(false);
        }
        self.offset = self.section.at();
        let next = &mut self.next;
        self.section.take(|fields: &mut Fields<'_>| {
            let length = fields.uvarint()?;
            next.clear();
            next.extend_from_slice(fields.bytes(length)?);
            Ok(())
        })?;
        if self.taken > 0 && self.next <= self.current {
            return Err(self.section.explain(Damage::SymbolOrder { number: u64::from(self.taken) }));
        }
        self.taken += 1;
        std::mem::swap(&mut self.current, &mut self.next);
        Ok(true)
    }

    /// The present symbol.
    pub(crate) fn current(&self) -> &[u8] {
        &self.current
    }

    /// Where the present symbol begins in the file.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(symbols: &[&str]) -> Symbols {
        let mut table = Symbols::default();
        for symbol in symbols {
            table.push(symbol.as_bytes()).unwrap();
        }
        table
    }

    #[test]
    fn strings_are_found_by_number_and_numbers_by_string() {
        let table = table(&["", "a", "ab", "b"]);
        assert_eq!(table.get(0), Some(&b""[..]));
        assert_eq!(table.get(2), Some(&b"ab"[..]));
        assert_eq!(table.get(4), None);
        assert_eq!(table.find(b"b"), Some(3));
        assert_eq!(table.find(b"aa"), None);
        assert_eq!(table.last(), Some(&b"b"[..]));
        assert_eq!(table.show(&[1, 2, 3, 0]), r#"{a="ab", b=""}"#);
    }

    #[test]
    fn offsets_and_numbers_are_mapped() {
        let numbers = SymbolMap::Numbers(vec![1, 5]);
        assert_eq!((numbers.get(1), numbers.get(2)), (Some(5), None));
        assert!(numbers.contains(5) && !numbers.contains(2));
        let offsets = SymbolMap::Offsets(vec![(9, 1), (12, 5)]);
        assert_eq!((offsets.get(12), offsets.get(10)), (Some(5), None));
        assert!(offsets.contains(1) && !offsets.contains(2));
    }
}
