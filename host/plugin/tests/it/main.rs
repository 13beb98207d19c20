//! What comes in through the door, and what does not.

mod builtins;
mod fixtures;
