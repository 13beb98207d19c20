//! Loads compiled code. The only place that trusts bytes to be machine code.
#![expect(unsafe_code, reason = "wasmtime cannot check that compiled code is what its compiler wrote")]

use wasmtime::{Engine, Result, component::Component};

use crate::cache::Authentic;

/// Loads code that this installation compiled itself.
///
/// # Errors
/// wasmtime's, if the code was compiled for another engine.
pub(crate) fn load(engine: &Engine, code: &Authentic<'_>) -> Result<Component> {
    // SAFETY: an `Authentic` is made by `cache::open` alone, which checked with the key of this data directory that the
    // bytes are those that `Component::serialize` gave us for this component and this engine.
    unsafe { Component::deserialize(engine, code.bytes()) }
}
