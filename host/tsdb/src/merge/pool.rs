//! Workers that weave runs side by side; runs come back in the order in which they were given.

use std::{
    collections::VecDeque,
    num::NonZero,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::{Scope, available_parallelism},
};

use super::{
    Deduplication,
    run::Run,
    weave::{Trouble, Weaver},
};
use crate::Error;

/// A run is full when it holds this much, bytes: enough for a worker to do for half a millisecond, and little to keep.
pub(crate) const RUN_BYTES: usize = 128 << 10;
/// Runs beyond one for each worker: one that waits, one that is written, one that is filled.
const MORE_RUNS: usize = 3;

/// A run that is woven.
type Woven = (Run, Result<(), Trouble>);

struct Job {
    run: Run,
    give_back: SyncSender<Woven>,
}

/// How many workers there are for all runs of a merge.
fn workers() -> usize {
    available_parallelism().map_or(1, NonZero::get)
}

/// How many runs there are at most at a time.
pub(crate) fn runs() -> usize {
    workers() + MORE_RUNS
}

pub(super) struct Pool<'scope, 'env> {
    scope: &'scope Scope<'scope, 'env>,
    deduplication: Deduplication,
    /// Nothing before the first run: most merges need no workers.
    jobs: Option<SyncSender<Job>>,
    /// Runs on their way, in order.
    away: VecDeque<Receiver<Woven>>,
    spare: Vec<Run>,
}

impl<'scope, 'env> Pool<'scope, 'env> {
    pub(super) fn new(scope: &'scope Scope<'scope, 'env>, deduplication: Deduplication) -> Self {
        Self { scope, deduplication, jobs: None, away: VecDeque::new(), spare: Vec::new() }
    }

    /// An empty run.
    pub(super) fn fresh(&mut self) -> Run {
        self.spare.pop().unwrap_or_default()
    }

    /// Takes back the memory of a run.
    pub(super) fn recycle(&mut self, mut run: Run) {
        run.clear();
        self.spare.push(run);
    }

    /// Whether nothing is on its way.
    pub(super) fn is_idle(&self) -> bool {
        self.away.is_empty()
    }

    /// Whether a run has to be taken back before another one is given.
    pub(super) fn is_full(&self) -> bool {
        self.away.len() + 1 >= runs()
    }

    /// Gives a run to the workers.
    pub(super) fn give(&mut self, run: Run) -> Result<(), Error> {
        let (give_back, woven) = sync_channel(1);
        let jobs = self.jobs.get_or_insert_with(|| start(self.scope, self.deduplication));
        // Workers only leave before they are told to if one of them panicked, which the scope will tell of.
        jobs.send(Job { run, give_back }).map_err(|_| Error::Cancelled)?;
        self.away.push_back(woven);
        Ok(())
    }

    /// Waits for the first run that is on its way; `None` if none is.
    pub(super) fn take(&mut self) -> Result<Option<Woven>, Error> {
        let Some(woven) = self.away.pop_front() else { return Ok(None) };
        woven.recv().map(Some).map_err(|_| Error::Cancelled)
    }
}

fn start<'scope>(scope: &'scope Scope<'scope, '_>, deduplication: Deduplication) -> SyncSender<Job> {
    let (jobs, todo) = sync_channel::<Job>(runs());
    let todo = Arc::new(Mutex::new(todo));
    for _ in 0..workers() {
        let todo = Arc::clone(&todo);
        scope.spawn(move || {
            let mut weaver = Weaver::new(deduplication);
            loop {
                let job = todo.lock().unwrap_or_else(PoisonError::into_inner).recv();
                let Ok(Job { mut run, give_back }) = job else { return };
                let outcome = weaver.weave(&mut run);
                // A merge that failed meanwhile waits for nothing.
                let _ = give_back.send((run, outcome));
            }
        });
    }
    jobs
}
