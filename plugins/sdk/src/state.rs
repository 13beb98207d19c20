//! The one value that outlives a call: the configured policy.
#![expect(unsafe_code, reason = "a static needs Sync, and a component has one thread")]

use core::cell::RefCell;

use alloc::{string::String, vec::Vec};

use crate::{Error, ErrorKind, Policy};

/// Holds the configured policy of an instance.
pub struct State<P>(RefCell<Option<P>>);

// SAFETY: components run on one thread (threads are switched off in the host's engine), and the type is only put into a
// static by the export macros, which exist on WebAssembly alone.
unsafe impl<P> Sync for State<P> {}

impl<P: Policy> State<P> {
    /// Nothing is configured yet.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "it must be const")]
    pub const fn new() -> Self {
        Self(RefCell::new(None))
    }

    /// Replaces the policy by one with this configuration.
    ///
    /// # Errors
    /// What [`Policy::configure`] says.
    pub fn configure(&self, config: &str) -> Result<(), Error> {
        *self.0.borrow_mut() = Some(P::configure(config)?);
        Ok(())
    }

    /// Checks a configuration without keeping it; returns the policy's warnings.
    ///
    /// # Errors
    /// What [`Policy::configure`] says.
    pub fn validate(config: &str) -> Result<Vec<String>, Error> {
        P::configure(config).map(|policy| policy.warnings())
    }

    /// Asks the policy.
    ///
    /// # Errors
    /// What `question` says, or [`ErrorKind::Internal`] before [`State::configure`].
    pub fn ask<A>(&self, question: impl FnOnce(&P) -> Result<A, Error>) -> Result<A, Error> {
        match &*self.0.borrow() {
            Some(policy) => question(policy),
            None => Err(Error::new(ErrorKind::Internal, "asked before it was configured")),
        }
    }
}
