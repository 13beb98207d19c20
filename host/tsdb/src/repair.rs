//! A block with chunks that begin at its very end, written anew without them.
//!
//! Source: `thanos-compactor.md` 6.6; Thanos pkg/block/index.go, `Repair`.

use crate::{
    Error, Fault, Merged, Options, Output, Source,
    index::{self, ChunkMeta, Index, Limits, Series, SeriesIds, SeriesReader, SymbolMap, Symbols},
    merge::Block,
    outlet::{Direct, Outlet},
    segment::{self, ChunkReader},
    unite::unite,
    verify::Checker,
};

/// What a repair left out or moved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Repaired {
    /// Chunks that begin at the block's end (Prometheus issue 347): left out.
    pub issue_347_chunks: u64,
    /// Samples that those chunks announce.
    pub issue_347_samples: u64,
    /// Series that had no other chunks: left out.
    pub emptied_series: u64,
    /// Series with the labels of another, once labels were sorted: left out, the first stays.
    pub duplicated_series: u64,
    /// Series whose labels were put in order.
    pub sorted_series: u64,
}

/// Writes `source` anew without the chunks that begin at its end, as the reference repairs blocks of an early Prometheus:
/// all other chunks are copied, those of a series by their start, labels of a series and the series themselves in order.
///
/// Tombstones are not applied. The reference counts samples, series and chunks of a repaired block, but not samples by
/// kind, and neither does `stats`; in meta.json it keeps the `index_stats` of the broken block, not those returned.
/// Blocks of aggregates are not repaired by the reference; the caller knows which these are.
///
/// # Errors
/// [`Error::Defect`] if the result has a defect still, [`Error::Rule`] where it would be no valid block;
/// [`Error::Corrupt`], [`Error::Read`], [`Error::Write`], [`Error::Limit`], [`Error::Cancelled`].
pub fn repair(source: &Source, output: &mut dyn Output, options: &Options<'_>) -> Result<(Merged, Repaired), Error> {
    let index = source.open()?;
    let (symbols, maps) = unite(&[(source, index)])?;
    let map = maps.first().expect("one map for one source");
    let order = order(source, &index, &symbols, map)?;
    let mut walk = Walk::new(source, &index, &symbols, map)?;
    let mut outlet = Direct::new(output);
    let index = index::Writer::new(symbols, Limits::FORMAT, &mut outlet)?;
    let mut copy = Copy {
        source,
        chunks: ChunkReader::new(source.segment_blobs()),
        checker: Checker::new(source.range),
        block: Block::new(index, segment::Writer::new(options.segment_bytes)),
        repaired: Repaired::default(),
        before: Vec::new(),
        written: Vec::new(),
    };
    let mut order = order.map(Vec::into_iter);
    loop {
        let next = match &mut order {
            None => walk.next()?,
            Some(sorted) => sorted.next().map(|offset| walk.read(offset).map(|sorted| (offset, sorted))).transpose()?,
        };
        let Some((offset, sorted)) = next else { break };
        copy.repaired.sorted_series += u64::from(sorted);
        copy.series(offset, std::mem::take(&mut walk.series), &mut outlet)?;
        options.report(copy.block.stats.num_series)?;
    }
    let repaired = copy.repaired;
    let mut merged = copy.block.finish(&mut outlet)?;
    merged.stats.num_float_samples = 0;
    merged.stats.num_histogram_samples = 0;
    Ok((merged, repaired))
}

/// The series of a source, with their labels in order.
struct Walk<'a> {
    source: &'a Source,
    map: &'a SymbolMap,
    ids: Option<SeriesIds<'a>>,
    entries: SeriesReader<'a>,
    series: Series,
}

impl<'a> Walk<'a> {
    fn new(source: &'a Source, index: &Index<'a>, symbols: &Symbols, map: &'a SymbolMap) -> Result<Self, Error> {
        let of_index = |fault: Fault| fault.of(source.id, "index");
        let ids = index.all_series(symbols, map).map_err(of_index)?;
        Ok(Self { source, map, ids, entries: index.series(), series: Series::default() })
    }

