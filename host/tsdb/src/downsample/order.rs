//! Units are worked on side by side and written in order, by whichever worker finds the next one finished.
//!
//! Nobody waits for results only to write them: what a worker made is in its own cache, and no thread has to be woken.

use std::{
    collections::BTreeMap,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
};

use super::unit::Finished;
use crate::Error;

/// What becomes of results, by the numbers of their units from 0 on.
pub(super) struct Order<W> {
    line: Mutex<Line<W>>,
    moved: Condvar,
    /// How many results may wait for their turn before those who have more must wait as well.
    ahead: usize,
}

struct Line<W> {
    /// The unit that is written next.
    next: u64,
    /// Results that wait for their turn.
    early: BTreeMap<u64, Result<Finished, Error>>,
    /// Absent while somebody writes, and after a failure.
    write: Option<W>,
    /// Results that were written, for the sake of their memory.
    spare: Vec<Finished>,
    /// Why nothing is written any more.
    failed: Option<Error>,
    /// How many wait for the line to move.
    waiting: usize,
}

impl<W: FnMut(&Finished) -> Result<(), Error>> Order<W> {
    pub(super) fn new(ahead: usize, write: W) -> Self {
        let (early, spare) = (BTreeMap::new(), Vec::new());
        let line = Line { next: 0, early, write: Some(write), spare, failed: None, waiting: 0 };
        Self { line: Mutex::new(line), moved: Condvar::new(), ahead }
    }

    /// Takes what became of a unit. If it is its turn, it is written before this returns, and so are those behind it that
    /// were early. Returns an empty result for the next unit; `None` if no more is wanted.
    pub(super) fn hand_in(&self, unit: u64, result: Result<Finished, Error>) -> Option<Finished> {
        let mut line = self.lock();
        line.early.insert(unit, result);
        if let Some(write) = line.write.take() {
            line = self.move_on(line, write);
        }
        while line.failed.is_none() && line.early.len() > self.ahead {
            line.waiting += 1;
            line = self.moved.wait(line).unwrap_or_else(PoisonError::into_inner);
            line.waiting -= 1;
        }
        if line.failed.is_some() {
            return None;
        }
        Some(line.spare.pop().unwrap_or_default())
    }

    /// Writes all whose turn it is. Others may hand in meanwhile, and find nothing to write with.
    fn move_on<'l>(&'l self, mut line: MutexGuard<'l, Line<W>>, mut write: W) -> MutexGuard<'l, Line<W>> {
        let next = |line: &mut Line<W>| line.early.remove(&line.next);
        while let Some(result) = next(&mut line) {
            line.next += 1;
            drop(line);
            let written = result.and_then(|finished| write(&finished).map(|()| finished));
            line = self.lock();
            match written {
                Ok(mut finished) => {
                    finished.clear();
                    line.spare.push(finished);
                }
                Err(error) => {
                    line.failed = Some(error);
                    self.moved.notify_all();
                    return line;
                }
            }
        }
        line.write = Some(write);
        if line.waiting > 0 {
            self.moved.notify_all();
        }
        line
    }

    /// For as long as a worker is at work: if it panics, those who would wait for it end.
    pub(super) fn presence(&self) -> Presence<'_, W> {
        Presence(self)
    }

    /// Ends it when nobody is at work any more.
    ///
    /// # Errors
    /// That of the first unit, in their order, that could not be made or written.
    pub(super) fn close(self) -> Result<(), Error> {
        let line = self.line.into_inner().unwrap_or_else(PoisonError::into_inner);
        line.failed.map_or(Ok(()), Err)
    }
}

impl<W> Order<W> {
    fn lock(&self) -> MutexGuard<'_, Line<W>> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A worker. The panic itself is passed on by the scope of its thread.
pub(super) struct Presence<'o, W>(&'o Order<W>);

impl<W> Drop for Presence<'_, W> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.lock().failed.get_or_insert(Error::Cancelled);
            self.0.moved.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    fn result(number: u64) -> Finished {
        Finished { bytes: number.to_be_bytes().to_vec(), ..Finished::default() }
    }

    fn number(finished: &Finished) -> u64 {
        u64::from_be_bytes(finished.bytes.as_slice().try_into().expect("eight bytes"))
    }

    #[test]
    fn results_are_written_in_order_however_many_work() {
        let (mut written, units) = (Vec::new(), AtomicU64::new(0));
        let order = Order::new(2, |finished: &Finished| {
            written.push(number(finished));
            Ok(())
        });
        std::thread::scope(|scope| {
            for _ in 0..5 {
                scope.spawn(|| {
                    loop {
                        let unit = units.fetch_add(1, Ordering::Relaxed);
                        if unit >= 1000 {
                            break;
                        }
                        let next = order.hand_in(unit, Ok(result(unit))).expect("more is wanted");
                        assert!(next.bytes.is_empty(), "memory comes back empty");
                    }
                });
            }
        });
        order.close().expect("nothing failed");
        assert_eq!(written, (0..1000).collect::<Vec<_>>());
    }

    #[test]
    fn the_first_failure_in_order_counts_and_nothing_behind_it_is_written() {
        let mut written = Vec::new();
        let order = Order::new(4, |finished: &Finished| {
            written.push(number(finished));
            Ok(())
        });
        assert!(order.hand_in(2, Err(Error::Cancelled)).is_some());
        assert!(order.hand_in(3, Ok(result(3))).is_some());
        assert!(order.hand_in(0, Ok(result(0))).is_some());
        let first = Error::NotCoarser { block: lithify_block::BlockId::default(), from_ms: 1, to_ms: 1 };
        assert!(order.hand_in(1, Err(first)).is_none());
        assert!(order.hand_in(4, Ok(result(4))).is_none(), "nothing more is wanted");
        assert!(matches!(order.close(), Err(Error::NotCoarser { .. })));
        assert_eq!(written, [0]);
    }

    #[test]
    fn who_is_far_ahead_waits_until_the_line_moves() {
        let written = AtomicU64::new(0);
        let order = Order::new(0, |finished: &Finished| {
            assert_eq!(number(finished), written.fetch_add(1, Ordering::Relaxed));
            Ok(())
        });
        std::thread::scope(|scope| {
            let early = scope.spawn(|| order.hand_in(1, Ok(result(1))).map(|_| written.load(Ordering::Relaxed)));
            assert!(order.hand_in(0, Ok(result(0))).is_some());
            assert_eq!(early.join().expect("no panic"), Some(2), "both are written before it goes on");
        });
        order.close().expect("nothing failed");
    }

    #[test]
    fn nobody_waits_for_a_worker_that_panicked() {
        let order = Order::new(0, |_: &Finished| Ok(()));
        std::thread::scope(|scope| {
            let gone = scope.spawn(|| {
                let _presence = order.presence();
                panic!("as a test wants");
            });
            assert!(order.hand_in(1, Ok(result(1))).is_none());
            assert!(gone.join().is_err());
        });
        assert!(matches!(order.close(), Err(Error::Cancelled)));
    }
}
