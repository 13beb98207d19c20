//! The postings offset table: where each list is.
//!
//! ```text
//! u32 length | u32 entries
//! entries x (uvarint 2, uvarint bytes, name, uvarint bytes, value, uvarint offset of the list's length field)
//! u32 checksum over entries and table
//! ```
//!
//! The first entry of what we write is always that of all series, name and value empty.
//!
//! Source: `tsdb-format.md` 4.6, 4.10.

use super::{SymbolMap, Symbols, section::Section};
use crate::{
    Damage, Fault,
    varint::{put_uvarint, uvarint_len},
};

/// Keys of an entry: a name and a value.
const KEYS: u64 = 2;
/// A label name in a message is cut to this many characters.
const SHOWN_CHARACTERS: usize = 64;

/// Walks the whole table, checks it, and returns the offset of the list of all series; `None` if it has no such entry.
pub(crate) fn find_all_series(
    mut section: Section<'_>,
    symbols: &Symbols,
    of_source: &SymbolMap,
) -> Result<Option<u64>, Fault> {
    let mut entries = 0;
    section.take(|fields| {
        entries = fields.u32()?;
        Ok(())
    })?;
    let (mut all, mut last_name, mut unknown) = (None, Vec::new(), false);
    for _ in 0..entries {
        if section.is_empty() {
            break; // Too few entries are not an error.
        }
        section.take(|fields| {
            let keys = fields.uvarint()?;
            if keys != KEYS {
                return Err(Damage::KeyCount { found: keys });
            }
            let length = fields.uvarint()?;
            let name = fields.bytes(length)?;
            let length = fields.uvarint()?;
            let value = fields.bytes(length)?;
            let offset = fields.uvarint()?;
            if name.is_empty() {
                all = if value.is_empty() { Some(offset) } else { all };
            } else if name != last_name.as_slice() {
                last_name.clear();
                last_name.extend_from_slice(name);
                unknown = !symbols.find(name).is_some_and(|number| of_source.contains(number));
            }
            Ok(())
        })?;
        if unknown {
            let name = String::from_utf8_lossy(&last_name).chars().take(SHOWN_CHARACTERS).collect();
            return Err(section.explain(Damage::UnknownLabelName { name }));
        }
    }
    section.finish()?;
    Ok(all)
}

/// Appends one entry.
pub(crate) fn write_entry(name: &[u8], value: &[u8], offset: u64, out: &mut Vec<u8>) {
    put_uvarint(out, KEYS);
    put_uvarint(out, name.len() as u64);
    out.extend_from_slice(name);
    put_uvarint(out, value.len() as u64);
    out.extend_from_slice(value);
    put_uvarint(out, offset);
}

/// How many bytes [`write_entry`] appends.
pub(crate) fn entry_bytes(name: &[u8], value: &[u8], offset: u64) -> u64 {
    let lengths = [KEYS, name.len() as u64, value.len() as u64, offset].map(uvarint_len);
    (lengths.iter().sum::<usize>() + name.len() + value.len()) as u64
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::window::Window;

    fn find(entries: u32, content: &[u8]) -> Result<Option<u64>, Fault> {
        let content = [&entries.to_be_bytes(), content].concat();
        let length = u32::try_from(content.len()).unwrap().to_be_bytes();
        let file: Bytes = [&length[..], &content, &crc32c::crc32c(&content).to_be_bytes()].concat().into();
        let mut symbols = Symbols::default();
        let map = SymbolMap::Numbers(vec![symbols.push(b"job").unwrap()]);
        find_all_series(Section::open(Window::new(&file), 0, "table").unwrap(), &symbols, &map)
    }

    #[test]
    fn the_list_of_all_series_is_found_wherever_it_is() {
        let mut table = Vec::new();
        write_entry(b"job", b"a", 300, &mut table);
        let before = table.len() as u64;
        write_entry(b"", b"", 200, &mut table);
        assert_eq!(table.len() as u64, before + entry_bytes(b"", b"", 200));
        assert_eq!(find(2, &table).unwrap(), Some(200));
        assert_eq!(find(1, &table).unwrap(), None);
        assert_eq!(find(9, &table).unwrap(), Some(200));
    }

    #[test]
    fn names_without_a_symbol_and_other_key_counts_are_damage() {
        let mut table = Vec::new();
        write_entry(b"pod", b"a", 300, &mut table);
        let unknown = find(1, &table);
        assert!(
            matches!(unknown, Err(Fault::Damage { damage: Damage::UnknownLabelName { name }, .. }) if name == "pod")
        );
        *table.first_mut().unwrap() = 3;
        assert!(matches!(find(1, &table), Err(Fault::Damage { damage: Damage::KeyCount { found: 3 }, .. })));
    }
}
