//! A policy of several kinds that does what it must not: `{"do": "trap"}` and so on. Built by `lithify plugin build`; the component is
//! committed beside its sources.
#![no_std]
extern crate alloc;

mod deletions;
mod samples;

use alloc::{string::String, vec, vec::Vec};

use lithify_sdk::{Context, Error, ErrorKind, Job, Plan, Planner, Policy, Request, Why, json::Object};

lithify_sdk::export!(include_bytes!("../manifest.json"), planner: Misbehaving, downsampler: Misbehaving, retention: Misbehaving);

/// What it does.
pub enum Misbehaving {
    Trap,
    Loop,
    Recurse,
    Memory,
    Position,
    Twice,
    Huge,
    Refuse,
    /// As a planner it does nothing with these two.
    Nan,
    Count,
}

impl Policy for Misbehaving {
    fn configure(config: &str) -> Result<Self, Error> {
        let mut object = Object::parse(config)?;
        let wanted = object.take_text("do")?.unwrap_or_default();
        object.finish()?;
        Ok(match wanted.as_str() {
            "trap" => Self::Trap,
            "loop" => Self::Loop,
            "recurse" => Self::Recurse,
            "memory" => Self::Memory,
            "position" => Self::Position,
            "twice" => Self::Twice,
            "huge" => Self::Huge,
            "refuse" => Self::Refuse,
            "nan" => Self::Nan,
            "count" => Self::Count,
            _ => return Err(Error::new(ErrorKind::InvalidConfig, "do: one of trap, loop, recurse, memory, position, twice, huge, refuse, nan, count")),
        })
    }
}

impl Planner for Misbehaving {
    fn make_plan(&self, _cx: &Context, request: &Request, _why: &mut dyn Why) -> Result<Plan, Error> {
        let job = |blocks: Vec<u32>, reason: String| Plan { jobs: vec![Job { blocks, reason }], no_compact: vec![] };
        match self {
            Self::Trap => core::arch::wasm32::unreachable(),
            Self::Loop => {
                let mut n = request.blocks.len();
                while core::hint::black_box(n) != 0 {
                    n = core::hint::black_box(n | 1);
                }
                Ok(Plan { jobs: vec![], no_compact: vec![] })
            }
            Self::Recurse => Ok(job(vec![deeper(request.blocks.len() as u32 + 1)], String::new())),
            Self::Memory => {
                let gibibyte: Vec<u8> = vec![1; core::hint::black_box(1 << 30)];
                Ok(job(vec![u32::from(gibibyte[request.blocks.len()])], String::new()))
            }
            Self::Position => Ok(job(vec![0, 4_000_000], "a block that is not there".into())),
            Self::Twice => Ok(job(vec![0, 1, 0], "a block twice".into())),
            Self::Huge => Ok(job(vec![0, 1], "x".repeat(100 << 20))),
            Self::Refuse => Err(refused()),
            Self::Nan | Self::Count => Ok(Plan { jobs: vec![], no_compact: vec![] }),
        }
    }
}

fn refused() -> Error {
    Error::new(ErrorKind::Unsupported, "not today")
}

/// Never comes back.
#[inline(never)]
fn deeper(n: u32) -> u32 {
    let frame = core::hint::black_box([n; 64]);
    if n == 0 { 0 } else { deeper(core::hint::black_box(n + 1)).wrapping_add(frame[7]) }
}
