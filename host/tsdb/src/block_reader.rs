//! Reads one block, series by series, for whoever wants to look inside.

use crate::{
    Error, Source,
    index::{ChunkMeta, Index, Series, SeriesIds, SeriesReader, SymbolMap, Symbols},
    segment::{ChunkReader, Record},
    unite::unite,
};

/// An open block: its symbols are in memory, everything else is read when asked for.
pub struct BlockReader<'a> {
    source: &'a Source,
    index: Index<'a>,
    symbols: Symbols,
    map: SymbolMap,
}

impl<'a> BlockReader<'a> {
    /// Checks headers, table of contents and symbols. Tombstones are not applied.
    ///
    /// # Errors
    /// [`Error::Corrupt`], [`Error::Read`].
    pub fn open(source: &'a Source) -> Result<Self, Error> {
        let index = source.open()?;
        let (symbols, mut maps) = unite(&[(source, index)])?;
        let map = maps.pop().expect("one map for one source");
        Ok(Self { source, index, symbols, map })
    }

    /// All strings of the index.
    #[must_use]
    pub fn symbols(&self) -> &Symbols {
        &self.symbols
    }

    /// Goes through the series in the order of the index.
    ///
    /// # Errors
    /// [`Error::Corrupt`] where the postings offset table or the list of all series is damaged, [`Error::Read`].
    pub fn series(&self) -> Result<SeriesCursor<'_, 'a>, Error> {
        let ids = self.index.all_series(&self.symbols, &self.map);
        let ids = ids.map_err(|fault| fault.of(self.source.id, "index"))?;
        let chunks = ChunkReader::new(self.source.segment_blobs());
        Ok(SeriesCursor { block: self, ids, entries: self.index.series(), chunks, series: Series::default() })
    }
}

/// A place among a block's series.
pub struct SeriesCursor<'b, 'a> {
    block: &'b BlockReader<'a>,
    ids: Option<SeriesIds<'a>>,
    entries: SeriesReader<'a>,
    chunks: ChunkReader<'a>,
    series: Series,
}

impl SeriesCursor<'_, '_> {
    /// Goes to the next series; `false` at the end.
    ///
    /// # Errors
    /// [`Error::Corrupt`], [`Error::Read`].
    pub fn advance(&mut self) -> Result<bool, Error> {
        let of_index = |fault: crate::Fault| fault.of(self.block.source.id, "index");
        let Some(ids) = &mut self.ids else { return Ok(false) };
        let Some(offset) = ids.next().map_err(of_index)? else { return Ok(false) };
        self.entries.read(offset, &self.block.map, &mut self.series).map_err(of_index)?;
        Ok(true)
    }

    /// Names and values of the present series, in stored order.
    pub fn labels(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let text = |number: &u32| self.block.symbols.get(*number).unwrap_or_default();
        self.series.labels.as_chunks().0.iter().map(move |[name, value]| (text(name), text(value)))
    }

    /// The present series by symbol numbers, with its chunks.
    #[must_use]
    pub fn series(&self) -> &Series {
        &self.series
    }

    /// Reads a chunk; best in the order of the index.
    ///
    /// # Errors
    /// [`Error::Corrupt`], [`Error::Read`].
    pub fn chunk(&mut self, chunk: ChunkMeta) -> Result<Record<'_>, Error> {
        let source = self.block.source;
        let record = self.chunks.read(chunk.reference);
        record.map_err(|fault| fault.of(source.id, &source.segment_path(chunk.reference)))
    }
}
