//! The vectors of the specification that concern histograms, cut to what an aggregation sees: `histograms.jsonl` has the
//! runs, and the samples that the reference's chunks hold afterwards.
//!
//! A chunk forgets hints but for gauges, adds empty buckets to histograms, and loses windows when it refuses to go on; so
//! the last windows are compared, by the buckets that hold something. All bytes are compared where chunks are written.

use alloc::{string::String, vec::Vec};

use serde_json::Value;

use super::build::{Sample, column, floats, samples};
use crate::{
    CUSTOM, Hint, HistogramAggregates, Layout, Span, aggregate_histogram_aggregates, aggregate_raw_histograms,
};

fn number(value: &Value) -> f64 {
    let bits = |bits: &str| f64::from_bits(u64::from_str_radix(bits.strip_prefix("bits:").unwrap(), 16).unwrap());
    value.as_str().map_or_else(|| value.as_f64().unwrap(), bits)
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(number).collect()
}

fn spans(value: &Value) -> Vec<Span> {
    let int = |value: &Value| value.as_i64().unwrap();
    let span =
        |span: &Value| Span { offset: int(&span[0]).try_into().unwrap(), length: int(&span[1]).try_into().unwrap() };
    value.as_array().unwrap().iter().map(span).collect()
}

fn sample(value: &Value) -> Sample {
    let (time, h) = (value[0].as_i64().unwrap(), &value[1]);
    Sample {
        time,
        hint: h["h"].as_u64().unwrap().try_into().unwrap(),
        layout: Layout {
            schema: h["schema"].as_i64().unwrap().try_into().unwrap(),
            zero_threshold: number(&h["t"]),
            custom_values: numbers(&h["cv"]),
            positive: spans(&h["ps"]),
            negative: spans(&h["ns"]),
        },
        zero_count: number(&h["z"]),
        count: number(&h["n"]),
        sum: number(&h["s"]),
        positive: numbers(&h["p"]),
        negative: numbers(&h["m"]),
    }
}

fn histograms(value: &Value) -> Vec<Sample> {
    value.as_array().unwrap().iter().map(sample).collect()
}

fn counts(value: &Value) -> Vec<(i64, f64)> {
    value.as_array().unwrap().iter().map(|row| (row[0].as_i64().unwrap(), number(&row[1]))).collect()
}

fn same(id: &str, found: &[Sample], expected: &[Sample]) {
    let skip = found.len().checked_sub(expected.len()).unwrap();
    for (found, expected) in found[skip..].iter().zip(expected) {
        assert_eq!(found.time, expected.time, "{id}");
        assert_eq!(found.full(), expected.full(), "{id}");
        assert_eq!([found.count, found.sum], [expected.count, expected.sum], "{id}");
        assert_eq!(found.hint == Hint::Gauge as u8, expected.hint == Hint::Gauge as u8, "{id}");
        let (a, b) = (&found.layout, &expected.layout);
        assert_eq!((a.schema, &a.custom_values), (b.schema, &b.custom_values), "{id}");
        if a.schema != CUSTOM {
            assert_eq!([found.zero_count, a.zero_threshold], [expected.zero_count, b.zero_threshold], "{id}");
        }
    }
}

#[test]
fn histograms_are_what_the_reference_makes_of_them() {
    for line in include_str!("histograms.jsonl").lines() {
        let vector: Value = serde_json::from_str(line).unwrap();
        let id: String = vector["id"].as_str().unwrap().into();
        let resolution = vector["resolution"].as_i64().unwrap();
        let runs = vector["runs"].as_array().unwrap();
        let made = if vector["kind"] == "raw" {
            let rows = column(&runs.iter().map(histograms).collect::<Vec<_>>());
            aggregate_raw_histograms(resolution, rows.rows())
        } else {
            let slot = |name: &str| column(&runs.iter().map(|run| histograms(&run[name])).collect::<Vec<_>>());
            let (sum, counter) = (slot("sum"), slot("counter"));
            let count = floats(&runs.iter().map(|run| counts(&run["count"])).collect::<Vec<_>>());
            let rows = HistogramAggregates { count: count.rows(), sum: sum.rows(), counter: counter.rows() };
            aggregate_histogram_aggregates(resolution, &rows)
        };
        if vector.get("refused").is_some() {
            assert_eq!(made.unwrap_err().run, Some(0), "{id}");
            continue;
        }
        let made = made.unwrap();
        let expected = vector["out"].as_array().unwrap();
        assert_eq!(made.count, floats(&expected.iter().map(|run| counts(&run["count"])).collect::<Vec<_>>()), "{id}");
        for (run, (sum, counter)) in expected.iter().zip(samples(&made.sum).iter().zip(samples(&made.counter))) {
            same(&id, sum, &histograms(&run["sum"]));
            same(&id, &counter, &histograms(&run["counter"]));
        }
    }
}
