//! The handle of a connection: what the cores keep as their [`Peer`].
//!
//! Frames sent through it go into a queue that the connection's task takes as a whole, so many
//! sends cost one wake-up and one write. What waits is bounded; at the bound the peer is cut off,
//! because a core never waits. Far below it the task cuts off a peer that has stopped reading.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use ferrocket_protocol::outbox::Outbox;
use ferrocket_protocol::peer::{ConnectionId, Peer};
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::closing::Ending;

/// A connection, whichever side opened it.
#[derive(Debug)]
pub struct Connection {
    id: ConnectionId,
    remote: SocketAddr,
    local: SocketAddr,
    queued_bytes_max: usize,
    outgoing: Mutex<Outgoing>,
    /// Bytes that the task has taken and not written yet.
    writing: AtomicUsize,
    /// Tells the task that `outgoing` has changed; a stored permit makes many sends one wake-up.
    wake: Notify,
    /// Cleared when the task ends or has been told to; read without the lock.
    open: AtomicBool,
    /// Socket reads so far: whoever waits for an answer sees by it whether the peer lives.
    pub(crate) reads: AtomicU64,
}

#[derive(Debug, Default)]
struct Outgoing {
    frames: Outbox,
    bytes: usize,
    order: Order,
}

/// What the task has been told to do beyond writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Order {
    #[default]
    Run,
    /// Write what is queued, then end.
    Close(Why),
    /// End now: so many bytes must not wait.
    Cut { bytes: usize },
}

/// What the task finds when it looks at the queue.
#[derive(Debug)]
pub(crate) struct Queued {
    pub(crate) order: Order,
    pub(crate) frames: Option<Outbox>,
    /// What stays queued because it was not wanted yet.
    pub(crate) bytes_left: usize,
}

/// Who wanted the connection closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    Asked,
    Stopped,
}

impl Why {
    pub(crate) fn ending(self) -> Ending {
        match self {
            Self::Asked => Ending::Asked,
            Self::Stopped => Ending::Stopped,
        }
    }
}

impl Connection {
    pub(crate) fn new(
        id: ConnectionId,
        remote: SocketAddr,
        local: SocketAddr,
        queued_bytes_max: usize,
    ) -> Arc<Self> {
        Arc::new(Self {
            id,
            remote,
            local,
            queued_bytes_max,
            outgoing: Mutex::default(),
            writing: AtomicUsize::new(0),
            wake: Notify::new(),
            open: AtomicBool::new(true),
            reads: AtomicU64::new(0),
        })
    }

    /// Takes everything queued, unless the caller still has enough to write.
    pub(crate) fn take_queued(&self, want: bool) -> Queued {
        let mut outgoing = self.outgoing.lock();
        let frames = (want && !outgoing.frames.is_empty()).then(|| {
            let bytes = std::mem::take(&mut outgoing.bytes);
            self.writing.fetch_add(bytes, Ordering::Relaxed);
            std::mem::take(&mut outgoing.frames)
        });
        Queued {
            order: outgoing.order,
            frames,
            bytes_left: outgoing.bytes,
        }
    }

    /// What the task has still to write, told after each attempt.
    pub(crate) fn set_writing(&self, bytes: usize) {
        self.writing.store(bytes, Ordering::Relaxed);
    }

    /// Completes when something was queued or ordered since the last time.
    pub(crate) async fn woken(&self) {
        self.wake.notified().await;
    }

    pub(crate) fn close_because(&self, why: Why) {
        {
            let mut outgoing = self.outgoing.lock();
            if outgoing.order != Order::Run {
                return;
            }
            outgoing.order = Order::Close(why);
        }
        self.open.store(false, Ordering::Release);
        self.wake.notify_one();
    }

    /// Called by the task when it ends: later sends are dropped and memory is given back.
    pub(crate) fn ended(&self) {
        self.open.store(false, Ordering::Release);
        let mut outgoing = self.outgoing.lock();
        if outgoing.order == Order::Run {
            outgoing.order = Order::Close(Why::Asked);
        }
        outgoing.frames = Outbox::new();
        outgoing.bytes = 0;
    }
}

impl Peer for Connection {
    fn id(&self) -> ConnectionId {
        self.id
    }

    fn remote(&self) -> SocketAddr {
        self.remote
    }

    fn local(&self) -> SocketAddr {
        self.local
    }

    fn send(&self, mut frames: Outbox) {
        {
            let mut outgoing = self.outgoing.lock();
            if outgoing.order != Order::Run {
                return;
            }
            outgoing.bytes += frames.bytes();
            let bytes = outgoing.bytes + self.writing.load(Ordering::Relaxed);
            if bytes > self.queued_bytes_max {
                outgoing.order = Order::Cut { bytes };
                self.open.store(false, Ordering::Release);
            } else if outgoing.frames.is_empty() {
                outgoing.frames = frames;
            } else {
                outgoing.frames.append(&mut frames);
            }
        }
        self.wake.notify_one();
    }

    fn close(&self) {
        self.close_because(Why::Asked);
    }

    fn is_open(&self) -> bool {
        self.open.load(Ordering::Acquire)
    }
}
