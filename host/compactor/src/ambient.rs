//! Time, randomness and new block ids: the only place that asks the machine for them.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use lithify_block::{BlockId, Rfc3339, Timestamp};

/// What a run takes from its surroundings. Tests put a frozen one in its place.
pub trait Ambient: Send + Sync {
    /// The time of day, UTC.
    fn now(&self) -> Rfc3339;

    /// Time since some fixed moment; never goes back.
    fn elapsed(&self) -> Duration;

    /// 80 random bits for a new block's id.
    fn random(&self) -> u128;

    /// The time of day in milliseconds.
    fn timestamp(&self) -> Timestamp {
        self.now().timestamp()
    }

    /// An id for a block made now.
    fn new_block_id(&self) -> BlockId {
        BlockId::from_parts(self.timestamp(), self.random())
    }
}

/// The machine's clocks and random numbers.
#[derive(Debug)]
pub struct Machine {
    start: Instant,
}

impl Machine {
    /// Starts counting [`Ambient::elapsed`] now.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the place where the clock is read")]
    pub fn new() -> Self {
        Self { start: Instant::now() }
    }
}

impl Default for Machine {
    fn default() -> Self {
        Self::new()
    }
}

impl Ambient for Machine {
    #[expect(clippy::disallowed_methods, reason = "this is the place where the clock is read")]
    fn now(&self) -> Rfc3339 {
        // A clock before 1970 gives the epoch: blocks of that time do not exist.
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Rfc3339 { seconds: i64::try_from(since.as_secs()).unwrap_or(i64::MAX), nanos: since.subsec_nanos() }
    }

    fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    #[expect(clippy::disallowed_methods, reason = "this is the place where randomness comes from")]
    fn random(&self) -> u128 {
        ulid::Ulid::generate().random()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_ids_differ_and_carry_the_time() {
        let machine = Machine::new();
        let (a, b) = (machine.new_block_id(), machine.new_block_id());
        assert_ne!(a, b);
        assert!(machine.timestamp().since(a.created()) < 60_000);
    }
}
