//! The encoding byte, and how many samples a chunk says it holds.

use super::ChunkError;
use super::aggregate::{Aggregate, slot};

/// What a chunk record's encoding byte says about its data.
///
/// Source: Prometheus `tsdb/chunkenc/chunk.go`, Thanos `pkg/compact/downsample/aggr.go`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Encoding {
    /// Float samples.
    Xor = 1,
    /// Native histograms with integer counts.
    Histogram = 2,
    /// Native histograms with float counts.
    FloatHistogram = 3,
    /// The five aggregates of a downsampled block.
    Aggregate = 0xff,
}

impl Encoding {
    /// The byte as stored.
    #[must_use]
    pub fn byte(self) -> u8 {
        self as u8
    }
}

impl TryFrom<u8> for Encoding {
    type Error = ChunkError;

    fn try_from(byte: u8) -> Result<Self, ChunkError> {
        match byte {
            1 => Ok(Self::Xor),
            2 => Ok(Self::Histogram),
            3 => Ok(Self::FloatHistogram),
            0xff => Ok(Self::Aggregate),
            _ => Err(ChunkError::UnsupportedEncoding(byte)),
        }
    }
}

/// The number of samples that the chunk announces; nothing is decoded.
///
/// For an aggregate chunk this is the number of its count slot, 0 when that is absent or malformed.
///
/// # Errors
/// [`ChunkError::TooShort`] if there are not even the two bytes that hold the number.
pub fn sample_count(encoding: Encoding, data: &[u8]) -> Result<u16, ChunkError> {
    match encoding {
        Encoding::Xor | Encoding::Histogram | Encoding::FloatHistogram => leading_count(data),
        Encoding::Aggregate => Ok(slot(data, Aggregate::Count)
            .ok()
            .flatten()
            .and_then(|count| leading_count(count.data).ok())
            .unwrap_or(0)),
    }
}

/// The first two bytes, most significant first.
pub(crate) fn leading_count(data: &[u8]) -> Result<u16, ChunkError> {
    let bytes = data.first_chunk::<2>().ok_or(ChunkError::TooShort { length: data.len(), needed: 2 })?;
    Ok(u16::from_be_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_encodings_survive_the_byte() {
        for encoding in [Encoding::Xor, Encoding::Histogram, Encoding::FloatHistogram, Encoding::Aggregate] {
            assert_eq!(Encoding::try_from(encoding.byte()), Ok(encoding));
        }
    }

    #[test]
    fn newer_encodings_are_refused_with_their_number() {
        for byte in [0, 4, 5, 6, 7, 0x81, 0xfe] {
            assert_eq!(Encoding::try_from(byte), Err(ChunkError::UnsupportedEncoding(byte)));
        }
        let message = ChunkError::UnsupportedEncoding(4).to_string();
        assert!(message.starts_with("unsupported chunk encoding 4"), "{message}");
    }

    #[test]
    fn counting_needs_two_bytes() {
        assert_eq!(sample_count(Encoding::Xor, &[1, 2]), Ok(258));
        assert_eq!(sample_count(Encoding::Histogram, &[1]), Err(ChunkError::TooShort { length: 1, needed: 2 }));
    }

    #[test]
    fn an_aggregate_chunk_counts_its_count_slot() {
        assert_eq!(sample_count(Encoding::Aggregate, &[2, 1, 0, 7, 0, 0, 0, 0]), Ok(7));
        assert_eq!(sample_count(Encoding::Aggregate, &[0, 0, 0, 0, 0]), Ok(0));
        assert_eq!(sample_count(Encoding::Aggregate, &[9, 1, 0, 7]), Ok(0));
        assert_eq!(sample_count(Encoding::Aggregate, &[]), Ok(0));
    }
}
