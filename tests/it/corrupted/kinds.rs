//! Every way in which a block is corrupted: those of the reference's `broken-*` cases, and some more.

use std::{fs, path::Path};

use lithify_block::{BlockId, Timestamp};
use lithify_kit::slow::Chunk;
use lithify_tsdb::chunk::{Encoding, Sample, Samples, XorAppender};
use serde_json::{Value, json};

use super::raw::{Content, rewrite};
use crate::blocks::{Block, HOUR};

/// What a block is corrupted by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kind {
    /// As in the name of the `broken-*` case.
    pub(crate) name: &'static str,
    /// By which reason it is counted; `None` if it is coped with, so that nothing is left out.
    pub(crate) reason: Option<&'static str>,
    /// Corrupts the block in this directory.
    pub(crate) corrupt: fn(&Path),
}

const fn left_out(name: &'static str, reason: &'static str, corrupt: fn(&Path)) -> Kind {
    Kind { name, reason: Some(reason), corrupt }
}

const fn coped(name: &'static str, corrupt: fn(&Path)) -> Kind {
    Kind { name, reason: None, corrupt }
}

/// All of them.
pub(crate) const KINDS: &[Kind] = &[
    left_out("missing-index", "missing-object", |block| fs::remove_file(block.join("index")).unwrap()),
    left_out("empty-index", "index", |block| fs::write(block.join("index"), b"").unwrap()),
    left_out("truncated-index", "index", |block| cut(&block.join("index"), 100)),
    left_out("index-bad-magic", "index", |block| flip(&block.join("index"), 0)),
    left_out("index-toc-crc", "index", |block| flip_from_end(&block.join("index"), 10)),
    left_out("missing-segment", "chunks", |block| fs::remove_file(block.join("chunks/000001")).unwrap()),
    left_out("chunk-truncated", "chunks", |block| cut(&block.join("chunks/000001"), 3)),
    left_out("chunk-bad-magic", "chunks", |block| flip(&block.join("chunks/000001"), 0)),
    left_out("chunk-crc", "chunks", |block| flip_from_end(&block.join("chunks/000001"), 1)),
    left_out("meta-range", "outside-range", |block| {
        change_meta(block, |meta| meta["maxTime"] = json!(meta["maxTime"].as_i64().unwrap() - HOUR / 2))
    }),
    left_out("meta-version", "unsupported-version", |block| change_meta(block, |meta| meta["version"] = json!(20))),
    left_out("meta-other-ulid", "misnamed", |block| {
        change_meta(block, |meta| meta["ulid"] = json!(BlockId::from_parts(Timestamp(9), 9).to_string()))
    }),
    left_out("index-series-crc", "index", |block| flip(&block.join("index"), series_at(block) + 4)),
    left_out("chunk-encoding", "chunks", |block| rewrite(block, |series| chunk(series, 1).encoding = 77)),
    left_out("series-without-chunks", "index", |block| rewrite(block, |series| series[1].1.clear())),
    left_out("chunk-outside-before", "outside-range", |block| rewrite(block, |series| chunk(series, 0).min -= 1)),
    left_out("chunk-outside-after", "outside-range", |block| {
        let end = next(block)[0].min;
        rewrite(block, |series| chunk(series, 1).max = end + 1);
    }),
    left_out("chunk-completely-outside", "outside-range", |block| {
        let outside = next(block).remove(1);
        rewrite(block, |series| series[0].1.push(outside));
    }),
    left_out("out-of-order-chunks", "out-of-order-chunks", |block| rewrite(block, |series| series[1].1.swap(0, 1))),
    left_out("overlapping-chunks", "out-of-order-chunks", |block| {
        rewrite(block, |series| chunk(series, 1).min -= HOUR / 2)
    }),
    left_out("out-of-order-labels", "out-of-order-labels", |block| {
        rewrite(block, |series| series.last_mut().unwrap().0.insert(0, (b"z".to_vec(), b"z".to_vec())))
    }),
    left_out("duplicate-chunks", "chunks", |block| {
        rewrite(block, |series| {
            // Of a series that no other block has.
            series[1].0[0].1 = b"own".to_vec();
            twice(series, 1);
        })
    }),
    coped("duplicate-chunks-shared", |block| rewrite(block, |series| twice(series, 1))),
    coped("duplicate-label", |block| {
        let label = |value: &[u8]| (b"job".to_vec(), value.to_vec());
        rewrite(block, |series| series[1].0.extend([label(b"x"), label(b"y")]));
    }),
    coped("index-times-differ", |block| rewrite(block, |series| chunk(series, 0).max -= 1)),
    coped("chunk-ends-at-block-end", |block| {
        let first = samples(&next(block)[0])[0];
        rewrite(block, |series| {
            let last = chunk(series, 1);
            *last = encode(&[samples(last), vec![first]].concat());
        });
    }),
    coped("issue-347-one-sample", |block| {
        let first = samples(&next(block)[0])[0];
        rewrite(block, |series| series[0].1.push(encode(&[first])));
    }),
    coped("issue-347", |block| {
        let outside = next(block).remove(0);
        rewrite(block, |series| series.iter_mut().for_each(|(_, chunks)| chunks.push(outside.clone())));
    }),
];

