//! The first pass of a merge: the symbols of all sources in one table.
//!
//! Source: `tsdb-format.md` 6.4: all symbols of all tables, whether or not a series uses them.

use crate::{
    Error, Source,
    heap::Heap,
    index::{Index, SymbolMap, SymbolReader, Symbols},
};

/// Reads the symbol tables side by side; returns their union, and for each source what its references mean in it.
pub(crate) fn unite(sources: &[(&Source, Index<'_>)]) -> Result<(Symbols, Vec<SymbolMap>), Error> {
    let (mut readers, mut maps) = (Vec::new(), Vec::new());
    let mut heap = Heap::new();
    for (source, index) in sources {
        let reader = index.symbols().map_err(|fault| fault.of(source.id, "index"))?;
        maps.push(index.symbol_map(reader.capacity()));
        readers.push((*source, reader));
    }
    for position in 0..readers.len() {
        advance(position, &mut readers, &mut heap)?;
    }
    let mut symbols = Symbols::default();
    while let Some(position) = heap.pop(less(&readers)) {
        if let (Some((_, reader)), Some(map)) = (readers.get(position), maps.get_mut(position)) {
            let number = match symbols.last() {
                Some(last) if last == reader.current() => u32::try_from(symbols.len() - 1).ok(),
                _ => symbols.push(reader.current()),
            };
            let limit = u64::from(u32::MAX);
            let number = number.ok_or(Error::Limit { what: "symbol table", size: symbols.content_bytes(), limit })?;
            map.push(reader.offset(), number);
        }
        advance(position, &mut readers, &mut heap)?;
    }
    Ok((symbols, maps))
}

fn less(readers: &[(&Source, SymbolReader<'_>)]) -> impl Fn(usize, usize) -> bool {
    let symbol = |position: usize| readers.get(position).map(|(_, reader)| reader.current());
    move |a, b| symbol(a) < symbol(b)
}

/// Goes to the source's next symbol, if there is one.
fn advance(position: usize, readers: &mut [(&Source, SymbolReader<'_>)], heap: &mut Heap<usize>) -> Result<(), Error> {
    let Some((source, reader)) = readers.get_mut(position) else { return Ok(()) };
    if reader.advance().map_err(|fault| fault.of(source.id, "index"))? {
        heap.push(position, less(readers));
    }
    Ok(())
}
