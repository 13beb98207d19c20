//! The built-in policies, loaded.

use lithify_block::{
    BlockId, Timestamp,
    policy::{Aggregator, Context},
};
use lithify_plugin::{Choice, Door, Kind, Policies, Settings};
use serde_json::json;

pub(crate) fn policies() -> Policies {
    let settings = |name, kind| Settings::builtin(name, &json!({})).usual_for(kind);
    let [planner, downsampler] = [settings("tsdb", Kind::Planner), settings("five-aggregates", Kind::Downsampler)];
    let choice = Choice {
        selector: None,
        grouper: settings("external-labels", Kind::Grouper),
        planner: planner.clone(),
        builtin_planner: planner,
        downsampler: downsampler.clone(),
        builtin_downsampler: downsampler,
        retention: Vec::new(),
    };
    Door::open(None, false).expect("an engine").load(&choice).expect("the built-ins load")
}

/// A downsampler that has begun with a block.
pub(crate) fn aggregator(policies: &Policies) -> Box<dyn Aggregator> {
    let context = Context { now: Timestamp(0), run_id: "bench".to_owned(), dry_run: false, shard: None };
    policies.downsampler.begin(&context, BlockId::from_parts(Timestamp(0), 1)).expect("an instance")
}
