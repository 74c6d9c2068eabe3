//! Requests of the broker to clients whose answers somebody waits for (`Broker2Client`,
//! `AdminBrokerProcessor#callConsumer`): which were sent where, and who is told what becomes of them.
//!
//! A call ends once: with the answer of the connection that was asked, with its time, or with that
//! connection. Nobody is told anything under the lock.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicI64, AtomicUsize, Ordering};

use ferrocket_protocol::bodies::MessageQueue;
use ferrocket_protocol::frame::ReplyTo;
use ferrocket_protocol::peer::{ConnectionId, Peer};
use parking_lot::Mutex;

use crate::read_mostly::FixedMap;

/// Calls that may wait for clients at a time.
pub(crate) const CALLS_MAX: usize = 10_000;

/// Offsets of clients by their ids.
pub(crate) type Statuses = BTreeMap<String, BTreeMap<MessageQueue, i64>>;

/// Who waits for an answer.
#[derive(Debug, Clone)]
pub(crate) struct Asker {
    pub(crate) peer: Arc<dyn Peer>,
    pub(crate) to: ReplyTo,
}

/// What is done with an answer.
#[derive(Debug)]
pub(crate) enum Purpose {
    /// The asker gets it as it is.
    Relay { asker: Asker, group: String },
    /// It is a part of what the asker gets when all parts are there.
    Status(Arc<StatusRound>),
}

/// One call on its way.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) client: ConnectionId,
    pub(crate) client_id: Arc<str>,
    pub(crate) deadline_ms: i64,
    pub(crate) purpose: Purpose,
}

/// Several clients are asked for their offsets, and one body holds what they say.
#[derive(Debug)]
pub(crate) struct StatusRound {
    pub(crate) asker: Asker,
    parts: Mutex<(usize, Statuses)>,
}

impl StatusRound {
    pub(crate) fn new(asker: Asker, clients: usize) -> Self {
        Self {
            asker,
            parts: Mutex::new((clients, Statuses::new())),
        }
    }

    /// Takes what one client said, if it said anything; everything once all have ended.
    pub(crate) fn ended(
        &self,
        part: Option<(String, BTreeMap<MessageQueue, i64>)>,
    ) -> Option<Statuses> {
        let mut parts = self.parts.lock();
        parts.1.extend(part);
        parts.0 = parts.0.saturating_sub(1);
        (parts.0 == 0).then(|| std::mem::take(&mut parts.1))
    }
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Calls {
    next_opaque: AtomicI32,
    waiting: AtomicUsize,
    /// No call's time is over before this.
    next_deadline_ms: AtomicI64,
    calls: Mutex<FixedMap<i32, Call>>,
}

impl Calls {
    pub(crate) fn new() -> Self {
        Self {
            next_opaque: AtomicI32::new(0),
            waiting: AtomicUsize::new(0),
            next_deadline_ms: AtomicI64::new(i64::MAX),
            calls: Mutex::default(),
        }
    }

    /// Notes a call before it is sent; the number that its answer will carry. The call comes back
    /// when too many wait.
    pub(crate) fn begin(&self, call: Call) -> Result<i32, Call> {
        let mut calls = self.calls.lock();
        if calls.len() >= CALLS_MAX {
            return Err(call);
        }
        let mut opaque = self.next_opaque.fetch_add(1, Ordering::Relaxed);
        while calls.contains_key(&opaque) {
            opaque = self.next_opaque.fetch_add(1, Ordering::Relaxed);
        }
        self.next_deadline_ms
            .fetch_min(call.deadline_ms, Ordering::Relaxed);
        calls.insert(opaque, call);
        self.waiting.store(calls.len(), Ordering::Relaxed);
        Ok(opaque)
    }

    /// The call that ends with this answer of this connection, or with the failure to send it.
    pub(crate) fn end(&self, client: ConnectionId, opaque: i32) -> Option<Call> {
        let mut calls = self.calls.lock();
        if calls.get(&opaque)?.client != client {
            return None;
        }
        let call = calls.remove(&opaque);
        self.waiting.store(calls.len(), Ordering::Relaxed);
        call
    }

    /// The calls that end with a connection.
    pub(crate) fn end_of(&self, client: ConnectionId) -> Vec<Call> {
        if self.waiting.load(Ordering::Relaxed) == 0 {
            return Vec::new();
        }
        let mut calls = self.calls.lock();
        let ended = calls
            .extract_if(|_, call| call.client == client)
            .map(|(_, call)| call)
            .collect();
        self.waiting.store(calls.len(), Ordering::Relaxed);
        ended
    }

    /// The calls whose time is over.
    pub(crate) fn overdue(&self, now_ms: i64) -> Vec<Call> {
        if now_ms < self.next_deadline_ms.load(Ordering::Relaxed) {
            return Vec::new();
        }
        let mut calls = self.calls.lock();
        let ended = calls
            .extract_if(|_, call| call.deadline_ms <= now_ms)
            .map(|(_, call)| call)
            .collect();
        let next_ms = calls.values().map(|call| call.deadline_ms).min();
        self.next_deadline_ms
            .store(next_ms.unwrap_or(i64::MAX), Ordering::Relaxed);
        self.waiting.store(calls.len(), Ordering::Relaxed);
        ended
    }
}
