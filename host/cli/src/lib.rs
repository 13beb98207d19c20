//! How does the outside look? Flags, logs, HTTP, signals, and what people see on a terminal.
//!
//! Invariants: only this crate knows flags and HTTP; the environment is read here and nowhere else; nothing below sees
//! a string that was typed.
//!
//! Start with [`flags::parse`], then [`config`], then `main.rs`.

pub mod calendar;
pub mod commands;
pub mod config;
pub mod demo;
pub mod flags;
pub mod heap;
pub mod http;
pub mod logging;
pub mod machine_memory;
pub mod policy_metrics;
pub mod probe;
pub mod process_metrics;
pub mod profile;
pub mod protobuf;
pub mod relabel;
pub mod render;
pub mod screen;
pub mod serving;
pub mod signals;
pub mod traces;
pub mod tracing_config;
pub mod version;
pub mod wire;
