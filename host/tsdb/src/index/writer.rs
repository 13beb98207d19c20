//! Writes an index from front to back, as Prometheus 3.9 does: the bytes depend on symbols, labels and chunks only.
//!
//! Source: `tsdb-format.md` 4.1 to 4.8, 9.1.

use std::sync::Arc;

use super::{
    ChunkMeta, Symbols, Toc, header,
    postings::{Ids, Lists},
    postings_table,
    series::{self, ALIGNMENT},
};
use crate::{
    BlockFile, Damage, Error,
    outlet::{BUFFER_BYTES, Outlet},
    stream::Stream,
    varint::put_uvarint,
};

/// Lists and tables begin at multiples of this.
const SECTION_ALIGNMENT: u64 = 4;

/// The largest sizes that the format has room for. Tests use smaller ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Bytes of the index file: series ids are sixteenths of an offset in 32 bits.
    pub(crate) index_bytes: u64,
    /// Bytes of the content of the symbol table, of a postings list, of the postings offset table: lengths have 32 bits.
    pub(crate) section_bytes: u64,
}

impl Limits {
    /// What the format allows.
    pub(crate) const FORMAT: Self = Self { index_bytes: ALIGNMENT * u32::MAX as u64, section_bytes: u32::MAX as u64 };
}

/// A rule of the index format that a series would break.
///
/// Source: `tsdb-format.md` 4.7.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rule {
    /// Symbols must be strictly ascending.
    #[error("symbol {symbol:?} is not greater than the one before")]
    SymbolOrder {
        /// The later symbol.
        symbol: String,
    },
    /// Series must be strictly ascending by labels; the first must have labels.
    #[error("series {series} is not greater than the one before")]
    SeriesOrder {
        /// The later series.
        series: String,
    },
    /// Chunk references must not decrease.
    #[error("series {series}: chunk reference {reference:#x} is below the one before, {before:#x}")]
    ReferenceOrder {
        /// The series.
        series: String,
        /// The reference.
        reference: u64,
        /// The one before, of this series or an earlier one.
        before: u64,
    },
    /// Chunks of a series must not overlap or touch.
    #[error("series {series}: chunk begins at {min}, not after the end of the one before, {before_max}")]
    ChunkOrder {
        /// The series.
        series: String,
        /// First millisecond of the chunk.
        min: i64,
        /// Last millisecond of the chunk before.
        before_max: i64,
    },
    /// A chunk must not end before it begins.
    #[error("series {series}: chunk ends at {max}, before it begins at {min}")]
    ChunkRange {
        /// The series.
        series: String,
        /// First millisecond.
        min: i64,
        /// Last millisecond.
        max: i64,
    },
    /// Names and values must be in the symbol table.
    #[error("symbol {number} is not in the table")]
    NoSymbol {
        /// The number that was asked for.
        number: u32,
    },
    /// No label name may occur more often than there are series.
    #[error("label name {name:?} occurs {count} times in {series} series")]
    RepeatedName {
        /// The name.
        name: String,
        /// How often it occurs.
        count: u64,
        /// How many series there are.
        series: u64,
    },
    /// A label is not among the symbols that were given beforehand.
    #[error("symbol {symbol:?} is not in the table")]
    UnknownSymbol {
        /// The name or value.
        symbol: String,
    },
    /// Chunk data that no reader would take.
    #[error("{damage}")]
    Chunk {
        /// What is wrong with it.
        damage: Damage,
    },
}

/// An index in the making.
pub(crate) struct Writer {
    stream: Stream,
    limits: Limits,
    symbols: Arc<Symbols>,
    toc: Toc,
    lists: Lists,
    series: u64,
    before: Vec<u32>,
    before_reference: u64,
    /// Id of the last series; 0 before the first.
    before_id: u32,
    /// Largest distance between two ids.
    largest_step: u32,
    content: Vec<u8>,
}

impl Writer {
    /// Writes header and symbol table.
    pub(crate) fn new(
        symbols: impl Into<Arc<Symbols>>,
        limits: Limits,
        outlet: &mut dyn Outlet,
    ) -> Result<Self, Error> {
        let symbols = symbols.into();
        let mut stream = Stream::new(BlockFile::Index);
        header::write(&mut stream.buffer);
        write_symbols(&symbols, limits, &mut stream, outlet)?;
        let toc = Toc { symbols: header::BYTES, series: stream.position(), ..Toc::default() };
        Ok(Self {
            stream,
            limits,
            toc,
            lists: Lists::new(symbols.len()),
            symbols,
            series: 0,
            before: Vec::new(),
            before_reference: 0,
            before_id: 0,
            largest_step: 0,
            content: Vec::new(),
        })
    }

