//! Compiles the built-in policies while lithify is built, so that no start has to.
//!
//! What comes out is machine code of the target, a part of the program like any other function of it. Where it cannot be
//! made, because the target is of another architecture than the machine that builds, nothing is written and the program
//! compiles its built-ins when it starts, as it does on a processor that lacks what this code needs.
#![expect(unsafe_code, reason = "wasmtime lets no processor feature be named without it")]

use std::{env, error::Error, fs, path::Path};

use wasmtime::{Config, Engine};

use codegen::Aim;

#[path = "src/engine/codegen.rs"]
mod codegen;

/// What the code may use of a processor: that of 2013 and later (AVX2, BMI, FMA). The loader checks that it is there.
const PROCESSOR: (&str, &str) = ("x86_64", "x86-64-v3");

const COMPONENTS: [(&str, Aim); 5] = [
    ("downsampler", Aim::Fast),
    ("grouper", Aim::Ready),
    ("planner", Aim::Ready),
    ("retention", Aim::Ready),
    ("selector", Aim::Ready),
];

#[expect(clippy::disallowed_methods, reason = "cargo tells a build script by its environment what to do")]
fn main() -> Result<(), Box<dyn Error>> {
    let (target, out) = (env::var("TARGET")?, env::var("OUT_DIR")?);
    println!("cargo::rerun-if-changed=src/engine/codegen.rs");
    for (name, aim) in COMPONENTS {
        let component = format!("../../plugins/dist/{name}.wasm");
        println!("cargo::rerun-if-changed={component}");
        let code = compile(&target, aim, &fs::read(component)?).unwrap_or_else(|error| {
            println!("cargo::warning=the {name} is compiled when lithify starts, not now: {error:#}");
            Vec::new()
        });
        fs::write(Path::new(&out).join(name).with_extension("code"), code)?;
    }
    Ok(())
}

fn compile(target: &str, aim: Aim, component: &[u8]) -> wasmtime::Result<Vec<u8>> {
    let mut config = codegen::config(aim);
    codegen::thorough(&mut config).target(target)?;
    if target.starts_with(PROCESSOR.0) {
        processor(&mut config);
    }
    Engine::new(&config)?.precompile_component(component)
}

fn processor(config: &mut Config) {
    // SAFETY: a name of a set of processor features; wasmtime refuses code on a processor that lacks one of them.
    unsafe { config.cranelift_flag_enable(PROCESSOR.1) };
}
