//! The demo's blocks.

pub mod bucket;
pub mod noise;
pub mod story;
