//! Standard error, shared by log lines and one status line that is drawn over and over on a terminal.

use std::io::Write;

/// Back to the first column, then clear to the end of the line.
const CLEAR_LINE: &str = "\r\u{1b}[K";

/// Where log lines go. When it is a terminal a status line may stand below them.
pub struct Screen {
    out: Box<dyn Write + Send>,
    /// How wide the terminal is; `None` when there is no terminal.
    columns: Option<usize>,
    status: String,
}

impl Screen {
    /// A screen on `out`; `columns` is the width of the terminal, `None` when `out` is none.
    #[must_use]
    pub fn new(out: Box<dyn Write + Send>, columns: Option<usize>) -> Self {
        Self { out, columns, status: String::new() }
    }

    /// Standard error of this process.
    #[must_use]
    pub fn standard_error() -> Self {
        let columns = terminal_size::terminal_size_of(std::io::stderr()).map(|(width, _)| usize::from(width.0));
        Self::new(Box::new(std::io::stderr()), columns)
    }

    /// Whether a status line is shown at all.
    #[must_use]
    pub fn is_terminal(&self) -> bool {
        self.columns.is_some()
    }

    /// Writes a line, which ends with a newline, above the status line.
    pub fn line(&mut self, line: &str) {
        if self.status.is_empty() {
            return self.write(line);
        }
        let text = format!("{CLEAR_LINE}{line}{}", self.status);
        self.write(&text);
    }

    /// Replaces the status line, cut to the width of the terminal; an empty one is taken away. Without a terminal
    /// nothing happens.
    pub fn status(&mut self, status: &str) {
        let Some(columns) = self.columns else { return };
        // The last column stays free: some terminals wrap as soon as it is written.
        let cut: String = status.chars().filter(|c| !c.is_control()).take(columns.saturating_sub(1)).collect();
        if cut != self.status {
            self.write(&format!("{CLEAR_LINE}{cut}"));
            self.status = cut;
        }
    }

    fn write(&mut self, text: &str) {
        // A closed standard error leaves nobody to tell, and is no reason to stop compacting.
        let _ = self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush());
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.status("");
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    /// A writer that can be looked into.
    #[derive(Clone, Default)]
    pub(crate) struct Captured(Arc<Mutex<Vec<u8>>>);

    impl Captured {
        pub(crate) fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl Write for Captured {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_is_written_above_the_status_line() {
        let captured = Captured::default();
        let mut screen = Screen::new(Box::new(captured.clone()), Some(8));
        screen.status("job 1\nof 2 and more");
        screen.line("a log line\n");
        screen.status("");
        screen.line("another\n");
        drop(screen);
        assert_eq!(captured.text(), "\r\x1b[Kjob 1of\r\x1b[Ka log line\njob 1of\r\x1b[Kanother\n");
    }

    #[test]
    fn without_a_terminal_there_is_no_status_line() {
        let captured = Captured::default();
        let mut screen = Screen::new(Box::new(captured.clone()), None);
        screen.status("job 1 of 2");
        screen.line("a log line\n");
        drop(screen);
        assert_eq!(captured.text(), "a log line\n");
    }
}
