//! The commands, one file each.

mod answer;

pub mod compact;
pub mod demo;
pub mod diff;
pub mod explain;
pub mod plan;
pub mod plugin;
pub mod unmark;
