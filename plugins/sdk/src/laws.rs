//! What any policy of a kind must obey, whatever it decides. Run them over your own questions in your own tests:
//!
//! ```
//! # use lithify_sdk::{*, laws};
//! # struct Rest;
//! # impl Policy for Rest { fn configure(_: &str) -> Result<Self, Error> { Ok(Self) } }
//! # impl Planner for Rest {
//! #     fn make_plan(&self, _: &Context, _: &Request, _: &mut dyn Why) -> Result<Plan, Error> {
//! #         Ok(Plan { jobs: vec![], no_compact: vec![] })
//! #     }
//! # }
//! let blocks = vec![laws::block("01", 0, 20), laws::block("02", 20, 40)];
//! laws::planner(&Rest, &laws::request(blocks, &[20, 60])).unwrap();
//! ```
//!
//! Source: `policies.md` 7.

mod build;
mod downsampler;
mod grouper;
mod planner;
mod retention;
mod selector;

use alloc::string::String;
use core::fmt;

pub use build::{block, column, context, request};
pub use downsampler::downsampler;
pub use grouper::grouper;
pub use planner::planner;
pub use retention::retention;
pub use selector::selector;

/// A law that a policy broke, with the evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The law in a few words.
    pub law: &'static str,
    /// What was seen.
    pub evidence: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.law, self.evidence)
    }
}

impl core::error::Error for Broken {}

/// Fails with the evidence unless `holds`.
fn law(law: &'static str, holds: bool, evidence: impl FnOnce() -> String) -> Result<(), Broken> {
    if holds { Ok(()) } else { Err(Broken { law, evidence: evidence() }) }
}

/// The law that a policy may refuse, but not fail on a question that is in order.
fn answered<A>(answer: Result<A, crate::Error>) -> Result<A, Broken> {
    answer.map_err(|error| Broken { law: "a question that is in order is answered", evidence: error.message })
}

/// The law that the same question has the same answer.
const SAME_TWICE: &str = "the same question has the same answer";
/// The law that only what was shown is named.
const ONLY_GIVEN: &str = "only blocks that were given are named, each once";
/// The law that order does not matter.
const ORDER_FREE: &str = "the order of the question does not matter";

#[cfg(test)]
mod tests;
