//! The first stage: series and chunks of the source in order, gathered into pieces of work.

use super::{Hurdle, Job, unit::Unit};
use crate::{
    Error, Source,
    chunk::Encoding,
    index::{ChunkMeta, Index, Series, SeriesIds, SeriesReader, SymbolMap},
    segment::ChunkReader,
    verify::Checker,
};

/// A unit is full when it will have about so many float samples. The data of one, its columns, a copy of them in a policy's
/// memory and the answer fit a core's second cache of 2 MiB, and a call of a policy costs nothing beside them; twice as
/// many cost 5 % more, for the processor.
pub(crate) const UNIT_SAMPLES: usize = 32 << 10;
/// Float samples that a histogram counts as.
pub(crate) const HISTOGRAM_WEIGHT: usize = 16;
/// Float samples that a window counts as.
const WINDOW_WEIGHT: usize = 5;

pub(super) struct Walk<'a> {
    source: &'a Source,
    job: &'a Job<'a>,
    map: SymbolMap,
    ids: Option<SeriesIds<'a>>,
    entries: SeriesReader<'a>,
    chunks: ChunkReader<'a>,
    checker: Checker,
    series: Series,
    /// How many units were read.
    units: u64,
}

impl<'a> Walk<'a> {
    pub(super) fn new(source: &'a Source, index: Index<'a>, map: SymbolMap, job: &'a Job<'a>) -> Result<Self, Error> {
        let ids = index.all_series(&job.symbols, &map).map_err(|fault| fault.of(source.id, "index"))?;
        Ok(Self {
            source,
            job,
            map,
            ids,
            entries: index.series(),
            chunks: ChunkReader::new(source.segment_blobs()),
            checker: Checker::new(source.range),
            series: Series::default(),
            units: 0,
        })
    }

    /// Puts the next series into `unit`, in place of what it had; none at the end. After an error nothing is to be read
    /// any more.
    pub(super) fn read(&mut self, unit: &mut Unit) -> Result<(), Error> {
        unit.clear();
        unit.number = self.units;
        self.units += 1;
        while unit.weight < UNIT_SAMPLES && self.advance()? {
            self.take(unit)?;
        }
        Ok(())
    }

    /// Goes to the next series; false at the end.
    fn advance(&mut self) -> Result<bool, Error> {
        let (block, of_index) = (self.source.id, |fault: crate::Fault| fault.of(self.source.id, "index"));
        let Some(ids) = &mut self.ids else { return Ok(false) };
        let Some(offset) = ids.next().map_err(of_index)? else { return Ok(false) };
        self.entries.read(offset, &self.map, &mut self.series).map_err(of_index)?;
        if self.job.options.accept_malformed {
            return Ok(true);
        }
        let checked = self.checker.series(offset, &self.series, &self.job.symbols);
        let findings = &self.checker.findings;
        let soft = if findings.is_bad(false) { findings.verdict(false) } else { None };
        match checked.err().or(soft) {
            Some(defect) => Err(Error::Defect { block, defect: Box::new(defect) }),
            None => Ok(true),
        }
    }

    /// Adds the present series, its chunks read and checked.
    fn take(&mut self, unit: &mut Unit) -> Result<(), Error> {
        let labels = &self.series.labels;
        if self.series.chunks.is_empty() {
            return Err(self.job.hurdle(labels, None, Hurdle::NoChunks));
        }
        if let Some((before, chunk)) = overlap(&self.series.chunks) {
            let reason = Hurdle::Overlap { before_max: before.max };
            return Err(self.job.hurdle(labels, Some((chunk.min, chunk.max)), reason));
        }
        for chunk in &self.series.chunks {
            let times = (chunk.min, chunk.max);
            let source = self.source;
            let record = self.chunks.read(chunk.reference);
            let record = record.map_err(|fault| fault.of(source.id, &source.segment_path(chunk.reference)))?;
            let encoding = Encoding::try_from(record.encoding());
            let encoding = encoding.map_err(|error| self.job.hurdle(labels, Some(times), error.into()))?;
            unit.push(times, encoding, record.data());
            unit.weight += usize::from(record.samples()) * weight(encoding);
        }
        unit.end_series(labels);
        // A series without a sample is work as well.
        unit.weight += 1;
        Ok(())
    }
}

/// The first chunk that begins before the one before it has ended, behind that one.
///
/// Source: `downsampling.md` 2.1, step 1.
fn overlap(chunks: &[ChunkMeta]) -> Option<(ChunkMeta, ChunkMeta)> {
    chunks.array_windows().find(|[before, chunk]| before.max >= chunk.min).map(|[before, chunk]| (*before, *chunk))
}

fn weight(encoding: Encoding) -> usize {
    match encoding {
        Encoding::Xor => 1,
        Encoding::Histogram | Encoding::FloatHistogram => HISTOGRAM_WEIGHT,
        Encoding::Aggregate => WINDOW_WEIGHT,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_that_share_a_millisecond_overlap() {
        let chunk = |min, max| ChunkMeta { min, max, reference: 0 };
        assert_eq!(overlap(&[chunk(10, 90), chunk(91, 120)]), None);
        assert_eq!(overlap(&[chunk(10, 90), chunk(90, 120)]), Some((chunk(10, 90), chunk(90, 120))));
        assert_eq!(overlap(&[chunk(10, 90), chunk(0, 5)]), Some((chunk(10, 90), chunk(0, 5))));
    }
}