    pub(crate) fn symbols(&self) -> &Symbols {
        &self.symbols
    }

    /// Adds the next series.
    pub(crate) fn series(
        &mut self,
        labels: &[u32],
        chunks: &[ChunkMeta],
        outlet: &mut dyn Outlet,
    ) -> Result<(), Error> {
        self.check(labels, chunks)?;
        self.stream.pad(ALIGNMENT);
        let too_large = |size| Error::Limit { what: "index", size, limit: self.limits.index_bytes };
        let id = u32::try_from(self.stream.position() / ALIGNMENT).map_err(|_| too_large(self.stream.position()))?;
        self.content.clear();
        series::write(labels, chunks, &mut self.content);
        let out = &mut self.stream.buffer;
        put_uvarint(out, self.content.len() as u64);
        out.extend_from_slice(&self.content);
        out.extend(crc32c::crc32c(&self.content).to_be_bytes());
        if self.stream.position() > self.limits.index_bytes {
            return Err(too_large(self.stream.position()));
        }
        self.lists.add(id, labels)?;
        if self.before_id != 0 {
            self.largest_step = self.largest_step.max(id - self.before_id);
        }
        self.before_id = id;
        self.series += 1;
        self.before.clear();
        self.before.extend_from_slice(labels);
        self.stream.hand_on(outlet)
    }

    fn check(&mut self, labels: &[u32], chunks: &[ChunkMeta]) -> Result<(), Rule> {
        // Numbers compare as the strings do, pairs in stored order, a prefix is smaller.
        if labels <= self.before.as_slice() {
            return Err(Rule::SeriesOrder { series: self.symbols.show(labels) });
        }
        let mut before_max = None;
        for chunk in chunks {
            let ChunkMeta { min, max, reference } = *chunk;
            let series = || self.symbols.show(labels);
            if reference < self.before_reference {
                return Err(Rule::ReferenceOrder { series: series(), reference, before: self.before_reference });
            }
            self.before_reference = reference;
            if let Some(before_max) = before_max.filter(|before_max| min <= *before_max) {
                return Err(Rule::ChunkOrder { series: series(), min, before_max });
            }
            if max < min {
                return Err(Rule::ChunkRange { series: series(), min, max });
            }
            before_max = Some(max);
        }
        match labels.iter().find(|number| **number as usize >= self.symbols.len()) {
            Some(number) => Err(Rule::NoSymbol { number: *number }),
            None => Ok(()),
        }
    }

    /// Writes postings, table and contents; returns the size of the file and the largest distance of two series, bytes.
    pub(crate) fn finish(mut self, outlet: &mut dyn Outlet) -> Result<(u64, u64), Error> {
        let order = self.lists.in_order();
        self.check_names(&order)?;
        (self.toc.label_indices, self.toc.postings) = (self.stream.position(), self.stream.position());
        self.stream.pad(SECTION_ALIGNMENT);
        let first_list = self.stream.position();
        write_list(self.lists.all(), self.limits, &mut self.stream, outlet)?;
        for position in &order {
            if let Some((_, _, ids)) = self.lists.list(*position) {
                write_list(ids, self.limits, &mut self.stream, outlet)?;
            }
        }
        (self.toc.label_table, self.toc.postings_table) = (self.stream.position(), self.stream.position());
        self.write_table(&order, first_list, outlet)?;
        self.toc.write(&mut self.stream.buffer);
        let size = self.stream.finish(outlet)?;
        check_size("index", size, self.limits.index_bytes)?;
        Ok((size, u64::from(self.largest_step) * ALIGNMENT))
    }

    fn check_names(&self, order: &[u32]) -> Result<(), Rule> {
        let mut name_count = (u32::MAX, 0_u64);
        for (name, _, ids) in order.iter().filter_map(|position| self.lists.list(*position)) {
            let before = if name == name_count.0 { name_count.1 } else { 0 };
            name_count = (name, before + u64::from(ids.total()));
            if name_count.1 > self.series {
                let name = String::from_utf8_lossy(self.symbols.get(name).unwrap_or_default()).into_owned();
                return Err(Rule::RepeatedName { name, count: name_count.1, series: self.series });
            }
        }
        Ok(())
    }

