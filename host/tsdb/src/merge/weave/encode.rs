//! Samples back into chunks of 120.
//!
//! Source: `downsampling.md` 6.4; Prometheus storage/series.go, `seriesToChunkEncoder`.

use crate::{
    chunk::{
        Appended, ChunkError, Encoding, HistogramAppender, Sample, XorAppender,
        histogram::{Histogram, Kind},
        xor,
    },
    merge::run::{Piece, Run},
};

/// Samples in a chunk.
const CHUNK_SAMPLES: usize = 120;

/// Appends chunks with these floats to `run`, and where they are to `out`, in the place of `origin`.
pub(super) fn floats(
    run: &mut Run,
    times: &[i64],
    values: &[f64],
    origin: &Piece,
    out: &mut Vec<Piece>,
) -> Result<(), ChunkError> {
    for (times, values) in times.chunks(CHUNK_SAMPLES).zip(values.chunks(CHUNK_SAMPLES)) {
        if let (Some(first), Some(last)) = (times.first(), times.last()) {
            let start = run.bytes.len();
            run.bytes.push(Encoding::Xor.byte());
            xor::encode(times, values, &mut run.bytes)?;
            out.push(run.seal(start, (*first, *last), origin));
        }
    }
    Ok(())
}

/// The chunk that samples go into.
enum Open {
    Float(XorAppender),
    Histogram(HistogramAppender<crate::chunk::Integer>),
    FloatHistogram(HistogramAppender<crate::chunk::Float>),
}

impl Open {
    fn beginning_with(sample: &Sample) -> Self {
        match sample {
            Sample::Float(_) => Self::Float(XorAppender::new()),
            Sample::Histogram(_) => Self::Histogram(HistogramAppender::new()),
            Sample::FloatHistogram(_) => Self::FloatHistogram(HistogramAppender::new()),
        }
    }

    fn takes(&self, sample: &Sample) -> bool {
        matches!(
            (self, sample),
            (Self::Float(_), Sample::Float(_))
                | (Self::Histogram(_), Sample::Histogram(_))
                | (Self::FloatHistogram(_), Sample::FloatHistogram(_))
        )
    }

    fn encoding(&self) -> Encoding {
        match self {
            Self::Float(_) => Encoding::Xor,
            Self::Histogram(_) => Encoding::Histogram,
            Self::FloatHistogram(_) => Encoding::FloatHistogram,
        }
    }

    fn finish(self) -> Vec<u8> {
        match self {
            Self::Float(chunk) => chunk.finish(),
            Self::Histogram(chunk) => chunk.finish(),
            Self::FloatHistogram(chunk) => chunk.finish(),
        }
    }

    /// Appends a sample of the right kind; returns the chunk before if the sample began another.
    fn append(&mut self, time: i64, sample: &mut Sample) -> Result<Option<Vec<u8>>, ChunkError> {
        fn histogram<K: Kind>(
            chunk: &mut HistogramAppender<K>,
            time: i64,
            sample: &mut Histogram<K>,
        ) -> Result<Option<Vec<u8>>, ChunkError> {
            Ok(match chunk.append(time, sample)? {
                Appended::Here | Appended::Recoded => None,
                Appended::NewChunk(before) => Some(before),
            })
        }
        match (self, sample) {
            (Self::Float(chunk), Sample::Float(value)) => chunk.append(time, *value).map(|()| None),
            (Self::Histogram(chunk), Sample::Histogram(sample)) => histogram(chunk, time, sample),
            (Self::FloatHistogram(chunk), Sample::FloatHistogram(sample)) => histogram(chunk, time, sample),
            _ => Ok(None), // The caller has asked before.
        }
    }
}

/// Appends chunks with the picked samples, of any kinds, to `run`, and where they are to `out`, in the place of `origin`.
pub(super) fn samples(
    run: &mut Run,
    (times, picks): (&[i64], &[usize]),
    samples: &mut [Sample],
    origin: &Piece,
    out: &mut Vec<Piece>,
) -> Result<(), ChunkError> {
    let mut open: Option<Open> = None;
    let (mut count, mut first, mut last) = (0, 0, 0);
    for (time, pick) in times.iter().zip(picks) {
        let Some(sample) = samples.get_mut(*pick) else { continue };
        let chunk = match open.take() {
            Some(chunk) if chunk.takes(sample) && count < CHUNK_SAMPLES => chunk,
            full => {
                if let Some(full) = full {
                    let encoding = full.encoding();
                    out.push(write(run, encoding, &full.finish(), ((first, last), origin)));
                }
                (count, first) = (0, *time);
                Open::beginning_with(sample)
            }
        };
        let chunk = open.insert(chunk);
        if let Some(before) = chunk.append(*time, sample)? {
            out.push(write(run, chunk.encoding(), &before, ((first, last), origin)));
            (count, first) = (0, *time);
        }
        count += 1;
        last = *time;
    }
    if let Some(chunk) = open {
        let encoding = chunk.encoding();
        out.push(write(run, encoding, &chunk.finish(), ((first, last), origin)));
    }
    Ok(())
}

/// Appends one chunk to `run`.
pub(super) fn write(run: &mut Run, encoding: Encoding, data: &[u8], (range, origin): ((i64, i64), &Piece)) -> Piece {
    let start = run.bytes.len();
    run.bytes.push(encoding.byte());
    run.bytes.extend_from_slice(data);
    run.seal(start, range, origin)
}
