//! A bucket with blocks, and a run over it whose clock stands still.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use lithify_block::{
    BlockFacts, BlockId, Group, Labels, Meta, Overlaps, Rfc3339, TimeRange, Timestamp,
    columns::{Aggregates, Column, HistogramAggregates, HistogramColumn},
    policy::{self, Aggregator, Assignment, Downsampler, Grouper, Plan, PlannedJob, Planner, PolicyError},
};
use lithify_compactor::{
    Ambient, Author, Broken, Config, Context, Engine, Iteration, Last, Memory, Metrics, Moment, Partials, Policies,
    Progress, ReplicaLabels, Severity, Spent, Stop, TimePartition, iterate,
};
use lithify_tsdb::{BlockWriter, Deduplication, Memory as Files, NewChunk, chunk::XorAppender};
use prometheus::Registry;

use lithify_kit::memory::Store;

pub(crate) const HOUR: i64 = 3_600_000;

/// A block to be put into a bucket.
#[derive(Clone, Debug)]
pub(crate) struct Block {
    pub(crate) number: u128,
    pub(crate) hours: (i64, i64),
    pub(crate) labels: Vec<(&'static str, &'static str)>,
    pub(crate) resolution: i64,
    /// Names of its series, each with a sample every 20 minutes.
    pub(crate) series: Vec<&'static str>,
    /// Whether there is a chunk that begins where the block ends.
    pub(crate) issue_347: bool,
    /// What meta.json claims besides what there is.
    pub(crate) claimed_samples: u64,
}

/// A block of these hours with two series.
pub(crate) fn block(number: u128, from: i64, until: i64) -> Block {
    Block {
        number,
        hours: (from, until),
        labels: vec![("cluster", "eu1")],
        resolution: 0,
        series: vec!["a", "b"],
        issue_347: false,
        claimed_samples: 0,
    }
}

pub(crate) fn id(number: u128) -> BlockId {
    BlockId::from_parts(Timestamp(0), number)
}

impl Block {
    pub(crate) fn put(&self, store: &Store) {
        let mut files = Files::default();
        let mut symbols: Vec<&str> = self.series.clone();
        symbols.extend(["", "__name__"]);
        symbols.sort_unstable();
        symbols.dedup();
        let mut writer = BlockWriter::new(&mut files, symbols, 0).unwrap();
        for name in &self.series {
            let (from, until) = (self.hours.0 * HOUR, self.hours.1 * HOUR);
            let mut chunks = vec![chunk(from, until)];
            if self.issue_347 {
                chunks.push(chunk(until, until + HOUR));
            }
            let chunks: Vec<_> =
                chunks.iter().map(|(min, max, data)| NewChunk { min: *min, max: *max, encoding: 1, data }).collect();
            writer.series(&[("__name__", name)], &chunks).unwrap();
        }
        let made = writer.finish().unwrap();
        let id = id(self.number);
        for (file, content) in files.files() {
            store.put(&format!("{id}/{file}"), content);
        }
        let mut meta = Meta::from_json(b"{\"version\":1,\"compaction\":{\"level\":1}}").unwrap();
        meta.id = id;
        meta.range = TimeRange::new(self.hours.0 * HOUR, self.hours.1 * HOUR);
        meta.stats = made.stats;
        meta.stats.num_samples += self.claimed_samples;
        meta.compaction.sources = vec![id];
        meta.thanos.labels = self.labels.iter().copied().collect();
        meta.thanos.resolution = self.resolution;
        meta.thanos.source = "sidecar".to_owned();
        store.put(&format!("{id}/meta.json"), meta.to_json());
    }
}

/// First and last time and data of a chunk with a sample every 20 minutes; its end is not inside.
fn chunk(from: i64, until: i64) -> (i64, i64, Vec<u8>) {
    let mut appender = XorAppender::new();
    let step = HOUR / 3;
    let times: Vec<i64> = (0..).map(|n| from + n * step).take_while(|time| *time < until).collect();
    for time in &times {
        appender.append(*time, 1f64.to_bits()).unwrap();
    }
    (from, *times.last().unwrap(), appender.finish())
}

/// A clock that stands still, and ids that count on from run to run.
struct Frozen;

static BLOCKS_MADE: AtomicU64 = AtomicU64::new(1 << 40);

impl Ambient for Frozen {
    fn now(&self) -> Rfc3339 {
        Rfc3339 { seconds: 1_000_000_000, nanos: 0 }
    }

    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }

    fn random(&self) -> u128 {
        u128::from(BLOCKS_MADE.fetch_add(1, Ordering::Relaxed))
    }
}

/// Groups by labels and resolution.
struct ByLabels;

impl Grouper for ByLabels {
    fn group(&self, _: &policy::Context, blocks: &[BlockFacts]) -> Result<Vec<Assignment>, PolicyError> {
        let assign = |(block, facts): (usize, &BlockFacts)| Assignment {
            block,
            key: format!("{}@{}", facts.meta.thanos.resolution, facts.meta.thanos.labels),
            labels: facts.meta.thanos.labels.clone(),
        };
        Ok(blocks.iter().enumerate().map(assign).collect())
    }
}

/// Plans all blocks of a group that are short and not marked no-compact.
struct Everything;

impl Planner for Everything {
    fn plan(&self, _: &policy::Context, group: &Group, _: &[i64]) -> Result<Plan, PolicyError> {
        let may = |position: &usize| {
            let block = &group.blocks[*position];
            block.no_compact.is_none() && block.meta.range.length_ms() < 40 * HOUR
        };
        let blocks: Vec<usize> = (0..group.blocks.len()).filter(may).collect();
        let jobs = if blocks.len() < 2 { vec![] } else { vec![PlannedJob { blocks, reason: "all".to_owned() }] };
        Ok(Plan { jobs, ..Plan::default() })
    }
}

