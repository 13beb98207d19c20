//! How far a run has come, for whoever watches.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

/// Counters that a run moves and a terminal reads.
#[derive(Debug, Default)]
pub struct Progress {
    jobs_total: AtomicU64,
    jobs_done: AtomicU64,
    bytes_total: AtomicU64,
    bytes_done: AtomicU64,
    doing: Mutex<String>,
}

/// What [`Progress`] says at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standstill {
    /// Jobs known so far.
    pub jobs_total: u64,
    /// Jobs done.
    pub jobs_done: u64,
    /// Bytes of their sources.
    pub bytes_total: u64,
    /// Bytes written to results.
    pub bytes_done: u64,
    /// What is being done.
    pub doing: String,
}

impl Progress {
    /// An iteration begins: nothing is planned or done yet.
    pub fn start_over(&self) {
        for counter in [&self.jobs_total, &self.jobs_done, &self.bytes_total, &self.bytes_done] {
            counter.store(0, Ordering::Relaxed);
        }
    }

    /// Jobs were planned; their sources have `bytes`.
    pub fn planned(&self, jobs: u64, bytes: u64) {
        self.jobs_total.fetch_add(jobs, Ordering::Relaxed);
        self.bytes_total.fetch_add(bytes, Ordering::Relaxed);
    }

    /// A job is done.
    pub fn done(&self) {
        self.jobs_done.fetch_add(1, Ordering::Relaxed);
    }

    /// `bytes` more were written.
    pub fn wrote(&self, bytes: u64) {
        self.bytes_done.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Says what is being done now.
    pub fn doing(&self, what: impl Into<String>) {
        *self.doing.lock().unwrap_or_else(PoisonError::into_inner) = what.into();
    }

    /// All counters at this moment.
    #[must_use]
    pub fn read(&self) -> Standstill {
        Standstill {
            jobs_total: self.jobs_total.load(Ordering::Relaxed),
            jobs_done: self.jobs_done.load(Ordering::Relaxed),
            bytes_total: self.bytes_total.load(Ordering::Relaxed),
            bytes_done: self.bytes_done.load(Ordering::Relaxed),
            doing: self.doing.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }
}
