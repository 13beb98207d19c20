//! Two floats side by side: one register where the target has such. The same operations, bit for bit, everywhere.

#[cfg(not(target_family = "wasm"))]
mod plain;
#[cfg(target_family = "wasm")]
mod simd;
#[cfg(target_family = "wasm")]
mod sixteen;

#[cfg(not(target_family = "wasm"))]
pub(crate) use plain::{Pair, any_above, any_below, any_differs};
#[cfg(target_family = "wasm")]
pub(crate) use simd::Pair;
#[cfg(target_family = "wasm")]
pub(crate) use sixteen::{any_above, any_below, any_differs};
