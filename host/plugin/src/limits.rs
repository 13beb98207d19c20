//! How much a plugin may take: memory, fuel, time, size of an answer.
//!
//! Source: `policies.md` 4, design.md 4.

use std::time::Duration;

use wasmtime::{ResourceLimiter, Result};

use crate::Kind;

/// Largest component that is read, bytes.
pub const COMPONENT_BYTES_MAX: u64 = 32 << 20;
/// Largest number of log lines in a run.
pub const LOG_LINES_MAX: u32 = 200;
/// Longest text in a log line, an explanation or an answer, bytes.
pub const TEXT_BYTES_MAX: usize = 1 << 10;
/// Most explanations of one call, bytes.
pub(crate) const REASONS_BYTES_MAX: usize = 64 << 20;
/// Most counters of one plugin.
pub(crate) const COUNTERS_MAX: usize = 32;

/// The limits of one plugin. They hold for a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Memories and tables together, bytes.
    pub memory_bytes: usize,
    /// WebAssembly instructions, roughly.
    pub fuel: u64,
    /// Wall clock.
    pub timeout: Duration,
    /// Size of an answer, and of what is handed over in one log line or explanation, bytes as the host holds them.
    pub answer_bytes: usize,
}

impl Limits {
    /// The limits of a kind, unless it is configured otherwise. Questions to downsamplers are larger than all others:
    /// a quarter of a million samples, or the buckets of some ten thousand histograms, and again in the answer.
    #[must_use]
    pub fn of(kind: Kind) -> Self {
        match kind {
            Kind::Selector | Kind::Grouper | Kind::Planner | Kind::Retention => Self::default(),
            Kind::Downsampler => Self { memory_bytes: 1 << 30, answer_bytes: 512 << 20, ..Self::default() },
        }
    }
}

impl Default for Limits {
    /// Enough for 100,000 blocks; a mistake is stopped after seconds.
    fn default() -> Self {
        Self { memory_bytes: 256 << 20, fuel: 20_000_000_000, timeout: Duration::from_secs(30), answer_bytes: 64 << 20 }
    }
}

/// Sums what a store's memories and tables take, and remembers when it said no.
#[derive(Debug)]
pub(crate) struct Meter {
    limit: usize,
    taken: usize,
    /// Largest sum so far.
    pub(crate) peak: usize,
    /// The sum that was refused.
    pub(crate) refused: Option<usize>,
}

/// What a table entry takes in the host.
const TABLE_ENTRY_BYTES: usize = 16;

impl Meter {
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, taken: 0, peak: 0, refused: None }
    }

    fn grow(&mut self, current: usize, desired: usize) -> bool {
        let sum = self.taken.saturating_add(desired.saturating_sub(current));
        if sum > self.limit {
            self.refused = Some(sum);
            return false;
        }
        self.taken = sum;
        self.peak = self.peak.max(sum);
        true
    }
}

impl ResourceLimiter for Meter {
    fn memory_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> Result<bool> {
        Ok(self.grow(current, desired))
    }

    fn table_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> Result<bool> {
        let bytes = |entries: usize| entries.saturating_mul(TABLE_ENTRY_BYTES);
        Ok(self.grow(bytes(current), bytes(desired)))
    }

    fn instances(&self) -> usize {
        64
    }

    fn tables(&self) -> usize {
        64
    }

    fn memories(&self) -> usize {
        16
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memories_and_tables_are_summed_and_the_refused_sum_is_remembered() {
        let mut meter = Meter::new(1000);
        assert!(meter.memory_growing(0, 600, None).unwrap());
        assert!(meter.table_growing(0, 10, None).unwrap());
        assert!(!meter.memory_growing(600, 900, None).unwrap());
        assert_eq!((meter.peak, meter.refused), (760, Some(1060)));
        assert!(meter.memory_growing(0, 240, None).unwrap());
    }
}
