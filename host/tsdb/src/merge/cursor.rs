//! A source on its way through a merge: its present series, and the chunks of it that were not taken yet.

use crate::{
    Error, Fault, Source,
    index::{ChunkMeta, Index, Series, SeriesIds, SeriesReader, SymbolMap, Symbols},
    segment::{ChunkReader, Record},
    tombstones::{Interval, Tombstones},
    verify::Checker,
};

pub(super) struct Cursor<'a> {
    pub(super) source: &'a Source,
    index: Index<'a>,
    map: SymbolMap,
    ids: Option<SeriesIds<'a>>,
    entries: SeriesReader<'a>,
    chunks: ChunkReader<'a>,
    checker: Checker,
    tombstones: Tombstones,
    /// The present series.
    pub(super) series: Series,
    /// Position of the present chunk.
    position: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(source: &'a Source, index: Index<'a>, map: SymbolMap, symbols: &Symbols) -> Result<Self, Error> {
        let ids = index.all_series(symbols, &map).map_err(|fault| fault.of(source.id, "index"))?;
        Ok(Self {
            source,
            index,
            map,
            ids,
            entries: index.series(),
            chunks: ChunkReader::new(source.segment_blobs()),
            checker: Checker::new(source.range),
            tombstones: source.read_tombstones()?,
            series: Series::default(),
            position: 0,
        })
    }

    /// Goes to the next series; `false` at the end.
    pub(super) fn advance(&mut self, symbols: &Symbols, accept_malformed: bool) -> Result<bool, Error> {
        let (block, of_index) = (self.source.id, |fault: Fault| fault.of(self.source.id, "index"));
        let Some(ids) = &mut self.ids else { return Ok(false) };
        let Some(offset) = ids.next().map_err(of_index)? else { return Ok(false) };
        self.position = 0;
        self.entries.read(offset, &self.map, &mut self.series).map_err(of_index)?;
        let checked = self.checker.series(offset, &self.series, symbols);
        let findings = &self.checker.findings;
        let soft = if findings.is_bad(accept_malformed) { findings.verdict(accept_malformed) } else { None };
        match checked.err().or(soft) {
            Some(defect) => Err(Error::Defect { block, defect: Box::new(defect) }),
            None if self.tombstones.is_empty() => Ok(true),
            None => self.refuse_deletions(offset, symbols).map(|()| true),
        }
    }

    /// Finds a chunk of the present series that an interval would cut or remove.
    #[cold]
    fn refuse_deletions(&self, offset: u64, symbols: &Symbols) -> Result<(), Error> {
        let deleted = self.tombstones.get(self.index.series_id(offset));
        let is_cut = |chunk: &&ChunkMeta| {
            let range = Interval { min: chunk.min, max: chunk.max };
            deleted.is_some_and(|deleted| !deleted.overlapping(range).is_empty())
        };
        match self.series.chunks.iter().find(is_cut) {
            None => Ok(()),
            Some(&ChunkMeta { min, max, .. }) => {
                let series = symbols.show(&self.series.labels);
                Err(Error::NeedsTombstones { block: self.source.id, series, min, max })
            }
        }
    }

    /// The present chunk of the present series.
    #[inline]
    pub(super) fn chunk(&self) -> Option<ChunkMeta> {
        self.series.chunks.get(self.position).copied()
    }

    /// Goes to the next chunk.
    #[inline]
    pub(super) fn step(&mut self) {
        self.position += 1;
    }

    /// The chunk's bytes.
    #[inline]
    pub(super) fn read(&mut self, reference: u64) -> Result<Record<'_>, Error> {
        let source = self.source;
        self.chunks.read(reference).map_err(|fault| fault.of(source.id, &source.segment_path(reference)))
    }
}
