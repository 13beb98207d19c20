//! Questions that are not too large, and answers that fit them.

use std::{borrow::Cow, ops::Range};

use lithify_block::{
    columns::{Aggregates, Column, HistogramAggregates, HistogramColumn},
    policy::{Outcome, PolicyError},
};

use super::histograms;

/// Rows above which a question is asked in several parts, unless it is about one run.
const CALL_ROWS: usize = 256 << 10;

/// Columns that can be cut between runs.
pub(super) trait Question: Clone {
    /// The offsets of the column with the most rows.
    fn offsets(&self) -> &[u32];

    /// A copy of some runs.
    fn cut(&self, runs: &Range<usize>) -> Self;

    /// The columns' offsets, all of which must be of the same number of runs.
    fn all_offsets(&self) -> Vec<&[u32]>;

    /// The parts in which it is asked, with the runs of each.
    fn parts(&self) -> Vec<(Range<usize>, Cow<'_, Self>)> {
        let (offsets, mut parts) = (self.offsets(), Vec::new());
        let runs = offsets.len().saturating_sub(1);
        let offset = |run: usize| offsets.get(run).map_or(0, |offset| *offset as usize);
        if runs == 0 {
            return parts;
        }
        if offset(runs) <= CALL_ROWS {
            parts.push((0..runs, Cow::Borrowed(self)));
            return parts;
        }
        let mut start = 0;
        while start < runs {
            let within = (start + 1..=runs).take_while(|end| offset(*end) - offset(start) <= CALL_ROWS).last();
            let part = start..within.unwrap_or(start + 1);
            start = part.end;
            parts.push((part.clone(), Cow::Owned(self.cut(&part))));
        }
        parts
    }
}

/// Refuses an answer about another number of runs than were asked about.
pub(super) fn check<A: Question>(answer: A, runs: usize) -> Result<A, PolicyError> {
    match answer.all_offsets().into_iter().find(|offsets| offsets.len() != runs + 1) {
        None => Ok(answer),
        Some(offsets) => Err(PolicyError {
            plugin: String::new(),
            kind: "downsampler",
            outcome: Outcome::BadAnswer,
            message: format!("{} offsets in an answer about {runs} runs, want {}", offsets.len(), runs + 1),
        }),
    }
}

impl Question for Column {
    fn offsets(&self) -> &[u32] {
        &self.offsets
    }

    fn cut(&self, runs: &Range<usize>) -> Self {
        let (offsets, rows) = rebased(&self.offsets, runs);
        Self {
            offsets,
            timestamps: self.timestamps.get(rows.clone()).unwrap_or_default().to_vec(),
            values: self.values.get(rows).unwrap_or_default().to_vec(),
        }
    }

    fn all_offsets(&self) -> Vec<&[u32]> {
        vec![&self.offsets]
    }
}

impl Question for Aggregates {
    fn offsets(&self) -> &[u32] {
        &self.counter.offsets
    }

    fn cut(&self, runs: &Range<usize>) -> Self {
        Self {
            count: self.count.cut(runs),
            sum: self.sum.cut(runs),
            min: self.min.cut(runs),
            max: self.max.cut(runs),
            counter: self.counter.cut(runs),
        }
    }

    fn all_offsets(&self) -> Vec<&[u32]> {
        [&self.count, &self.sum, &self.min, &self.max, &self.counter].map(|column| column.offsets.as_slice()).to_vec()
    }
}

impl Question for HistogramColumn {
    fn offsets(&self) -> &[u32] {
        &self.offsets
    }

    fn cut(&self, runs: &Range<usize>) -> Self {
        let (offsets, rows) = rebased(&self.offsets, runs);
        Self { offsets, ..histograms::cut(self, rows) }
    }

    fn all_offsets(&self) -> Vec<&[u32]> {
        vec![&self.offsets]
    }
}

impl Question for HistogramAggregates {
    fn offsets(&self) -> &[u32] {
        &self.counter.offsets
    }

    fn cut(&self, runs: &Range<usize>) -> Self {
        Self { count: self.count.cut(runs), sum: self.sum.cut(runs), counter: self.counter.cut(runs) }
    }

    fn all_offsets(&self) -> Vec<&[u32]> {
        vec![&self.count.offsets, &self.sum.offsets, &self.counter.offsets]
    }
}

/// The offsets of some runs as if there were no others, and their rows.
fn rebased(offsets: &[u32], runs: &Range<usize>) -> (Vec<u32>, Range<usize>) {
    let kept = offsets.get(runs.start..=runs.end).unwrap_or_default();
    let first = kept.first().copied().unwrap_or_default();
    let last = kept.last().copied().unwrap_or_default();
    (kept.iter().map(|offset| offset - first).collect(), first as usize..last as usize)
}
