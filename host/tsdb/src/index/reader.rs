//! An index that is read as a stream of positions.

use super::{
    Series, SeriesIds, SymbolMap, SymbolReader, Symbols, Toc,
    header::{self, Version},
    postings_table,
    section::Section,
    series::ALIGNMENT,
    toc,
};
use crate::{Blob, Damage, Fault, IndexSizes, varint::Fields, window::Window};

/// The longest length field of a series entry, bytes.
const LENGTH_BYTES: usize = 5;
/// What is asked for when a series is read, bytes: most entries fit.
const ENTRY_BYTES: usize = 256;

/// An index whose header and table of contents were found good.
#[derive(Clone, Copy)]
pub struct Index<'a> {
    blob: &'a dyn Blob,
    version: Version,
    toc: Toc,
}

impl<'a> Index<'a> {
    /// Reads header and table of contents.
    ///
    /// # Errors
    /// Where the file is too short, of another format or version, or the checksum is wrong.
    ///
    /// Source: `tsdb-format.md` 4.10, steps 1 and 2.
    pub fn open(blob: &'a dyn Blob) -> Result<Self, Fault> {
        let size = blob.size();
        let mut window = Window::new(blob);
        let version = header::read(window.view(0, 5)?).map_err(|(offset, damage)| Fault::Damage { offset, damage })?;
        let too_small = || Fault::Damage { offset: 0, damage: Damage::TooSmall { have: size, need: toc::BYTES } };
        let offset = size.checked_sub(toc::BYTES).ok_or_else(too_small)?;
        let toc = Toc::read(window.view(offset, 52)?).map_err(Fault::at(offset))?;
        Ok(Self { blob, version, toc })
    }

    /// Where the parts are.
    #[must_use]
    pub fn toc(&self) -> Toc {
        self.toc
    }

    /// What the index says about its size before anything of it is read: two small reads.
    ///
    /// # Errors
    /// Where the table of contents leads out of the file, or a table is cut off.
    pub fn sizes(&self) -> Result<IndexSizes, Fault> {
        let counted = |offset, what| {
            let (mut section, mut count) = (self.section(offset, what)?, 0);
            section.take(|fields| {
                count = fields.u32()?;
                Ok(())
            })?;
            Ok((u64::from(section.length()), u64::from(count.min(section.length()))))
        };
        let (symbol_bytes, symbols) = counted(self.toc.symbols, "symbol table")?;
        let (_, lists) = counted(self.toc.postings_table, "postings offset table")?;
        let between = |from: u64, to: u64| to.min(self.blob.size()).saturating_sub(from);
        let postings = between(self.toc.postings, self.toc.postings_table) / 4;
        Ok(IndexSizes {
            symbol_bytes,
            symbols,
            series_bytes: between(self.toc.series, self.toc.label_indices),
            lists,
            postings,
        })
    }

    fn section(&self, offset: u64, what: &'static str) -> Result<Section<'a>, Fault> {
        Section::open(Window::new(self.blob), offset, what)
    }

    pub(crate) fn symbols(&self) -> Result<SymbolReader<'a>, Fault> {
        SymbolReader::new(self.section(self.toc.symbols, "symbol table")?)
    }

    /// An empty map for the references of this index.
    pub(crate) fn symbol_map(&self, capacity: usize) -> SymbolMap {
        match self.version {
            Version::V1 => SymbolMap::Offsets(Vec::with_capacity(capacity)),
            Version::V2 => SymbolMap::Numbers(Vec::with_capacity(capacity)),
        }
    }

    /// Checks the postings offset table and opens the list of all series; `None` where there is no such list, which
    /// counts as a block without series.
    pub(crate) fn all_series(&self, symbols: &Symbols, map: &SymbolMap) -> Result<Option<SeriesIds<'a>>, Fault> {
        let table = self.section(self.toc.postings_table, "postings offset table")?;
        let Some(offset) = postings_table::find_all_series(table, symbols, map)? else { return Ok(None) };
        SeriesIds::new(self.section(offset, "list of all series")?, self.version).map(Some)
    }

    /// The id by which postings and tombstones know the series at `offset`.
    pub(crate) fn series_id(&self, offset: u64) -> u64 {
        match self.version {
            Version::V1 => offset,
            Version::V2 => offset / ALIGNMENT,
        }
    }

    pub(crate) fn series(&self) -> SeriesReader<'a> {
        SeriesReader { window: Window::new(self.blob) }
    }
}

/// Reads series entries; best in the order of the file.
pub(crate) struct SeriesReader<'a> {
    window: Window<'a>,
}

impl SeriesReader<'_> {
    /// Reads the entry at `offset`.
    ///
    /// Source: `tsdb-format.md` 4.10, step 7.
    #[inline]
    pub(crate) fn read(&mut self, offset: u64, symbols: &SymbolMap, series: &mut Series) -> Result<(), Fault> {
        let size = self.window.size();
        let view = self.window.view(offset, ENTRY_BYTES)?;
        let Some(head) = view.get(..LENGTH_BYTES) else {
            let end = offset.saturating_add(LENGTH_BYTES as u64);
            return Err(Fault::Damage { offset, damage: Damage::OutOfBounds { what: "series", end, size } });
        };
        let mut fields = Fields::new(head);
        let length = fields.uvarint().map_err(|_| Fault::Damage { offset, damage: Damage::Overflow })?;
        let start = offset + (LENGTH_BYTES - fields.rest().len()) as u64;
        let content = self.window.verified(start, length, "series")?;
        let content = content.split_last_chunk::<4>().map_or(&[][..], |(content, _)| content);
        series.read(content, symbols).map_err(Fault::at(offset))
    }
}
