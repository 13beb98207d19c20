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
