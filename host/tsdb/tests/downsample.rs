//! Blocks made coarser as the reference makes them, byte for byte.
#![expect(clippy::unwrap_used, reason = "a test says by panicking what went wrong")]

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
};

use lithify_block::{
    Labels, Meta,
    columns::{Aggregates, Column, HistogramAggregates, HistogramColumn},
    policy::{Aggregator, PolicyError},
};
use lithify_tsdb::{Deduplication, Downsampling, Memory, Merged, Options, Progress, Source, downsample};

struct Simple;

fn windows(column: &Column, resolution: i64, mut emit: impl FnMut(usize, i64, &[f64], bool)) {
    for (run, offsets) in column.offsets.windows(2).enumerate() {
        let rows = offsets[0] as usize..offsets[1] as usize;
        let (times, values) = (&column.timestamps[rows.clone()], &column.values[rows]);
        let mut start = 0;
        while start < times.len() {
            let end = (times[start] - times[start] % resolution + resolution - 1).min(times[times.len() - 1]);
            let length = 1 + times[start + 1..].iter().take_while(|time| **time <= end).count();
            emit(run, end, &values[start..start + length], start == 0);
            start += length;
        }
    }
}

fn fold(column: &Column, resolution: i64, mut fold: impl FnMut(&[f64], bool) -> f64) -> Column {
    let mut out = Column { offsets: vec![0; column.offsets.len()], ..Column::default() };
    windows(column, resolution, |run, end, values, first| {
        out.timestamps.push(end);
        out.values.push(fold(values, first));
        out.offsets[run + 1] = u32::try_from(out.timestamps.len()).unwrap();
    });
    let mut last = 0;
    for offset in &mut out.offsets {
        last = last.max(*offset);
        *offset = last;
    }
    out
}

fn sum(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |sum, value| sum + value)
}

fn counter(column: &Column, resolution: i64) -> Column {
    let (mut total, mut before) = (0.0, 0.0);
    fold(column, resolution, |values, first| {
        for (at, value) in values.iter().enumerate() {
            total = if first && at == 0 {
                *value
            } else if *value < before {
                total + value
            } else {
                total + (value - before)
            };
            before = *value;
        }
        total
    })
}

fn min(column: &Column, resolution: i64) -> Column {
    fold(column, resolution, |values, _| {
        values.iter().fold(f64::MAX, |min, value| if *value < min { *value } else { min })
    })
}

fn max(column: &Column, resolution: i64) -> Column {
    fold(column, resolution, |values, _| {
        values.iter().fold(f64::MIN, |max, value| if *value > max { *value } else { max })
    })
}

impl Aggregator for Simple {
    fn wants_labels(&self) -> bool {
        false
    }

    fn raw(&mut self, resolution: i64, _: &[Labels], rows: &Column) -> Result<Aggregates, PolicyError> {
        Ok(Aggregates {
            count: fold(rows, resolution, |values, _| values.len() as f64),
            sum: fold(rows, resolution, |values, _| sum(values)),
            min: min(rows, resolution),
            max: max(rows, resolution),
            counter: counter(rows, resolution),
        })
    }

    fn aggregates(&mut self, resolution: i64, _: &[Labels], rows: &Aggregates) -> Result<Aggregates, PolicyError> {
        Ok(Aggregates {
            count: fold(&rows.count, resolution, |values, _| sum(values)),
            sum: fold(&rows.sum, resolution, |values, _| sum(values)),
            min: min(&rows.min, resolution),
            max: max(&rows.max, resolution),
            counter: counter(&rows.counter, resolution),
        })
    }

    fn raw_histograms(
        &mut self,
        _: i64,
        _: &[Labels],
        _: &HistogramColumn,
    ) -> Result<HistogramAggregates, PolicyError> {
        unreachable!()
    }

    fn histogram_aggregates(
        &mut self,
        _: i64,
        _: &[Labels],
        _: &HistogramAggregates,
    ) -> Result<HistogramAggregates, PolicyError> {
        unreachable!()
    }
}

fn data(case: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/bytes").join(case)
}

fn meta(directory: &Path) -> Meta {
    Meta::from_json(&fs::read(directory.join("meta.json")).unwrap()).unwrap()
}

fn coarser(from: &Path, to_ms: i64) -> (Merged, Memory) {
    let meta = meta(from);
    let source = Source::local(from, meta.id, meta.range).unwrap();
    let (cancel, progress) = (AtomicBool::new(false), Progress::default());
    let options = Options {
        segment_bytes: 0,
        accept_malformed: false,
        deduplication: Deduplication::OneToOne,
        cancel: &cancel,
        progress: &progress,
    };
    let aggregators = (0..2).map(|_| Box::new(Simple) as Box<dyn Aggregator>).collect();
    let mut memory = Memory::default();
    let how = Downsampling { from_ms: meta.thanos.resolution, to_ms, aggregators };
    let merged = downsample(&source, meta.range, how, &mut memory, &options).unwrap();
    (merged, memory)
}

fn check(from: &Path, to: &Path) {
    let want = meta(to);
    let (merged, memory) = coarser(from, want.thanos.resolution);
    let files = memory.files();
    assert_eq!(files.len(), 1 + want.thanos.segment_files.len());
    for (file, size) in &merged.files {
        let got = files.get(file).unwrap();
        assert_eq!(*size, got.len() as u64);
        assert!(*got == fs::read(to.join(file.to_string())).unwrap(), "{} {file} differs", to.display());
    }
}

#[test]
fn raw_floats_become_five_minutes() {
    let case = data("downsample-floats");
    check(&case.join("in/01JNCMTT00RF5DQBRT3AQFE4KP"), &case.join("out/01M809SN6GPZH4AZ4Z2D0CT5NM"));
}

#[test]
fn five_minutes_become_an_hour() {
    let out = data("fortnight").join("out");
    check(&out.join("01M809SWPKE1GXXVTZCQF01RBH"), &out.join("01M809SWQSPR5MMRAFY2XRTW8Q"));
    check(&out.join("01M809SWQSPR5MMRAFY2XRTW8Q"), &out.join("01M809SWT0PEH0VNRRJ96F5BEV"));
}
