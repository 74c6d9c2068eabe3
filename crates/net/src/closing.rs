//! Why a connection ended.

use std::fmt;

use ferrocket_protocol::frame::FrameError;

/// Why a connection ended; each reason has its own counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CloseReason {
    /// The peer closed its side.
    Peer,
    /// The socket failed, most often because the peer was killed.
    Io,
    /// This side asked for it through `Peer::close`.
    Asked,
    /// The listener or the outbound client was stopped.
    Stopped,
    /// No byte moved for the idle time.
    Idle,
    /// The bytes were no frame.
    Undecodable,
    /// The peer spoke TLS, which this port does not.
    Tls,
    /// A frame took too long to arrive.
    SlowSender,
    /// The peer did not read what was queued for it.
    SlowReader,
    /// More was queued for the peer than may ever be.
    QueueFull,
    /// Unfinished frames of all connections together went over their bound.
    HalfReceived,
    /// There were too many connections already.
    TooMany,
}

impl CloseReason {
    /// All reasons, in the order of their counters.
    pub const ALL: [Self; 12] = [
        Self::Peer,
        Self::Io,
        Self::Asked,
        Self::Stopped,
        Self::Idle,
        Self::Undecodable,
        Self::Tls,
        Self::SlowSender,
        Self::SlowReader,
        Self::QueueFull,
        Self::HalfReceived,
        Self::TooMany,
    ];

    /// The name in metrics and logs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Peer => "peer",
            Self::Io => "io",
            Self::Asked => "asked",
            Self::Stopped => "stopped",
            Self::Idle => "idle",
            Self::Undecodable => "undecodable",
            Self::Tls => "tls",
            Self::SlowSender => "slow_sender",
            Self::SlowReader => "slow_reader",
            Self::QueueFull => "queue_full",
            Self::HalfReceived => "half_received",
            Self::TooMany => "too_many",
        }
    }
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The end of a connection task, with the words for its one log line.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Ending {
    #[error("the peer closed the connection")]
    Peer,
    #[error("the socket failed")]
    Io(#[source] std::io::Error),
    #[error("closed by this side")]
    Asked,
    #[error("this side is stopping")]
    Stopped,
    #[error("idle for {seconds} s")]
    Idle { seconds: u64 },
    #[error("what it sent is not a remoting frame: {0}")]
    Undecodable(#[from] FrameError),
    #[error("the PROXY protocol header is malformed: {0}")]
    Proxy(&'static str),
    #[error("it speaks TLS, which this port does not: turn TLS off in the client")]
    Tls,
    #[error("a frame was not complete after {seconds} s, {bytes} bytes of it had come")]
    SlowSender { seconds: u64, bytes: usize },
    #[error("it read nothing for {seconds} s while {bytes} bytes waited for it")]
    SlowReader { seconds: u64, bytes: usize },
    #[error("{bytes} bytes would wait for it, the bound is {max}")]
    QueueFull { bytes: usize, max: usize },
    #[error("it did not read what was queued within {seconds} s of closing")]
    NotDrained { seconds: u64 },
    #[error("unfinished frames of all connections exceed {max} bytes, this one held {bytes}")]
    HalfReceived { bytes: usize, max: usize },
}

impl Ending {
    pub(crate) fn reason(&self) -> CloseReason {
        match self {
            Self::Peer => CloseReason::Peer,
            Self::Io(_) => CloseReason::Io,
            Self::Asked => CloseReason::Asked,
            Self::Stopped => CloseReason::Stopped,
            Self::Idle { .. } => CloseReason::Idle,
            Self::Undecodable(_) | Self::Proxy(_) => CloseReason::Undecodable,
            Self::Tls => CloseReason::Tls,
            Self::SlowSender { .. } => CloseReason::SlowSender,
            Self::SlowReader { .. } | Self::NotDrained { .. } => CloseReason::SlowReader,
            Self::QueueFull { .. } => CloseReason::QueueFull,
            Self::HalfReceived { .. } => CloseReason::HalfReceived,
        }
    }

    /// Whether an operator should see it: the peer's ordinary comings and goings are debug matters.
    pub(crate) fn is_misbehaviour(&self) -> bool {
        matches!(
            self.reason(),
            CloseReason::Undecodable
                | CloseReason::Tls
                | CloseReason::SlowSender
                | CloseReason::SlowReader
                | CloseReason::QueueFull
                | CloseReason::HalfReceived
        )
    }
}
