//! The second stage: what becomes of a unit's series.

use std::borrow::Cow;

use lithify_block::{Labels, columns::HistogramAggregates, policy::Aggregator};

use super::{
    Hurdle, Job,
    coarser::{Chunk, FloatGroups, HistogramGroups, groups},
    encode::{self, Ends, HistogramAnswer},
    histograms::HistogramRuns,
    question::{Question, check},
    runs::{FloatRuns, rows},
    unit::{Finished, Made, Piece, Unit},
};
use crate::{
    Error,
    chunk::{ChunkError, Encoding, sample_count, xor},
};

/// Ordinary chunks inside a block of aggregates are brought to this resolution first, whatever the block has.
///
/// Source: `downsampling.md` 3.1.
const REPAIR_MS: i64 = 300_000;

/// Whose run it is, and where its chunk goes among [`Finished::made`].
#[derive(Clone, Copy, Debug)]
struct Place {
    series: usize,
    made: usize,
}

/// Runs of one kind, and the place of each.
#[derive(Default)]
struct Lane<R> {
    runs: R,
    places: Vec<Place>,
}

/// An aggregator and the columns that it is shown.
pub(super) struct Worker<'a> {
    job: &'a Job<'a>,
    aggregator: Box<dyn Aggregator>,
    floats: Lane<FloatRuns>,
    histograms: Lane<HistogramRuns>,
    float_groups: Lane<FloatGroups>,
    histogram_groups: Lane<HistogramGroups>,
}

/// What an ordinary chunk holds. Both kinds of histograms are one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Floats,
    Histograms,
}

/// A unit at work.
struct Desk<'u> {
    unit: &'u Unit,
    out: Finished,
}

impl<'a> Worker<'a> {
    pub(super) fn new(aggregator: Box<dyn Aggregator>, job: &'a Job<'a>) -> Self {
        Self {
            job,
            aggregator,
            floats: Lane::default(),
            histograms: Lane::default(),
            float_groups: Lane::default(),
            histogram_groups: Lane::default(),
        }
    }

    /// Works on a unit; `out` is empty.
    pub(super) fn work(&mut self, unit: &Unit, out: Finished) -> Result<Finished, Error> {
        self.clear();
        let mut desk = Desk { unit, out };
        for (number, (labels, pieces)) in unit.series().enumerate() {
            let before = desk.out.made.len();
            if self.job.from_ms == 0 {
                self.raw_series(number, labels, pieces, &mut desk)?;
            } else {
                self.coarser_series(number, labels, pieces, &mut desk)?;
            }
            if desk.out.made.len() == before {
                desk.out.notes.vanished += 1;
            } else {
                desk.out.labels.extend_from_slice(labels);
                desk.out.ends.push((desk.out.labels.len(), desk.out.made.len()));
            }
        }
        self.ask_floats(&mut desk)?;
        self.ask_histograms(&mut desk)?;
        self.ask_float_groups(&mut desk)?;
        self.ask_histogram_groups(&mut desk)?;
        Ok(desk.out)
    }

    fn clear(&mut self) {
        self.floats.runs.clear();
        self.floats.places.clear();
        self.histograms.runs.clear();
        self.histograms.places.clear();
        self.float_groups.runs.clear();
        self.float_groups.places.clear();
        self.histogram_groups.runs.clear();
        self.histogram_groups.places.clear();
    }

    /// Decodes a series of raw samples and cuts it into runs.
    ///
    /// Source: `downsampling.md` 2.1.
    fn raw_series(
        &mut self,
        number: usize,
        labels: &[u32],
        pieces: &[Piece],
        desk: &mut Desk<'_>,
    ) -> Result<(), Error> {
        let job = self.job;
        let mut present = None;
        let mut rest = pieces;
        while let Some(piece) = rest.first() {
            let here = |reason: Hurdle| job.hurdle(labels, Some((piece.min, piece.max)), reason);
            let kind = kind_of(piece.encoding).map_err(here)?;
            if let Some(other) = present.replace(kind).filter(|present| *present != kind) {
                self.close(other, number, labels, desk)?;
            }
            let alike = rest.iter().take(xor::MOST).take_while(|piece| kind_of(piece.encoding).ok() == Some(kind));
            let (now, later) = rest.split_at(alike.count());
            rest = later;
            match kind {
                Kind::Floats => self.floats(labels, now, desk)?,
                Kind::Histograms => self.histograms(labels, now, desk)?,
            }
        }
        match present {
            Some(kind) => self.close(kind, number, labels, desk),
            None => Ok(()),
        }
    }

    /// Adds chunks of floats to the present stretch.
    fn floats(&mut self, labels: &[u32], pieces: &[Piece], desk: &Desk<'_>) -> Result<(), Error> {
        let runs = &mut self.floats.runs;
        let ranges: Vec<_> = pieces.iter().map(Piece::range).collect();
        if runs.several(desk.unit.bytes(), &ranges) {
            return Ok(());
        }
        for piece in pieces {
            let here = |reason: Hurdle| self.job.hurdle(labels, Some((piece.min, piece.max)), reason);
            runs.chunk(desk.unit.data_and_more(piece), desk.unit.data(piece).len()).map_err(here)?;
        }
        Ok(())
    }

