//! Columns held against samples one by one.

use proptest::prelude::*;

use super::*;
use crate::chunk::XorAppender;

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
fn over(data: &[u8], behind: &[u8]) -> Result<(Vec<i64>, Vec<u64>, bool), ChunkError> {
    let (mut times, mut values) = (vec![7, 8, 9], vec![7.0]);
    let all = [data, behind].concat();
    let Written { end, rises } = decode_over(&all, data.len(), 1, &mut times, &mut values)?;
    assert_eq!((times.first(), values.first()), (Some(&7), Some(&7.0)));
    let times = times.get(1..end).expect("as many rows as it says").to_vec();
    let values = values.get(1..end).expect("as many rows as it says");
    Ok((times, values.iter().map(|value| value.to_bits()).collect(), rises))
}

/// Fails if rows differ from samples one by one, or are said to rise and do not.
fn hold(over: Result<(Vec<i64>, Vec<u64>, bool), ChunkError>, slow: (Vec<i64>, Vec<u64>, Result<(), ChunkError>)) {
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
    fn bytes_without_sense_are_read_alike(count in 0_u16..100, noise in proptest::collection::vec(any::<u8>(), 0..300)) {
        let data: Vec<u8> = count.to_be_bytes().into_iter().chain(noise).collect();
        prop_assert_eq!(quickly(&data), slowly(&data));
    }
}
