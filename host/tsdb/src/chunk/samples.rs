//! The samples of any chunk.

use super::decode::HistogramDecoder;
use super::histogram::{Float, FloatHistogram, Integer, IntegerHistogram};
use super::xor::XorDecoder;
use super::{ChunkError, Encoding};

/// One sample of any kind.
#[derive(Clone, Debug, PartialEq)]
pub enum Sample {
    /// The bits of a float.
    Float(u64),
    /// A histogram from encoding 2.
    Histogram(Box<IntegerHistogram>),
    /// A histogram from encoding 3.
    FloatHistogram(Box<FloatHistogram>),
}

/// Walks the samples of a chunk of any encoding: milliseconds and sample, in the order stored.
///
/// An aggregate chunk walked as a whole has none, as in the reference.
#[derive(Clone, Debug)]
pub enum Samples<'a> {
    /// Floats.
    Xor(XorDecoder<'a>),
    /// Histograms with integer counts.
    Histogram(HistogramDecoder<'a, Integer>),
    /// Histograms with float counts.
    FloatHistogram(HistogramDecoder<'a, Float>),
    /// Nothing.
    Aggregate,
}

impl<'a> Samples<'a> {
    /// Reads the header of a chunk's data.
    ///
    /// # Errors
    /// [`ChunkError::TooShort`] if there is none.
    pub fn new(encoding: Encoding, data: &'a [u8]) -> Result<Self, ChunkError> {
        Ok(match encoding {
            Encoding::Xor => Self::Xor(XorDecoder::new(data)?),
            Encoding::Histogram => Self::Histogram(HistogramDecoder::new(data)?),
            Encoding::FloatHistogram => Self::FloatHistogram(HistogramDecoder::new(data)?),
            Encoding::Aggregate => Self::Aggregate,
        })
    }
}

impl Iterator for Samples<'_> {
    type Item = Result<(i64, Sample), ChunkError>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(match self {
            Self::Xor(samples) => samples.next()?.map(|(time, value)| (time, Sample::Float(value))),
            Self::Histogram(samples) => samples.next()?.map(|(time, value)| (time, Sample::Histogram(Box::new(value)))),
            Self::FloatHistogram(samples) => {
                samples.next()?.map(|(time, value)| (time, Sample::FloatHistogram(Box::new(value))))
            }
            Self::Aggregate => return None,
        })
    }
}
