//! From samples to chunks, 120 at most in each.

use lithify_tsdb::chunk::{
    Appended, Encoding, FloatHistogram, Histogram, HistogramAppender, IntegerHistogram, Sample, Samples, XorAppender,
    histogram::{Float, Integer, Kind},
};

use super::{Chunk, Result, Timed};

/// Samples after which a chunk is full.
const FULL: usize = 120;

/// All samples of a chunk's data; an aggregate chunk has none.
pub(super) fn decode(encoding: u8, data: &[u8]) -> Result<Vec<Timed>> {
    let encoding = Encoding::try_from(encoding).map_err(|error| error.to_string())?;
    let samples = Samples::new(encoding, data).map_err(|error| error.to_string())?;
    samples.collect::<std::result::Result<_, _>>().map_err(|error| error.to_string())
}

/// The data of a chunk of floats.
pub(super) fn floats(samples: impl IntoIterator<Item = (i64, f64)>) -> Result<Vec<u8>> {
    let mut appender = XorAppender::new();
    for (time, value) in samples {
        appender.append(time, value.to_bits()).map_err(|error| error.to_string())?;
    }
    Ok(appender.finish())
}

/// The appender of the kind of chunk that is open.
enum Open {
    Xor(XorAppender),
    Histogram(HistogramAppender<Integer>),
    FloatHistogram(HistogramAppender<Float>),
}

impl Open {
    fn of(sample: &Sample) -> Self {
        match sample {
            Sample::Float(_) => Self::Xor(XorAppender::new()),
            Sample::Histogram(_) => Self::Histogram(HistogramAppender::new()),
            Sample::FloatHistogram(_) => Self::FloatHistogram(HistogramAppender::new()),
        }
    }

    fn encoding(&self) -> u8 {
        match self {
            Self::Xor(_) => 1,
            Self::Histogram(_) => 2,
            Self::FloatHistogram(_) => 3,
        }
    }

    fn takes(&self, sample: &Sample) -> bool {
        self.encoding() == Self::of(sample).encoding()
    }

    /// Appends a sample of the right kind; gives the finished data of the chunk before if that had to be left.
    fn append(&mut self, time: i64, sample: &Sample) -> Result<Option<Vec<u8>>> {
        match (self, sample) {
            (Self::Xor(open), Sample::Float(bits)) => open.append(time, *bits).map(|()| None),
            (Self::Histogram(open), Sample::Histogram(value)) => left(open, time, IntegerHistogram::clone(value)),
            (Self::FloatHistogram(open), Sample::FloatHistogram(value)) => {
                left(open, time, FloatHistogram::clone(value))
            }
            _ => return Err("a sample of another kind than the open chunk".into()),
        }
        .map_err(|error| error.to_string())
    }

    fn finish(self) -> Vec<u8> {
        match self {
            Self::Xor(open) => open.finish(),
            Self::Histogram(open) => open.finish(),
            Self::FloatHistogram(open) => open.finish(),
        }
    }
}

type ChunkResult<T> = std::result::Result<T, lithify_tsdb::chunk::ChunkError>;

fn left<K: Kind>(open: &mut HistogramAppender<K>, time: i64, mut value: Histogram<K>) -> ChunkResult<Option<Vec<u8>>> {
    Ok(match open.append(time, &mut value)? {
        Appended::NewChunk(full) => Some(full),
        Appended::Here | Appended::Recoded => None,
    })
}

/// Encodes merged samples: a new chunk after 120 samples, at a change of kind, and where a histogram cannot be appended.
///
/// Source: 6.8 "Encoding the result", D 6.4.
pub(super) fn encode(samples: &[Timed]) -> Result<Vec<Chunk>> {
    let mut chunks = Vec::new();
    let mut open: Option<(Open, i64)> = None;
    let (mut in_chunk, mut before) = (0, 0);
    for (time, sample) in samples {
        if in_chunk >= FULL || open.as_ref().is_some_and(|(open, _)| !open.takes(sample)) {
            close(&mut chunks, open.take(), before);
        }
        if open.is_none() {
            in_chunk = 0;
        }
        let (chunk, min) = open.get_or_insert_with(|| (Open::of(sample), *time));
        if let Some(data) = chunk.append(*time, sample)? {
            chunks.push(Chunk { min: *min, max: before, encoding: chunk.encoding(), data });
            (*min, in_chunk) = (*time, 0);
        }
        in_chunk += 1;
        before = *time;
    }
    close(&mut chunks, open, before);
    Ok(chunks)
}

fn close(chunks: &mut Vec<Chunk>, open: Option<(Open, i64)>, max: i64) {
    if let Some((open, min)) = open {
        chunks.push(Chunk { min, max, encoding: open.encoding(), data: open.finish() });
    }
}

/// One chunk of what a deletion has left, however many samples that are; `None` for none.
///
/// Source: 6.6 step 4.
pub(super) fn encode_rest(samples: &[Timed]) -> Result<Option<Chunk>> {
    let (Some((min, first)), Some((max, _))) = (samples.first(), samples.last()) else { return Ok(None) };
    let mut open = Open::of(first);
    for (time, sample) in samples {
        match (&mut open, sample) {
            (Open::Xor(open), Sample::Float(bits)) => open.append(*time, *bits),
            (Open::Histogram(open), Sample::Histogram(value)) => open.append_only(*time, &mut value.clone()),
            (Open::FloatHistogram(open), Sample::FloatHistogram(value)) => open.append_only(*time, &mut value.clone()),
            _ => return Err("a chunk holds samples of two kinds".into()),
        }
        .map_err(|error| error.to_string())?;
    }
    Ok(Some(Chunk { min: *min, max: *max, encoding: open.encoding(), data: open.finish() }))
}
