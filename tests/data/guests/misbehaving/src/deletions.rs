//! The same misdeeds as a retention rule.

use alloc::{vec, vec::Vec};

use lithify_sdk::{Block, Context, Deletion, Error, Retention, Why};

use crate::{Misbehaving, deeper, refused};

impl Retention for Misbehaving {
    fn evaluate(&self, _cx: &Context, blocks: &[Block], _why: &mut dyn Why) -> Result<Vec<Deletion>, Error> {
        let deletion = |block, reason: &str| Deletion { block, rule: "test".into(), reason: reason.into() };
        match self {
            Self::Trap => core::arch::wasm32::unreachable(),
            Self::Loop => {
                let mut n = blocks.len() | 1;
                while core::hint::black_box(n) != 0 {
                    n = core::hint::black_box(n | 1);
                }
                Ok(vec![])
            }
            Self::Recurse => Ok(vec![deletion(deeper(blocks.len() as u32 + 1), "x")]),
            Self::Memory => {
                let gibibyte: Vec<u8> = vec![1; core::hint::black_box(1 << 30)];
                Ok(vec![deletion(u32::from(gibibyte[blocks.len()]), "x")])
            }
            Self::Position => Ok(vec![deletion(0, "x"), deletion(4_000_000, "a block that is not there")]),
            Self::Twice => Ok(vec![deletion(0, "x"), deletion(0, "a block twice")]),
            Self::Huge => Ok(vec![deletion(0, &"x".repeat(100 << 20))]),
            Self::Refuse => Err(refused()),
            Self::Nan => Ok(vec![deletion(0, "\u{7}")]),
            Self::Count => Ok(vec![deletion(0, "")]),
        }
    }
}
