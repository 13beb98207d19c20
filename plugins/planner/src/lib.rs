//! What should be compacted next? The planner of Thanos as a policy.
//!
//! Invariants: a pure function of configuration and question; integers and ordered lists, so the same question has the
//! same answer; blocks are put in order again, so the order of the question does not matter.
//!
//! Start with [`Tsdb`], then `tsdb.rs`; the filters around it are `index_size.rs` and `vertical.rs`.
//!
//! Source: `thanos-compactor.md` 5; Thanos pkg/compact/planner.go, Prometheus tsdb/compact.go.
#![no_std]
extern crate alloc;
#[cfg(not(target_family = "wasm"))]
extern crate std as _; // Native builds link its allocator and panic handler; nothing can name it.

mod explain;
mod index_size;
mod overlap;
mod ranges;
mod tsdb;
mod vertical;

#[cfg(test)]
mod tests;

use alloc::{string::String, vec::Vec};

use lithify_sdk::{Block, Context, Error, ErrorKind, Job, Mark, Plan, Planner, Policy, Request, Why, json::Object};

lithify_sdk::export!(include_bytes!("../manifest.json"), planner: Tsdb);

/// The planner, with its configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tsdb {
    /// Upper limit for the index of a result, bytes; plans stay 15 % below. Source: `--compact.block-max-index-size`.
    pub max_index_size_bytes: u64,
    /// Whether overlapping downsampled blocks are marked. Source: `--compact.enable-vertical-compaction`.
    pub vertical: bool,
}

/// The reference's default for `--compact.block-max-index-size`, 64 GB.
const MAX_INDEX_SIZE_BYTES: u64 = 64 << 30;

impl Policy for Tsdb {
    fn configure(config: &str) -> Result<Self, Error> {
        let mut object = Object::parse(config)?;
        let planner = Self {
            max_index_size_bytes: object.take_u64("max-index-size-bytes")?.unwrap_or(MAX_INDEX_SIZE_BYTES),
            vertical: object.take_bool("vertical")?.unwrap_or(false),
        };
        object.finish()?;
        Ok(planner)
    }
}

impl Planner for Tsdb {
    fn make_plan(&self, _cx: &Context, request: &Request, why: &mut dyn Why) -> Result<Plan, Error> {
        if request.ranges.is_empty() || request.ranges.iter().any(|range| *range <= 0) {
            return Err(Error::new(ErrorKind::InvalidInput, "ranges must be given and be above zero"));
        }
        let group = InOrder::new(request);
        let mut marks = Marks::new(&group);
        let choice = vertical::plan(self, &group, &mut marks)?;
        if why.enabled() {
            explain::explain(&group, &marks, &choice, why);
        }
        let jobs = match choice.blocks.is_empty() {
            true => Vec::new(),
            false => Vec::from([Job { blocks: group.positions(&choice.blocks), reason: choice.rule.reason() }]),
        };
        Ok(Plan { jobs, no_compact: marks.new })
    }
}

/// The blocks of a question by start, end and id, with their positions in the question.
struct InOrder<'a> {
    blocks: Vec<(u32, &'a Block)>,
    ranges: &'a [i64],
}

impl<'a> InOrder<'a> {
    fn new(request: &'a Request) -> Self {
        let mut blocks: Vec<(u32, &Block)> = (0..).zip(&request.blocks).collect();
        blocks.sort_unstable_by(|(_, a), (_, b)| (a.min_time, a.max_time, &a.id).cmp(&(b.min_time, b.max_time, &b.id)));
        Self { blocks, ranges: &request.ranges }
    }

    fn positions(&self, chosen: &[usize]) -> Vec<u32> {
        chosen.iter().map(|i| self.blocks[*i].0).collect()
    }
}

/// Which blocks must not be compacted: those marked before, and those that this plan marks.
struct Marks {
    marked: Vec<bool>,
    new: Vec<Mark>,
}

impl Marks {
    fn new(group: &InOrder<'_>) -> Self {
        Self { marked: group.blocks.iter().map(|(_, block)| block.no_compact.is_some()).collect(), new: Vec::new() }
    }

    fn add(&mut self, group: &InOrder<'_>, i: usize, reason: &str, details: String) {
        self.marked[i] = true;
        self.new.push(Mark { block: group.blocks[i].0, reason: reason.into(), details });
    }
}

/// What one pass of the planner chose: indexes into [`InOrder::blocks`], ascending, and the rule that chose them.
struct Choice {
    blocks: Vec<usize>,
    rule: Rule,
}

/// Why blocks were chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    Overlap,
    Range(i64),
    Tombstones,
    Rest,
}

impl Rule {
    fn reason(self) -> String {
        match self {
            Self::Overlap => "blocks overlap".into(),
            Self::Range(range) => ["fill a window of ", &explain::length(range)].concat(),
            Self::Tombstones => "more than 5% of the series have tombstones".into(),
            Self::Rest => "nothing to do".into(),
        }
    }
}
