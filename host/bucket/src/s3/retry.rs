//! How often and how long a request is tried again.
//!
//! Source: `object-storage.md` section 8.

use std::{
    hash::{BuildHasher, RandomState},
    time::Duration,
};

use tokio::time::Instant;

use crate::Error;

/// The longest that the first delay can be; it doubles with each attempt.
const FIRST_DELAY: Duration = Duration::from_millis(200);

/// No delay of ours is longer.
const DELAY_MAX: Duration = Duration::from_secs(20);

/// A store's wish for a longer delay is granted up to this.
const AFTER_MAX: Duration = Duration::from_mins(1);

/// An attempt that failed.
#[derive(Debug)]
pub(super) struct Trouble {
    pub(super) error: Error,
    pub(super) again: Again,
}

/// What may be done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Again {
    /// Nothing: it would fail again.
    Never,
    /// Something was learned that makes the next attempt another one.
    AtOnce,
    /// Try again later, not before the store's wish.
    After(Duration),
}

/// The attempts of one request.
pub(super) struct Retry {
    left: u32,
    made: u32,
    deadline: Instant,
}

impl Retry {
    /// `attempts` in all, none begun after `budget` is over.
    pub(super) fn new(attempts: u32, budget: Duration) -> Self {
        Self { left: attempts.saturating_sub(1), made: 0, deadline: Instant::now() + budget }
    }

    /// What is left of the budget.
    pub(super) fn rest(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// Waits until the next attempt may begin, or gives the error back.
    pub(super) async fn again(&mut self, trouble: Trouble) -> Result<(), Error> {
        if self.left == 0 || trouble.again == Again::Never {
            return Err(trouble.error);
        }
        self.left -= 1;
        let Again::After(wish) = trouble.again else { return Ok(()) };
        let limit = FIRST_DELAY.saturating_mul(1 << self.made.min(16)).min(DELAY_MAX);
        self.made += 1;
        let delay = jitter(limit).max(wish.min(AFTER_MAX));
        if delay > self.rest() {
            return Err(trouble.error);
        }
        tracing::debug!(error = %trouble.error, ?delay, "the request is tried again");
        #[expect(clippy::disallowed_methods, reason = "only the adapter knows when a store may be asked again")]
        tokio::time::sleep(delay).await;
        Ok(())
    }
}

/// A random part of `limit`, so that clients that failed together do not come back together.
fn jitter(limit: Duration) -> Duration {
    let random = RandomState::new().hash_one(0u8);
    #[expect(clippy::cast_precision_loss, reason = "a random number needs no precision")]
    let part = random as f64 / u64::MAX as f64;
    limit.mul_f64(part)
}
