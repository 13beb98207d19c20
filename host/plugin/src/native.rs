//! Loads compiled code. The only place that trusts bytes to be machine code.
#![expect(unsafe_code, reason = "wasmtime cannot check that compiled code is what its compiler wrote")]

use wasmtime::{Engine, Result, component::Component};

use crate::{builtin::Prepared, cache::Authentic};

/// Loads code that this installation compiled itself.
///
/// # Errors
/// wasmtime's, if the code was compiled for another engine.
pub(crate) fn load(engine: &Engine, code: &Authentic<'_>) -> Result<Component> {
    // SAFETY: an `Authentic` is made by `cache::open` alone, which checked with the key of this data directory that the
    // bytes are those that `Component::serialize` gave us for this component and this engine.
    unsafe { Component::deserialize(engine, code.bytes()) }
}

/// Loads the code of a built-in.
///
/// # Errors
/// wasmtime's, if there is none, or if this processor lacks what it was compiled for.
pub(crate) fn load_prepared(engine: &Engine, code: &Prepared) -> Result<Component> {
    // SAFETY: a `Prepared` is made of what the build script wrote alone, with the compiler and the settings of this
    // engine; it is in this program like the machine code of any of its functions.
    unsafe { Component::deserialize(engine, code.bytes()) }
}