    /// Adds chunks of histograms to the present stretch.
    fn histograms(&mut self, labels: &[u32], pieces: &[Piece], desk: &Desk<'_>) -> Result<(), Error> {
        for piece in pieces {
            let here = |reason: Hurdle| self.job.hurdle(labels, Some((piece.min, piece.max)), reason);
            let added = self.histograms.runs.chunk(piece.encoding, desk.unit.data(piece)).map_err(Hurdle::from);
            added.map_err(here)?;
        }
        Ok(())
    }

    /// Ends a stretch of raw samples of one kind.
    fn close(&mut self, kind: Kind, series: usize, labels: &[u32], desk: &mut Desk<'_>) -> Result<(), Error> {
        let to_ms = self.job.to_ms;
        let (runs, places) = match kind {
            Kind::Floats => (self.floats.runs.close(to_ms), &mut self.floats.places),
            Kind::Histograms => (self.histograms.runs.close(to_ms), &mut self.histograms.places),
        };
        let runs = runs.map_err(|reason| self.job.hurdle(labels, None, reason))?;
        places.extend((0..runs).map(|_| desk.place(series)));
        Ok(())
    }

    /// Decodes a series of aggregates and groups its chunks.
    ///
    /// Source: `downsampling.md` 3.1, 3.2.
    fn coarser_series(
        &mut self,
        number: usize,
        labels: &[u32],
        pieces: &[Piece],
        desk: &mut Desk<'_>,
    ) -> Result<(), Error> {
        let mut chunks = Vec::with_capacity(pieces.len());
        for piece in pieces {
            let data = desk.unit.data(piece);
            if piece.encoding == Encoding::Aggregate {
                chunks.push(Chunk { min: piece.min, max: piece.max, data: Cow::Borrowed(data) });
            } else if sample_count(piece.encoding, data).is_ok_and(|samples| samples > 0) {
                self.repair(labels, piece, data, &mut chunks)?;
            } else {
                desk.out.notes.empty_chunks += 1;
            }
        }
        let job = self.job;
        let here = |((min, max), reason)| job.hurdle(labels, Some((min, max)), reason);
        for (range, histograms) in groups(&chunks, job.from_ms, job.to_ms).map_err(here)? {
            let group = chunks.get(range).unwrap_or_default();
            if histograms {
                self.histogram_groups.runs.group(group).map_err(here)?;
                self.histogram_groups.places.push(desk.place(number));
            } else {
                self.float_groups.runs.group(group).map_err(here)?;
                self.float_groups.places.push(desk.place(number));
            }
        }
        Ok(())
    }

    /// Makes aggregates of an ordinary chunk inside a block of aggregates.
    fn repair(&mut self, labels: &[u32], piece: &Piece, data: &[u8], chunks: &mut Vec<Chunk<'_>>) -> Result<(), Error> {
        let job = self.job;
        let here = |reason: Hurdle| job.hurdle(labels, Some((piece.min, piece.max)), reason);
        let (mut bytes, mut made) = (Vec::new(), Vec::new());
        if kind_of(piece.encoding).map_err(here)? == Kind::Floats {
            let mut floats = FloatRuns::default();
            floats.chunk(data, data.len()).map_err(here)?;
            let runs = floats.close(REPAIR_MS).map_err(here)?;
            let names = self.names(labels, runs);
            let asked = floats.rows();
            let answer = check(self.aggregator.raw(REPAIR_MS, &names, asked)?, runs)?;
            for run in 0..runs {
                let ends = ends(rows(asked, run));
                made.push(encode::raw(&answer, run, ends, &mut bytes).map_err(|error| here(error.into()))?);
            }
        } else {
            let mut histograms = HistogramRuns::default();
            histograms.chunk(piece.encoding, data).map_err(|error| here(error.into()))?;
            let runs = histograms.close(REPAIR_MS).map_err(here)?;
            let names = self.names(labels, runs);
            let answer = check(self.aggregator.raw_histograms(REPAIR_MS, &names, &histograms.rows)?, runs)?;
            let mut answer = HistogramAnswer::new(&answer);
            for _ in 0..runs {
                made.push(answer.next(&mut bytes).map_err(|error| here(error.into()))?);
            }
        }
        for Made { min, max, body } in made {
            let data = bytes.get(body.start + 1..body.end - 4).unwrap_or_default().to_vec();
            chunks.push(Chunk { min, max, data: Cow::Owned(data) });
        }
        Ok(())
    }

    /// The labels of a series, once for each of its runs, if the aggregator wants to know.
    fn names(&self, labels: &[u32], runs: usize) -> Vec<Labels> {
        if !self.aggregator.wants_labels() {
            return Vec::new();
        }
        let text = |number: &u32| String::from_utf8_lossy(self.job.symbols.get(*number).unwrap_or_default());
        let names: Labels = labels.as_chunks().0.iter().map(|[name, value]| (text(name), text(value))).collect();
        vec![names; runs]
    }

