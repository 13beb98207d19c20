//! How much memory a merge can need, known before it starts.

use lithify_block::Stats;

use crate::{
    downsample::{HISTOGRAM_WEIGHT, UNIT_SAMPLES, UNITS_AHEAD},
    merge::{RUN_BYTES, runs},
    outlet::{BUFFER_BYTES, BUFFERS},
    window::WINDOW_BYTES,
};

/// Windows of a source that are open at once: list of series, series, chunks.
const WINDOWS: u64 = 3;
/// What is allowed for threads, queues, and series and chunks that are larger than a window, bytes.
const REST_BYTES: u64 = 2 << 20;

/// What an index says about its size. Made by [`Index::sizes`](crate::index::Index::sizes).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IndexSizes {
    /// Bytes of the symbol table.
    pub symbol_bytes: u64,
    /// Number of symbols.
    pub symbols: u64,
    /// Bytes of the series section.
    pub series_bytes: u64,
    /// Number of postings lists.
    pub lists: u64,
    /// Number of series ids in all postings lists, or a little more.
    pub postings: u64,
}

/// What a run takes, as a multiple of what it is full at: chunks read, chunks made, and samples on their way from the ones to
/// the others, with slices that double.
const RUN_FACTOR: u64 = 6;

/// An upper bound of the memory that a merge of these sources takes, bytes.
///
/// The sum of
/// - for the united symbols: their bytes and 16 bytes for each symbol of each source, three times as tables double while
///   they grow, and a map of 16 bytes a symbol;
/// - for each list: 160 bytes;
/// - for each posting: its difference as a uvarint, twice, as slices double. Differences are largest in the mean when all
///   lists are equally long, and the logarithm is concave, so a posting takes at most
///   `1 + log128(ids x lists / postings)` bytes, where there is an id for each 16 bytes of series and series can grow by
///   half when symbols and offsets become larger;
/// - for each source three windows, and the buffers of the output;
/// - the runs of series that workers look into, which only merges of overlapping blocks have.
///
/// Postings of series that several sources have are counted for each, as nobody knows before.
#[must_use]
pub fn memory_estimate(sources: &[IndexSizes]) -> u64 {
    let sum = |field: fn(&IndexSizes) -> u64| sources.iter().map(field).fold(0_u64, u64::saturating_add);
    let symbols = sum(|sizes| sizes.symbol_bytes).saturating_add(sum(|sizes| sizes.symbols).saturating_mul(16));
    let maps = sum(|sizes| sizes.symbols).saturating_mul(16);
    let (lists, postings) = (sum(|sizes| sizes.lists), sum(|sizes| sizes.postings));
    let ids = sum(|sizes| sizes.series_bytes) / 16 * 3 / 2;
    let difference = ids.saturating_mul(lists) / postings.max(1) + 1;
    let bits = u64::from(difference.ilog2()) + 1;
    let differences = postings.saturating_add(postings.saturating_mul(bits) / 7);
    let windows = WINDOWS * WINDOW_BYTES as u64 * sources.len() as u64;
    let buffers = BUFFERS as u64 * (BUFFER_BYTES + BUFFER_BYTES / 4) as u64;
    let runs = RUN_FACTOR * (runs() * RUN_BYTES) as u64;
    [symbols.saturating_mul(3), maps, lists.saturating_mul(160), differences.saturating_mul(2), windows, buffers, runs]
        .into_iter()
        .fold(REST_BYTES, u64::saturating_add)
}

/// Bytes that a sample has in the chunks of a unit, or in those made of it.
const ENCODED_BYTES: u64 = 16;
/// Bytes that a sample has while a worker has its unit: its columns and, where each has a window of its own, those of five
/// aggregates, with slices that double.
const AT_WORK_BYTES: u64 = 2 * (16 + 5 * 16);
/// Bytes that a chunk of the usual size has in an index: how far it is from the one before, how long it is, and where.
const CHUNK_ENTRY_BYTES: u64 = 6;
/// How much longer than the others the longest series is taken to be where nothing tells.
const LONGEST: u64 = 16;

/// What [`downsample`](crate::downsample) takes beside [`memory_estimate`] of its source, bytes, without what aggregators
/// have of their own.
///
/// A unit has some number of samples, and with a series that is longer as many as the longest has: its entry in the
/// index, `series_max_bytes` of it or 0 if that is not known, has room for so many chunks of the usual size. Each
/// aggregator has a unit at work; as many results and some more wait for their turn, and one is written.
#[must_use]
pub fn downsampling_estimate(stats: &Stats, series_max_bytes: u64, aggregators: u64) -> u64 {
    let weight = if stats.num_histogram_samples > 0 { HISTOGRAM_WEIGHT as u64 } else { 1 };
    let of_chunk = stats.num_samples.div_ceil(stats.num_chunks.max(1));
    let longest = match series_max_bytes {
        0 => (stats.num_samples / stats.num_series.max(1)).saturating_mul(LONGEST).min(stats.num_samples),
        bytes => (bytes / CHUNK_ENTRY_BYTES).saturating_mul(of_chunk).min(stats.num_samples),
    };
    let unit = longest.saturating_mul(weight).saturating_add(UNIT_SAMPLES as u64);
    let waiting = aggregators.saturating_mul(2).saturating_add(1 + UNITS_AHEAD as u64);
    let waiting = waiting.saturating_mul(ENCODED_BYTES);
    unit.saturating_mul(aggregators.saturating_mul(AT_WORK_BYTES).saturating_add(waiting))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn downsampling_needs_units_for_each_aggregator_and_the_longest_series() {
        let stats = Stats { num_samples: 68_000_000, num_series: 6000, num_chunks: 570_000, ..Stats::default() };
        let (one, two) = (downsampling_estimate(&stats, 700, 1), downsampling_estimate(&stats, 700, 2));
        assert!(one < two && two < 64 << 20, "{one} {two}");
        assert!(downsampling_estimate(&stats, 7000, 1) > one);
        assert!(downsampling_estimate(&stats, 0, 1) > downsampling_estimate(&stats, 7000, 1));
        let histograms = Stats { num_histogram_samples: 1, ..stats };
        assert!(downsampling_estimate(&histograms, 700, 1) > one);
        let huge = Stats { num_samples: u64::MAX, num_histogram_samples: 1, ..Stats::default() };
        assert_eq!(downsampling_estimate(&huge, u64::MAX, u64::MAX), u64::MAX);
    }

    #[test]
    fn the_bound_grows_with_the_sources_and_never_overflows() {
        let one = IndexSizes {
            symbol_bytes: 40_000,
            symbols: 1600,
            series_bytes: 17 << 20,
            lists: 1600,
            postings: 2_500_000,
        };
        let (few, many) = (memory_estimate(&[one; 2]), memory_estimate(&[one; 4]));
        assert!(few < many && many < 80 << 20, "{few} {many}");
        let huge = IndexSizes {
            symbol_bytes: u64::MAX,
            symbols: u64::MAX,
            series_bytes: u64::MAX,
            lists: u64::MAX,
            postings: u64::MAX,
        };
        assert_eq!(memory_estimate(&[huge, huge]), u64::MAX);
        assert!(memory_estimate(&[]) > 0);
    }
}
