//! What a command found out, in the two forms in which it is printed.

use serde::Serialize;

use super::look::Look;

/// An answer to whoever typed a command.
pub trait Report: Serialize {
    /// For people.
    fn text(&self, look: &Look) -> String;

    /// For programs, with its newline.
    fn json(&self) -> String {
        let text = serde_json::to_string_pretty(self).expect("strings and numbers can always be written");
        text + "\n"
    }
}
