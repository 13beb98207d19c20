//! Any plan against any group: refused, or each job names blocks of the group, unmarked, of the group's labels and
//! resolution, none of them twice, in order, with the range that holds them all.
#![no_main]

use std::collections::BTreeSet;

use libfuzzer_sys::{
    arbitrary::{self, Arbitrary},
    fuzz_target,
};
use lithify_block::{
    BlockFacts, BlockId, Group, Job, Labels, Meta, Overlaps, TimeRange, Timestamp,
    policy::{Plan, PlannedJob, PlannedMark},
};

#[derive(Arbitrary, Debug)]
struct Question {
    blocks: Vec<Block>,
    jobs: Vec<Vec<u8>>,
    marks: Vec<usize>,
    far: usize,
    labels: bool,
    vertical: bool,
}

#[derive(Arbitrary, Debug)]
struct Block {
    id: u8,
    min: i16,
    length: i16,
    /// Extremes in place of the two above.
    wild: Option<(i64, i64)>,
    marked: bool,
    other_labels: bool,
    other_resolution: bool,
    sources: Vec<u8>,
}

fn id(number: u8) -> BlockId {
    BlockId::from_parts(Timestamp(0), u128::from(number))
}

fn labels(value: &str) -> Labels {
    [("cluster", value)].into_iter().collect()
}

fn facts(block: &Block) -> BlockFacts {
    let mut meta = Meta::from_json(b"{\"version\":1}").expect("a small meta.json");
    let (min, max) = block.wild.unwrap_or((i64::from(block.min), i64::from(block.min) + i64::from(block.length)));
    meta.id = id(block.id);
    meta.range = TimeRange::new(min, max);
    meta.compaction.sources = block.sources.iter().map(|source| id(*source)).collect();
    meta.thanos.labels = labels(if block.other_labels { "b" } else { "a" });
    meta.thanos.resolution = if block.other_resolution { 300_000 } else { 0 };
    BlockFacts {
        id: id(block.id),
        meta,
        index_size_bytes: None,
        size_bytes: None,
        uploaded_at: None,
        no_compact: block.marked.then(|| "manual".to_owned()),
        no_downsample: None,
        deletion_marked_at: None,
    }
}

fuzz_target!(|question: Question| {
    let known = if question.labels { labels("a") } else { Labels::default() };
    let group = Group::new("0@1".to_owned(), known, 0, question.blocks.iter().map(facts).collect());
    let position = |byte: &u8| if *byte == u8::MAX { question.far } else { usize::from(*byte) };
    let job = |blocks: &Vec<u8>| PlannedJob { blocks: blocks.iter().map(position).collect(), reason: String::new() };
    let mark = |block: &usize| PlannedMark { block: *block, reason: String::new(), details: String::new() };
    let plan = Plan {
        jobs: question.jobs.iter().map(job).collect(),
        no_compact: question.marks.iter().map(mark).collect(),
        reasons: Vec::new(),
    };
    let overlaps = if question.vertical { Overlaps::Merge } else { Overlaps::Refuse };
    let jobs = match Job::check(&plan, &group, overlaps) {
        Ok(jobs) => jobs,
        Err(refusal) => return assert!(!refusal.to_string().is_empty()),
    };
    assert_eq!(jobs.len(), plan.jobs.len());
    let mut taken = BTreeSet::new();
    for (job, planned) in jobs.iter().zip(&plan.jobs) {
        assert_eq!((job.group(), job.labels(), job.resolution()), (group.key.as_str(), &group.labels, 0));
        assert!(!job.blocks().is_empty() && job.blocks().len() == planned.blocks.len());
        assert!(job.blocks().is_sorted_by_key(BlockFacts::order));
        for block in job.blocks() {
            assert!(group.blocks.contains(block) && block.no_compact.is_none());
            assert_eq!((&block.meta.thanos.labels, block.meta.thanos.resolution), (&group.labels, 0));
            assert!(taken.insert(block.id), "{} is in two jobs", block.id);
            assert!(job.range().min <= block.meta.range.min && block.meta.range.max <= job.range().max);
        }
    }
});
