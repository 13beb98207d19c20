//! The order of things, over a bucket in memory that fails when it is told to, with a clock that stands still.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod budget;
mod cleaning;
mod fixtures;
mod repeating;
mod retention;
