//! The traits that a policy implements. They take and return the records of the interface as they are.

use alloc::{string::String, vec::Vec};

use crate::{Assignment, Block, Context, Error, ErrorKind, LabelSet, Plan, Request, Why};

/// What all kinds have in common: a policy is made from its configuration.
pub trait Policy: Sized {
    /// Makes the policy from its configuration, a JSON text, `{}` when the operator gave none.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidConfig`], with a message that names the key.
    fn configure(config: &str) -> Result<Self, Error>;

    /// What works with this configuration, but is probably not meant.
    fn warnings(&self) -> Vec<String> {
        Vec::new()
    }
}

/// Decides which blocks a process looks at.
pub trait Selector: Policy {
    /// One answer a set, in the same order; `None` leaves the block alone.
    ///
    /// # Errors
    /// Whatever keeps the policy from answering; the host acts on the configured `on-error`.
    fn select(&self, cx: &Context, sets: Vec<LabelSet>, why: &mut dyn Why) -> Result<Vec<Option<LabelSet>>, Error>;
}

/// Decides which blocks belong together.
pub trait Grouper: Policy {
    /// One assignment a block that takes part, by position.
    ///
    /// # Errors
    /// Whatever keeps the policy from answering; the host acts on the configured `on-error`.
    fn group(&self, cx: &Context, blocks: &[Block], why: &mut dyn Why) -> Result<Vec<Assignment>, Error>;
}

/// Decides what is compacted.
pub trait Planner: Policy {
    /// What should be done about the blocks of one group.
    ///
    /// # Errors
    /// Whatever keeps the policy from answering; the host acts on the configured `on-error`.
    fn make_plan(&self, cx: &Context, request: &Request, why: &mut dyn Why) -> Result<Plan, Error>;
}

impl Error {
    /// An error without details.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), details: Vec::new() }
    }

    /// A configuration that cannot be used.
    pub fn config(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidConfig, message)
    }
}
