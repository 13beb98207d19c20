//! What people see on a terminal: pure functions from small structs to text.

pub mod diff;
pub mod explain;
pub mod look;
pub mod plan;
pub mod progress;
pub mod report;
pub mod table;
pub mod timeline;
pub mod units;
pub mod unmark;
