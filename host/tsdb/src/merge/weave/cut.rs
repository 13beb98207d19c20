//! Chunks of which tombstones, or the range of the result, leave only a part.
//!
//! Source: `tsdb-format.md` 6.6; Prometheus tsdb/querier.go, `populateWithDelChunkSeriesIterator`.

use super::{Obstacle, encode};
use crate::{
    chunk::{
        ChunkError, Encoding, HistogramAppender, HistogramDecoder,
        histogram::{Float, Integer, Kind},
        xor,
    },
    merge::run::{Piece, Run},
    tombstones::Interval,
};

/// What is left of a chunk: one chunk, however many samples it has; `None` if nothing is.
pub(super) fn cut(run: &mut Run, piece: &Piece) -> Result<Option<Piece>, Obstacle> {
    let (encoding, data) = run.content(piece);
    let cuts = run.cuts(piece);
    let made = match Encoding::try_from(encoding)? {
        Encoding::Xor => floats(data, cuts)?.map(|(range, data)| (range, Encoding::Xor, data)),
        Encoding::Histogram => {
            histograms::<Integer>(data, cuts)?.map(|(range, data)| (range, Encoding::Histogram, data))
        }
        Encoding::FloatHistogram => {
            histograms::<Float>(data, cuts)?.map(|(range, data)| (range, Encoding::FloatHistogram, data))
        }
        // The reference finds no samples in it and drops it without a word.
        Encoding::Aggregate => return Err(Obstacle::PartOfAggregates),
    };
    Ok(made.map(|(range, encoding, data)| encode::write(run, encoding, &data, (range, piece))))
}

/// First and last millisecond of a chunk, and its data.
type Made = ((i64, i64), Vec<u8>);

fn is_cut(cuts: &[Interval], time: i64) -> bool {
    let first = cuts.partition_point(|cut| cut.max < time);
    cuts.get(first).is_some_and(|cut| cut.min <= time)
}

fn floats(data: &[u8], cuts: &[Interval]) -> Result<Option<Made>, ChunkError> {
    let (mut times, mut values) = (Vec::new(), Vec::new());
    xor::decode(data, &mut times, &mut values)?;
    let mut kept = times.iter().map(|time| !is_cut(cuts, *time));
    values.retain(|_| kept.next().unwrap_or(false));
    times.retain(|time| !is_cut(cuts, *time));
    let (Some(first), Some(last)) = (times.first(), times.last()) else { return Ok(None) };
    let mut out = Vec::new();
    xor::encode(&times, &values, &mut out)?;
    Ok(Some(((*first, *last), out)))
}

fn histograms<K: Kind>(data: &[u8], cuts: &[Interval]) -> Result<Option<Made>, Obstacle> {
    let mut decoder = HistogramDecoder::<K>::new(data)?;
    let mut appender = HistogramAppender::new();
    let mut range = None;
    while decoder.advance()? {
        let time = decoder.timestamp();
        if !is_cut(cuts, time) {
            // A marker decodes as no gauge, and gauges take only gauges: the reference fails here as well.
            let appended = appender.append_only(time, &mut decoder.histogram().clone());
            let is_refused = appended == Err(ChunkError::NeedsNewChunk);
            appended.map_err(|error| if is_refused { Obstacle::MarkerAmongGauges } else { error.into() })?;
            range = Some((range.map_or(time, |(first, _)| first), time));
        }
    }
    Ok(range.map(|range| (range, appender.finish())))
}
