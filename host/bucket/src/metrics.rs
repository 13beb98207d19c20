//! Counting what is asked of a bucket, under the names that operators know.
//!
//! Source: `object-storage.md` section 11, `thanos-compactor.md` 11.3.

use std::{
    collections::BTreeMap,
    fs::File,
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use lithify_block::Timestamp;
use prometheus::{
    Counter, CounterVec, Gauge, Histogram, HistogramOpts, HistogramTimer, HistogramVec, Opts, Registry,
    core::Collector, exponential_buckets,
};

use crate::{Answer, Attributes, Bucket, Depth, Entry, Error, Operation, Pages, Reader, Writer, layout};

/// Upper bounds of the durations, in seconds.
const SECONDS: [f64; 14] = [0.001, 0.01, 0.1, 0.3, 0.6, 1.0, 3.0, 6.0, 9.0, 20.0, 30.0, 60.0, 90.0, 120.0];

/// Operations that move bodies.
const WITH_BYTES: [Operation; 3] = [Operation::Get, Operation::GetRange, Operation::Upload];

/// Tells the present.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// A bucket whose operations are counted.
pub struct Metered {
    inner: Arc<dyn Bucket>,
    metrics: BTreeMap<Operation, Metrics>,
    last_upload: Gauge,
    clock: Clock,
}

/// The series of one operation.
#[derive(Clone)]
struct Metrics {
    total: Counter,
    failures: Counter,
    seconds: Histogram,
    bytes: Option<(Counter, Histogram)>,
}

impl Metered {
    /// Counts the operations of `inner` in `registry`; `clock` is asked after each upload.
    ///
    /// # Errors
    /// [`Error::Config`] if the registry has these families for the same bucket already.
    pub fn wrap(inner: Arc<dyn Bucket>, registry: &Registry, clock: Clock) -> Result<Arc<dyn Bucket>, Error> {
        let failed = |error: prometheus::Error| Error::Config(format!("metrics of the object store: {error}"));
        let (metrics, last_upload) = register(inner.name(), registry).map_err(failed)?;
        Ok(Arc::new(Self { inner, metrics, last_upload, clock }))
    }

    fn begin(&self, operation: Operation) -> Running {
        let metrics = self.metrics.get(&operation).expect("every operation was registered").clone();
        metrics.total.inc();
        Running { timer: Some(metrics.seconds.start_timer()), metrics }
    }

    fn uploaded(&self) {
        set_seconds(&self.last_upload, &self.clock);
    }
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds of our time fit into 53 bits")]
fn set_seconds(gauge: &Gauge, clock: &Clock) {
    gauge.set(clock().0 as f64 / 1000.0);
}

#[expect(clippy::cast_precision_loss, reason = "a metric; objects beyond 2^53 bytes do not exist")]
fn bytes(count: u64) -> f64 {
    count as f64
}

fn register(bucket: &str, registry: &Registry) -> prometheus::Result<(BTreeMap<Operation, Metrics>, Gauge)> {
    fn add<C: Collector + Clone + 'static>(registry: &Registry, collector: C) -> prometheus::Result<C> {
        registry.register(Box::new(collector.clone()))?;
        Ok(collector)
    }
    let opts = |name: &str, help: &str| {
        Opts::new(format!("thanos_objstore_bucket_{name}"), help).const_label("bucket", bucket)
    };
    let histogram = |name: &str, help: &str, buckets| HistogramOpts { common_opts: opts(name, help), buckets };
    let label = &["operation"];
    let total = opts("operations_total", "Total number of all attempted operations against a bucket.");
    let total = add(registry, CounterVec::new(total, label)?)?;
    let failures = opts("operation_failures_total", "Total number of failed operations, expected failures left out.");
    let failures = add(registry, CounterVec::new(failures, label)?)?;
    let seconds = histogram("operation_duration_seconds", "Duration of operations against a bucket.", SECONDS.into());
    let seconds = add(registry, HistogramVec::new(seconds, label)?)?;
    let fetched = opts("operation_fetched_bytes_total", "Total number of bytes fetched from a bucket.");
    let fetched = add(registry, CounterVec::new(fetched, label)?)?;
    let sizes = exponential_buckets(32.0 * 1024.0, 2.0, 16)?;
    let sizes = histogram("operation_transferred_bytes", "Number of bytes transferred per operation.", sizes);
    let sizes = add(registry, HistogramVec::new(sizes, label)?)?;
    let last = opts("last_successful_upload_time", "Second timestamp of the last successful upload to the bucket.");
    let last = add(registry, Gauge::with_opts(last)?)?;
    let of = |operation: Operation| {
        let value = &[operation.as_str()];
        let moves = WITH_BYTES.contains(&operation);
        let metrics = Metrics {
            total: total.with_label_values(value),
            failures: failures.with_label_values(value),
            seconds: seconds.with_label_values(value),
            bytes: moves.then(|| (fetched.with_label_values(value), sizes.with_label_values(value))),
        };
        (operation, metrics)
    };
    Ok((Operation::ALL.map(of).into(), last))
}

/// An operation that has begun. Dropping it without an end counts as neither success nor failure.
struct Running {
    metrics: Metrics,
    timer: Option<HistogramTimer>,
}

impl Running {
    fn succeed(&mut self, moved: u64) {
        if let Some(timer) = self.timer.take() {
            timer.observe_duration();
        }
        if let Some((_, sizes)) = &self.metrics.bytes {
            sizes.observe(bytes(moved));
        }
    }

    fn fetch(&self, count: u64) {
        if let Some((fetched, _)) = &self.metrics.bytes {
            fetched.inc_by(bytes(count));
        }
    }

    fn fail(&mut self) {
        self.metrics.failures.inc();
        self.discard();
    }

    fn discard(&mut self) {
        if let Some(timer) = self.timer.take() {
            timer.stop_and_discard();
        }
    }

    /// Ends the operation by its result. Absence is expected of metas and marks, and of whatever is to be deleted.
    fn end<T>(&mut self, name: &str, operation: Operation, result: &Result<T, Error>) {
        match result {
            Ok(_) => self.succeed(0),
            Err(error) if error.is_not_found() && operation == Operation::Delete => self.succeed(0),
            Err(error) if error.is_not_found() && layout::may_be_absent(name) => self.discard(),
            Err(_) => self.fail(),
        }
    }

    /// The same for a body that came at once.
    fn end_body(&mut self, name: &str, operation: Operation, result: &Result<Bytes, Error>) {
        if let Ok(body) = result {
            self.fetch(body.len() as u64);
            self.succeed(body.len() as u64);
        } else {
            self.end(name, operation, result);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.discard();
    }
}

struct MeteredPages<'a> {
    inner: Box<dyn Pages + 'a>,
    running: Running,
}

impl Pages for MeteredPages<'_> {
    fn next(&mut self) -> Answer<'_, Option<Vec<Entry>>> {
        Box::pin(async move {
            let page = self.inner.next().await;
            match &page {
                Ok(Some(_)) => {}
                Ok(None) => self.running.succeed(0),
                Err(_) => self.running.fail(),
            }
            page
        })
    }
}

