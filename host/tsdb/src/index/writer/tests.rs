use super::*;
use crate::{Memory, outlet::Direct};

const CHUNK: ChunkMeta = ChunkMeta { min: 0, max: 1, reference: 8 };

fn symbols(count: usize) -> Symbols {
    let mut symbols = Symbols::default();
    for i in 0..count {
        symbols.push(format!("{i:09}").as_bytes()).unwrap();
    }
    symbols
}

/// Writes series that all have name 0 and the values from 1 on; returns the size of the index.
fn write(values: u32, limits: Limits) -> Result<u64, Error> {
    let mut memory = Memory::default();
    let mut outlet = Direct::new(&mut memory);
    let mut writer = Writer::new(symbols(values as usize + 1), limits, &mut outlet)?;
    for value in 1..=values {
        writer.series(&[0, value], &[CHUNK], &mut outlet)?;
    }
    Ok(writer.finish(&mut outlet)?.0)
}

#[test]
fn an_index_fits_exactly_or_is_refused() {
    let size = write(100, Limits::FORMAT).unwrap();
    assert_eq!(write(100, Limits { index_bytes: size, ..Limits::FORMAT }).unwrap(), size);
    for index_bytes in [size - 1, size / 2, 1200] {
        let result = write(100, Limits { index_bytes, ..Limits::FORMAT });
        assert!(matches!(result, Err(Error::Limit { what: "index", limit, .. }) if limit == index_bytes));
    }
}

#[test]
fn sections_fit_exactly_or_are_refused() {
    // 101 symbols of 10 bytes; a list of 100 series; entries of 2, 10, 10 and 2 bytes and that of all series.
    let too_small = |section_bytes| match write(100, Limits { section_bytes, ..Limits::FORMAT }) {
        Err(Error::Limit { what, size, .. }) => (what, size),
        other => panic!("{other:?}"),
    };
    assert_eq!(too_small(1013), ("symbol table", 1014));
    let (table, size) = too_small(1014);
    assert_eq!(table, "postings offset table");
    assert!(write(100, Limits { section_bytes: size, ..Limits::FORMAT }).is_ok());
    assert_eq!(too_small(size - 1), ("postings offset table", size));
}

#[test]
fn a_list_fits_exactly_or_is_refused() {
    let write = |section_bytes| {
        let mut memory = Memory::default();
        let mut outlet = Direct::new(&mut memory);
        let mut writer = Writer::new(symbols(9), Limits { section_bytes, ..Limits::FORMAT }, &mut outlet)?;
        for (a, b) in (2..9).flat_map(|a| (2..9).map(move |b| (a, b))) {
            writer.series(&[0, a, 1, b], &[CHUNK], &mut outlet)?;
        }
        writer.finish(&mut outlet)
    };
    // The list of all 49 series is the first that is too long; the table would be as well.
    assert!(matches!(write(199), Err(Error::Limit { what: "postings list", size: 200, limit: 199 })));
    assert!(matches!(write(200), Err(Error::Limit { what: "postings offset table", .. })));
    assert!(write(500).is_ok());
}

#[test]
fn large_sections_are_handed_on_in_pieces() {
    let mut memory = Memory::default();
    let mut outlet = Direct::new(&mut memory);
    let mut writer = Writer::new(symbols(40_001), Limits::FORMAT, &mut outlet).unwrap();
    assert!(writer.stream.buffer.len() < 2 * BUFFER_BYTES);
    for value in 1..=40_000 {
        writer.series(&[0, value], &[CHUNK], &mut outlet).unwrap();
        assert!(writer.stream.buffer.len() < 2 * BUFFER_BYTES);
    }
    let (size, step) = writer.finish(&mut outlet).unwrap();
    drop(outlet);
    assert_eq!(memory.files().get(&BlockFile::Index).unwrap().len() as u64, size);
    assert_eq!(step, 16);
}

#[test]
fn references_must_not_decrease_and_symbols_must_exist() {
    let mut memory = Memory::default();
    let mut outlet = Direct::new(&mut memory);
    let mut writer = Writer::new(symbols(3), Limits::FORMAT, &mut outlet).unwrap();
    writer.series(&[0, 1], &[CHUNK], &mut outlet).unwrap();
    let before = ChunkMeta { reference: 7, ..CHUNK };
    let result = writer.series(&[0, 2], &[before], &mut outlet);
    assert!(matches!(result, Err(Error::Rule { rule: Rule::ReferenceOrder { reference: 7, before: 8, .. }, .. })));
    let result = writer.series(&[0, 3], &[CHUNK], &mut outlet);
    assert!(matches!(result, Err(Error::Rule { rule: Rule::NoSymbol { number: 3 }, .. })));
}
