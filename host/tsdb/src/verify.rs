//! What every block must keep, checked while its series pass by.
//!
//! Source: `tsdb-format.md` 7.4, `thanos-compactor.md` 6.4; Thanos pkg/block/index.go.

use std::sync::atomic::{AtomicBool, Ordering};

use lithify_block::TimeRange;

use crate::{
    Defect, Error, Example, Source,
    index::{Series, Symbols},
    unite::unite,
};

/// Series between two looks at the wish to stop.
const SERIES_BETWEEN_CHECKS: u64 = 1024;

/// What was found in a block's index, beyond what makes it unreadable.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// Series seen.
    pub series: u64,
    /// Chunks that stick out of the block's range, other than those of issue 347.
    pub partly_outside: u64,
    /// Chunks without a millisecond inside the block's range.
    pub completely_outside: u64,
    /// Chunks that begin at the block's end.
    pub issue_347: u64,
    /// Chunks with the times of the one before. No defect by themselves.
    pub duplicated_chunks: u64,
    /// Chunks that begin before the one before has ended.
    pub out_of_order_chunks: u64,
    /// Label names smaller than the one before, by occurrence.
    pub out_of_order_labels: u64,
    first: Firsts,
}

/// Where each kind was seen first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Firsts {
    outside: Option<Example>,
    issue_347: Option<Example>,
    out_of_order_chunk: Option<Example>,
    out_of_order_label: Option<Example>,
}

impl Findings {
    /// The worst defect among the findings: outside, then order of chunks, then issue 347, then order of labels, which
    /// `accept_malformed` lets pass.
    #[must_use]
    pub fn verdict(&self, accept_malformed: bool) -> Option<Defect> {
        let example = |first: &Option<Example>| first.clone().unwrap_or_default();
        let (partly, completely) = (self.partly_outside, self.completely_outside);
        if partly + completely > 0 {
            return Some(Defect::OutsideRange { partly, completely, example: example(&self.first.outside) });
        }
        if self.out_of_order_chunks > 0 {
            let example = example(&self.first.out_of_order_chunk);
            return Some(Defect::OutOfOrderChunks { count: self.out_of_order_chunks, example });
        }
        if self.issue_347 > 0 {
            return Some(Defect::Issue347 { count: self.issue_347, example: example(&self.first.issue_347) });
        }
        if self.out_of_order_labels > 0 && !accept_malformed {
            let example = example(&self.first.out_of_order_label);
            return Some(Defect::OutOfOrderLabels { count: self.out_of_order_labels, example });
        }
        None
    }

    /// Whether [`Findings::verdict`] has one.
    #[inline]
    pub(crate) fn is_bad(&self, accept_malformed: bool) -> bool {
        let labels = if accept_malformed { 0 } else { self.out_of_order_labels };
        (self.partly_outside | self.completely_outside | self.issue_347 | self.out_of_order_chunks | labels) != 0
    }
}

/// Looks at the series of one block in order.
pub(crate) struct Checker {
    range: TimeRange,
    before: Vec<u32>,
    pub(crate) findings: Findings,
}

impl Checker {
    pub(crate) fn new(range: TimeRange) -> Self {
        Self { range, before: Vec::new(), findings: Findings::default() }
    }

    /// Looks at the next series, whose entry is at `offset`; numbers of labels compare as their strings do.
    #[inline]
    pub(crate) fn series(&mut self, offset: u64, series: &Series, symbols: &Symbols) -> Result<(), Defect> {
        let example = |chunk| Example { series: symbols.show(&series.labels), offset, chunk };
        if series.labels.is_empty() {
            return Err(Defect::EmptyLabels { offset });
        }
        if series.labels <= self.before {
            return Err(Defect::SeriesOrder { example: example(None) });
        }
        if series.chunks.is_empty() {
            return Err(Defect::NoChunks { example: example(None) });
        }
        self.findings.series += 1;
        self.labels(series, &example);
        self.chunks(series, &example);
        self.before.clear();
        self.before.extend_from_slice(&series.labels);
        Ok(())
    }

    #[inline]
    fn labels(&mut self, series: &Series, example: &dyn Fn(Option<(i64, i64)>) -> Example) {
        let mut before = 0;
        for name in series.labels.iter().step_by(2) {
            if *name < before {
                self.findings.out_of_order_labels += 1;
                self.findings.first.out_of_order_label.get_or_insert_with(|| example(None));
            }
            before = *name;
        }
    }

    #[inline]
    fn chunks(&mut self, series: &Series, example: &dyn Fn(Option<(i64, i64)>) -> Example) {
        let (from, to) = (self.range.min.0, self.range.max.0); // Both inclusive here.
        let (findings, mut before) = (&mut self.findings, None);
        for chunk in &series.chunks {
            let (min, max) = (chunk.min, chunk.max);
            let here = || example(Some((min, max)));
            if min < from || max > to {
                if min > to || max < from {
                    findings.completely_outside += 1;
                    findings.first.outside.get_or_insert_with(here);
                } else if min == to {
                    findings.issue_347 += 1;
                    findings.first.issue_347.get_or_insert_with(here);
                } else {
                    findings.partly_outside += 1;
                    findings.first.outside.get_or_insert_with(here);
                }
            }
            match before {
                Some(before) if before == (min, max) => findings.duplicated_chunks += 1,
                Some((_, before_max)) if min <= before_max => {
                    findings.out_of_order_chunks += 1;
                    findings.first.out_of_order_chunk.get_or_insert_with(here);
                }
                _ => {}
            }
            before = Some((min, max));
        }
    }
}

/// Walks the whole index of one block. Chunk data is not looked at.
///
/// # Errors
/// [`Error::Corrupt`] and [`Error::Read`] where the index cannot be read, [`Error::Defect`] for a series without
/// labels, without chunks or out of order, [`Error::Cancelled`]. Everything else is counted.
pub fn verify(source: &Source, cancel: &AtomicBool) -> Result<Findings, Error> {
    let index = source.open_index()?;
    let of_index = |fault: crate::Fault| fault.of(source.id, "index");
    let (symbols, maps) = unite(&[(source, index)])?;
    let map = maps.first().expect("one map for one source");
    let mut checker = Checker::new(source.range);
    let Some(mut ids) = index.all_series(&symbols, map).map_err(of_index)? else { return Ok(checker.findings) };
    ids.check().map_err(of_index)?;
    let (mut entries, mut series) = (index.series(), Series::default());
    while let Some(offset) = ids.next().map_err(of_index)? {
        if checker.findings.series.is_multiple_of(SERIES_BETWEEN_CHECKS) && cancel.load(Ordering::Relaxed) {
            return Err(Error::Cancelled);
        }
        entries.read(offset, map, &mut series).map_err(of_index)?;
        checker
            .series(offset, &series, &symbols)
            .map_err(|defect| Error::Defect { block: source.id, defect: Box::new(defect) })?;
    }
    Ok(checker.findings)
}
