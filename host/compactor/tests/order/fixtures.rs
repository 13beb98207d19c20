//! A run over a bucket in memory: a clock that stands still, policies that do as they are told.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use lithify_block::{
    BlockFacts, BlockId, Compaction, Group, Labels, Meta, Overlaps, Rfc3339, Stats, Thanos, TimeRange, Timestamp,
    policy::{
        Aggregator, Assignment, Context as Question, Downsampler, Grouper, Outcome, Plan, PlannedJob, Planner,
        PolicyError,
    },
};
use lithify_compactor::{
    Ambient, Author, COMPACTION_RANGES, Config, Context, Engine, Last, Memory, Metrics, Moment, Partials, Policies,
    Progress, ReplicaLabels, Spent, Stop, TimePartition,
};
use lithify_tsdb::Deduplication;
use prometheus::Registry;

use lithify_kit::memory::Store;

pub(crate) const HOUR: i64 = 3_600_000;

/// The present of every test: 2025-03-10T00:00:00Z.
pub(crate) const NOW: Timestamp = Timestamp(1_741_564_800_000);

/// A clock that stands still until it is set, and counts up the blocks that it names.
#[derive(Default)]
pub(crate) struct Frozen {
    now: AtomicI64,
    made: AtomicU64,
}

impl Frozen {
    pub(crate) fn set(&self, now: Timestamp) {
        self.now.store(now.0, Ordering::Relaxed);
    }
}

impl Frozen {
    /// Leaves out so many ids: two processes never make the same.
    pub(crate) fn skip_ids(&self, count: usize) {
        self.made.fetch_add(count as u64, Ordering::Relaxed);
    }
}

impl Ambient for Frozen {
    fn now(&self) -> Rfc3339 {
        Timestamp(self.now.load(Ordering::Relaxed)).into()
    }

    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }

    fn random(&self) -> u128 {
        u128::from(self.made.fetch_add(1, Ordering::Relaxed))
    }
}

/// Groups by labels and resolution.
struct ByLabels;

impl Grouper for ByLabels {
    fn group(&self, _: &Question, blocks: &[BlockFacts]) -> Result<Vec<Assignment>, PolicyError> {
        let assign = |(block, facts): (usize, &BlockFacts)| Assignment {
            block,
            key: format!("{}@{}", facts.meta.thanos.resolution, facts.meta.thanos.labels),
            labels: facts.meta.thanos.labels.clone(),
        };
        Ok(blocks.iter().enumerate().map(assign).collect())
    }
}

/// Plans blocks that share time, and otherwise nothing; fails on a group of the label `fails`.
struct Overlapping;

impl Planner for Overlapping {
    fn plan(&self, _: &Question, group: &Group, _: &[i64]) -> Result<Plan, PolicyError> {
        if group.labels.get("fails").is_some() {
            return Err(failed("planner"));
        }
        let jobs = group.overlap().map(|_| PlannedJob { blocks: vec![0, 1], reason: "overlap".to_owned() });
        Ok(Plan { jobs: jobs.into_iter().collect(), ..Plan::default() })
    }
}

struct Never;

impl Downsampler for Never {
    fn begin(&self, _: &Question, _: BlockId) -> Result<Box<dyn Aggregator>, PolicyError> {
        Err(failed("downsampler"))
    }
}

pub(crate) fn failed(kind: &'static str) -> PolicyError {
    PolicyError { plugin: "test".to_owned(), kind, outcome: Outcome::Panic, message: "told to".to_owned() }
}

/// A run and what it runs on.
pub(crate) struct Run {
    pub(crate) cx: Context,
    pub(crate) store: Store,
    pub(crate) clock: Arc<Frozen>,
}

