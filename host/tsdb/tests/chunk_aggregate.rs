//! Aggregate chunks against those that Thanos writes, and how it reads them back.

use lithify_tsdb::chunk::aggregate::{Aggregate, SubChunk, join, slot};
use lithify_tsdb::chunk::{ChunkError, Encoding, XorAppender, sample_count};

/// What a reader finds in a slot.
#[derive(Debug, PartialEq)]
enum Found {
    Chunk,
    Absent,
    InvalidSize,
}

use Found::{Absent, Chunk, InvalidSize};

/// Times and values of the slots in order; `None` where a slot is absent.
type Slots<'a> = [Option<&'a [(i64, f64)]>; 5];

fn check(slots: Slots<'_>, expected: &str, samples: u16, readable: [Found; 5]) {
    let data = slots.map(|samples| {
        samples.map(|samples| {
            let mut appender = XorAppender::new();
            for (time, value) in samples {
                appender.append(*time, value.to_bits()).expect("a handful of samples");
            }
            appender.finish()
        })
    });
    let chunk = join(data.each_ref().map(|data| data.as_ref().map(|data| SubChunk { encoding: Encoding::Xor, data })));
    let hex: String = chunk.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, expected);
    assert_eq!(sample_count(Encoding::Aggregate, &chunk), Ok(samples));
    for ((aggregate, written), readable) in Aggregate::ALL.into_iter().zip(&data).zip(readable) {
        let found = match slot(&chunk, aggregate) {
            Ok(Some(read)) => {
                assert_eq!((read.encoding, Some(read.data)), (Encoding::Xor, written.as_deref()));
                Chunk
            }
            Ok(None) => Absent,
            Err(ChunkError::AggregateSize { .. }) => InvalidSize,
            Err(error) => panic!("{error}"),
        };
        assert_eq!(found, readable, "{aggregate:?}");
    }
}

#[test]
fn all_five_slots_stand_one_behind_the_other() {
    let one = |value| [(299_999, value)];
    let (count, sum, min, max) = (one(3.0), one(6.0), one(1.0), one(3.0));
    let counter = [(60_000, 1.0), (299_999, 3.0), (299_999, 3.0)];
    check(
        [Some(&count), Some(&sum), Some(&min), Some(&max), Some(&counter)],
        "0d010001becf2440080000000000000d010001becf2440180000000000000d010001becf243ff00000000000000d010001becf24400800\
         000000000017010003c0a9073ff0000000000000ffd20ec267fff62b4080",
        1,
        [Chunk, Chunk, Chunk, Chunk, Chunk],
    );
}

#[test]
fn an_absent_slot_in_the_middle_is_one_zero_byte() {
    let counter = [(5, 1.0), (60, 4.0), (120, 9.0), (120, 2.0)];
    check(
        [
            Some(&[(60, 4.0), (120, 2.0)]),
            Some(&[(60, 10.0), (120, 9.0)]),
            Some(&[(60, 1.0), (120, 4.0)]),
            None,
            Some(&counter),
        ],
        "0e0100027840100000000000003cd60c0e0100027840240000000000003cda160f010002783ff00000000000003cc257fe00160100040a\
         3ff000000000000037c257ff000ba85cdfe251",
        2,
        [Chunk, Chunk, Chunk, Absent, Chunk],
    );
}

#[test]
fn an_absent_counter_cannot_be_told_from_one_that_is_cut_off() {
    check(
        [Some(&[(60, 4.0)]), Some(&[(60, 10.0)]), Some(&[(60, 1.0)]), Some(&[(60, 4.0)]), None],
        "0b0100017840100000000000000b0100017840240000000000000b010001783ff00000000000000b01000178401000000000000000",
        1,
        [Chunk, Chunk, Chunk, Chunk, InvalidSize],
    );
}

#[test]
fn a_chunk_without_samples_is_present() {
    let counter = [(5, 1.0), (60, 4.0), (60, 4.0)];
    check(
        [Some(&[(60, 4.0)]), Some(&[]), Some(&[(60, 1.0)]), Some(&[(60, 4.0)]), Some(&counter)],
        "0b010001784010000000000000020100000b010001783ff00000000000000b010001784010000000000000110100030a3ff00000000000\
         0037c257ff7f92",
        1,
        [Chunk, Chunk, Chunk, Chunk, Chunk],
    );
}
