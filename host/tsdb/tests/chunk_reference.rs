//! Our bytes against recorded ones: chunks of real blocks, and what the appenders of Prometheus made of random histograms.
//!
//! How the data was made stands in `tests/data/chunks/README.md`.

#![expect(clippy::unwrap_used, reason = "recorded data that cannot be read is a failure")]

use std::sync::Arc;

use lithify_tsdb::chunk::aggregate::{Aggregate, join, slot};
use lithify_tsdb::chunk::histogram::Kind;
use lithify_tsdb::chunk::{
    Appended, ChunkError, Encoding, Float, Hint, Histogram, HistogramAppender, HistogramDecoder, Integer, Layout, Span,
    XorAppender, XorDecoder, sample_count,
};

const WRITTEN: &str = include_str!("../../../tests/data/chunks/written.txt");
const APPENDED: &str = include_str!("../../../tests/data/chunks/appended.txt");

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.chars().map(|digit| u8::try_from(digit.to_digit(16).unwrap()).unwrap()).collect();
    digits.as_chunks::<2>().0.iter().map(|[high, low]| high << 4 | low).collect()
}

/// Decodes and encodes a chunk.
fn again(encoding: Encoding, data: &[u8]) -> Vec<u8> {
    match encoding {
        Encoding::Xor => {
            let mut appender = XorAppender::new();
            for sample in XorDecoder::new(data).unwrap() {
                let (time, value) = sample.unwrap();
                appender.append(time, value).unwrap();
            }
            appender.finish()
        }
        Encoding::Histogram => histograms_again::<Integer>(data),
        Encoding::FloatHistogram => histograms_again::<Float>(data),
        Encoding::Aggregate => {
            let slots = Aggregate::ALL.map(|aggregate| slot(data, aggregate).unwrap());
            slots.iter().flatten().for_each(|sub| assert_eq!(again(sub.encoding, sub.data), sub.data));
            join(slots)
        }
    }
}

/// The flag is given to the new chunk: decoding keeps only that of gauges.
fn histograms_again<K: Kind>(data: &[u8]) -> Vec<u8> {
    let decoder = HistogramDecoder::<K>::new(data).unwrap();
    let mut appender = HistogramAppender::<K>::with_flag(decoder.flag());
    for sample in decoder {
        let (time, mut histogram) = sample.unwrap();
        assert_eq!(appender.append(time, &mut histogram), Ok(Appended::Here));
    }
    appender.finish()
}

#[test]
fn chunks_of_real_blocks_have_the_same_bytes_after_decoding_and_encoding() {
    let mut seen = Vec::new();
    for line in WRITTEN.lines() {
        let (encoding, data) = line.split_once(' ').unwrap();
        let encoding = Encoding::try_from(encoding.parse::<u8>().unwrap()).unwrap();
        let data = unhex(data);
        assert!(sample_count(encoding, &data).unwrap() > 0);
        assert_eq!(hex(&again(encoding, &data)), hex(&data));
        seen.push(encoding);
    }
    seen.dedup();
    assert_eq!(seen, [Encoding::Xor, Encoding::Histogram, Encoding::FloatHistogram, Encoding::Aggregate]);
}

/// Reads a kind's numbers from 64 bits.
trait Recorded: Kind {
    fn count(bits: u64) -> Self::Count;
    fn bucket(bits: u64) -> Self::Bucket;
}

impl Recorded for Integer {
    fn count(bits: u64) -> u64 {
        bits
    }
    fn bucket(bits: u64) -> i64 {
        bits.cast_signed()
    }
}

impl Recorded for Float {
    fn count(bits: u64) -> f64 {
        f64::from_bits(bits)
    }
    fn bucket(bits: u64) -> f64 {
        f64::from_bits(bits)
    }
}

fn list<T>(text: &str, item: impl Fn(&str) -> T) -> Vec<T> {
    if text == "-" { Vec::new() } else { text.split(',').map(item).collect() }
}

fn bits(text: &str) -> u64 {
    text.parse().unwrap()
}

fn spans(text: &str) -> Vec<Span> {
    list(text, |span| {
        let (offset, length) = span.split_once(':').unwrap();
        Span { offset: offset.parse().unwrap(), length: length.parse().unwrap() }
    })
}

fn recorded<K: Recorded>(line: &str) -> (i64, Histogram<K>) {
    let fields: Vec<&str> = line.split(' ').collect();
    let [_, time, hint, schema, threshold, zero_count, count, sum, rest @ ..] = fields.as_slice() else {
        panic!("{line}")
    };
    let [positive_spans, negative_spans, positive, negative, bounds] = rest else { panic!("{line}") };
    let hint = match *hint {
        "0" => Hint::Unknown,
        "1" => Hint::CounterReset,
        "2" => Hint::NotCounterReset,
        _ => Hint::Gauge,
    };
    let layout = Layout {
        schema: schema.parse().unwrap(),
        zero_threshold: f64::from_bits(bits(threshold)),
        positive: spans(positive_spans),
        negative: spans(negative_spans),
        custom_values: list(bounds, |bound| f64::from_bits(bits(bound))),
    };
    let histogram = Histogram {
        hint,
        layout: Arc::new(layout),
        count: K::count(bits(count)),
        zero_count: K::count(bits(zero_count)),
        sum: f64::from_bits(bits(sum)),
        positive: list(positive, |bucket| K::bucket(bits(bucket))),
        negative: list(negative, |bucket| K::bucket(bits(bucket))),
    };
    (time.parse().unwrap(), histogram)
}

/// Appends and gives the outcome its recorded name.
fn outcome<K: Kind>(
    appender: &mut HistogramAppender<K>,
    time: i64,
    mut histogram: Histogram<K>,
    only: bool,
) -> &'static str {
    if only {
        return match appender.append_only(time, &mut histogram) {
            Ok(()) => "here",
            Err(ChunkError::NeedsNewChunk | ChunkError::NeedsRecode) => "err",
            Err(error) => panic!("{error}"),
        };
    }
    match appender.append(time, &mut histogram).unwrap() {
        Appended::Here => "here",
        Appended::Recoded => "recoded",
        Appended::NewChunk(_) => "new",
    }
}

/// Replays the appends of one recorded chunk, and says how many there were.
fn replay<K: Recorded>(only: bool, lines: &[&str]) -> usize {
    let mut appender = HistogramAppender::<K>::new();
    let steps = lines.as_chunks::<2>().0;
    for [histogram, result] in steps {
        let (time, sample) = recorded::<K>(histogram);
        let (expected, data) = result.strip_prefix("R ").and_then(|result| result.split_once(' ')).unwrap();
        assert_eq!(outcome(&mut appender, time, sample, only), expected, "{histogram}");
        if data != "-" {
            assert_eq!(hex(&appender.clone().finish()), data, "{histogram}");
        }
    }
    steps.len()
}

#[test]
fn histograms_are_appended_recoded_refused_and_cut_as_by_the_reference() {
    let mut steps = 0;
    for chunk in APPENDED.split("S ").skip(1) {
        let lines: Vec<&str> = chunk.lines().collect();
        let (header, lines) = lines.split_first().unwrap();
        steps += match *header {
            "i true" => replay::<Integer>(true, lines),
            "i false" => replay::<Integer>(false, lines),
            "f true" => replay::<Float>(true, lines),
            "f false" => replay::<Float>(false, lines),
            _ => panic!("{header}"),
        };
    }
    assert!(steps > 200, "{steps}");
}
