//! Saying why: natively into a list or nowhere, as a component to the host.

use alloc::{borrow::ToOwned, string::String, vec::Vec};

/// Where reasons go. Policies take it as an argument, so they stay plain functions.
pub trait Why {
    /// Whether anybody reads what is said. Ask before building a message.
    fn enabled(&self) -> bool;

    /// Says why something was decided about `subject`, the ULID of a block. `rule` is a short name that does not change
    /// from run to run, `message` a sentence.
    fn explain(&mut self, subject: &str, rule: &str, message: &str);
}

/// One explanation, as a test wants to see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// The ULID of a block.
    pub subject: String,
    /// A short name.
    pub rule: String,
    /// A sentence.
    pub message: String,
}

impl Why for Vec<Reason> {
    fn enabled(&self) -> bool {
        true
    }

    fn explain(&mut self, subject: &str, rule: &str, message: &str) {
        self.push(Reason { subject: subject.to_owned(), rule: rule.to_owned(), message: message.to_owned() });
    }
}

/// Nobody reads.
pub struct Silent;

impl Why for Silent {
    fn enabled(&self) -> bool {
        false
    }

    fn explain(&mut self, _subject: &str, _rule: &str, _message: &str) {}
}

/// The host reads, if it said so.
#[cfg(target_family = "wasm")]
pub struct Host {
    enabled: bool,
}

#[cfg(target_family = "wasm")]
impl Host {
    /// Asks the host once; the answer holds for the call.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "it calls the host")]
    pub fn new() -> Self {
        Self { enabled: crate::bindings::lithify::policy::host::explain_enabled() }
    }
}

#[cfg(target_family = "wasm")]
impl Why for Host {
    fn enabled(&self) -> bool {
        self.enabled
    }

    fn explain(&mut self, subject: &str, rule: &str, message: &str) {
        crate::bindings::lithify::policy::host::explain(subject, rule, message);
    }
}

#[cfg(target_family = "wasm")]
pub use crate::bindings::lithify::policy::host::{Level, count, log};