    fn write_table(&mut self, order: &[u32], first_list: u64, outlet: &mut dyn Outlet) -> Result<(), Error> {
        let entries = || {
            let mut offset = first_list;
            let all = std::iter::once((&b""[..], &b""[..], self.lists.all().total()));
            let pairs = order.iter().filter_map(|position| self.lists.list(*position)).map(|(name, value, ids)| {
                let text = |number| self.symbols.get(number).unwrap_or_default();
                (text(name), text(value), ids.total())
            });
            all.chain(pairs).map(move |(name, value, count)| {
                let at = offset;
                offset += list_bytes(count);
                (name, value, at)
            })
        };
        let content: u64 =
            4 + entries().map(|(name, value, at)| postings_table::entry_bytes(name, value, at)).sum::<u64>();
        let count = entries().count() as u64;
        let mut section = Section::begin("postings offset table", content, self.limits, &mut self.stream)?;
        section.put(u32::try_from(count).unwrap_or(u32::MAX).to_be_bytes(), &mut self.stream);
        for (name, value, at) in entries() {
            postings_table::write_entry(name, value, at, &mut self.stream.buffer);
            section.hand_on(&mut self.stream, outlet)?;
        }
        section.end(&mut self.stream);
        Ok(())
    }
}

fn write_symbols(symbols: &Symbols, limits: Limits, stream: &mut Stream, outlet: &mut dyn Outlet) -> Result<(), Error> {
    let mut section = Section::begin("symbol table", symbols.content_bytes(), limits, stream)?;
    let count = u32::try_from(symbols.len()).unwrap_or(u32::MAX);
    section.put(count.to_be_bytes(), stream);
    let mut next = 0;
    while next < count {
        next = symbols.write(next, BUFFER_BYTES, &mut stream.buffer);
        section.hand_on(stream, outlet)?;
    }
    section.end(stream);
    Ok(())
}

/// Bytes of a list of `count` series: length, count, ids, checksum.
fn list_bytes(count: u32) -> u64 {
    12 + 4 * u64::from(count)
}

fn write_list(ids: Ids<'_>, limits: Limits, stream: &mut Stream, outlet: &mut dyn Outlet) -> Result<(), Error> {
    /// Ids between two looks at the size of the buffer.
    const BATCH: usize = 4096;
    let mut section = Section::begin("postings list", list_bytes(ids.total()) - 8, limits, stream)?;
    section.put(ids.total().to_be_bytes(), stream);
    let mut ids = ids.peekable();
    while ids.peek().is_some() {
        for id in ids.by_ref().take(BATCH) {
            stream.buffer.extend_from_slice(&id.to_be_bytes());
        }
        section.hand_on(stream, outlet)?;
    }
    section.end(stream);
    if stream.position() > limits.index_bytes {
        return Err(Error::Limit { what: "index", size: stream.position(), limit: limits.index_bytes });
    }
    Ok(())
}

fn check_size(what: &'static str, size: u64, limit: u64) -> Result<(), Error> {
    if size > limit { Err(Error::Limit { what, size, limit }) } else { Ok(()) }
}

/// A section while its content is written: keeps the checksum when the buffer is handed on.
struct Section {
    crc: u32,
    /// What the checksum does not cover yet begins here in the buffer.
    from: usize,
}

impl Section {
    fn begin(what: &'static str, content: u64, limits: Limits, stream: &mut Stream) -> Result<Self, Error> {
        let too_large = || Error::Limit { what, size: content, limit: limits.section_bytes };
        let length = u32::try_from(content).map_err(|_| too_large())?;
        if content > limits.section_bytes {
            return Err(too_large());
        }
        stream.buffer.extend(length.to_be_bytes());
        Ok(Self { crc: 0, from: stream.buffer.len() })
    }

    fn put(&mut self, bytes: [u8; 4], stream: &mut Stream) {
        stream.buffer.extend(bytes);
    }

    /// Call it when content was appended.
    #[inline]
    fn hand_on(&mut self, stream: &mut Stream, outlet: &mut dyn Outlet) -> Result<(), Error> {
        if stream.buffer.len() < BUFFER_BYTES {
            return Ok(());
        }
        self.cover(stream);
        stream.hand_on(outlet)?;
        self.from = stream.buffer.len();
        Ok(())
    }

    fn cover(&mut self, stream: &Stream) {
        self.crc = crc32c::crc32c_append(self.crc, stream.buffer.get(self.from..).unwrap_or_default());
    }

    fn end(mut self, stream: &mut Stream) {
        self.cover(stream);
        stream.buffer.extend(self.crc.to_be_bytes());
    }
}

#[cfg(test)]
mod tests;
