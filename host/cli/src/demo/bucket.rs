//! Real blocks for the demo: what sidecars of two clusters would have uploaded, made from a seed.

use std::{fs, io, path::Path, sync::Arc};

use lithify_block::{BlockId, File, Labels, Meta, Rfc3339, TimeRange, Timestamp};
use lithify_tsdb::{
    BlockWriter, Directory, Merged, NewChunk,
    chunk::{Appended, HistogramAppender, IntegerHistogram, Layout, Span, XorAppender},
};

use super::noise::Noise;

/// What to make.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Series in each block.
    pub series: usize,
    /// Same seed, same samples.
    pub seed: u64,
    /// The newest block ends before this time.
    pub now: Timestamp,
}

/// What was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Made {
    /// Blocks.
    pub blocks: u64,
    /// Samples in them.
    pub samples: u64,
    /// Bytes of their index and chunk files.
    pub bytes: u64,
}

const HOUR_MS: i64 = 3_600_000;
const BLOCK_MS: i64 = 2 * HOUR_MS;
const WINDOW_MS: i64 = 48 * HOUR_MS;
const SCRAPE_MS: i64 = 15_000;

/// Samples in a chunk, as Prometheus' head cuts them.
const CHUNK_SAMPLES: i64 = 120;

/// What a chunk covers, milliseconds.
const CHUNK_MS: i64 = CHUNK_SAMPLES * SCRAPE_MS;

/// Every eighth series is a native histogram.
const HISTOGRAM_EVERY: usize = 8;

/// Writes two streams of two-hour blocks into the directory `bucket`: `eu1` fills a window of two days and goes on for
/// six hours, `us1` lasts ten hours and lacks one block.
///
/// # Errors
/// Whatever the file system says, or the engine.
pub fn write(bucket: &Path, shape: &Shape) -> io::Result<Made> {
    let end_ms = shape.now.0 - 3 * HOUR_MS;
    let window = (end_ms - 6 * HOUR_MS).div_euclid(WINDOW_MS) * WINDOW_MS - WINDOW_MS;
    let mut made = Made::default();
    for (cluster, starts) in [("eu1", blocks_from(window, 27, None)), ("us1", blocks_from(window, 6, Some(2)))] {
        for (number, start) in starts {
            let block = write_block(bucket, shape, cluster, (number, start))?;
            made = Made {
                blocks: made.blocks + 1,
                samples: made.samples + block.stats.num_samples,
                bytes: made.bytes + block.files.iter().map(|(_, size)| size).sum::<u64>(),
            };
        }
    }
    Ok(made)
}

/// Numbers and starts of `count` blocks side by side, without number `hole`.
fn blocks_from(start: i64, count: i64, hole: Option<i64>) -> impl Iterator<Item = (i64, i64)> {
    (0..count).filter(move |number| Some(*number) != hole).map(move |number| (number, start + number * BLOCK_MS))
}

fn write_block(bucket: &Path, shape: &Shape, cluster: &str, (number, start): (i64, i64)) -> io::Result<Merged> {
    let series = label_sets(shape.series);
    let mut noise = Noise::new(shape.seed ^ start.cast_unsigned() ^ cluster.bytes().map(u64::from).sum::<u64>());
    let id = BlockId::from_parts(Timestamp(start + BLOCK_MS), u128::from(noise.bits()) << 8);
    let directory = bucket.join(id.to_string());
    let mut symbols: Vec<&str> = series.iter().flatten().flat_map(|(name, value)| [*name, value.as_str()]).collect();
    symbols.push("");
    symbols.sort_unstable();
    symbols.dedup();
    let mut output = Directory::new(directory.clone());
    let mut writer = BlockWriter::new(&mut output, symbols, 0).map_err(io::Error::other)?;
    for (position, labels) in series.iter().enumerate() {
        let chunks: Vec<_> =
            (0..BLOCK_MS / CHUNK_MS).map(|n| chunk(position, number, start + n * CHUNK_MS, &mut noise)).collect();
        let chunks: Vec<_> = chunks
            .iter()
            .map(|(min, max, encoding, data)| NewChunk { min: *min, max: *max, encoding: *encoding, data })
            .collect();
        writer.series(labels, &chunks).map_err(io::Error::other)?;
    }
    let merged = writer.finish().map_err(io::Error::other)?;
    fs::write(directory.join("meta.json"), meta(id, cluster, start, &merged).to_json())?;
    Ok(merged)
}

