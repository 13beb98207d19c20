//! The chunk that counters of custom buckets are written to, as far as writing changes them.
//!
//! Where the bounds of one histogram contain those of the counter, the reference drops empty buckets and the bounds stay. The
//! chunk then still has them and gives them back to the counter, which keeps them: in the sign of a zero and in the form of
//! spans that can be seen much later. With exponential buckets there is nothing to give back: a counter loses buckets only
//! when its zero threshold grows, and a chunk goes on with its own threshold only.
//!
//! Source: `downsampling.md` 2.9 step 6, B.2 to B.4; Prometheus tsdb/chunkenc/float_histogram.go.

use alloc::vec::Vec;

use super::{
    Hint, Histogram, Span,
    buckets::{self, Buckets},
};
use crate::Refused;

/// What a chunk remembers of the counter that was appended last.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    /// Whether something was appended.
    begun: bool,
    gauge: bool,
    count: f64,
    bounds: Vec<f64>,
    /// Those of the chunk's layout. Their form need not be that of the counter.
    spans: Vec<Span>,
    counts: Vec<f64>,
}

/// A bucket that chunk or counter have: its index, the count of each.
type Joined = (i64, Option<f64>, Option<f64>);

impl Chunk {
    /// Appends `counter`, which is given the empty buckets that it lacks; or a new chunk begins.
    ///
    /// # Errors
    /// [`Refused::INDEX`] if an offset of the wider counter does not fit.
    pub(super) fn append(&mut self, counter: &mut Histogram) -> Result<(), Refused> {
        let all = self.joined(counter);
        if !self.goes_on(counter, &all) {
            self.begun = true;
            self.gauge = counter.hint == Hint::Gauge;
            self.bounds.clone_from(&counter.layout.custom_values);
            self.spans.clone_from(&counter.layout.positive);
        } else {
            let grows = all.iter().any(|(_, chunk, _)| chunk.is_none());
            if all.iter().any(|(_, _, counter)| counter.is_none()) {
                if self.gauge || grows {
                    buckets::spans(all.iter().map(|(index, ..)| *index), &mut counter.layout.positive)?;
                } else {
                    counter.layout.positive.clone_from(&self.spans);
                }
                counter.positive.clear();
                counter.positive.extend(all.iter().map(|(_, _, count)| count.unwrap_or_default()));
                counter.changed();
            }
            if grows {
                self.spans.clone_from(&counter.layout.positive);
            }
        }
        self.count = counter.count;
        self.counts.clone_from(&counter.positive);
        Ok(())
    }

    /// Whether the counter goes into the chunk that is there.
    fn goes_on(&self, counter: &Histogram, all: &[Joined]) -> bool {
        let falls = || {
            counter.hint == Hint::Reset
                || counter.count < self.count
                || all.iter().any(|(_, before, now)| match (before, now) {
                    (Some(before), Some(now)) => before > now,
                    (Some(before), None) => *before != 0.0,
                    (None, _) => false,
                })
        };
        self.begun
            && self.gauge == (counter.hint == Hint::Gauge)
            && self.bounds == counter.layout.custom_values
            && (self.gauge || !falls())
    }

    /// The buckets of both, ascending.
    fn joined(&self, counter: &Histogram) -> Vec<Joined> {
        let mut chunk = Buckets::new(&self.spans, &self.counts).peekable();
        let mut counter = Buckets::new(&counter.layout.positive, &counter.positive).peekable();
        let mut all = Vec::new();
        loop {
            let first = match (chunk.peek(), counter.peek()) {
                (Some((a, _)), Some((b, _))) => *a.min(b),
                (Some((only, _)), None) | (None, Some((only, _))) => *only,
                (None, None) => return all,
            };
            let of = |(index, _): &(i64, f64)| *index == first;
            all.push((first, chunk.next_if(of).map(|bucket| bucket.1), counter.next_if(of).map(|bucket| bucket.1)));
        }
    }
}
