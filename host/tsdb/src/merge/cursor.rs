//! A source on its way through a merge: its present series, and the chunks of it that were not taken yet.

use crate::{
    Error, Fault, Source,
    index::{ChunkMeta, Index, Series, SeriesIds, SeriesReader, SymbolMap, Symbols},
    merge::Found,
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
    /// What the result covers, both ends inside.
    range: Interval,
    /// The present series, without chunks of which nothing can be left.
    pub(super) series: Series,
    /// What is cut out of the series' chunks; where nothing is cut out of any, this is empty.
    cuts: Vec<Vec<Interval>>,
    /// Position of the present chunk.
    position: usize,
    pub(super) found: Found,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(
        source: &'a Source,
        index: Index<'a>,
        map: SymbolMap,
        symbols: &Symbols,
        range: Interval,
    ) -> Result<Self, Error> {
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
            range,
            series: Series::default(),
            cuts: Vec::new(),
            position: 0,
            found: Found::default(),
        })
    }

    /// Goes to the next series of which something can be left; `false` at the end.
    pub(super) fn advance(&mut self, symbols: &Symbols, accept_malformed: bool) -> Result<bool, Error> {
        let (block, of_index) = (self.source.id, |fault: Fault| fault.of(self.source.id, "index"));
        loop {
            let Some(ids) = &mut self.ids else { return Ok(false) };
            let Some(offset) = ids.next().map_err(of_index)? else { return Ok(false) };
            self.position = 0;
            self.entries.read(offset, &self.map, &mut self.series).map_err(of_index)?;
            let checked = self.checker.series(offset, &self.series, symbols);
            let findings = &self.checker.findings;
            let soft = if findings.is_bad(accept_malformed) { findings.verdict(accept_malformed) } else { None };
            if let Some(defect) = checked.err().or(soft) {
                return Err(Error::Defect { block, defect: Box::new(defect) });
            }
            self.found.series += 1;
            self.found.chunks += self.series.chunks.len() as u64;
            self.cuts.clear();
            let range = self.range;
            let is_inside = self.series.chunks.iter().all(|chunk| range.min <= chunk.min && chunk.max <= range.max);
            if is_inside && self.tombstones.is_empty() || self.cut(offset) {
                return Ok(true);
            }
        }
    }

    /// Drops chunks of which nothing can be left, and notes what is cut out of the others; says whether there are others.
    ///
    /// Source: `tsdb-format.md` 6.5.
    #[cold]
    fn cut(&mut self, offset: u64) -> bool {
        let deleted = self.tombstones.get(self.index.series_id(offset));
        let (range, found) = (self.range, &mut self.found);
        let (mut front, mut back) = (false, false);
        self.series.chunks.retain(|chunk| {
            let times = Interval { min: chunk.min, max: chunk.max };
            let (is_outside, is_deleted) = (!times.overlaps(range), deleted.is_some_and(|set| set.covers(times)));
            found.outside_chunks += u64::from(is_outside);
            found.deleted_chunks += u64::from(is_deleted && !is_outside);
            let stays = !is_outside && !is_deleted;
            front |= stays && chunk.min < range.min;
            back |= stays && chunk.max > range.max;
            stays
        });
        if deleted.is_none() && !front && !back {
            return !self.series.chunks.is_empty();
        }
        let mut intervals = deleted.cloned().unwrap_or_default();
        if front {
            intervals.add(Interval { min: i64::MIN, max: range.min.saturating_sub(1) });
        }
        if back {
            intervals.add(Interval { min: range.max.saturating_add(1), max: i64::MAX });
        }
        let cuts = |chunk: &ChunkMeta| intervals.overlapping(Interval { min: chunk.min, max: chunk.max }).to_vec();
        self.cuts.extend(self.series.chunks.iter().map(cuts));
        if self.cuts.iter().all(Vec::is_empty) {
            self.cuts.clear();
        }
        !self.series.chunks.is_empty()
    }

    /// Whether something is cut out of a chunk of the present series.
    #[inline]
    pub(super) fn has_cuts(&self) -> bool {
        !self.cuts.is_empty()
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

    /// Goes back to the first chunk.
    pub(super) fn rewind(&mut self) {
        self.position = 0;
    }

    /// The chunk's bytes.
    #[inline]
    pub(super) fn read(&mut self, reference: u64) -> Result<Record<'_>, Error> {
        let source = self.source;
        self.chunks.read(reference).map_err(|fault| fault.of(source.id, &source.segment_path(reference)))
    }

    /// The present chunk's bytes, and what is cut out of it.
    pub(super) fn read_present(&mut self, reference: u64) -> Result<(Record<'_>, &[Interval]), Error> {
        let source = self.source;
        let cuts = self.cuts.get(self.position).map_or(&[][..], Vec::as_slice);
        let record = self.chunks.read(reference);
        Ok((record.map_err(|fault| fault.of(source.id, &source.segment_path(reference)))?, cuts))
    }
}
