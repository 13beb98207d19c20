//! Two floats side by side: one register where the target has such. The same operations, bit for bit, everywhere.

#[cfg(target_family = "wasm")]
mod places;
#[cfg(not(target_family = "wasm"))]
mod plain;
#[cfg(target_family = "wasm")]
mod simd;
#[cfg(target_family = "wasm")]
mod sixteen;

#[cfg(target_family = "wasm")]
pub(crate) use places::Places;
#[cfg(not(target_family = "wasm"))]
pub(crate) use plain::{Pair, Places, any_below, any_differs, any_nan};
#[cfg(target_family = "wasm")]
pub(crate) use simd::Pair;
#[cfg(target_family = "wasm")]
pub(crate) use sixteen::{any_below, any_differs, any_nan};
