//! Checksums put right again, wherever the bytes leave it clear where they stand.

/// Length of an index's table of contents, bytes.
const TOC_BYTES: usize = 52;

/// Repairs all checksums of an index: symbols, series, postings, postings offset table, table of contents.
pub fn index(bytes: &mut [u8]) {
    let Some(toc) = bytes.len().checked_sub(TOC_BYTES) else { return };
    let part = |number: usize| {
        let field = bytes.get(toc + 8 * number..)?.first_chunk()?;
        usize::try_from(u64::from_be_bytes(*field)).ok()
    };
    let [Some(symbols), Some(series), Some(series_end), Some(_), Some(postings), Some(table)] =
        [part(0), part(1), part(2), part(3), part(4), part(5)]
    else {
        return;
    };
    let end_of_series = series_end.min(bytes.len());
    let end_of_postings = table.min(bytes.len());
    section(bytes, symbols);
    let mut at = series;
    while at < end_of_series {
        at = at.next_multiple_of(16);
        let Some(next) = varying(bytes, at, 0) else { break };
        at = next;
    }
    let mut at = postings;
    while at < end_of_postings {
        at = at.next_multiple_of(4);
        let Some(next) = section(bytes, at) else { break };
        at = next;
    }
    section(bytes, table);
    checksum(bytes, toc, TOC_BYTES - 4);
}

/// Repairs the checksum of the chunk record at `at` of a segment.
pub fn chunk(segment: &mut [u8], at: usize) {
    varying(segment, at, 1);
}

/// Repairs the checksum of the entries of a tombstones file.
pub fn tombstones(file: &mut [u8]) {
    if let Some(length) = file.len().checked_sub(9) {
        checksum(file, 5, length);
    }
}

/// A part with a length of four bytes in front; gives its end.
fn section(bytes: &mut [u8], at: usize) -> Option<usize> {
    let length = u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?);
    checksum(bytes, at.checked_add(4)?, usize::try_from(length).ok()?)
}

/// A part with a varying length in front that does not count `more` bytes; gives its end.
fn varying(bytes: &mut [u8], at: usize, more: usize) -> Option<usize> {
    let mut length = 0;
    for (i, byte) in bytes.get(at..)?.iter().take(5).enumerate() {
        length |= usize::from(byte & 0x7f) << (7 * i);
        if byte & 0x80 == 0 {
            return checksum(bytes, at + i + 1, length + more);
        }
    }
    None
}

/// Writes the checksum of `length` bytes behind them; gives the end of it.
fn checksum(bytes: &mut [u8], start: usize, length: usize) -> Option<usize> {
    let end = start.checked_add(length)?;
    let crc = crc32c::crc32c(bytes.get(start..end)?);
    *bytes.get_mut(end..)?.first_chunk_mut()? = crc.to_be_bytes();
    Some(end + 4)
}
