//! SIGINT and SIGTERM: being told to stop.

use std::fmt;
use std::io;

use tokio::signal::unix::{self, SignalKind};

/// A signal that ends the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Typed at a terminal.
    Interrupt,
    /// Sent by a supervisor.
    Terminate,
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // As Go prints them, because that is what the reference's log lines hold.
        f.write_str(match self {
            Self::Interrupt => "interrupt",
            Self::Terminate => "terminated",
        })
    }
}

/// Both signals, caught from the moment when this is made.
pub struct Signals {
    interrupt: unix::Signal,
    terminate: unix::Signal,
}

impl Signals {
    /// Catches both signals instead of ending the process at once.
    ///
    /// # Errors
    /// When the system does not let them be caught.
    pub fn catch() -> io::Result<Self> {
        let interrupt = unix::signal(SignalKind::interrupt())?;
        let terminate = unix::signal(SignalKind::terminate())?;
        Ok(Self { interrupt, terminate })
    }

    /// Returns with the next signal and logs it; may be awaited again, for example to end at once at the second one.
    pub async fn next(&mut self) -> Signal {
        let signal = tokio::select! {
            _ = self.interrupt.recv() => Signal::Interrupt,
            _ = self.terminate.recv() => Signal::Terminate,
        };
        tracing::info!(%signal, "caught signal. Exiting.");
        signal
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn send(name: &str) {
        let pid = std::process::id().to_string();
        assert!(std::process::Command::new("kill").args([name, &pid]).status().unwrap().success());
    }

    #[tokio::test]
    async fn both_signals_are_caught_and_named() {
        let mut signals = Signals::catch().unwrap();
        send("-TERM");
        assert_eq!(signals.next().await, Signal::Terminate);
        send("-INT");
        assert_eq!(signals.next().await.to_string(), "interrupt");
    }
}