struct MeteredReader {
    inner: Arc<dyn Reader>,
    running: Running,
    read: AtomicU64,
    failed: AtomicBool,
}

impl Reader for MeteredReader {
    fn size(&self) -> u64 {
        self.inner.size()
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        let result = self.inner.read_at(offset, into);
        if result.is_ok() {
            self.read.fetch_add(into.len() as u64, Ordering::Relaxed);
            self.running.fetch(into.len() as u64);
        } else if !self.failed.swap(true, Ordering::Relaxed) {
            self.running.metrics.failures.inc();
        }
        result
    }

    fn file(&self) -> Option<&File> {
        self.inner.file()
    }

    fn give_up(&self) {
        self.inner.give_up();
    }
}

impl Drop for MeteredReader {
    fn drop(&mut self) {
        if !self.failed.load(Ordering::Relaxed) {
            self.running.succeed(self.read.load(Ordering::Relaxed));
        }
    }
}

struct MeteredWriter {
    inner: Box<dyn Writer>,
    running: Running,
    sent: u64,
    last_upload: Gauge,
    clock: Clock,
}

impl Writer for MeteredWriter {
    fn append(&mut self, data: Bytes) -> Result<(), Error> {
        let size = data.len() as u64;
        match self.inner.append(data) {
            Ok(()) => self.sent += size,
            Err(error) => {
                if self.running.timer.is_some() {
                    self.running.fail();
                }
                return Err(error);
            }
        }
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<(), Error> {
        let Self { inner, mut running, sent, last_upload, clock } = *self;
        match inner.finish() {
            Ok(()) => {
                running.succeed(sent);
                set_seconds(&last_upload, &clock);
                Ok(())
            }
            Err(error) => {
                running.fail();
                Err(error)
            }
        }
    }
}

#[deny(clippy::missing_trait_methods)]
impl Bucket for Metered {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn list(&self, dir: &str, depth: Depth) -> Box<dyn Pages + '_> {
        Box::new(MeteredPages { running: self.begin(Operation::Iter), inner: self.inner.list(dir, depth) })
    }

