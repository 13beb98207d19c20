//! One chunk as it stands in a segment.

use crate::{Damage, varint::Fields};

/// Encoding bytes that the reference knows: XOR, histogram, float histogram, and Thanos' aggregates.
pub(crate) const XOR: u8 = 1;
pub(crate) const HISTOGRAM: u8 = 2;
pub(crate) const FLOAT_HISTOGRAM: u8 = 3;
pub(crate) const AGGREGATE: u8 = 0xff;

/// A chunk record whose checksum was found right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// Encoding, data and checksum, as they stand in the file.
    body: &'a [u8],
    encoding: u8,
    data: &'a [u8],
}

impl<'a> Record<'a> {
    /// Takes encoding, data and checksum.
    #[inline]
    pub(crate) fn new(body: &'a [u8]) -> Result<Self, Damage> {
        let (content, _) = body.split_last_chunk::<4>().ok_or(Damage::Short)?;
        let (encoding, data) = content.split_first().ok_or(Damage::Short)?;
        let encoding = *encoding;
        if !matches!(encoding, XOR | HISTOGRAM | FLOAT_HISTOGRAM | AGGREGATE) {
            return Err(Damage::Encoding { found: encoding });
        }
        if data.len() < 2 {
            return Err(Damage::ChunkTooShort { length: data.len() as u64 });
        }
        Ok(Self { body, encoding, data })
    }

    /// The encoding byte: 1 to 3, or 0xff.
    #[must_use]
    pub fn encoding(&self) -> u8 {
        self.encoding
    }

    /// The encoded samples.
    #[must_use]
    pub fn data(&self) -> &'a [u8] {
        self.data
    }

    /// Encoding, data and checksum: what follows the length field.
    pub(crate) fn body(&self) -> &'a [u8] {
        self.body
    }

    /// How many samples the chunk says it has; for aggregates those of the count.
    ///
    /// Source: `tsdb-format.md` 3.13, 6.3.
    #[inline]
    #[must_use]
    pub fn samples(&self) -> u16 {
        samples(self.encoding, self.data)
    }
}

/// How many samples chunk data says it has.
pub(crate) fn samples(encoding: u8, data: &[u8]) -> u16 {
    let counted = if encoding == AGGREGATE { count_of_aggregate(data).unwrap_or_default() } else { data };
    counted.first_chunk().map_or(0, |count| u16::from_be_bytes(*count))
}

/// The data of the first of the five sub-chunks; `None` if it is absent or malformed.
fn count_of_aggregate(data: &[u8]) -> Option<&[u8]> {
    let mut fields = Fields::new(data);
    let length = fields.uvarint().ok()?;
    fields.bytes(if length == 0 { 0 } else { 1 }).ok()?;
    fields.bytes(length).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_counted_without_decoding() {
        assert_eq!(samples(XOR, &[1, 2, 3]), 258);
        assert_eq!(samples(AGGREGATE, &[3, XOR, 0, 7, 9, 0, 0, 0, 0]), 7);
        assert_eq!(samples(AGGREGATE, &[0, 0, 0, 0, 0]), 0);
        assert_eq!(samples(AGGREGATE, &[9, XOR, 0, 7]), 0);
    }

    #[test]
    fn unknown_encodings_and_data_without_a_count_are_damage() {
        assert_eq!(Record::new(&[4, 0, 1, 0, 0, 0, 0]), Err(Damage::Encoding { found: 4 }));
        assert_eq!(Record::new(&[1, 0, 0, 0, 0, 0]), Err(Damage::ChunkTooShort { length: 1 }));
        assert_eq!(Record::new(&[0, 0, 0, 0]), Err(Damage::Short));
    }
}
