//! Columns held against samples one by one.

use std::ops::Range;

use proptest::prelude::*;

use super::*;
use crate::chunk::XorAppender;

/// Timestamps, bits of values, and whether the former are said to rise.
type Rows = (Vec<i64>, Vec<u64>, bool);

/// As [`decode`], sample by sample.
fn slowly(data: &[u8]) -> (Vec<i64>, Vec<u64>, Result<(), ChunkError>) {
    let (mut times, mut values) = (Vec::new(), Vec::new());
    for sample in XorDecoder::new(data).expect("a header") {
        match sample {
            Ok((time, value)) => {
                times.push(time);
                values.push(value);
            }
            Err(error) => return (times, values, Err(error)),
        }
    }
    (times, values, Ok(()))
}

fn quickly(data: &[u8]) -> (Vec<i64>, Vec<u64>, Result<(), ChunkError>) {
    let (mut times, mut values) = (Vec::new(), Vec::new());
    let outcome = decode(data, &mut times, &mut values);
    (times, values.into_iter().map(f64::to_bits).collect(), outcome)
}

/// As [`quickly`], behind rows that stay, with `behind` after the chunk.
fn over(data: &[u8], behind: &[u8]) -> Result<Rows, ChunkError> {
    let (mut times, mut values) = (vec![7, 8, 9], vec![7.0]);
    let all = [data, behind].concat();
    let Written { end, rises, .. } = decode_over(&all, data.len(), 1, &mut times, &mut values)?;
    assert_eq!((times.first(), values.first()), (Some(&7), Some(&7.0)));
    let times = times.get(1..end).expect("as many rows as it says").to_vec();
    let values = values.get(1..end).expect("as many rows as it says");
    Ok((times, values.iter().map(|value| value.to_bits()).collect(), rises))
}

/// Whether this processor reads several chunks at a time.
fn side_by_side_pays() -> bool {
    let (data, ranges) = side_by_side(&vec![chunk(&[(15_000, 1); 5]); 7], &[]);
    several(&data, &ranges).is_some()
}

/// Fails if rows differ from samples one by one, or are said to rise and do not.
fn hold(over: Result<Rows, ChunkError>, slow: (Vec<i64>, Vec<u64>, Result<(), ChunkError>)) {
    let (times, values, outcome) = slow;
    if let Ok((times, _, true)) = &over {
        assert!(times.is_sorted() && times.first().is_none_or(|first| *first >= 0));
    }
    assert_eq!(over.map(|(times, values, _)| (times, values)), outcome.map(|()| (times, values)));
}

fn noise() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![Just(vec![0; 40]), Just(vec![0xff; 40]), proptest::collection::vec(any::<u8>(), 0..60)]
}

fn steps() -> impl Strategy<Value = Vec<(i64, u64)>> {
    let time = prop_oneof![
        6 => Just(15_000_i64),
        3 => 14_900_i64..15_100,
        1 => prop_oneof![6_000_i64..24_000, -70_000_i64..140_000, -600_000_i64..600_000, any::<i64>()],
    ];
    let value = prop_oneof![
        3 => Just(1.5_f64.to_bits()),
        3 => (0_u32..1000).prop_map(|number| f64::from(number).to_bits()),
        1 => any::<u64>(),
        1 => (any::<u64>(), 0_u32..64, 0_u32..64).prop_map(|(bits, left, right)| bits << left >> right),
    ];
    proptest::collection::vec((time, value), 0..150)
}

fn chunk(steps: &[(i64, u64)]) -> Vec<u8> {
    let (mut appender, mut time) = (XorAppender::new(), 1_700_000_000_000_i64);
    for (step, value) in steps {
        time = time.wrapping_add(*step);
        appender.append(time, *value).expect("fewer than 65536 samples");
    }
    appender.finish()
}

/// Chunks behind each other with some bytes in between, and where each is.
fn side_by_side(chunks: &[Vec<u8>], between: &[u8]) -> (Vec<u8>, Vec<Range<usize>>) {
    let (mut data, mut ranges) = (between.to_vec(), Vec::new());
    for chunk in chunks {
        ranges.push(data.len()..data.len() + chunk.len());
        data.extend_from_slice(chunk);
        data.extend_from_slice(between);
    }
    (data, ranges)
}

/// What [`decode_several`] makes of them, as [`over`] does.
fn several(data: &[u8], ranges: &[Range<usize>]) -> Option<Vec<Rows>> {
    let (mut times, mut values) = (vec![7, 8, 9], vec![7.0]);
    let all = decode_several(data, ranges, 1, &mut times, &mut values)?;
    assert_eq!((times.first(), values.first(), all.len()), (Some(&7), Some(&7.0), ranges.len()));
    let mut start = 1;
    let each = all.into_iter().map(|Written { end, rises, nan }| {
        let rows = std::mem::replace(&mut start, end)..end;
        let (times, values) = (times.get(rows.clone()), values.get(rows));
        let values = values.expect("as many rows as it says");
        assert_eq!(nan, values.iter().any(|value| value.is_nan()));
        let values = values.iter().map(|value| value.to_bits()).collect();
        (times.expect("as many rows as it says").to_vec(), values, rises)
    });
    Some(each.collect())
}

