//! The machine that runs guests, set so that the same question always gets the same answer.
//!
//! Source: `policies.md` 4.

use std::{thread, time::Duration};

use wasmtime::{Config, Engine, OptLevel, RegallocAlgorithm};

/// Length of an epoch. Deadlines are counted in these.
pub(crate) const TICK: Duration = Duration::from_millis(10);

/// How much stack a guest may use, bytes.
const STACK_BYTES: usize = 512 << 10;

/// An engine, and the name of what it compiles.
pub(crate) struct Machine {
    pub(crate) engine: Engine,
    /// Tells engines apart whose compiled code is not interchangeable.
    pub(crate) compatibility: String,
}

/// What code is compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Aim {
    /// Ready soon. A run asks its policies a few hundred questions, which take a millisecond together, while compiling
    /// the grouper and the planner takes 55 ms of processor time like this and 120 ms with the optimiser and the better
    /// register allocator.
    Ready,
    /// Fast once it runs: a downsampler sees every sample.
    Fast,
}

impl Machine {
    pub(crate) fn new(aim: Aim) -> Result<Self, wasmtime::Error> {
        let engine = engine(aim)?;
        Ok(Self { compatibility: compatibility(&engine), engine })
    }
}

/// Makes the engine, and a thread that counts epochs for as long as the engine lives.
fn engine(aim: Aim) -> Result<Engine, wasmtime::Error> {
    let engine = Engine::new(&config(aim))?;
    let weak = engine.weak();
    // A late ticker must not kill the innocent: a tick that was missed is not made up for, so a guest gets at least the
    // time it was promised.
    thread::Builder::new()
        .name("plugin-epochs".into())
        .spawn(move || {
            while let Some(engine) = weak.upgrade() {
                engine.increment_epoch();
                drop(engine);
                thread::sleep(TICK);
            }
        })
        .map(drop)?;
    Ok(engine)
}

/// All that matters is said here, whatever wasmtime's defaults are.
///
/// What a guest answers does not depend on the aim, except for the bits of a NaN that it did not write itself. Where NaN is
/// not made canonical after each operation, those are the processor's, the same on every machine of an architecture, and
/// the checks of a downsampler's answers give every NaN the same bits before anyone sees them. It matters because each
/// addition of a sum waits for the one before: it takes twice as long with the comparison behind it.
fn config(aim: Aim) -> Config {
    let mut config = Config::new();
    match aim {
        Aim::Ready => {
            config.cranelift_opt_level(OptLevel::None).cranelift_regalloc_algorithm(RegallocAlgorithm::SinglePass)
        }
        Aim::Fast => {
            config.cranelift_opt_level(OptLevel::Speed).cranelift_regalloc_algorithm(RegallocAlgorithm::Backtracking)
        }
    };
    config
        .consume_fuel(true)
        .epoch_interruption(true)
        .cranelift_nan_canonicalization(aim == Aim::Ready)
        .max_wasm_stack(STACK_BYTES)
        .parallel_compilation(true)
        .wasm_simd(true)
        .wasm_relaxed_simd(false)
        .wasm_memory64(false)
        .wasm_component_model(true)
        .memory_init_cow(true);
    config
}

/// A whole number of ticks that is not shorter than `timeout`, and at least two, because the first may end at once.
pub(crate) fn ticks(timeout: Duration) -> u64 {
    let ticks = timeout.as_millis().div_ceil(TICK.as_millis()).saturating_add(1);
    u64::try_from(ticks).unwrap_or(u64::MAX / 2).max(2)
}

fn compatibility(engine: &Engine) -> String {
    use std::hash::{Hash, Hasher};

    /// Collects what is hashed: the standard hasher's 64 bits are few for a name that code is trusted by.
    struct Collect(sha2::Sha256);
    impl Hasher for Collect {
        fn finish(&self) -> u64 {
            0
        }
        fn write(&mut self, bytes: &[u8]) {
            sha2::Digest::update(&mut self.0, bytes);
        }
    }
    let mut collect = Collect(sha2::Digest::new());
    engine.precompile_compatibility_hash().hash(&mut collect);
    crate::digest::hex(&sha2::Digest::finalize(collect.0))
}
