//! Walking the samples of a histogram chunk, encodings 2 and 3.

use std::sync::Arc;

use super::bits::BitReader;
use super::encoding::leading_count;
use super::histogram::{FloatHistogram, Hint, Histogram, Integer, Kind};
use super::layout::{Layout, covered};
use super::resolution::{SCHEMA_MAX, reduce};
use super::varbit::signed;
use super::{ChunkError, histogram};

/// Bytes before the bit stream: the number of samples, and a flag.
pub(crate) const HEADER: usize = 3;

/// Walks the samples of a histogram chunk, without memory being taken for each.
///
/// Either [`advance`](Self::advance) and look at [`histogram`](Self::histogram), or iterate and get owned copies.
#[derive(Clone, Debug)]
pub struct HistogramDecoder<'a, K: Kind> {
    bits: BitReader<'a>,
    total: u16,
    read: u16,
    flag: Hint,
    timestamp: i64,
    delta: i64,
    state: <K as histogram::coder::Coder>::State,
    /// The sample as stored.
    stored: Histogram<K>,
    /// The sample as it is given out, where that differs.
    instead: Option<Histogram<K>>,
}

impl<'a, K: Kind> HistogramDecoder<'a, K> {
    /// Reads the header of `data`, the data of a chunk record with the encoding of `K`.
    ///
    /// # Errors
    /// [`ChunkError::TooShort`] if there is none.
    pub fn new(data: &'a [u8]) -> Result<Self, ChunkError> {
        let header = data.first_chunk::<HEADER>();
        let [.., flag] = *header.ok_or(ChunkError::TooShort { length: data.len(), needed: HEADER })?;
        Ok(Self {
            bits: BitReader::new(data, HEADER),
            total: leading_count(data)?,
            read: 0,
            flag: Hint::from_flag(flag),
            timestamp: 0,
            delta: 0,
            state: K::reading(),
            stored: Histogram::default(),
            instead: None,
        })
    }

    /// What the chunk's flag says about its first sample.
    #[must_use]
    pub fn flag(&self) -> Hint {
        self.flag
    }

    /// Samples that the header announces and that were not read yet.
    #[must_use]
    pub fn remaining(&self) -> u16 {
        self.total - self.read
    }

    /// Reads the next sample; false at the end of the chunk, and after an error.
    ///
    /// # Errors
    /// Any [`ChunkError`] that names a bit: the data is damaged there.
    pub fn advance(&mut self) -> Result<bool, ChunkError> {
        if !self.advance_stored()? {
            return Ok(false);
        }
        self.stored.hint = match self.flag {
            Hint::Gauge => Hint::Gauge,
            Hint::Unknown | Hint::NotCounterReset | Hint::CounterReset if self.read > 1 => Hint::NotCounterReset,
            // Whether the chunk before this one is still the one that the flag speaks of cannot be known.
            Hint::Unknown | Hint::NotCounterReset | Hint::CounterReset => Hint::Unknown,
        };
        if self.stored.is_stale() {
            self.instead = Some(Histogram::stale());
        } else if self.stored.layout.schema > SCHEMA_MAX {
            self.instead = Some(reduce(&self.stored));
        } else {
            self.instead = None;
        }
        Ok(true)
    }

    /// The timestamp of the present sample, in milliseconds.
    #[must_use]
    pub fn timestamp(&self) -> i64 {
        self.timestamp
    }

    /// The present sample: schemas above 8 reduced to 8, a stale marker without anything else.
    #[must_use]
    pub fn histogram(&self) -> &Histogram<K> {
        self.instead.as_ref().unwrap_or(&self.stored)
    }

    /// Whether the present sample was stored in a finer schema than it is given out in.
    pub(crate) fn is_reduced(&self) -> bool {
        self.stored.layout.schema > SCHEMA_MAX && !self.stored.is_stale()
    }

    /// The present sample exactly as stored, for rewriting a chunk.
    pub(crate) fn stored(&self) -> &Histogram<K> {
        &self.stored
    }

    /// Reads the next sample as it is stored.
    pub(crate) fn advance_stored(&mut self) -> Result<bool, ChunkError> {
        if self.read >= self.total {
            return Ok(false);
        }
        let mut outcome = if self.read == 0 { self.opening() } else { self.following() };
        // Zeros from behind the end can look like anything, so this comes before what they looked like.
        if self.bits.overrun() {
            outcome = Err(ChunkError::EndOfData { sample: self.read, bit: self.bits.end() });
        }
        match outcome {
            Ok(()) => self.read += 1,
            Err(_) => self.total = self.read,
        }
        outcome.map(|()| true)
    }

    /// The layout and the first sample.
    fn opening(&mut self) -> Result<(), ChunkError> {
        let layout = Layout::read(&mut self.bits, K::BUCKET_BITS)?;
        self.stored.positive = zeros(covered(&layout.positive));
        self.stored.negative = zeros(covered(&layout.negative));
        self.stored.layout = Arc::new(layout);
        self.timestamp = signed(&mut self.bits);
        K::read_first(&mut self.bits, &mut self.state, &mut self.stored);
        Ok(())
    }

    /// Any later sample.
    fn following(&mut self) -> Result<(), ChunkError> {
        self.delta = self.delta.wrapping_add(signed(&mut self.bits));
        self.timestamp = self.timestamp.wrapping_add(self.delta);
        K::read_next(&mut self.bits, &mut self.state, &mut self.stored)
    }
}

impl HistogramDecoder<'_, Integer> {
    /// The present sample with float counts. Buckets that a reduced schema throws together are added as floats.
    #[must_use]
    pub fn float_histogram(&self) -> FloatHistogram {
        match &self.instead {
            Some(_) if self.stored.layout.schema > SCHEMA_MAX && !self.stored.is_stale() => {
                reduce(&self.stored.to_float())
            }
            Some(instead) => instead.to_float(),
            None => self.stored.to_float(),
        }
    }
}

/// So many empty buckets; the layout's reader has held the number against the data.
fn zeros<T: Clone + Default>(number: u64) -> Vec<T> {
    let number = usize::try_from(number).expect("more buckets than there are bits in memory were refused before");
    vec![T::default(); number]
}

impl<K: Kind> Iterator for HistogramDecoder<'_, K> {
    type Item = Result<(i64, Histogram<K>), ChunkError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.advance() {
            Ok(true) => Some(Ok((self.timestamp, self.histogram().clone()))),
            Ok(false) => None,
            Err(error) => Some(Err(error)),
        }
    }
}