    /// The labels of each run's series, if the aggregator wants to know.
    fn names_of(&self, places: &[Place], unit: &Unit) -> Vec<Labels> {
        if !self.aggregator.wants_labels() {
            return Vec::new();
        }
        places.iter().flat_map(|place| self.names(unit.labels(place.series), 1)).collect()
    }

    fn ask_floats(&mut self, desk: &mut Desk<'_>) -> Result<(), Error> {
        let mut asked = std::mem::take(&mut self.floats.runs);
        for (runs, question) in asked.rows().parts() {
            let places = self.floats.places.get(runs).unwrap_or_default();
            let names = self.names_of(places, desk.unit);
            let answer = check(self.aggregator.raw(self.job.to_ms, &names, &question)?, places.len())?;
            for (run, place) in places.iter().enumerate() {
                let made = encode::raw(&answer, run, ends(rows(&question, run)), &mut desk.out.bytes);
                desk.put(*place, made, self.job)?;
            }
        }
        self.floats.runs = asked;
        Ok(())
    }

    fn ask_histograms(&mut self, desk: &mut Desk<'_>) -> Result<(), Error> {
        for (runs, question) in self.histograms.runs.rows.parts() {
            let places = self.histograms.places.get(runs).unwrap_or_default();
            let names = self.names_of(places, desk.unit);
            let answer = check(self.aggregator.raw_histograms(self.job.to_ms, &names, &question)?, places.len())?;
            desk.put_histograms(places, &answer, self.job)?;
        }
        Ok(())
    }

    fn ask_float_groups(&mut self, desk: &mut Desk<'_>) -> Result<(), Error> {
        let groups = &self.float_groups;
        for (runs, question) in groups.runs.rows.parts() {
            let places = groups.places.get(runs.clone()).unwrap_or_default();
            let last_values = groups.runs.last_values.get(runs).unwrap_or_default();
            let names = self.names_of(places, desk.unit);
            let answer = check(self.aggregator.aggregates(self.job.to_ms, &names, &question)?, places.len())?;
            for (run, (place, last)) in places.iter().zip(last_values).enumerate() {
                let (times, totals) = rows(&question.counter, run);
                let first = times.first().copied().zip(totals.first().copied());
                let ends = first.map(|first| Ends { first, last: *last });
                let made = encode::coarser(&answer, run, ends, &mut desk.out.bytes);
                desk.put(*place, made, self.job)?;
            }
        }
        Ok(())
    }

    fn ask_histogram_groups(&mut self, desk: &mut Desk<'_>) -> Result<(), Error> {
        let rows = self.histogram_groups.runs.take();
        for (runs, question) in rows.parts() {
            let places = self.histogram_groups.places.get(runs).unwrap_or_default();
            let names = self.names_of(places, desk.unit);
            let answer = self.aggregator.histogram_aggregates(self.job.to_ms, &names, &question)?;
            desk.put_histograms(places, &check(answer, places.len())?, self.job)?;
        }
        self.histogram_groups.runs.put_back(rows);
        Ok(())
    }
}

impl Desk<'_> {
    /// Keeps a place for the chunk of the next run.
    fn place(&mut self, series: usize) -> Place {
        self.out.made.push(Made::default());
        Place { series, made: self.out.made.len() - 1 }
    }

    /// Puts a chunk in its place.
    fn put(&mut self, place: Place, made: Result<Made, ChunkError>, job: &Job<'_>) -> Result<(), Error> {
        let made = made.map_err(|error| job.hurdle(self.unit.labels(place.series), None, error.into()))?;
        if let Some(kept) = self.out.made.get_mut(place.made) {
            *kept = made;
        }
        Ok(())
    }

    fn put_histograms(&mut self, places: &[Place], answer: &HistogramAggregates, job: &Job<'_>) -> Result<(), Error> {
        let mut answer = HistogramAnswer::new(answer);
        for place in places {
            let made = answer.next(&mut self.out.bytes);
            self.put(*place, made, job)?;
            if answer.lost > 0 {
                let notes = &mut self.out.notes;
                notes.lost_windows += std::mem::take(&mut answer.lost);
                notes.lost_of.get_or_insert_with(|| job.symbols.show(self.unit.labels(place.series)));
            }
        }
        Ok(())
    }
}

fn kind_of(encoding: Encoding) -> Result<Kind, Hurdle> {
    match encoding {
        Encoding::Xor => Ok(Kind::Floats),
        Encoding::Histogram | Encoding::FloatHistogram => Ok(Kind::Histograms),
        Encoding::Aggregate => Err(Hurdle::UnexpectedAggregates),
    }
}

/// First and last sample of a run, which has some.
fn ends((times, values): (&[i64], &[f64])) -> Ends {
    let first = times.first().copied().zip(values.first().copied());
    Ends { first: first.unwrap_or_default(), last: values.last().copied().unwrap_or_default() }
}
