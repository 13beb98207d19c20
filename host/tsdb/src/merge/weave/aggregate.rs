//! Overlapping chunks of downsampled blocks, chosen from by the `penalty` function, aggregate by aggregate.
//!
//! Source: `downsampling.md` 6.6; Thanos pkg/dedup/chunk_iter.go.

use super::{Obstacle, encode, penalty::Fold};
use crate::{
    chunk::{
        ChunkError, Encoding,
        aggregate::{Aggregate, SubChunk, join, slot},
        xor,
    },
    merge::run::{Piece, Run},
};

/// Whether the chunk is one of aggregates whose count can be read.
pub(super) fn has_count(data: &[u8]) -> bool {
    matches!(slot(data, Aggregate::Count), Ok(Some(_)))
}

/// What was chosen of one aggregate.
struct Chosen<'f> {
    fold: &'f Fold<f64>,
    /// The next sample.
    next: usize,
}

/// Merges `others` in their order, the base last, and writes chunks of at most 120 counts to `run`.
///
/// The reference loses the first sample of all aggregates but the count in each chunk after the first, and the first and
/// last raw value of counters; so does this.
pub(super) fn penalty(run: &mut Run, base: &Piece, others: &[Piece], out: &mut Vec<Piece>) -> Result<(), Obstacle> {
    let mut folds = Vec::new();
    for aggregate in Aggregate::ALL {
        folds.push(fold(run, base, others, aggregate)?);
    }
    let mut folds = folds.iter();
    let Some(Some(counts)) = folds.next() else { return Err(Obstacle::NoCounts) };
    let mut chosen: Vec<Option<Chosen<'_>>> =
        folds.map(|fold| fold.as_ref().map(|fold| Chosen { fold, next: 0 })).collect();
    let mut pieces = Vec::new();
    let mut scratch = Run::default();
    encode::floats(&mut scratch, &counts.times, &counts.payload, base, &mut pieces)?;
    for piece in pieces {
        let count = scratch.content(&piece).1.to_vec();
        let mut slots = vec![Some(count)];
        for (aggregate, chosen) in Aggregate::ALL.into_iter().skip(1).zip(&mut chosen) {
            let chosen = chosen.as_mut();
            slots.push(chosen.map(|chosen| chosen.take(&piece, aggregate)).transpose()?.flatten());
        }
        let mut slots = slots.iter().map(|slot| {
            let data = slot.as_deref()?;
            Some(SubChunk { encoding: Encoding::Xor, data })
        });
        let data = join(std::array::from_fn(|_| slots.next().flatten()));
        out.push(encode::write(run, Encoding::Aggregate, &data, ((piece.min, piece.max), base)));
    }
    Ok(())
}

/// The samples of one aggregate; `None` if no chunk has it.
fn fold(run: &Run, base: &Piece, others: &[Piece], aggregate: Aggregate) -> Result<Option<Fold<f64>>, Obstacle> {
    let mut fold: Option<Fold<f64>> = None;
    let (mut times, mut values) = (Vec::new(), Vec::new());
    for piece in others.iter().chain([base]) {
        let (encoding, data) = run.content(piece);
        if encoding != Encoding::Aggregate.byte() {
            continue;
        }
        let Ok(Some(sub)) = slot(data, aggregate) else { continue };
        if sub.encoding != Encoding::Xor {
            return Err(Obstacle::HistogramAggregates);
        }
        times.clear();
        values.clear();
        xor::decode(sub.data, &mut times, &mut values)?;
        match &mut fold {
            None => fold.insert(Fold::default()).begin(&times, &values),
            Some(fold) => fold.add(&times, &values),
        }
    }
    Ok(fold)
}

impl Chosen<'_> {
    fn present(&self) -> Option<(i64, f64)> {
        Some((*self.fold.times.get(self.next)?, *self.fold.payload.get(self.next)?))
    }

    /// The slot of an aggregate beside the count of `piece`; `None` if it has no samples there.
    fn take(&mut self, piece: &Piece, aggregate: Aggregate) -> Result<Option<Vec<u8>>, ChunkError> {
        let (mut times, mut values) = (Vec::new(), Vec::new());
        while let Some((mut time, mut value)) = self.present() {
            while time < piece.min {
                self.next += 1;
                let Some(later) = self.present() else { break };
                (time, value) = later;
            }
            // The one that ends the loop is gone, as in the reference.
            self.next += 1;
            if !(piece.min..=piece.max).contains(&time) {
                break;
            }
            times.push(time);
            values.push(value);
        }
        match (times.last().copied(), values.last().copied()) {
            (Some(time), Some(value)) if time != 0 || value != 0.0 => {
                if aggregate == Aggregate::Counter {
                    times.push(time);
                    values.push(value);
                }
                let mut data = Vec::new();
                xor::encode(&times, &values, &mut data)?;
                Ok(Some(data))
            }
            _ => Ok(None),
        }
    }
}
