//! A program that goes on until it is told to stop: what it says, what it answers, how it ends.

#![expect(clippy::disallowed_methods, reason = "a test that waits for another process must come to an end itself")]

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{Receiver, channel},
    time::{Duration, Instant},
};

/// How long anything may take that a test waits for; a test that works takes far less.
const PATIENCE: Duration = Duration::from_secs(60);

/// The program; it is killed when dropped.
pub(crate) struct Running {
    child: Child,
    lines: Receiver<String>,
    /// What it has said so far.
    pub(crate) log: String,
}

impl Running {
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let (said, lines) = channel();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || stderr.lines().map_while(Result::ok).try_for_each(|line| said.send(line)));
        Self { child, lines, log: String::new() }
    }

    /// Waits until it says a line with all of these words, and returns that line.
    pub(crate) fn until(&mut self, words: &[&str]) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let line = self.lines.recv_timeout(left);
            let line = line.unwrap_or_else(|error| panic!("{error} while waiting for {words:?} in\n{}", self.log));
            self.log.push_str(&line);
            self.log.push('\n');
            if words.iter().all(|word| line.contains(word)) {
                return line;
            }
        }
    }

    /// Its number.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it listens; where.
    pub(crate) fn address(&mut self) -> String {
        let line = self.until(&["listening for requests and metrics"]);
        line.rsplit_once("address=").unwrap().1.trim().to_owned()
    }

    /// Tells it to stop, and waits until it has ended: how, after how long, and all that it said.
    pub(crate) fn terminate(mut self) -> (ExitStatus, Duration, String) {
        let told = Instant::now();
        assert!(Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap().success());
        // It closes its standard error when it ends.
        while let Ok(line) = self.lines.recv_timeout(PATIENCE.saturating_sub(told.elapsed())) {
            self.log.push_str(&line);
            self.log.push('\n');
        }
        assert!(told.elapsed() < PATIENCE, "still running long after it was told to stop:\n{}", self.log);
        let status = self.child.wait().unwrap();
        (status, told.elapsed(), std::mem::take(&mut self.log))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail for a process that has ended, which is as well.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Asks until it is so; asking takes a while of its own.
pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "in vain: {what}");
    }
}

/// The answer to `GET path`, headers and all.
pub(crate) fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}