    fn get<'a>(&'a self, name: &'a str, max_bytes: u64) -> Answer<'a, Bytes> {
        Box::pin(async move {
            let mut running = self.begin(Operation::Get);
            let result = self.inner.get(name, max_bytes).await;
            running.end_body(name, Operation::Get, &result);
            result
        })
    }

    fn get_range<'a>(&'a self, name: &'a str, offset: u64, length: Option<u64>) -> Answer<'a, Bytes> {
        Box::pin(async move {
            let mut running = self.begin(Operation::GetRange);
            let result = self.inner.get_range(name, offset, length).await;
            running.end_body(name, Operation::GetRange, &result);
            result
        })
    }

    fn exists<'a>(&'a self, name: &'a str) -> Answer<'a, bool> {
        Box::pin(async move {
            let mut running = self.begin(Operation::Exists);
            let result = self.inner.exists(name).await;
            running.end(name, Operation::Exists, &result);
            result
        })
    }

    fn attributes<'a>(&'a self, name: &'a str) -> Answer<'a, Attributes> {
        Box::pin(async move {
            let mut running = self.begin(Operation::Attributes);
            let result = self.inner.attributes(name).await;
            running.end(name, Operation::Attributes, &result);
            result
        })
    }

    fn upload<'a>(&'a self, name: &'a str, data: Bytes) -> Answer<'a, ()> {
        Box::pin(async move {
            let mut running = self.begin(Operation::Upload);
            let size = data.len() as u64;
            let result = self.inner.upload(name, data).await;
            match &result {
                Ok(()) => {
                    running.succeed(size);
                    self.uploaded();
                }
                Err(_) => running.fail(),
            }
            result
        })
    }

    fn create<'a>(&'a self, name: &'a str) -> Answer<'a, Box<dyn Writer>> {
        Box::pin(async move {
            let mut running = self.begin(Operation::Upload);
            match self.inner.create(name).await {
                Ok(inner) => {
                    let (last_upload, clock) = (self.last_upload.clone(), Arc::clone(&self.clock));
                    let writer: Box<dyn Writer> =
                        Box::new(MeteredWriter { inner, running, sent: 0, last_upload, clock });
                    Ok(writer)
                }
                Err(error) => {
                    running.fail();
                    Err(error)
                }
            }
        })
    }

    fn open<'a>(&'a self, name: &'a str) -> Answer<'a, Arc<dyn Reader>> {
        Box::pin(async move {
            let mut running = self.begin(Operation::Get);
            let result = self.inner.open(name).await;
            if result.is_err() {
                running.end(name, Operation::Get, &result);
            }
            let inner = result?;
            let reader: Arc<dyn Reader> =
                Arc::new(MeteredReader { inner, running, read: AtomicU64::new(0), failed: AtomicBool::new(false) });
            Ok(reader)
        })
    }

    fn delete<'a>(&'a self, name: &'a str) -> Answer<'a, ()> {
        Box::pin(async move {
            let mut running = self.begin(Operation::Delete);
            let result = self.inner.delete(name).await;
            running.end(name, Operation::Delete, &result);
            result
        })
    }
}
