//! The systemd journal: one datagram a line, in its native protocol.
//!
//! Source: systemd, native journal protocol (`JOURNAL_NATIVE_PROTOCOL`).

use std::os::unix::net::UnixDatagram;
use std::path::Path;

use tracing::Level;

/// Where the journal listens.
pub const SOCKET: &str = "/run/systemd/journal/socket";

/// Longest message that is sent whole, bytes; longer datagrams are refused by some kernels.
const MESSAGE_BYTES_MAX: usize = 64 << 10;

/// A connection to the journal.
#[derive(Debug)]
pub struct Journal(UnixDatagram);

impl Journal {
    /// Connects to the journal that listens on `socket`.
    ///
    /// # Errors
    /// There is none.
    pub fn connect(socket: &Path) -> std::io::Result<Self> {
        let datagrams = UnixDatagram::unbound()?;
        datagrams.connect(socket)?;
        Ok(Self(datagrams))
    }

    /// Sends one line; what a journal that went away does not take is lost, as there is nobody to tell.
    pub(super) fn send(&self, level: Level, line: &str) {
        let line = line.trim_end_matches('\n');
        let end = (0..=MESSAGE_BYTES_MAX.min(line.len())).rev().find(|end| line.is_char_boundary(*end)).unwrap_or(0);
        let message = line.get(..end).unwrap_or_default();
        let entry = format!("PRIORITY={}\nSYSLOG_IDENTIFIER=lithify\nMESSAGE={message}\n", priority(level));
        let _ = self.0.send(entry.as_bytes());
    }
}

fn priority(level: Level) -> u8 {
    match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        Level::DEBUG | Level::TRACE => 7,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_becomes_an_entry_with_its_priority() {
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("socket");
        let listening = UnixDatagram::bind(&socket).unwrap();
        let journal = Journal::connect(&socket).unwrap();
        journal.send(Level::WARN, "level=warn msg=\"é\"\n");
        let mut buffer = [0; 200];
        let length = listening.recv(&mut buffer).unwrap();
        let entry = std::str::from_utf8(&buffer[..length]).unwrap();
        assert_eq!(entry, "PRIORITY=4\nSYSLOG_IDENTIFIER=lithify\nMESSAGE=level=warn msg=\"é\"\n");
    }

    #[test]
    fn a_line_that_is_too_long_is_cut_between_characters() {
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("socket");
        let listening = UnixDatagram::bind(&socket).unwrap();
        Journal::connect(&socket).unwrap().send(Level::INFO, &"é".repeat(MESSAGE_BYTES_MAX));
        let mut buffer = vec![0; 2 * MESSAGE_BYTES_MAX];
        let length = listening.recv(&mut buffer).unwrap();
        assert!(std::str::from_utf8(&buffer[..length]).unwrap().ends_with("é\n"));
    }

    #[test]
    fn without_a_journal_there_is_no_connection() {
        assert!(Journal::connect(Path::new("/nonexistent/socket")).is_err());
    }
}
