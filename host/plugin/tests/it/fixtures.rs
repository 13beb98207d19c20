//! Blocks, and doors with plugins behind them.

use lithify_block::{BlockFacts, BlockId, Group, Meta, TimeRange, Timestamp, policy::Context};
use lithify_plugin::{Choice, Door, Kind, Policies, Settings};
use serde_json::json;

pub(crate) const HOUR: i64 = 3_600_000;
pub(crate) const RANGES: [i64; 5] = [HOUR, 2 * HOUR, 8 * HOUR, 48 * HOUR, 336 * HOUR];

/// A block of the range in hours, with the id of number `n`.
pub(crate) fn block(n: u128, min_hour: i64, max_hour: i64) -> BlockFacts {
    let id = BlockId::from_parts(Timestamp(0), n);
    let mut meta = Meta::from_json(b"{\"version\":1}").unwrap();
    meta.id = id;
    meta.range = TimeRange::new(min_hour * HOUR, max_hour * HOUR);
    meta.compaction.sources = vec![id];
    meta.thanos.labels = [("cluster", "eu1")].into_iter().collect();
    BlockFacts {
        id,
        meta,
        index_size_bytes: Some(1000),
        size_bytes: None,
        uploaded_at: None,
        no_compact: None,
        no_downsample: None,
        deletion_marked_at: None,
    }
}

/// Five blocks of two hours, which fill a window and leave one over.
pub(crate) fn five() -> Group {
    let blocks = (0..5_i64).map(|i| block(1 + u128::from(i.unsigned_abs()), 2 * i, 2 * i + 2)).collect();
    Group::new("0@1".to_owned(), [("cluster", "eu1")].into_iter().collect(), 0, blocks)
}

pub(crate) fn context() -> Context {
    Context { now: Timestamp(0), run_id: "test".to_owned(), dry_run: false, shard: None }
}

pub(crate) fn builtins() -> Choice {
    let planner = Settings::builtin("tsdb", &json!({}));
    let downsampler = Settings::builtin("five-aggregates", &json!({})).usual_for(Kind::Downsampler);
    Choice {
        selector: None,
        grouper: Settings::builtin("external-labels", &json!({})),
        planner: planner.clone(),
        builtin_planner: planner,
        downsampler: downsampler.clone(),
        builtin_downsampler: downsampler,
        retention: Vec::new(),
    }
}

pub(crate) fn load(choice: &Choice) -> Policies {
    Door::open(None, true).unwrap().load(choice).unwrap()
}