fn cut(path: &Path, bytes: usize) {
    let content = fs::read(path).unwrap();
    fs::write(path, &content[..content.len() - bytes]).unwrap();
}

fn flip(path: &Path, at: usize) {
    let mut content = fs::read(path).unwrap();
    content[at] ^= 0xff;
    fs::write(path, content).unwrap();
}

fn flip_from_end(path: &Path, back: usize) {
    flip(path, fs::read(path).unwrap().len() - back);
}

/// Where the first series of its index begins, by the table of contents.
fn series_at(block: &Path) -> usize {
    let index = fs::read(block.join("index")).unwrap();
    let place = u64::from_be_bytes(*index[index.len() - 52 + 8..].first_chunk().unwrap());
    usize::try_from(place).unwrap().next_multiple_of(16)
}

fn change_meta(block: &Path, change: impl FnOnce(&mut Value)) {
    let mut meta = meta(block);
    change(&mut meta);
    fs::write(block.join("meta.json"), meta.to_string()).unwrap();
}

fn meta(block: &Path) -> Value {
    serde_json::from_slice(&fs::read(block.join("meta.json")).unwrap()).unwrap()
}

/// The chunks of any series of the block after this one.
fn next(block: &Path) -> Vec<Chunk> {
    let meta = meta(block);
    let (hour, tenant) = (meta["maxTime"].as_i64().unwrap() / HOUR, meta["thanos"]["labels"]["tenant"].as_str());
    Block { number: 0, hour, labels: &[("tenant", tenant.unwrap())], series: &[] }.chunks()
}

/// This chunk of the second series.
fn chunk(series: &mut Content, number: usize) -> &mut Chunk {
    &mut series[1].1[number]
}

/// The first chunk of this series twice.
fn twice(series: &mut Content, number: usize) {
    let chunks = &mut series[number].1;
    chunks.insert(0, chunks[0].clone());
}

fn samples(chunk: &Chunk) -> Vec<(i64, u64)> {
    let samples = Samples::new(Encoding::Xor, &chunk.data).unwrap().map(Result::unwrap);
    let float = |(time, sample)| match sample {
        Sample::Float(bits) => (time, bits),
        Sample::Histogram(_) | Sample::FloatHistogram(_) => panic!("{time}: a histogram in an XOR chunk"),
    };
    samples.map(float).collect()
}

fn encode(samples: &[(i64, u64)]) -> Chunk {
    let mut appender = XorAppender::new();
    samples.iter().for_each(|&(time, bits)| appender.append(time, bits).unwrap());
    Chunk { min: samples[0].0, max: samples[samples.len() - 1].0, encoding: 1, data: appender.finish() }
}
