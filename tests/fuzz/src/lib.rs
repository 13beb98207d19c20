//! What the targets share: small blocks in memory, reading them back, and checksums put right again.
//!
//! Each target says at its top what must hold. `.ci/fuzz SECONDS` runs all of them.

pub mod block;
pub mod repair;
