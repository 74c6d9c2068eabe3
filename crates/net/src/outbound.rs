//! The outbound client: connections on demand, requests paired with answers.
//!
//! There is one connection for each address and lane, opened by the first request that needs it
//! and again after it broke. Requests of many callers that are queued at the same time leave with
//! one write. Retrying is the caller's business: only it knows whether a request may run twice.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use bytes::Bytes;
use ferrocket_protocol::frame::{EncodeError, Encoding, Frame};
use ferrocket_protocol::outbox::Outbox;
use ferrocket_protocol::peer::Peer;
use parking_lot::Mutex;
use serde::Serialize;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout, timeout_at};

use crate::address::{self, AddressError};
use crate::connection::{Connection, Why};
use crate::link::{Link, Multiplexer, PENDING_MAX, Pending, Refused};
use crate::network::{Network, OpenConnection};
use crate::service::{NoRequests, Service};
use crate::session;

/// Addresses remembered before those without a connection are forgotten.
const ADDRESSES_KEPT_MAX: usize = 1024;

/// How an [`Outbound`] talks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutboundSettings {
    /// The header encoding of requests. JSON is what every server understands.
    pub encoding: Encoding,
    /// `com.rocketmq.remoting.client.connect.timeout`.
    pub connect_timeout: Duration,
    /// Connections for each address, used in turns.
    pub lanes: usize,
}

impl Default for OutboundSettings {
    fn default() -> Self {
        Self {
            encoding: Encoding::Json,
            connect_timeout: Duration::from_secs(3),
            lanes: 1,
        }
    }
}

/// Why a request has no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    #[error(transparent)]
    Address(#[from] AddressError),
    #[error("the request cannot be sent")]
    Request(#[from] EncodeError),
    #[error("cannot connect to {address}: is the server running and the port open?")]
    Connect { address: String, source: io::Error },
    #[error("no connection to {address} within {timeout_ms} ms: is a firewall in the way?")]
    ConnectTimeout { address: String, timeout_ms: u128 },
    #[error("{address} did not answer request {code} within {timeout_ms} ms")]
    Timeout {
        address: String,
        code: i32,
        timeout_ms: u128,
    },
    #[error("the connection to {address} closed before request {code} was answered")]
    Closed { address: String, code: i32 },
    #[error("{PENDING_MAX} requests wait for answers of {address} already: slow down")]
    Busy { address: String },
    #[error(
        "too many connections are open, {address} cannot be connected: raise the limit of open files"
    )]
    TooManyConnections { address: String },
    #[error("the client has been stopped")]
    Stopped,
}

/// A cheap handle; clones share the connections.
#[derive(Debug, Clone)]
pub struct Outbound {
    shared: Arc<Shared>,
}

struct Shared {
    network: Arc<Network>,
    settings: OutboundSettings,
    handler: Arc<dyn Service>,
    slots: Mutex<HashMap<String, Arc<Slot>>>,
    /// The connection tasks; nothing once stopped.
    tasks: Mutex<Option<JoinSet<()>>>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outbound")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

/// The connections to one address.
#[derive(Debug)]
struct Slot {
    address: String,
    lanes: Vec<Lane>,
    next: AtomicUsize,
}

#[derive(Debug, Default)]
struct Lane {
    link: Mutex<Option<Arc<Link>>>,
    /// Held while connecting, so that one caller connects and the others use its connection.
    connecting: tokio::sync::Mutex<()>,
}

impl Lane {
    fn link(&self) -> Option<Arc<Link>> {
        self.link
            .lock()
            .as_ref()
            .filter(|link| link.is_open())
            .cloned()
    }
}

impl Outbound {
    /// A client that refuses requests of servers.
    #[must_use]
    pub fn new(network: &Arc<Network>, settings: OutboundSettings) -> Self {
        Self::with_handler(network, settings, Arc::new(NoRequests))
    }

    /// A client whose servers may send requests of their own to `handler`; it is also told of
    /// every connection opened and lost.
    #[must_use]
    pub fn with_handler(
        network: &Arc<Network>,
        settings: OutboundSettings,
        handler: Arc<dyn Service>,
    ) -> Self {
        let shared = Shared {
            network: Arc::clone(network),
            settings,
            handler,
            slots: Mutex::default(),
            tasks: Mutex::new(Some(JoinSet::new())),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    #[must_use]
    pub fn network(&self) -> &Arc<Network> {
        &self.shared.network
    }

    /// Sends a request and waits for its answer, whatever its code, for at most `limit`,
    /// connecting included.
    ///
    /// # Errors
    /// When there is no answer; the request may have been executed unless connecting failed.
    pub async fn call<H: Serialize>(
        &self,
        address: &str,
        code: i32,
        header: Option<&H>,
        body: &[Bytes],
        limit: Duration,
    ) -> Result<Frame, CallError> {
        let deadline = Instant::now() + limit;
        let link = self.link(address, deadline).await?;
        let mut expected = link.expect().map_err(|refused| match refused {
            Refused::Ended => CallError::Closed {
                address: address.to_owned(),
                code,
            },
            Refused::Full => CallError::Busy {
                address: address.to_owned(),
            },
        })?;
        let reads_before = link.connection.reads.load(Relaxed);
        let mut out = Outbox::new();
        out.request(
            self.shared.settings.encoding,
            code,
            expected.opaque,
            false,
            header,
            body,
        )?;
        link.connection.send(out);
        match timeout_at(deadline, &mut expected.answer).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(_)) => Err(CallError::Closed {
                address: address.to_owned(),
                code,
            }),
            Err(_) => {
                // Nothing at all came since: the other side hangs or the path is cut. Java closes
                // here too (closeSocketIfTimeout), so that the next request connects anew.
                if link.connection.reads.load(Relaxed) == reads_before {
                    link.connection.close();
                }
                let timeout_ms = limit.as_millis();
                Err(CallError::Timeout {
                    address: address.to_owned(),
                    code,
                    timeout_ms,
                })
            }
        }
    }

