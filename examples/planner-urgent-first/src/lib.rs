//! A planner as a stranger would write it: of all windows that are complete it takes the newest first, because new data is
//! queried most, where the built-in planner takes the oldest.
//!
//! It merges neighbours only: between two blocks of a job lies no block that stays out of it.
#![no_std]
extern crate alloc;
#[cfg(not(target_family = "wasm"))]
extern crate std as _;

use alloc::{format, vec, vec::Vec};

use lithify_sdk::{Block, Context, Error, Job, Plan, Planner, Policy, Request, Why, json::Object};

lithify_sdk::export!(include_bytes!("../manifest.json"), planner: UrgentFirst);

/// The planner, with its configuration.
pub struct UrgentFirst {
    /// A window with fewer blocks is left as it is.
    pub blocks_min: usize,
}

impl Policy for UrgentFirst {
    fn configure(config: &str) -> Result<Self, Error> {
        let mut object = Object::parse(config)?;
        let blocks_min = object.take_u64("blocks-min")?.unwrap_or(2).max(2);
        object.finish()?;
        Ok(Self { blocks_min: usize::try_from(blocks_min).unwrap_or(usize::MAX) })
    }
}

impl Planner for UrgentFirst {
    fn make_plan(&self, _cx: &Context, request: &Request, why: &mut dyn Why) -> Result<Plan, Error> {
        // Positions in the question, by time: the order of the question must not matter.
        let mut order: Vec<u32> = (0..).zip(&request.blocks).map(|(position, _)| position).collect();
        let block = |position: u32| &request.blocks[position as usize];
        order.sort_by_key(|position| (block(*position).min_time, block(*position).max_time, block(*position).id.clone()));
        // The newest block may still get company.
        let Some(newest) = order.pop() else { return Ok(Plan { jobs: vec![], no_compact: vec![] }) };
        if why.enabled() {
            why.explain(&block(newest).id, "fresh", "the newest block waits");
        }
        for range in request.ranges.iter().skip(1) {
            if let Some(blocks) = self.newest_window(&order, &block, *range, block(newest).min_time) {
                let reason = format!("the newest complete window of {} h", range / 3_600_000);
                return Ok(Plan { jobs: vec![Job { blocks, reason }], no_compact: vec![] });
            }
        }
        Ok(Plan { jobs: vec![], no_compact: vec![] })
    }
}

impl UrgentFirst {
    /// The blocks of the newest window of `range` ms that ends before `horizon` and is worth merging.
    fn newest_window<'a>(
        &self,
        order: &[u32],
        block: &impl Fn(u32) -> &'a Block,
        range: i64,
        horizon: i64,
    ) -> Option<Vec<u32>> {
        let window = |position: &u32| block(*position).min_time.div_euclid(range);
        let whole = |position: &u32| {
            let (first, last) = (window(position), (block(*position).max_time - 1).div_euclid(range));
            first == last && block(*position).max_time - block(*position).min_time < range
        };
        let windows = order.chunk_by(|a, b| window(a) == window(b));
        let mut complete = windows.filter(|blocks| {
            let ended = blocks.first().is_some_and(|first| (window(first) + 1) * range <= horizon);
            let free = blocks.iter().all(|position| whole(position) && block(*position).no_compact.is_none());
            ended && free && blocks.len() >= self.blocks_min
        });
        complete.next_back().map(<[u32]>::to_vec)
    }
}
