//! Being told to stop: one value that async code awaits and blocking code asks.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::sync::Notify;

/// How long work that writes to the bucket may go on once it is set. Writing that is nearly done is better finished,
/// and what waits for a store that does not answer has to be given up well before the process is killed.
///
/// The reference gives marks five minutes, ten times the grace period of most orchestrators. A mark that is not written
/// costs the next run a moment: it finds the source superseded and marks it then, or repairs a block once more.
const PATIENCE: Duration = Duration::from_secs(3);

/// Set once, by a signal; never unset.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    flag: AtomicBool,
    notify: Notify,
}

impl Stop {
    /// Tells everybody to stop.
    pub fn set(&self) {
        self.0.flag.store(true, Ordering::Release);
        self.0.notify.notify_waiters();
    }

    /// Whether it was set.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.0.flag.load(Ordering::Acquire)
    }

    /// The flag, for code that asks now and then.
    #[must_use]
    pub fn flag(&self) -> &AtomicBool {
        &self.0.flag
    }

    /// What comes of `work`; `None` if it was set and `work` did not come to an end soon after.
    pub async fn outlast<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        self.outlast_by(PATIENCE, work).await
    }

    async fn outlast_by<T>(&self, patience: Duration, work: impl Future<Output = T>) -> Option<T> {
        tokio::pin!(work);
        tokio::select! {
            done = &mut work => Some(done),
            () = self.wait() => tokio::time::timeout(patience, work).await.ok(),
        }
    }

    /// Returns once it is set.
    pub async fn wait(&self) {
        let notified = self.0.notify.notified();
        tokio::pin!(notified);
        notified.as_mut().enable(); // A stop between the question below and the wait is not missed.
        if !self.is_set() {
            notified.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn waiting_ends_when_it_is_set_before_or_after() {
        let stop = Stop::default();
        let waiter = tokio::spawn({
            let stop = stop.clone();
            async move { stop.wait().await }
        });
        tokio::task::yield_now().await;
        stop.set();
        waiter.await.unwrap();
        stop.wait().await;
        assert!(stop.is_set());
    }

    #[tokio::test]
    async fn work_that_is_nearly_done_is_finished_and_no_other() {
        let stop = Stop::default();
        let patience = Duration::ZERO;
        assert_eq!(stop.outlast_by(patience, async { 1 }).await, Some(1));
        let (done, nearly) = tokio::sync::oneshot::channel();
        let waiting = tokio::spawn({
            let stop = stop.clone();
            async move { stop.outlast(nearly).await }
        });
        stop.set();
        tokio::task::yield_now().await;
        done.send(2).unwrap();
        assert_eq!(waiting.await.unwrap(), Some(Ok(2)));
        assert_eq!(stop.outlast_by(patience, std::future::pending::<()>()).await, None);
    }
}
