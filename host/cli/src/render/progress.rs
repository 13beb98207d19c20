//! The status line below the log on a terminal.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::units;
use crate::screen::Screen;

/// How often the line is drawn.
const PERIOD: Duration = Duration::from_millis(200);

/// How far a run has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Jobs done so far.
    pub jobs_done: u64,
    /// Jobs known so far.
    pub jobs_total: u64,
    /// What is being done, for example the group.
    pub doing: String,
    /// Bytes written so far.
    pub bytes_done: u64,
    /// Bytes to be read in all jobs known so far.
    pub bytes_total: u64,
    /// Milliseconds since the run began.
    pub elapsed_ms: u64,
}

/// One line without its newline: `job 3 of 7  121 MiB of 292 MiB  41 %  220 MiB/s  0@{cluster="eu1"}`.
#[must_use]
pub fn line(status: &Status) -> String {
    let mut parts = Vec::new();
    if status.jobs_total > 0 {
        let current = (status.jobs_done + 1).min(status.jobs_total);
        parts.push(format!("job {current} of {}", status.jobs_total));
    }
    if status.bytes_total > 0 {
        // Results may be a little larger than their sources, and no one wants to read 101 %.
        let done = status.bytes_done.min(status.bytes_total);
        let percent = u128::from(done) * 100 / u128::from(status.bytes_total);
        parts.push(format!("{} of {}", units::size(done), units::size(status.bytes_total)));
        parts.push(format!("{percent} %"));
        parts.extend(units::rate(status.bytes_done, status.elapsed_ms));
    }
    if !status.doing.is_empty() {
        parts.push(status.doing.clone());
    }
    parts.join("  ")
}

/// Draws the line again and again until this is dropped, which takes the line away. Without a terminal nothing is drawn.
pub async fn show(screen: Arc<Mutex<Screen>>, read: impl Fn() -> Status) {
    if !lock(&screen).is_terminal() {
        return std::future::pending().await;
    }
    let _cleared = Cleared(Arc::clone(&screen));
    let mut ticks = tokio::time::interval(PERIOD);
    loop {
        let line = line(&read());
        lock(&screen).status(&line);
        ticks.tick().await;
    }
}

/// Takes the line away when the future is dropped in the middle.
struct Cleared(Arc<Mutex<Screen>>);

impl Drop for Cleared {
    fn drop(&mut self) {
        lock(&self.0).status("");
    }
}

fn lock(screen: &Mutex<Screen>) -> std::sync::MutexGuard<'_, Screen> {
    screen.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::screen::tests::Captured;

    fn status() -> Status {
        Status {
            jobs_done: 2,
            jobs_total: 7,
            doing: "0@{cluster=\"eu1\"}".to_owned(),
            bytes_done: 100 << 20,
            bytes_total: 200 << 20,
            elapsed_ms: 500,
        }
    }

    #[test]
    fn the_line_says_which_job_how_much_and_how_fast() {
        assert_eq!(line(&status()), "job 3 of 7  100 MiB of 200 MiB  50 %  200 MiB/s  0@{cluster=\"eu1\"}");
        assert_eq!(line(&Status::default()), "");
        let over = Status { jobs_done: 7, bytes_done: 300 << 20, elapsed_ms: 0, ..status() };
        assert_eq!(line(&over), "job 7 of 7  200 MiB of 200 MiB  100 %  0@{cluster=\"eu1\"}");
    }

    #[tokio::test]
    async fn the_line_is_drawn_and_taken_away_on_a_terminal_only() {
        for (columns, expected) in [(Some(20), "\r\u{1b}[Kjob 3 of 7  100 MiB\r\u{1b}[K"), (None, "")] {
            let captured = Captured::default();
            let screen = Arc::new(Mutex::new(Screen::new(Box::new(captured.clone()), columns)));
            tokio::select! {
                biased;
                () = show(screen, status) => {}
                () = std::future::ready(()) => {}
            }
            assert_eq!(captured.text().trim_end_matches(' '), expected);
        }
    }
}
