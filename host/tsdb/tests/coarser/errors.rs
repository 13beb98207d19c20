//! What cannot be made coarser, and what is said of it.

use lithify_block::TimeRange;
use lithify_kit::slow::Chunk;
use lithify_tsdb::{
    Error, Hurdle,
    chunk::{
        ChunkError, Encoding, XorAppender,
        aggregate::{SubChunk, join},
    },
};

use super::{coarser_by, coarser_on, source};

fn xor(samples: &[(i64, f64)]) -> Vec<u8> {
    let mut appender = XorAppender::new();
    samples.iter().for_each(|(time, value)| appender.append(*time, value.to_bits()).unwrap());
    appender.finish()
}

/// Aggregates of one window, without the slots whose numbers are `missing`.
fn window(time: i64, missing: &[usize]) -> Chunk {
    let data = xor(&[(time, 1.0)]);
    let slots = [0, 1, 2, 3, 4]
        .map(|slot| (!missing.contains(&slot)).then_some(SubChunk { encoding: Encoding::Xor, data: &data }));
    Chunk { min: time, max: time, encoding: 0xff, data: join(slots) }
}

fn hurdle(series: &[Vec<Chunk>], resolutions: (i64, i64)) -> (String, Option<(i64, i64)>, Hurdle) {
    let failed = coarser_on(2, &source(series), resolutions, false).unwrap_err();
    let Error::Downsample { series, chunk, reason, .. } = *failed else { panic!("{failed}") };
    (series, chunk, *reason)
}

#[test]
fn a_damaged_chunk_is_named_with_its_series() {
    let good = Chunk { min: 1, max: 1, encoding: 1, data: xor(&[(1, 1.0)]) };
    let mut data = xor(&[(2, 1.0), (3, 2.0)]);
    data.truncate(12);
    let bad = Chunk { min: 2, max: 3, encoding: 1, data };
    let found = hurdle(&[vec![good.clone()], vec![good, bad]], (0, 300_000));
    let (series, chunk, reason) = found;
    assert_eq!((series.as_str(), chunk), (r#"{a="0001"}"#, Some((2, 3))));
    assert!(matches!(reason, Hurdle::Chunk(ChunkError::EndOfData { sample: 1, .. })), "{reason}");
}

#[test]
fn aggregates_in_a_raw_block_are_refused() {
    let (.., reason) = hurdle(&[vec![window(7, &[])]], (0, 300_000));
    assert_eq!(reason, Hurdle::UnexpectedAggregates);
}

#[test]
fn a_chunk_without_counter_cannot_be_told_from_one_that_is_cut_off() {
    let (.., reason) = hurdle(&[vec![window(7, &[4])]], (300_000, 3_600_000));
    assert!(matches!(reason, Hurdle::Chunk(ChunkError::AggregateSize { slot: 4, .. })), "{reason}");
}

#[test]
fn a_missing_aggregate_makes_a_chunk_that_begins_with_the_epoch_and_is_refused() {
    let chunks = vec![window(7_200_000, &[2])];
    let (_, chunk, reason) = hurdle(std::slice::from_ref(&chunks), (300_000, 3_600_000));
    assert_eq!(chunk, Some((0, 7_200_000)));
    assert!(matches!(reason, Hurdle::OutsideRange { from: 7_200_000, .. }), "{reason}");
    // Unless malformed blocks are wanted.
    assert!(coarser_on(1, &source(&[chunks]), (300_000, 3_600_000), true).is_ok());
}

#[test]
fn a_block_becomes_coarser_or_nothing() {
    for resolutions in [(300_000, 300_000), (3_600_000, 300_000), (0, 0), (-1, 300_000)] {
        let failed = coarser_on(1, &source(&[]), resolutions, false).unwrap_err();
        assert!(matches!(*failed, Error::NotCoarser { .. }), "{failed}");
    }
}

#[test]
fn without_an_aggregator_nothing_begins() {
    let failed = coarser_by(Vec::new(), &source(&[]), (0, 300_000), false).unwrap_err();
    assert!(matches!(*failed, Error::Policy(_)), "{failed}");
}

#[test]
fn the_source_s_index_is_checked_as_before_a_merge() {
    let mut outside = source(&[vec![window(7_200_000, &[])]]);
    outside.range = TimeRange::new(0, 3_600_000);
    let failed = coarser_on(1, &outside, (300_000, 3_600_000), false).unwrap_err();
    assert!(matches!(*failed, Error::Defect { .. }), "{failed}");
    assert!(coarser_on(1, &outside, (300_000, 3_600_000), true).is_ok());
}
