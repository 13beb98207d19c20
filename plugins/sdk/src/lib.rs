//! What does a policy look like from the inside? The records of `wit/0.1.0` as Rust types, one trait a kind, one macro
//! a kind that exports it, and the laws that every policy of a kind must obey.
//!
//! Invariants: policies are values without a clock, a file or a random number; natively they run as plain functions,
//! so tests need no WebAssembly. Nothing here depends on another crate of this repository.
//!
//! Start with [`Planner`] and [`export!`]; `examples/planner-urgent-first` is a whole plugin.
#![no_std]
extern crate alloc;
#[cfg(not(target_family = "wasm"))]
extern crate std as _; // Native builds link its allocator and panic handler; nothing can name it.

#[doc(hidden)]
pub mod bindings;
mod export;
pub mod json;
pub mod laws;
mod policy;
#[cfg(all(target_family = "wasm", feature = "no-std-runtime"))]
mod runtime;
#[doc(hidden)]
pub mod state;
pub mod text;
mod why;

pub use bindings::exports::lithify::policy::downsampler::{
    Aggregates, Column, HistogramAggregates, HistogramColumn, Layout, Span, Wants,
};
pub use bindings::exports::lithify::policy::grouper::Assignment;
pub use bindings::exports::lithify::policy::planner::{Job, Mark, Plan, Request};
pub use bindings::exports::lithify::policy::retention::Deletion;
pub use bindings::lithify::policy::types::{Block, Context, Error, ErrorKind, Label, LabelSet};
pub use policy::{Downsampler, Grouper, Planner, Policy, Retention, Selector};
pub use why::{Reason, Silent, Why};

#[cfg(target_family = "wasm")]
pub use why::{Host, Level, count, log};

#[doc(hidden)]
pub use alloc::{string::String as __String, vec::Vec as __Vec};