#[test]
fn samples_in_time_are_known_to_rise() {
    let rises = |steps: &[(i64, u64)]| over(&chunk(steps), &[0; 40]).map(|(.., rises)| rises);
    assert_eq!(rises(&[(15_000, 1); 120]), Ok(true));
    assert_eq!(rises(&[(15_000, 1), (15_000, 2), (0, 3), (15_020, 3)]), Ok(true));
    assert_eq!(rises(&[(15_000, 1), (15_000, 2), (-1, 3), (15_000, 3)]), Ok(false));
    assert_eq!(rises(&[(i64::MIN, 1), (15_000, 2), (15_000, 3)]), Ok(false));
}

proptest! {
    #[test]
    fn columns_are_the_samples_one_by_one(steps in steps()) {
        let data = chunk(&steps);
        let quick = quickly(&data);
        prop_assert_eq!(&quick, &slowly(&data));
        prop_assert_eq!(quick.0.len(), steps.len());
        prop_assert_eq!(quick.2, Ok(()));
    }

    #[test]
    fn what_stands_behind_a_chunk_is_no_sample(steps in steps(), cut in 0_usize..2000, more in 0_u16..30, behind in noise()) {
        let mut data = chunk(&steps);
        hold(over(&data, &behind), slowly(&data));
        // More samples than there are, or an end in the midst of them.
        let count = u16::try_from(steps.len()).unwrap_or(0) + more;
        data.iter_mut().zip(count.to_be_bytes()).for_each(|(to, from)| *to = from);
        hold(over(&data, &behind), slowly(&data));
        data.truncate(2 + cut);
        hold(over(&data, &behind), slowly(&data));
    }

    #[test]
    fn damage_is_found_at_the_same_sample(steps in steps(), cut in 0_usize..2000, flips in proptest::collection::vec(any::<(u16, u8)>(), 0..4)) {
        let mut data = chunk(&steps);
        data.truncate(2 + cut);
        let length = data.len();
        for (at, bits) in flips {
            data.get_mut(usize::from(at) % length).into_iter().for_each(|byte| *byte ^= bits);
        }
        prop_assert_eq!(quickly(&data), slowly(&data));
    }

    #[test]
    fn several_chunks_are_read_as_one_by_one(all in proptest::collection::vec(steps(), 7..=16), between in noise()) {
        let chunks: Vec<_> = all.iter().map(|steps| chunk(steps)).collect();
        let (data, ranges) = side_by_side(&chunks, &between);
        let found = several(&data, &ranges);
        let usual = all.iter().all(|steps| steps.len() > 2 && steps.iter().take(2).all(|(step, _)| (0..1 << 40).contains(step)));
        prop_assert!(found.is_some() || !usual || !side_by_side_pays());
        for (found, chunk) in found.into_iter().flatten().zip(&chunks) {
            hold(Ok(found), slowly(chunk));
        }
    }

    #[test]
    fn damage_among_several_chunks_is_not_hidden(
        all in proptest::collection::vec(steps(), 7..=16),
        between in noise(),
        cuts in proptest::collection::vec((0_usize..16, 0_usize..2000, 0_u16..3), 0..3),
        flips in proptest::collection::vec(any::<(usize, u8)>(), 0..4),
    ) {
        let mut chunks: Vec<_> = all.iter().map(|steps| chunk(steps)).collect();
        for (of, length, more) in cuts {
            let number = of % chunks.len();
            let chunk = chunks.get_mut(number).expect("below the length");
            if let Some(count) = chunk.first_chunk_mut() {
                *count = u16::from_be_bytes(*count).saturating_add(more).to_be_bytes();
            }
            chunk.truncate(2 + length);
        }
        let (mut data, ranges) = side_by_side(&chunks, &between);
        let length = data.len();
        for (at, bits) in flips {
            data.get_mut(at % length).into_iter().for_each(|byte| *byte ^= bits);
        }
        for (found, range) in several(&data, &ranges).into_iter().flatten().zip(ranges) {
            hold(Ok(found), slowly(data.get(range).expect("inside of the data")));
        }
    }

    #[test]
    fn bytes_without_sense_are_read_alike(count in 0_u16..100, noise in proptest::collection::vec(any::<u8>(), 0..300)) {
        let data: Vec<u8> = count.to_be_bytes().into_iter().chain(noise).collect();
        prop_assert_eq!(quickly(&data), slowly(&data));
    }
}
