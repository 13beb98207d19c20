//! Two floats side by side: one register where the target has such. The same operations, bit for bit, everywhere.

#[cfg(not(target_family = "wasm"))]
mod plain;
#[cfg(target_family = "wasm")]
mod simd;

#[cfg(not(target_family = "wasm"))]
pub(crate) use plain::{Pair, any_above};
#[cfg(target_family = "wasm")]
pub(crate) use simd::{Pair, any_above};
