//! What tests are made of.

pub mod aggregator;
pub mod compare;
pub mod dice;
pub mod memory;
pub mod random;
pub mod s3;
pub mod slow;
