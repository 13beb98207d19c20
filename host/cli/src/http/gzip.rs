//! gzip: a header of ten bytes, a deflate stream, checksum and length.
//!
//! Source: RFC 1952.

/// Good and quick enough for answers of some megabytes.
const LEVEL: u8 = 6;

/// Signature, deflate, no flags, no time, no extra flags, unknown system.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

/// Compresses `bytes`.
pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = HEADER.to_vec();
    out.extend(miniz_oxide::deflate::compress_to_vec(bytes, LEVEL));
    out.extend(crc32fast::hash(bytes).to_le_bytes());
    // The format wants the length modulo 2^32.
    let length = u32::try_from(bytes.len() & 0xffff_ffff).expect("masked to 32 bits");
    out.extend(length.to_le_bytes());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_compressed_comes_back() {
        for bytes in [&b""[..], b"a", &[b'x'; 100_000]] {
            let zipped = gzip(bytes);
            let (body, trailer) = zipped[HEADER.len()..].split_at(zipped.len() - HEADER.len() - 8);
            assert_eq!(miniz_oxide::inflate::decompress_to_vec(body).unwrap(), bytes);
            assert_eq!(trailer[..4], crc32fast::hash(bytes).to_le_bytes());
            assert_eq!(trailer[4..], u32::try_from(bytes.len()).unwrap().to_le_bytes());
        }
    }
}
