//! One outbound connection with the requests that wait for answers on it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering::Relaxed};

use ferrocket_protocol::frame::Frame;
use ferrocket_protocol::outbox::Outbox;
use ferrocket_protocol::peer::{ConnectionId, Peer};
use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::connection::Connection;
use crate::service::Service;

/// Requests that may wait for answers on one connection (`clientAsyncSemaphoreValue`).
pub(crate) const PENDING_MAX: usize = 65_535;

/// An outbound connection. Its waiting requests fail at once when it ends, because the entries
/// that hold their senders are dropped.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) connection: Arc<Connection>,
    pending: Arc<Pending>,
}

/// Why a request cannot be registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    Ended,
    Full,
}

#[derive(Debug, Default)]
pub(crate) struct Pending {
    waiting: Mutex<Waiting>,
    /// Pairs answers with requests on this connection alone; wraps around.
    next_opaque: AtomicI32,
}

#[derive(Debug, Default)]
struct Waiting {
    by_opaque: HashMap<i32, oneshot::Sender<Frame>>,
    ended: bool,
}

impl Link {
    pub(crate) fn new(connection: Arc<Connection>, pending: Arc<Pending>) -> Self {
        Self {
            connection,
            pending,
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        self.connection.is_open()
    }

    pub(crate) fn next_opaque(&self) -> i32 {
        self.pending.next_opaque.fetch_add(1, Relaxed)
    }

    /// Expects an answer; the entry goes away when the returned value is dropped.
    pub(crate) fn expect(self: &Arc<Self>) -> Result<Expected, Refused> {
        let (sender, answer) = oneshot::channel();
        let mut waiting = self.pending.waiting.lock();
        if waiting.ended {
            return Err(Refused::Ended);
        }
        if waiting.by_opaque.len() >= PENDING_MAX {
            return Err(Refused::Full);
        }
        let opaque = self.next_opaque();
        waiting.by_opaque.insert(opaque, sender);
        drop(waiting);
        Ok(Expected {
            link: Arc::clone(self),
            opaque,
            answer,
        })
    }
}

/// An answer that is waited for.
#[derive(Debug)]
pub(crate) struct Expected {
    link: Arc<Link>,
    pub(crate) opaque: i32,
    pub(crate) answer: oneshot::Receiver<Frame>,
}

impl Drop for Expected {
    fn drop(&mut self) {
        self.link
            .pending
            .waiting
            .lock()
            .by_opaque
            .remove(&self.opaque);
    }
}

/// The service of an outbound connection: answers go to their requests, requests of the server to
/// the handler.
pub(crate) struct Multiplexer {
    pub(crate) pending: Arc<Pending>,
    pub(crate) handler: Arc<dyn Service>,
}

impl Service for Multiplexer {
    fn connected(&self, peer: &Arc<dyn Peer>) {
        self.handler.connected(peer);
    }

    fn frames(&self, peer: &Arc<dyn Peer>, frames: &mut Vec<Frame>, out: &mut Outbox) {
        {
            let mut waiting = self.pending.waiting.lock();
            for answer in frames.extract_if(.., |frame| frame.is_response()) {
                let opaque = answer.opaque;
                match waiting.by_opaque.remove(&opaque) {
                    // The caller may have stopped waiting in this moment.
                    Some(sender) => drop(sender.send(answer)),
                    None => tracing::debug!(
                        peer = %peer.remote(), opaque, code = answer.code,
                        "an answer came that nobody waits for, most often after a timeout"
                    ),
                }
            }
        }
        if !frames.is_empty() {
            self.handler.frames(peer, frames, out);
        }
    }

    fn disconnected(&self, id: ConnectionId) {
        let unanswered = {
            let mut waiting = self.pending.waiting.lock();
            waiting.ended = true;
            std::mem::take(&mut waiting.by_opaque)
        };
        drop(unanswered);
        self.handler.disconnected(id);
    }
}
