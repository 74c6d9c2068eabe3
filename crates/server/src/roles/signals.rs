//! SIGTERM and SIGINT end the process, SIGHUP reopens its log.

use std::io;
use std::time::{Duration, Instant};

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::logging::Logs;

/// A clean stop takes less; a signal after it is meant.
const PATIENCE: Duration = Duration::from_secs(3);
/// Nobody presses Ctrl-C again sooner: it is the same one, sent to the process and its group.
const ECHO: Duration = Duration::from_millis(200);

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
                    if self.logs.reopen() {
                        tracing::info!("log reopened on SIGHUP");
                    }
                }
            }
        }
    }

    /// From now on a further signal may end the process at once; `first` is the one that asked for
    /// the stop under way.
    pub(crate) fn force_on_next(mut self, first: Stop) {
        let asked = Instant::now();
        tokio::spawn(async move {
            let stop = loop {
                let next = self.stop().await;
                if forces(first, next, asked.elapsed()) {
                    break next;
                }
                tracing::info!("already stopping");
            };
            tracing::warn!(
                "second signal, leaving without a clean stop; messages since the last flush may be recovered at the next start"
            );
            std::process::exit(i32::from(stop.java_exit_code()));
        });
    }
}

/// Whether a further signal means: now. `timeout` and supervisors send one signal twice, to the
/// process and to its group, and mean a clean stop.
fn forces(first: Stop, next: Stop, since: Duration) -> bool {
    let by_hand = first == Stop::Interrupt && next == Stop::Interrupt;
    since > if by_hand { ECHO } else { PATIENCE }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_second_interrupt_or_a_late_signal_forces() {
        let ms = Duration::from_millis;
        assert!(!forces(Stop::Term, Stop::Term, ms(0)));
        assert!(!forces(Stop::Term, Stop::Interrupt, ms(2_999)));
        assert!(!forces(Stop::Interrupt, Stop::Interrupt, ms(1)));
        assert!(forces(Stop::Interrupt, Stop::Interrupt, ms(500)));
        assert!(forces(Stop::Term, Stop::Term, ms(3_001)));
    }
}
