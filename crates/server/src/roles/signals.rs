//! SIGTERM and SIGINT end the process, SIGHUP reopens its log.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::logging::Logs;

/// What ended the wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    Term,
    Interrupt,
}

impl Stop {
    /// The status that a JVM leaves with: 128 and the number of the signal.
    pub(crate) fn java_exit_code(self) -> u8 {
        match self {
            Self::Term => 143,
            Self::Interrupt => 130,
        }
    }
}

/// Signal streams; made before anything that a signal must stop.
#[derive(Debug)]
pub(crate) struct Signals {
    term: Signal,
    interrupt: Signal,
    hangup: Signal,
    logs: Logs,
}

impl Signals {
    /// Must be called within a tokio runtime.
    pub(crate) fn listen(logs: Logs) -> io::Result<Self> {
        Ok(Self {
            term: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
            logs,
        })
    }

    /// Waits for a signal to stop, reopening the log on every SIGHUP before it.
    pub(crate) async fn stop(&mut self) -> Stop {
        loop {
            tokio::select! {
                _ = self.term.recv() => return Stop::Term,
                _ = self.interrupt.recv() => return Stop::Interrupt,
                _ = self.hangup.recv() => {
                    self.logs.reopen();
                    tracing::info!("log reopened on SIGHUP");
                }
            }
        }
    }

    /// From now on a further signal ends the process at once.
    pub(crate) fn force_on_next(mut self) {
        tokio::spawn(async move {
            let stop = self.stop().await;
            tracing::warn!(
                "second signal, leaving without a clean stop; messages since the last flush may be recovered at the next start"
            );
            std::process::exit(i32::from(stop.java_exit_code()));
        });
    }
}
