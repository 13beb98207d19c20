//! What tests are made of.

pub mod s3;
pub mod slow;