impl Run {
    pub(crate) fn new() -> Self {
        let (store, clock) = (Store::default(), Arc::new(Frozen::default()));
        clock.set(NOW);
        // Whatever the run writes is younger than all that is old here.
        store.set_now(Timestamp(i64::MAX));
        let cx = Context {
            config: Arc::new(config()),
            bucket: Arc::new(store.clone()),
            meta_cache: None,
            last: Last::default(),
            views: None,
            partials: Partials::default(),
            policies: Policies {
                selector: None,
                grouper: Arc::new(ByLabels),
                planner: Arc::new(Overlapping),
                planned_by: Author::program("test"),
                downsampler: Arc::new(Never),
                retention: Vec::new(),
            },
            broken: lithify_compactor::Broken::default(),
            maker: Arc::new(Engine),
            spent: Spent::default(),
            ambient: Arc::<Frozen>::clone(&clock),
            memory: Arc::new(Memory::new(1 << 30)),
            metrics: Metrics::register(&Registry::new()).unwrap(),
            progress: Arc::new(Progress::default()),
            stop: Stop::default(),
            run_id: "test".to_owned(),
            dry_run: false,
        };
        Self { cx, store, clock }
    }

    pub(crate) fn configure(&mut self, change: impl FnOnce(&mut Config)) {
        let mut config = Config::clone(&self.cx.config);
        change(&mut config);
        self.cx.config = Arc::new(config);
    }

    /// A block of two hours that ends `age` before the present, was made and written then, and has these labels.
    pub(crate) fn block(&self, number: u128, age: i64, labels: &[(&str, &str)]) -> BlockId {
        self.changed_block(number, age, labels, |_| {})
    }

    pub(crate) fn changed_block(
        &self,
        number: u128,
        age: i64,
        labels: &[(&str, &str)],
        change: impl FnOnce(&mut Meta),
    ) -> BlockId {
        let end = Timestamp(NOW.0 - age);
        let id = BlockId::from_parts(end, number);
        let mut meta = Meta {
            id,
            range: TimeRange::new(end.0 - 2 * HOUR, end.0),
            stats: Stats::default(),
            compaction: Compaction::default(),
            version: 1,
            thanos: Thanos::default(),
        };
        meta.compaction.level = 1;
        meta.compaction.sources = vec![id];
        meta.stats.num_samples = 10;
        meta.thanos.source = "sidecar".to_owned();
        meta.thanos.labels =
            Labels(labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect());
        change(&mut meta);
        self.store.put_at(&format!("{id}/meta.json"), meta.to_json(), end);
        self.store.put_at(&format!("{id}/index"), "index", end);
        self.store.put_at(&format!("{id}/chunks/000001"), "chunks", end);
        id
    }

    /// Marks a block for deletion as if `age` had passed since.
    pub(crate) fn mark(&self, id: BlockId, age: i64) {
        self.mark_naming(id, id, age);
    }

    pub(crate) fn mark_naming(&self, id: BlockId, named: BlockId, age: i64) {
        let at = Timestamp(NOW.0 - age);
        let mark = lithify_block::DeletionMark::new(named, "by hand", at);
        self.store.put_at(&format!("{id}/deletion-mark.json"), mark.to_json(), at);
    }

    pub(crate) fn is_whole(&self, id: BlockId) -> bool {
        ["meta.json", "index", "chunks/000001"].iter().all(|file| self.store.has(&format!("{id}/{file}")))
    }

    pub(crate) fn is_marked(&self, id: BlockId) -> bool {
        self.store.has(&format!("{id}/deletion-mark.json"))
    }

    pub(crate) fn is_gone(&self, id: BlockId) -> bool {
        self.store.names(&format!("{id}/")).is_empty()
    }
}

fn config() -> Config {
    Config {
        data_dir: "unused".into(),
        consistency_delay_ms: 30 * 60_000,
        delete_delay_ms: 48 * HOUR,
        time_partition: TimePartition { from: Moment::At(Timestamp(i64::MIN)), to: Moment::At(Timestamp(i64::MAX)) },
        ranges: COMPACTION_RANGES.to_vec(),
        concurrency: 1,
        meta_fetch_concurrency: 4,
        sync_deadline: None,
        isolate_failures: false,
        memory_budget_bytes: 1 << 30,
        replica_labels: ReplicaLabels::new(Vec::new()),
        overlaps: Overlaps::Refuse,
        deduplication: Deduplication::OneToOne,
        accept_malformed_index: false,
        skip_out_of_order_chunks: false,
        hash_files: false,
        downsampling: false,
        downsample_concurrency: 1,
        downsample_threads: 1,
    }
}
