//! What comes in through the door, and what does not.

#![expect(clippy::unwrap_used, clippy::cast_possible_truncation, reason = "a test that cannot go on panics")]

mod answers;
mod builtins;
mod columns;
mod deletions;
mod differential;
mod fixtures;
mod guests;
mod limits;
mod loading;
mod logs;
mod samples;
