//! The bounds of all sockets of a process.

use std::time::Duration;

/// Connections that a process serves at most, whatever the file limit allows.
pub const CONNECTIONS_MAX: usize = 65_535;
/// File handles kept back from connections: 256 open files of consume queues, every segment of the
/// log that was read, index and configuration files. Below a limit of twice as many, half of the
/// limit is kept back; a store then wants a limit of at least 1024.
pub const FILES_RESERVED: usize = 1024;
/// The largest read from a socket, and the buffer of a busy connection.
pub const READ_BYTES_MAX: usize = 64 * 1024;
/// The buffer of a connection that has said little so far.
pub const READ_BYTES_MIN: usize = 4 * 1024;
/// Vector entries of one write (`IOV_MAX` is 1024 on Linux; gains end far earlier).
pub const WRITE_SLICES_MAX: usize = 64;

/// Bounds with a defined answer each; [`Limits::default`] is what servers use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// A further connection is accepted, closed at once and counted.
    pub connections_max: usize,
    /// A connection on which no byte moved in either direction for so long is closed
    /// (`serverChannelMaxIdleTimeSeconds`).
    pub idle: Duration,
    /// A frame that is not complete so long after its first byte closes the connection: a slow
    /// sender must not hold received bytes for ever.
    pub frame_time: Duration,
    /// A read buffer without use for so long is given back.
    pub buffer_linger: Duration,
    /// While more bytes than these wait for the socket, nothing is read from it.
    pub write_pause_bytes: usize,
    /// While more bytes than these wait for the peer, it must read some of them within
    /// [`Limits::stall`], or is cut off. Many waiting pulls answered at once go beyond this for a
    /// moment, and a peer that reads them is left alone.
    pub stalled_bytes_max: usize,
    /// How long a socket may take nothing with more than `stalled_bytes_max` waiting for it.
    pub stall: Duration,
    /// A peer for which [`Peer::send`] would let more bytes than these wait is cut off at once.
    ///
    /// [`Peer::send`]: ferrocket_protocol::peer::Peer::send
    pub queued_bytes_max: usize,
    /// Bytes of unfinished frames over all connections; the connection that goes beyond is closed.
    pub half_received_bytes_max: usize,
    /// How long a closing connection may take to write what is queued.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: connections_allowed(),
            idle: Duration::from_secs(120),
            frame_time: Duration::from_secs(300),
            buffer_linger: Duration::from_secs(1),
            write_pause_bytes: 1024 * 1024,
            stalled_bytes_max: 32 * 1024 * 1024,
            stall: Duration::from_secs(10),
            queued_bytes_max: 256 * 1024 * 1024,
            half_received_bytes_max: 256 * 1024 * 1024,
            drain: Duration::from_secs(3),
        }
    }
}

/// What the limit of open files leaves for connections, at most [`CONNECTIONS_MAX`].
fn connections_allowed() -> usize {
    let files = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    let files = files
        .and_then(|n| usize::try_from(n).ok())
        .unwrap_or(usize::MAX);
    // A tiny limit still leaves half of its handles to connections.
    files
        .saturating_sub(FILES_RESERVED)
        .max(files / 2)
        .min(CONNECTIONS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_connections_are_always_allowed() {
        assert!(connections_allowed() > 0);
        assert!(connections_allowed() <= CONNECTIONS_MAX);
    }

    #[test]
    fn reading_pauses_long_before_a_slow_reader_is_cut_off() {
        let limits = Limits::default();
        assert!(limits.write_pause_bytes * 4 <= limits.stalled_bytes_max);
        assert!(limits.stalled_bytes_max * 4 <= limits.queued_bytes_max);
    }
}
