//! What has been received and not yet handled.

use std::sync::Arc;

use bytes::BytesMut;
use ferrocket_protocol::frame::{self, Frame, FrameError};
use tokio::time::Instant;

use crate::closing::Ending;
use crate::limits::{Limits, READ_BYTES_MAX, READ_BYTES_MIN};
use crate::network::{HalfReceived, Network};
use crate::preamble::{self, Preamble};

/// The receiving side of a connection. Its buffer grows with what has arrived, never with what a
/// length word announces, and is given back when the connection falls silent.
#[derive(Debug)]
pub(crate) struct Input {
    pub(crate) buffer: BytesMut,
    /// The complete frames of the last read that the service has not handled.
    pub(crate) frames: Vec<Frame>,
    half: HalfReceived,
    /// When the first byte of the unfinished frame came.
    frame_since: Option<Instant>,
    /// Whether there is a buffer to read into; else readiness is awaited first.
    awake: bool,
    /// The buffer wanted for the next read: large once reads have filled the small one.
    read_bytes: usize,
    /// Whether the preamble is behind us.
    started: bool,
}

impl Input {
    pub(crate) fn new(network: &Arc<Network>) -> Self {
        Self {
            buffer: BytesMut::new(),
            frames: Vec::new(),
            half: HalfReceived::new(Arc::clone(network)),
            frame_since: None,
            awake: false,
            read_bytes: READ_BYTES_MIN,
            started: false,
        }
    }

    pub(crate) fn is_awake(&self) -> bool {
        self.awake
    }

    pub(crate) fn wake(&mut self) {
        self.awake = true;
    }

    pub(crate) fn frame_since(&self) -> Option<Instant> {
        self.frame_since
    }

    /// Makes sure that the next read has room. A buffer whose frames have been dropped is used
    /// again; one with a long unfinished frame grows by doubling.
    pub(crate) fn make_room(&mut self) {
        let spare = self.buffer.capacity() - self.buffer.len();
        if spare < self.read_bytes / 8 {
            let missing = self.read_bytes.saturating_sub(self.buffer.len());
            self.buffer.reserve(missing.max(self.read_bytes / 8));
        }
    }

    /// Decodes after a read of `bytes`. Frames before undecodable bytes still count.
    pub(crate) fn decode(
        &mut self,
        bytes: usize,
        now: Instant,
    ) -> Result<Option<FrameError>, Ending> {
        if self.buffer.len() == self.buffer.capacity() || bytes >= self.read_bytes {
            self.read_bytes = READ_BYTES_MAX;
        }
        if !self.started {
            match preamble::strip(&mut self.buffer)? {
                Preamble::Unfinished => return Ok(None),
                Preamble::Done(_) => self.started = true,
            }
        }
        let mut undecodable = None;
        loop {
            match frame::decode(&mut self.buffer) {
                Ok(Some(frame)) => self.frames.push(frame),
                Ok(None) => break,
                Err(error) => {
                    undecodable = Some(error);
                    break;
                }
            }
        }
        let progressed = !self.frames.is_empty();
        self.frame_since = match self.frame_since {
            _ if self.buffer.is_empty() => None,
            Some(since) if !progressed => Some(since),
            _ => Some(now),
        };
        Ok(undecodable)
    }

    /// Accounts for what stays unfinished, and parts with the memory of a large frame.
    pub(crate) fn settle(&mut self, limits: &Limits) -> Result<(), Ending> {
        let bytes = self.buffer.len();
        if !self.half.set(bytes) {
            return Err(Ending::HalfReceived {
                bytes,
                max: limits.half_received_bytes_max,
            });
        }
        if bytes < READ_BYTES_MAX && self.buffer.capacity() > 2 * READ_BYTES_MAX {
            self.buffer = BytesMut::from(&*self.buffer);
        }
        Ok(())
    }

    /// Gives back what an idle connection does not need.
    pub(crate) fn release(&mut self) {
        self.awake = false;
        self.read_bytes = READ_BYTES_MIN;
        if self.frames.is_empty() {
            self.frames = Vec::new();
        }
        self.buffer = BytesMut::from(&*self.buffer);
    }
}
