//! The machine that runs guests, set so that the same question always gets the same answer.
//!
//! Source: `policies.md` 4.

use std::{thread, time::Duration};

use wasmtime::{Config, Engine};

pub(crate) use codegen::Aim;

mod codegen;

/// Length of an epoch. Deadlines are counted in these.
pub(crate) const TICK: Duration = Duration::from_millis(10);

/// An engine that compiles, and the name of what it compiles.
pub(crate) struct Machine {
    pub(crate) engine: Engine,
    /// Tells engines apart whose compiled code is not interchangeable.
    pub(crate) compatibility: String,
}

impl Machine {
    /// A machine that compiles what it runs.
    pub(crate) fn new(aim: Aim) -> Result<Self, wasmtime::Error> {
        let engine = engine(&codegen::config(aim))?;
        Ok(Self { compatibility: compatibility(&engine), engine })
    }
}

/// An engine for code that was compiled before: it has no compiler, so no pages of one are touched.
pub(crate) fn runner() -> Result<Engine, wasmtime::Error> {
    let mut config = Config::new();
    codegen::run(config.enable_compiler(false));
    engine(&config)
}

/// Makes the engine, and a thread that counts epochs for as long as the engine lives.
fn engine(config: &Config) -> Result<Engine, wasmtime::Error> {
    let engine = Engine::new(config)?;
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
