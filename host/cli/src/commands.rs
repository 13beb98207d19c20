//! The commands, one file each.

pub mod compact;
pub mod demo;
pub mod explain;
pub mod plan;
pub mod plugin;
