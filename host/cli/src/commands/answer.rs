//! Printing what a command found out, or saying why it found out nothing.

use std::io::Write as _;

use tracing::error;

use crate::render::{look::Look, report::Report};

/// Anything that ends a command early.
pub(super) type Trouble = Box<dyn std::error::Error + Send + Sync>;

/// Prints the report, as JSON if that is wanted, and gives it back. If there is none the log has the reason, and the
/// command ends with status 1.
pub(super) fn print<T: Report>(found: Result<T, Trouble>, json: bool, look: &Look) -> Option<T> {
    match found {
        Ok(report) => {
            say(&if json { report.json() } else { report.text(look) });
            Some(report)
        }
        Err(failure) => {
            error!(err = %failure, "running command failed");
            None
        }
    }
}

/// Writes to standard output. A reader that has seen enough closes the pipe; that is no failure of ours.
pub(super) fn say(text: &str) {
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}
