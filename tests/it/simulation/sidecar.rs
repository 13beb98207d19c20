//! What the sidecars of a year ship, and when.

use std::collections::VecDeque;

use lithify_block::{BlockId, Meta, TimeRange, Timestamp};

pub(super) const HOUR: i64 = 3_600_000;
pub(super) const DAY: i64 = 24 * HOUR;

/// Midnight of the first day, one day before a window of 14 days ends: 2025-01-01T00:00:00Z.
pub(super) const FIRST_DAY: Timestamp = Timestamp(1_735_689_600_000);

/// The year's length in days.
pub(super) const YEAR: i64 = 365;

/// Prometheus keeps a block back for half its length, to wait for stragglers.
const KEPT_BACK: i64 = HOUR;

/// This many hours after the first midnight.
pub(super) fn hour(hours: i64) -> Timestamp {
    Timestamp(FIRST_DAY.0 + hours * HOUR)
}

/// A block that is shipped.
#[derive(Clone, Debug)]
pub(super) struct Upload {
    pub(super) at: Timestamp,
    pub(super) meta: Meta,
}

/// Uploads to come, the next first.
#[derive(Default)]
pub(super) struct Sidecar {
    uploads: VecDeque<Upload>,
    shipped: u64,
}

impl Sidecar {
    /// `tenant` ships a block every two hours of these days, but not those for which `delay` gives nothing; a delay is
    /// milliseconds between the making of a block, of which it is given the first hour, and its upload.
    pub(super) fn with(
        mut self,
        tenant: &str,
        days: std::ops::Range<i64>,
        mut delay: impl FnMut(i64) -> Option<i64>,
    ) -> Self {
        for from in (days.start * 24..days.end * 24).step_by(2) {
            let Some(delay) = delay(from) else { continue };
            let made = Timestamp(hour(from + 2).0 + KEPT_BACK);
            self.shipped += 1;
            let meta = meta_of(tenant, BlockId::from_parts(made, u128::from(self.shipped)), hour(from));
            self.uploads.push_back(Upload { at: Timestamp(made.0 + delay), meta });
        }
        self.uploads.make_contiguous().sort_by_key(|upload| (upload.at, upload.meta.id));
        self
    }

    /// When the last block is shipped.
    pub(super) fn last(&self) -> Timestamp {
        self.uploads.back().map(|upload| upload.at).unwrap_or_default()
    }

    /// What is shipped until `now` and was not before.
    pub(super) fn ship_until(&mut self, now: Timestamp) -> Vec<Upload> {
        let due = self.uploads.iter().take_while(|upload| upload.at <= now).count();
        self.uploads.drain(..due).collect()
    }
}

/// A block of two hours of 1,000 series with a sample every 15 seconds.
fn meta_of(tenant: &str, id: BlockId, from: Timestamp) -> Meta {
    let mut meta = Meta::from_json(b"{\"version\":1,\"compaction\":{\"level\":1}}").unwrap();
    meta.id = id;
    meta.range = TimeRange::new(from.0, from.0 + 2 * HOUR);
    (meta.stats.num_series, meta.stats.num_samples, meta.stats.num_chunks) = (1000, 480_000, 4000);
    meta.compaction.sources = vec![id];
    meta.thanos.labels = [("tenant", tenant)].into_iter().collect();
    meta.thanos.source = "sidecar".to_owned();
    meta
}
