//! The signals that ask a process to end.

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::failure::Failure;

/// Waits for SIGINT (Ctrl-C), SIGTERM (a supervisor) or SIGHUP (the terminal is gone).
#[derive(Debug)]
pub struct Stop {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Stop {
    /// Takes over these signals: from here on they no longer end the process by themselves.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn install() -> Result<Stop, Failure> {
        let taken = |kind| {
            signal(kind).map_err(|error| Failure::internal(format!("cannot take signals: {error}")))
        };
        Ok(Stop {
            interrupt: taken(SignalKind::interrupt())?,
            terminate: taken(SignalKind::terminate())?,
            hangup: taken(SignalKind::hangup())?,
        })
    }

    /// Completes at the first of them.
    pub async fn requested(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hangup.recv() => {}
        }
    }
}
