//! What holds after every iteration, whatever was shipped and decided.

use std::collections::{BTreeMap, BTreeSet};

use lithify_block::{BlockId, Meta, Timestamp};
use lithify_compactor::{Iteration, RESOLUTION_1H, RESOLUTION_5M};

use super::{
    ledger::{Ledger, Stream},
    sidecar::{DAY, FIRST_DAY, HOUR},
};

/// `--delete-delay`, as it is by default.
const DELETE_DELAY: i64 = 48 * HOUR;

/// Shortest raw and shortest 5m block that is downsampled.
///
/// Source: `thanos-compactor.md` 7.1.
const DUE: [(i64, i64, i64); 2] = [(0, 40 * HOUR, RESOLUTION_5M), (RESOLUTION_5M, 10 * DAY, RESOLUTION_1H)];

/// Iterations after which two blocks of one stream do not share time any more. One is usual: a fortnight is full together
/// with its last two days, so it is downsampled whole before its copies of two days are known to be superseded. A late
/// block takes no longer.
const ITERATIONS_SHARED_MAX: usize = 1;

/// What is remembered from iteration to iteration.
pub(super) struct Laws {
    /// Live blocks that a stream may have besides those of 14 days.
    live_max: usize,
    planned: BTreeSet<(i64, Vec<BlockId>)>,
    /// For how many iterations two blocks have shared time.
    shared: BTreeMap<(BlockId, BlockId), usize>,
    /// Most live blocks that a stream has had, besides those of 14 days.
    pub(super) most: usize,
    /// Most iterations for which two blocks have shared time.
    pub(super) longest: usize,
}

impl Laws {
    pub(super) fn new(live_max: usize) -> Self {
        let (planned, shared) = (BTreeSet::new(), BTreeMap::new());
        Self { live_max, planned, shared, most: 0, longest: 0 }
    }

    /// Asserts them all.
    pub(super) fn hold(&mut self, ledger: &Ledger, iteration: &Iteration, now: Timestamp) {
        let day = (now.0 - FIRST_DAY.0) as f64 / DAY as f64;
        let lost = ledger.lost();
        assert!(lost.is_empty(), "day {day}: no block holds {lost:?}");
        self.nothing_is_planned_twice(iteration, day);
        let streams = ledger.streams();
        self.nothing_is_shared_for_long(&streams, day);
        for (stream, blocks) in &streams {
            let windows = usize::try_from((now.0 - FIRST_DAY.0) / (14 * DAY)).unwrap() + 2;
            let more = blocks.len().saturating_sub(windows);
            self.most = self.most.max(more);
            assert!(more <= self.live_max, "day {day}: {stream:?} has {} live blocks", blocks.len());
        }
        for (id, block) in &ledger.blocks {
            let age = block.marked.map_or(0, |marked| now.since(marked));
            assert!(age <= DELETE_DELAY, "day {day}: {id} was marked {} h ago and is still there", age / HOUR);
        }
        let merged = iteration.outcomes.iter().filter_map(|outcome| outcome.result.as_ref());
        merged
            .chain(iteration.downsampled.iter().map(|copy| &copy.result))
            .for_each(|meta| has_copy(ledger, meta, day));
    }

    fn nothing_is_planned_twice(&mut self, iteration: &Iteration, day: f64) {
        let merged = iteration.outcomes.iter().map(|outcome| {
            let blocks: Vec<BlockId> = outcome.sources.iter().map(|block| block.id).collect();
            (outcome.sources[0].meta.thanos.resolution, blocks)
        });
        let copied = iteration.downsampled.iter().map(|copy| (copy.result.thanos.resolution, vec![copy.source.id]));
        for plan in merged.chain(copied) {
            assert!(self.planned.insert(plan.clone()), "day {day}: planned twice: {plan:?}");
        }
    }

    /// Two blocks of a stream that hold the same source share time as well.
    fn nothing_is_shared_for_long(&mut self, streams: &BTreeMap<Stream, Vec<&Meta>>, day: f64) {
        let mut shared = BTreeMap::new();
        for (stream, blocks) in streams {
            for (position, first) in blocks.iter().enumerate() {
                let later = blocks.iter().skip(position + 1).take_while(|later| later.range.min < first.range.max);
                for pair in later.map(|later| (first.id, later.id)) {
                    let times = self.shared.get(&pair).map_or(1, |times| times + 1);
                    self.longest = self.longest.max(times);
                    assert!(times <= ITERATIONS_SHARED_MAX, "day {day}: {stream:?}: {pair:?} share time");
                    shared.insert(pair, times);
                }
            }
        }
        self.shared = shared;
    }
}

/// Asserts that every block which is old enough for it has its copy.
pub(super) fn all_have_copies(ledger: &Ledger, now: Timestamp) {
    ledger.live().for_each(|meta| has_copy(ledger, meta, (now.0 - FIRST_DAY.0) as f64 / DAY as f64));
}

fn has_copy(ledger: &Ledger, meta: &Meta, day: f64) {
    for (resolution, length, target) in DUE {
        if meta.thanos.resolution == resolution && meta.range.length_ms() >= length {
            let missing = meta.compaction.sources.iter().find(|source| !ledger.has_or_had(target, **source));
            assert_eq!(missing, None, "day {day}: {} has no copy at {target}", meta.id);
        }
    }
}
