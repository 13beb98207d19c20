//! Small blocks in a directory, and the samples that are found there.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use lithify_block::{BlockId, TimeRange, Timestamp};
use lithify_kit::slow::{self, Chunk, Labels};
use lithify_tsdb::{
    Blob, Source,
    chunk::{Encoding, Samples, XorAppender},
};
use serde_json::{Value, json};

use crate::program::files;

pub(crate) const HOUR: i64 = 3_600_000;

/// A sample: whose, of which series, when in milliseconds, what.
pub(crate) type Found = (String, Labels, i64, String);

/// A block of two hours, as a sidecar makes it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Block<'a> {
    /// Tells blocks of one time apart.
    pub(crate) number: u128,
    /// When it begins.
    pub(crate) hour: i64,
    /// Its external labels, `tenant` among them.
    pub(crate) labels: &'a [(&'a str, &'a str)],
    /// Names of its series by their bytes, each with a sample every 20 minutes.
    pub(crate) series: &'a [&'a str],
}

impl Block<'_> {
    /// Its id carries the time at which it ends.
    pub(crate) fn id(&self) -> BlockId {
        BlockId::from_parts(Timestamp((self.hour + 2) * HOUR), self.number)
    }

    /// Writes it below `bucket`.
    pub(crate) fn put(&self, bucket: &Path) -> BlockId {
        let id = self.id();
        let series: Vec<(Labels, Vec<Chunk>)> = self.series.iter().map(|name| (labels(name), self.chunks())).collect();
        let symbols: BTreeSet<Vec<u8>> =
            self.series.iter().chain(&["", "__name__"]).map(|symbol| symbol.as_bytes().to_vec()).collect();
        let directory = bucket.join(id.to_string());
        fs::create_dir_all(directory.join("chunks")).unwrap();
        for (file, content) in slow::files(symbols, &series, 0).unwrap() {
            fs::write(directory.join(file.to_string()), content).unwrap();
        }
        let external: BTreeMap<&str, &str> = self.labels.iter().copied().collect();
        let count = self.series.len();
        let meta = json!({
            "ulid": id.to_string(), "minTime": self.hour * HOUR, "maxTime": (self.hour + 2) * HOUR, "version": 1,
            "stats": {"numSamples": 6 * count, "numSeries": count, "numChunks": 2 * count},
            "compaction": {"level": 1, "sources": [id.to_string()]},
            "thanos": {"labels": external, "downsample": {"resolution": 0}, "source": "sidecar"},
        });
        fs::write(directory.join("meta.json"), meta.to_string()).unwrap();
        id
    }

    /// What is found of it.
    pub(crate) fn samples(&self) -> Vec<Found> {
        let sample = |(name, (time, value)): (&&str, (i64, f64))| {
            let value = lithify_tsdb::chunk::Sample::Float(value.to_bits());
            (self.tenant().to_owned(), labels(name), time, format!("{value:?}"))
        };
        self.series.iter().flat_map(|name| self.values().map(move |value| (name, value))).map(sample).collect()
    }

    fn tenant(&self) -> &str {
        self.labels.iter().find(|(name, _)| *name == "tenant").unwrap().1
    }

    /// Times and values, which the tenant and the time decide.
    fn values(&self) -> impl Iterator<Item = (i64, f64)> {
        let of_tenant: u32 = self.tenant().bytes().map(u32::from).sum();
        let of_hour = u32::try_from(self.hour % 1000).unwrap();
        (0..6u32).map(move |n| (self.hour * HOUR + i64::from(n) * HOUR / 3, f64::from(of_hour + n * of_tenant) + 0.5))
    }

    /// The chunks of any of its series, two of three samples each.
    pub(crate) fn chunks(&self) -> Vec<Chunk> {
        let values: Vec<_> = self.values().collect();
        let chunk = |values: &[(i64, f64)]| {
            let mut appender = XorAppender::new();
            values.iter().for_each(|(time, value)| appender.append(*time, value.to_bits()).unwrap());
            Chunk { min: values[0].0, max: values[values.len() - 1].0, encoding: 1, data: appender.finish() }
        };
        values.chunks(3).map(chunk).collect()
    }
}

fn labels(name: &str) -> Labels {
    vec![(b"__name__".to_vec(), name.as_bytes().to_vec())]
}

/// All raw samples of unmarked blocks but these, sorted.
pub(crate) fn samples(bucket: &Path, but: &BTreeSet<String>) -> Vec<Found> {
    let objects = files(bucket);
    let mut found = Vec::new();
    for id in objects.keys().filter_map(|name| name.strip_suffix("/meta.json")) {
        let meta: Value = serde_json::from_slice(&objects[&format!("{id}/meta.json")]).unwrap();
        let is_raw = meta["thanos"]["downsample"]["resolution"] == 0;
        if !is_raw || but.contains(id) || objects.contains_key(&format!("{id}/deletion-mark.json")) {
            continue;
        }
        let tenant = meta["thanos"]["labels"]["tenant"].as_str().unwrap();
        for (labels, chunks) in slow::read(&source(id, &meta, &objects)).unwrap() {
            for chunk in chunks {
                for sample in Samples::new(Encoding::try_from(chunk.encoding).unwrap(), &chunk.data).unwrap() {
                    let (time, value) = sample.unwrap();
                    found.push((tenant.to_owned(), labels.clone(), time, format!("{value:?}")));
                }
            }
        }
    }
    found.sort();
    found
}

fn source(id: &str, meta: &Value, objects: &BTreeMap<String, Vec<u8>>) -> Source {
    let blob = |path: &str| Box::new(bytes::Bytes::from(objects[&format!("{id}/{path}")].clone())) as Box<dyn Blob>;
    let range = TimeRange::new(meta["minTime"].as_i64().unwrap(), meta["maxTime"].as_i64().unwrap());
    Source {
        id: id.parse().unwrap(),
        range,
        index: blob("index"),
        segments: vec![("000001".to_owned(), blob("chunks/000001"))],
        tombstones: None,
    }
}