/// First and last time, encoding and data of one chunk of the series at `position`.
fn chunk(position: usize, block: i64, from: i64, noise: &mut Noise) -> (i64, i64, u8, Vec<u8>) {
    let times: Vec<i64> = (0..CHUNK_SAMPLES).map(|n| from + n * SCRAPE_MS + noise.below(8)).collect();
    let (min, max) = (times[0], times[times.len() - 1]);
    if position.is_multiple_of(HISTOGRAM_EVERY) {
        return (min, max, 2, histograms(&times, block, noise));
    }
    let counts = !position.is_multiple_of(3);
    let mut value = if counts { f64::from(u32::try_from(block * 100_000).unwrap_or(0)) } else { 1e9 };
    let mut appender = XorAppender::new();
    for time in times {
        let step = noise.below(if counts { 16 } else { 4096 });
        value += f64::from(i32::try_from(step).unwrap_or(0) - if counts { 0 } else { 2048 });
        appender.append(time, value.to_bits()).expect("a chunk holds more than 120 samples");
    }
    (min, max, 1, appender.finish())
}

/// Latencies as a native histogram whose counts only grow.
fn histograms(times: &[i64], block: i64, noise: &mut Noise) -> Vec<u8> {
    let spans = vec![Span { offset: -8, length: 6 }, Span { offset: 2, length: 4 }];
    let layout = Arc::new(Layout { schema: 3, zero_threshold: 2f64.powi(-128), positive: spans, ..Layout::default() });
    let base = block.unsigned_abs() * 10_000;
    let mut counts = [base; 10];
    let mut appender = HistogramAppender::new();
    for time in times {
        counts.iter_mut().for_each(|count| *count += noise.below(12).unsigned_abs());
        let mut before = 0;
        let positive = counts.iter().map(|count| {
            let delta = count.cast_signed() - before;
            before = count.cast_signed();
            delta
        });
        let total = counts.iter().sum::<u64>();
        let mut histogram = IntegerHistogram {
            layout: Arc::clone(&layout),
            count: total,
            sum: f64::from(u32::try_from(total).unwrap_or(u32::MAX)) * 0.042,
            positive: positive.collect(),
            ..IntegerHistogram::default()
        };
        let appended = appender.append(*time, &mut histogram);
        debug_assert!(matches!(appended, Ok(Appended::Here)), "counts grow and the layout stays");
    }
    appender.finish()
}

/// Label sets in the order of an index, pairs sorted by name.
fn label_sets(count: usize) -> Vec<Vec<(&'static str, String)>> {
    const METRICS: [&str; 6] = [
        "http_request_duration_seconds",
        "http_requests_total",
        "go_goroutines",
        "process_resident_memory_bytes",
        "node_cpu_seconds_total",
        "up",
    ];
    let mut sets: Vec<Vec<(&'static str, String)>> = (0..count)
        .map(|n| {
            let (metric, target) = (n % METRICS.len(), n / METRICS.len());
            vec![
                ("__name__", METRICS[metric].to_owned()),
                ("instance", format!("10.0.{}.{}:9090", target / 250, target % 250)),
                ("job", ["api", "db", "node"][target % 3].to_owned()),
                ("namespace", format!("team-{}", target % 12)),
            ]
        })
        .collect();
    sets.sort_unstable();
    sets
}

fn meta(id: BlockId, cluster: &str, start: i64, merged: &Merged) -> Meta {
    let mut meta = Meta::from_json(b"{\"version\":1,\"compaction\":{\"level\":1}}").expect("a constant that decodes");
    meta.id = id;
    meta.range = TimeRange::new(start, start + BLOCK_MS);
    meta.stats = merged.stats;
    meta.compaction.sources = vec![id];
    meta.thanos.labels = [("cluster", cluster)].into_iter().collect::<Labels>();
    meta.thanos.source = "sidecar".to_owned();
    meta.thanos.index_stats = merged.index_stats;
    meta.thanos.upload_time = Rfc3339::from(Timestamp(start + BLOCK_MS));
    meta.thanos.files = merged
        .files
        .iter()
        .map(|(file, size)| File { rel_path: file.to_string(), size_bytes: size.cast_signed(), hash: None })
        .chain([File { rel_path: "meta.json".to_owned(), ..File::default() }])
        .collect();
    meta
}