    /// Reads the next series of the list and returns where it is and whether its labels had to be sorted.
    fn next(&mut self) -> Result<Option<(u64, bool)>, Error> {
        let source = self.source;
        let Some(ids) = &mut self.ids else { return Ok(None) };
        let Some(offset) = ids.next().map_err(|fault| fault.of(source.id, "index"))? else { return Ok(None) };
        self.read(offset).map(|sorted| Some((offset, sorted)))
    }

    fn read(&mut self, offset: u64) -> Result<bool, Error> {
        let entry = self.entries.read(offset, self.map, &mut self.series);
        entry.map_err(|fault| fault.of(self.source.id, "index"))?;
        let (pairs, _) = self.series.labels.as_chunks_mut::<2>();
        let name = |[name, _]: &[u32; 2]| *name;
        let sorted = !pairs.is_sorted_by_key(name);
        if sorted {
            pairs.sort_by_key(name);
        }
        Ok(sorted)
    }
}

/// Where the series are, by labels, if that is not how they are listed: nearly always it is, and nothing is remembered.
fn order(source: &Source, index: &Index<'_>, symbols: &Symbols, map: &SymbolMap) -> Result<Option<Vec<u64>>, Error> {
    let (mut walk, mut before) = (Walk::new(source, index, symbols, map)?, Vec::new());
    let mut ascending = true;
    while ascending && walk.next()?.is_some() {
        ascending = before <= walk.series.labels;
        before.clone_from(&walk.series.labels);
    }
    if ascending {
        return Ok(None);
    }
    let (mut walk, mut all) = (Walk::new(source, index, symbols, map)?, Vec::new());
    while let Some((offset, _)) = walk.next()? {
        all.push((walk.series.labels.clone(), offset));
    }
    all.sort();
    Ok(Some(all.into_iter().map(|(_, offset)| offset).collect()))
}

/// The result in the making.
struct Copy<'a> {
    source: &'a Source,
    chunks: ChunkReader<'a>,
    checker: Checker,
    block: Block,
    repaired: Repaired,
    before: Vec<u32>,
    written: Vec<ChunkMeta>,
}

impl Copy<'_> {
    /// Writes a series, unless it is that before once more or nothing of it stays.
    fn series(&mut self, offset: u64, mut series: Series, outlet: &mut dyn Outlet) -> Result<(), Error> {
        series.chunks.sort_by_key(|chunk| chunk.min);
        let (source, end) = (self.source, self.source.range.max.0);
        self.written.clear();
        self.block.segments.begin_series();
        let is_repeated = !series.chunks.is_empty() && series.labels == self.before;
        for chunk in &series.chunks {
            let read = self.chunks.read(chunk.reference);
            let record = read.map_err(|fault| fault.of(source.id, &source.segment_path(chunk.reference)))?;
            if chunk.min == end {
                self.repaired.issue_347_chunks += 1;
                self.repaired.issue_347_samples += u64::from(record.samples());
            } else if !is_repeated {
                let reference = self.block.chunk(&record, outlet)?;
                self.written.push(ChunkMeta { reference, ..*chunk });
            }
        }
        if is_repeated {
            self.repaired.duplicated_series += 1;
            return Ok(());
        }
        if self.written.is_empty() {
            self.repaired.emptied_series += 1;
            return Ok(());
        }
        self.before.clone_from(&series.labels);
        series.chunks.clone_from(&self.written);
        let checked = self.checker.series(offset, &series, self.block.index.symbols());
        let findings = &self.checker.findings;
        let soft = if findings.is_bad(false) { findings.verdict(false) } else { None };
        if let Some(defect) = checked.err().or(soft) {
            return Err(Error::Defect { block: source.id, defect: Box::new(defect) });
        }
        let added = self.block.series(&series.labels, &self.written, outlet);
        added.map_err(|error| {
            let Error::Rule { rule, .. } = error else { return error };
            Error::Rule { rule, blocks: vec![source.id] }
        })
    }
}
