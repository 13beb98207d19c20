//! Runs over buckets in memory, with policies that are functions.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod world;

mod compaction;
mod downsampling;
mod isolation;
