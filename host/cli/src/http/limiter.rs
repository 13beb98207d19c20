//! How many requests may come: a bucket of tokens that fills again with time.
//!
//! Source: Prometheus exporter-toolkit web/handler.go (`rate_limit`); golang.org/x/time/rate.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use lithify_compactor::Ambient;

use super::web_file::RateLimit;

/// Lets in as many requests at once as the bucket holds, and then one an interval.
pub(super) struct Limiter {
    limit: RateLimit,
    ambient: Arc<dyn Ambient>,
    bucket: Mutex<Bucket>,
}

/// Times in nanoseconds of the process' clock.
struct Bucket {
    /// What has been saved up; a request costs one interval.
    saved: u128,
    /// When that was reckoned.
    at: u128,
}

impl fmt::Debug for Limiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.limit.fmt(f)
    }
}

impl Limiter {
    /// A full bucket; `None` if nothing is limited.
    pub(super) fn new(limit: RateLimit, ambient: Arc<dyn Ambient>) -> Option<Self> {
        if limit.interval_nanoseconds == 0 {
            return None;
        }
        if limit.burst == 0 {
            tracing::warn!("rate_limit of --http.config has no burst: every request will be refused");
        }
        let bucket = Bucket { saved: limit.full(), at: ambient.elapsed().as_nanos() };
        Some(Self { limit, ambient, bucket: Mutex::new(bucket) })
    }

    /// Takes a token, if there is one.
    pub(super) fn allows(&self) -> bool {
        let now = self.ambient.elapsed().as_nanos();
        let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        let passed = now.saturating_sub(bucket.at);
        bucket.at = now;
        bucket.saved = bucket.saved.saturating_add(passed).min(self.limit.full());
        let left = bucket.saved.checked_sub(u128::from(self.limit.interval_nanoseconds));
        bucket.saved = left.unwrap_or(bucket.saved);
        left.is_some()
    }
}

impl RateLimit {
    fn full(self) -> u128 {
        u128::from(self.interval_nanoseconds) * u128::from(self.burst)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    use lithify_block::Rfc3339;

    use super::*;

    struct Milliseconds(AtomicU64);

    impl Ambient for Milliseconds {
        fn now(&self) -> Rfc3339 {
            Rfc3339 { seconds: 0, nanos: 0 }
        }

        fn elapsed(&self) -> Duration {
            Duration::from_millis(self.0.load(Ordering::Relaxed))
        }

        fn random(&self) -> u128 {
            0
        }
    }

    #[test]
    fn as_many_as_the_bucket_holds_come_at_once_and_then_one_an_interval() {
        let clock = Arc::new(Milliseconds(AtomicU64::new(5)));
        let limit = RateLimit { interval_nanoseconds: 1_000_000_000, burst: 3 };
        let limiter = Limiter::new(limit, clock.clone()).unwrap();
        let at = |ms| {
            clock.0.store(ms, Ordering::Relaxed);
            (0..5).filter(|_| limiter.allows()).count()
        };
        assert_eq!(at(5), 3);
        assert_eq!([at(900), at(1004), at(1005), at(1500), at(2005)], [0, 0, 1, 0, 1]);
        assert_eq!([at(4500), at(100_000), at(100_000), at(99_000), at(101_000)], [2, 3, 0, 0, 2]);
    }

    #[test]
    fn an_empty_bucket_lets_nobody_in_and_no_interval_everybody() {
        let clock = Arc::new(Milliseconds(AtomicU64::new(0)));
        let limiter = Limiter::new(RateLimit { interval_nanoseconds: 1, burst: 0 }, clock.clone()).unwrap();
        clock.0.store(9, Ordering::Relaxed);
        assert!(!limiter.allows());
        assert!(Limiter::new(RateLimit { interval_nanoseconds: 0, burst: 9 }, clock).is_none());
    }
}
