//! How code is made of a component: read by the engine, and by the build script that compiles the built-ins.
//!
//! Source: `policies.md` 4.

use wasmtime::{Config, OptLevel, RegallocAlgorithm};

/// How much stack a guest may use, bytes.
const STACK_BYTES: usize = 512 << 10;

/// What code is compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Aim {
    /// Ready soon. A run asks its policies a few hundred questions, which take a millisecond together, while compiling a
    /// grouper and a planner takes 55 ms of processor time like this and 120 ms with the optimiser and the better
    /// register allocator.
    Ready,
    /// Fast once it runs: a downsampler sees every sample.
    Fast,
}

/// All that matters is said here, whatever wasmtime's defaults are.
///
/// What a guest answers does not depend on the aim, except for the bits of a NaN that it did not write itself. Where NaN is
/// not made canonical after each operation, those are the processor's, the same on every machine of an architecture, and
/// the checks of a downsampler's answers give every NaN the same bits before anyone sees them. It matters because each
/// addition of a sum waits for the one before: it takes twice as long with the comparison behind it.
pub(crate) fn config(aim: Aim) -> Config {
    let mut config = Config::new();
    match aim {
        Aim::Ready => {
            config.cranelift_opt_level(OptLevel::None).cranelift_regalloc_algorithm(RegallocAlgorithm::SinglePass)
        }
        Aim::Fast => thorough(&mut config),
    };
    config.cranelift_nan_canonicalization(aim == Aim::Ready).parallel_compilation(true);
    run(&mut config);
    config
}

/// How code is run, whatever compiled it.
pub(crate) fn run(config: &mut Config) {
    config
        .consume_fuel(true)
        .epoch_interruption(true)
        .max_wasm_stack(STACK_BYTES)
        .wasm_simd(true)
        .wasm_relaxed_simd(false)
        .wasm_memory64(false)
        .wasm_component_model(true)
        .memory_init_cow(true);
}

/// The best code, however long it takes. Says nothing of what code means or how it is called.
pub(crate) fn thorough(config: &mut Config) -> &mut Config {
    config.cranelift_opt_level(OptLevel::Speed).cranelift_regalloc_algorithm(RegallocAlgorithm::Backtracking)
}