    /// Queues a request that wants no answer; connects first when needed.
    ///
    /// # Errors
    /// When there is no connection. That it was queued does not say that it arrived.
    pub async fn oneway<H: Serialize>(
        &self,
        address: &str,
        code: i32,
        header: Option<&H>,
        body: &[Bytes],
        limit: Duration,
    ) -> Result<(), CallError> {
        let link = self.link(address, Instant::now() + limit).await?;
        let mut out = Outbox::new();
        let opaque = link.next_opaque();
        out.request(
            self.shared.settings.encoding,
            code,
            opaque,
            true,
            header,
            body,
        )?;
        link.connection.send(out);
        Ok(())
    }

    /// Closes the connections to an address, for a server that is known to be gone.
    pub fn disconnect(&self, address: &str) {
        let slot = self.shared.slots.lock().remove(address);
        for link in slot
            .iter()
            .flat_map(|slot| slot.lanes.iter().filter_map(Lane::link))
        {
            link.connection.close();
        }
    }

    /// Closes all connections, lets what is queued leave for at most `drain`, and returns when
    /// every task has ended. Later requests fail.
    pub async fn stop(&self, drain: Duration) {
        let Some(mut tasks) = self.shared.tasks.lock().take() else {
            return;
        };
        let slots = std::mem::take(&mut *self.shared.slots.lock());
        for link in slots
            .values()
            .flat_map(|slot| slot.lanes.iter().filter_map(Lane::link))
        {
            link.connection.close_because(Why::Stopped);
        }
        let _ = timeout(drain, async { while tasks.join_next().await.is_some() {} }).await;
        tasks.shutdown().await;
    }

    async fn link(&self, address: &str, deadline: Instant) -> Result<Arc<Link>, CallError> {
        let slot = self.slot(address);
        let turn = slot.next.fetch_add(1, Relaxed) % slot.lanes.len().max(1);
        let Some(lane) = slot.lanes.get(turn) else {
            return Err(CallError::Stopped);
        };
        if let Some(link) = lane.link() {
            return Ok(link);
        }
        let started = Instant::now();
        let deadline = deadline.min(started + self.shared.settings.connect_timeout);
        let connect = async {
            let _connecting = lane.connecting.lock().await;
            if let Some(link) = lane.link() {
                return Ok(link);
            }
            let link = self.connect(&slot.address).await?;
            *lane.link.lock() = Some(Arc::clone(&link));
            Ok(link)
        };
        timeout_at(deadline, connect).await.unwrap_or_else(|_| {
            let timeout_ms = (deadline - started).as_millis();
            Err(CallError::ConnectTimeout {
                address: address.to_owned(),
                timeout_ms,
            })
        })
    }

    fn slot(&self, address: &str) -> Arc<Slot> {
        let mut slots = self.shared.slots.lock();
        if let Some(slot) = slots.get(address) {
            return Arc::clone(slot);
        }
        if slots.len() >= ADDRESSES_KEPT_MAX {
            slots.retain(|_, slot| slot.lanes.iter().any(|lane| lane.link().is_some()));
        }
        let lanes = self.shared.settings.lanes.max(1);
        let slot = Arc::new(Slot {
            address: address.to_owned(),
            lanes: std::iter::repeat_with(Lane::default).take(lanes).collect(),
            next: AtomicUsize::new(0),
        });
        slots.insert(address.to_owned(), Arc::clone(&slot));
        slot
    }

    async fn connect(&self, address: &str) -> Result<Arc<Link>, CallError> {
        let mut last = None;
        for target in address::resolve(address).await? {
            match TcpStream::connect(target).await {
                Ok(stream) => return self.start(address, stream),
                Err(error) => last = Some(error),
            }
        }
        let source = last.unwrap_or_else(|| io::ErrorKind::AddrNotAvailable.into());
        Err(CallError::Connect {
            address: address.to_owned(),
            source,
        })
    }

    fn start(&self, address: &str, stream: TcpStream) -> Result<Arc<Link>, CallError> {
        let failed = |source| CallError::Connect {
            address: address.to_owned(),
            source,
        };
        let network = &self.shared.network;
        let Some(open) = OpenConnection::enter(network) else {
            return Err(CallError::TooManyConnections {
                address: address.to_owned(),
            });
        };
        network.metrics().connected.fetch_add(1, Relaxed);
        stream.set_nodelay(true).map_err(failed)?;
        let remote = stream.peer_addr().map_err(failed)?;
        let local = stream.local_addr().map_err(failed)?;
        let queued_bytes_max = network.limits().queued_bytes_max;
        let connection =
            Connection::new(network.next_connection(), remote, local, queued_bytes_max);
        let pending = Arc::new(Pending::default());
        let link = Arc::new(Link::new(Arc::clone(&connection), Arc::clone(&pending)));
        let handler = Arc::clone(&self.shared.handler);
        let service = Arc::new(Multiplexer { pending, handler });
        let task = session::run(Arc::clone(network), service, connection, stream, open);
        let mut tasks = self.shared.tasks.lock();
        let Some(tasks) = tasks.as_mut() else {
            return Err(CallError::Stopped);
        };
        while tasks.try_join_next().is_some() {}
        tasks.spawn(task);
        Ok(link)
    }
}