/// One window a run, at its last sample.
struct OneWindow;

impl Downsampler for OneWindow {
    fn begin(&self, _: &policy::Context, _: BlockId) -> Result<Box<dyn Aggregator>, PolicyError> {
        Ok(Box::new(OneWindow))
    }
}

impl OneWindow {
    fn last_rows(rows: &Column) -> Column {
        let mut last = Column { offsets: vec![0], ..Column::default() };
        for ends in rows.offsets.windows(2).filter(|ends| ends[0] < ends[1]) {
            let row = usize::try_from(ends[1]).unwrap() - 1;
            last.timestamps.push(rows.timestamps[row]);
            last.values.push(rows.values[row]);
            last.offsets.push(last.offsets[last.offsets.len() - 1] + 1);
        }
        last
    }
}

impl Aggregator for OneWindow {
    fn wants_labels(&self) -> bool {
        false
    }

    fn raw(&mut self, _: i64, _: &[Labels], rows: &Column) -> Result<Aggregates, PolicyError> {
        let last = || Self::last_rows(rows);
        Ok(Aggregates { count: last(), sum: last(), min: last(), max: last(), counter: last() })
    }

    fn aggregates(&mut self, _: i64, _: &[Labels], rows: &Aggregates) -> Result<Aggregates, PolicyError> {
        self.raw(0, &[], &rows.count)
    }

    fn raw_histograms(
        &mut self,
        _: i64,
        _: &[Labels],
        _: &HistogramColumn,
    ) -> Result<HistogramAggregates, PolicyError> {
        unreachable!("no test has histograms")
    }

    fn histogram_aggregates(
        &mut self,
        _: i64,
        _: &[Labels],
        _: &HistogramAggregates,
    ) -> Result<HistogramAggregates, PolicyError> {
        unreachable!("no test has histograms")
    }
}

/// Settings as the flags have them by default, but for downsampling, which is off.
pub(crate) fn config() -> Config {
    Config {
        data_dir: std::path::PathBuf::new(),
        consistency_delay_ms: 0,
        delete_delay_ms: 48 * HOUR,
        time_partition: TimePartition { from: Moment::At(Timestamp(i64::MIN)), to: Moment::At(Timestamp(i64::MAX)) },
        ranges: vec![HOUR, 2 * HOUR],
        concurrency: 1,
        meta_fetch_concurrency: 4,
        sync_deadline: None,
        isolate_failures: false,
        memory_budget_bytes: 1 << 30,
        replica_labels: ReplicaLabels::default(),
        overlaps: Overlaps::Refuse,
        deduplication: Deduplication::OneToOne,
        accept_malformed_index: false,
        skip_out_of_order_chunks: false,
        hash_files: false,
        downsampling: false,
        downsample_concurrency: 1,
        downsample_threads: 2,
    }
}

/// A run over `store`.
pub(crate) fn context(store: &Store, config: Config) -> Context {
    Context {
        memory: Arc::new(Memory::new(config.memory_budget_bytes)),
        config: Arc::new(config),
        bucket: Arc::new(store.clone()),
        meta_cache: None,
        last: Last::default(),
        views: None,
        partials: Partials::default(),
        policies: Policies {
            selector: None,
            grouper: Arc::new(ByLabels),
            planner: Arc::new(Everything),
            planned_by: Author::program("test"),
            downsampler: Arc::new(OneWindow),
            retention: Vec::new(),
        },
        maker: Arc::new(Engine),
        spent: Spent::default(),
        broken: Broken::default(),
        ambient: Arc::new(Frozen),
        metrics: Metrics::register(&Registry::new()).unwrap(),
        progress: Arc::new(Progress::default()),
        stop: Stop::default(),
        run_id: "test".to_owned(),
        dry_run: false,
    }
}

/// All metas of `store` by id.
pub(crate) fn metas(store: &Store) -> BTreeMap<BlockId, Meta> {
    let objects = store.objects();
    let metas = objects.iter().filter_map(|(name, text)| Some((name.strip_suffix("/meta.json")?, text)));
    metas.map(|(id, text)| (id.parse().unwrap(), Meta::from_json(text).unwrap())).collect()
}

/// The details of the deletion mark on block `id`.
pub(crate) fn deletion(store: &Store, id: BlockId) -> Option<String> {
    let text = store.text(&format!("{id}/deletion-mark.json"))?;
    Some(lithify_block::DeletionMark::from_json(text.as_bytes()).unwrap().details)
}

pub(crate) fn bucket(blocks: &[Block]) -> Store {
    let store = Store::default();
    for block in blocks {
        block.put(&store);
    }
    store
}

/// An iteration over `store`.
pub(crate) async fn run(store: &Store, config: Config) -> Iteration {
    iterate(&context(store, config)).await
}

/// The worst of what went wrong, with its text.
pub(crate) fn worst(iteration: &Iteration) -> Option<(Severity, String)> {
    iteration.failures.iter().map(|failure| (failure.severity(), failure.chain())).max()
}

/// Every block that has a meta.json has the files that it names.
pub(crate) fn assert_complete(store: &Store) {
    for (id, meta) in metas(store) {
        let missing = |path: &str| store.text(&format!("{id}/{path}")).is_none();
        let missing = meta.thanos.files.iter().find(|file| missing(&file.rel_path));
        assert_eq!(missing, None, "block {id} is not complete");
    }
}
