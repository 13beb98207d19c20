//! The first five bytes of an index.
//!
//! ```text
//! u32 0xbaaad700   magic
//! u8  2            version; 1 to 3 are read, 2 is written
//! ```
//!
//! Source: `tsdb-format.md` 4.1, 4.10.

use crate::{Damage, varint::Fields};

/// The magic number of an index.
pub(crate) const MAGIC: u32 = 0xbaaa_d700;
/// Bytes of the header.
pub(crate) const BYTES: u64 = 5;

/// The versions of the index file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    /// Symbols and series are referred to by file offsets. Before Prometheus 2.1.
    V1,
    /// Symbols by number, series by a sixteenth of their offset. Version 3 is read exactly like it.
    V2,
}

/// Appends the header that we write.
pub(crate) fn write(out: &mut Vec<u8>) {
    out.extend(MAGIC.to_be_bytes());
    out.push(2);
}

/// Reads the header from the first bytes of a file.
pub(crate) fn read(bytes: &[u8]) -> Result<Version, (u64, Damage)> {
    let mut fields = Fields::new(bytes);
    let too_small = |_| (0, Damage::TooSmall { have: bytes.len() as u64, need: BYTES });
    let (magic, version) = (fields.u32().map_err(too_small)?, fields.bytes(1).map_err(too_small)?);
    if magic != MAGIC {
        return Err((0, Damage::Magic { found: magic, want: MAGIC }));
    }
    match version {
        [1] => Ok(Version::V1),
        [2 | 3] => Ok(Version::V2),
        other => Err((4, Damage::Version { found: other.first().copied().unwrap_or_default() })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_version_two() {
        let mut out = Vec::new();
        write(&mut out);
        assert_eq!(out, [0xba, 0xaa, 0xd7, 0x00, 0x02]);
        assert_eq!(read(&out), Ok(Version::V2));
    }

    #[test]
    fn versions_one_to_three_are_read_and_others_are_not() {
        assert_eq!(read(&[0xba, 0xaa, 0xd7, 0x00, 1]), Ok(Version::V1));
        assert_eq!(read(&[0xba, 0xaa, 0xd7, 0x00, 3]), Ok(Version::V2));
        assert_eq!(read(&[0xba, 0xaa, 0xd7, 0x00, 4]), Err((4, Damage::Version { found: 4 })));
        assert_eq!(read(&[0xba, 0xaa, 0xd7, 0x01, 2]), Err((0, Damage::Magic { found: 0xbaaa_d701, want: MAGIC })));
        assert_eq!(read(&[0xba, 0xaa, 0xd7, 0x00]), Err((0, Damage::TooSmall { have: 4, need: 5 })));
    }
}
