//! What no single crate can show, one module an area. All of them run the program as its users do, but for `simulation`,
//! which has no time for that.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod blocks;
mod program;
mod running;
mod wired;

mod behaviour;
mod bucket_policies;
mod cli;
mod corrupted;
mod day;
mod differential;
mod faults;
mod golden;
mod hazards;
mod policies;
mod signals;
mod simulation;
