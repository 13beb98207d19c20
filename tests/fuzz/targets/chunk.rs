//! Any bytes as the data of a chunk; the first says which encoding. Decoding ends after at most the announced number of
//! samples, with an error or without. Samples that decode encode again, and then decode as the same; slots of aggregates
//! that can be read join to a chunk with the same slots. Chunks that are read together are what each is alone.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lithify_tsdb::chunk::{
    Appended, Encoding, Float, HistogramAppender, HistogramDecoder, Integer, Sample, Samples, XorAppender,
    aggregate::{self, Aggregate},
    histogram::Kind,
    sample_count, xor,
};

fuzz_target!(|bytes: &[u8]| {
    let Some((first, data)) = bytes.split_first() else { return };
    match first % 4 {
        0 => floats(data),
        1 => histograms::<Integer>(Encoding::Histogram, data),
        2 => histograms::<Float>(Encoding::FloatHistogram, data),
        _ => aggregates(data),
    }
});

/// All samples, if the chunk is sound.
fn samples(encoding: Encoding, data: &[u8]) -> Option<Vec<(i64, Sample)>> {
    let announced = sample_count(encoding, data);
    let samples = Samples::new(encoding, data).ok()?;
    let announced = usize::from(announced.expect("there is a header"));
    let all: Vec<_> = samples.take(announced + 1).collect();
    assert!(all.len() <= announced);
    all.into_iter().collect::<Result<_, _>>().ok()
}

/// Parts of the bytes as chunks that are read together, each of them as it is read alone.
fn several(data: &[u8]) {
    let count = xor::MOST - data.len() % 4;
    let chunks: Vec<_> = (0..count).map(|part| data.len() * part / count..data.len() * (part + 1) / count).collect();
    let (mut timestamps, mut values) = (Vec::new(), Vec::new());
    let Some(written) = xor::decode_several(data, &chunks, 0, &mut timestamps, &mut values) else { return };
    let mut start = 0;
    for (chunk, xor::Written { end, rises, nan }) in chunks.into_iter().zip(written) {
        let (mut times_alone, mut values_alone) = (Vec::new(), Vec::new());
        xor::decode(&data[chunk], &mut times_alone, &mut values_alone).expect("it was decoded once");
        assert_eq!(timestamps[start..end], times_alone);
        let bits = |values: &[f64]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&values[start..end]), bits(&values_alone));
        assert_eq!(nan, values_alone.iter().any(|value| value.is_nan()));
        assert!(!rises || times_alone.is_sorted() && times_alone.first().is_none_or(|first| *first >= 0));
        start = end;
    }
}

fn floats(data: &[u8]) {
    several(data);
    let (mut timestamps, mut values) = (Vec::new(), Vec::new());
    let at_once = xor::decode(data, &mut timestamps, &mut values);
    let found = samples(Encoding::Xor, data);
    assert_eq!(at_once.is_ok(), found.is_some(), "both decoders agree");
    let Some(found) = found else { return };
    let mut appender = XorAppender::new();
    for (i, (timestamp, sample)) in found.iter().enumerate() {
        let Sample::Float(value) = sample else { panic!("a float chunk has floats") };
        assert_eq!((timestamps[i], values[i].to_bits()), (*timestamp, *value));
        appender.append(*timestamp, *value).expect("as many samples as one chunk had");
    }
    assert_eq!(samples(Encoding::Xor, &appender.finish()), Some(found));
}

fn histograms<K: Kind>(encoding: Encoding, data: &[u8]) {
    let Some(found) = samples(encoding, data) else { return };
    let Ok(mut decoder) = HistogramDecoder::<K>::new(data) else { return };
    let (mut appender, mut chunks) = (HistogramAppender::<K>::new(), Vec::new());
    while decoder.advance().expect("it was decoded once") {
        match appender.append(decoder.timestamp(), &mut decoder.histogram().clone()) {
            Ok(Appended::NewChunk(full)) => chunks.push(full),
            Ok(Appended::Here | Appended::Recoded) => {}
            Err(_) => return, // A sample that contradicts itself.
        }
    }
    chunks.push(appender.finish());
    let again = chunks.iter().flat_map(|chunk| samples(encoding, chunk).expect("what was encoded decodes"));
    let times = |(timestamp, _)| timestamp;
    assert_eq!(again.map(times).collect::<Vec<_>>(), found.into_iter().map(times).collect::<Vec<_>>());
}

fn aggregates(data: &[u8]) {
    assert_eq!(samples(Encoding::Aggregate, data).map_or(0, |found| found.len()), 0);
    let slots = Aggregate::ALL.map(|wanted| aggregate::slot(data, wanted));
    for slot in slots.iter().flatten().flatten() {
        samples(slot.encoding, slot.data);
    }
    if slots.iter().all(Result::is_ok) {
        let joined = aggregate::join(slots.clone().map(|slot| slot.ok().flatten()));
        // An absent counter with nothing behind it reads as cut off.
        let padded = [joined.as_slice(), &[0]].concat();
        assert_eq!(Aggregate::ALL.map(|wanted| aggregate::slot(&padded, wanted)), slots);
    }
}
