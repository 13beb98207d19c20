//! A bucket, a clock that is set, and the program's own policies over both.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use lithify_block::{Rfc3339, Timestamp};
use lithify_compactor::{Ambient, Context, Iteration, iterate};
use lithify_kit::memory::Store;
use tokio::runtime::{Builder, Runtime};

use super::{
    ledger::Ledger,
    maker::Counting,
    sidecar::{Sidecar, Upload},
};
use crate::wired::wired;

/// A clock that stands still until it is set, and counts up the blocks that it names.
#[derive(Default)]
struct Clock {
    now: AtomicI64,
    made: AtomicU64,
}

impl Ambient for Clock {
    fn now(&self) -> Rfc3339 {
        Timestamp(self.now.load(Ordering::Relaxed)).into()
    }

    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }

    fn random(&self) -> u128 {
        u128::from(self.made.fetch_add(1, Ordering::Relaxed)) | 1 << 79
    }
}

/// What is simulated.
pub(super) struct World {
    runtime: Runtime,
    directory: tempfile::TempDir,
    store: Store,
    clock: Arc<Clock>,
    cx: Context,
    sidecar: Sidecar,
    /// What the bucket holds and held.
    pub(super) ledger: Ledger,
}

impl World {
    /// A bucket that `sidecar` will fill, and a compactor with these flags.
    pub(super) fn new(sidecar: Sidecar, flags: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (store, clock) = (Store::default(), Arc::new(Clock::default()));
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let cx = context(directory.path(), &store, &clock, flags);
        Self { runtime, directory, store, clock, cx, sidecar, ledger: Ledger::default() }
    }

    /// The compactor is started anew with these flags.
    pub(super) fn restart(&mut self, flags: &[&str]) {
        self.cx = context(self.directory.path(), &self.store, &self.clock, flags);
    }

    /// When the last block was shipped.
    pub(super) fn last_upload(&self) -> Timestamp {
        self.sidecar.last()
    }

    /// What was shipped until `now` is there, and the compactor has its turn.
    pub(super) fn step(&mut self, now: Timestamp) -> Iteration {
        for Upload { at, meta } in self.sidecar.ship_until(now) {
            self.store.put_at(&format!("{}/index", meta.id), "index", at);
            self.store.put_at(&format!("{}/meta.json", meta.id), meta.to_json(), at);
            self.ledger.add(meta);
        }
        self.clock.now.store(now.0, Ordering::Relaxed);
        self.store.set_now(now);
        let iteration = self.runtime.block_on(iterate(&self.cx));
        let failures = iteration.failures.iter().chain(iteration.left_out.iter().map(|failure| &**failure));
        let failures: Vec<String> = failures.map(lithify_compactor::Failure::chain).collect();
        assert!(failures.is_empty(), "on {now:?}: {failures:#?}");
        for name in self.store.changes() {
            self.ledger.note(&name, || self.store.text(&name).unwrap());
        }
        iteration
    }
}

/// What the program would run with, but for bucket, clock and merge.
fn context(directory: &Path, store: &Store, clock: &Arc<Clock>, flags: &[&str]) -> Context {
    Context {
        bucket: Arc::new(store.clone()),
        meta_cache: None,
        ambient: Arc::<Clock>::clone(clock),
        maker: Arc::new(Counting),
        run_id: "year".to_owned(),
        ..wired(directory, flags)
    }
}
