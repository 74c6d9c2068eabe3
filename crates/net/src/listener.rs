//! A listening port and the connections that came through it.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use ferrocket_protocol::peer::{ConnectionId, Peer};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep, timeout};

use crate::closing::CloseReason;
use crate::connection::{Connection, Why};
use crate::network::{Network, OpenConnection};
use crate::service::Service;
use crate::session;

/// `SO_BACKLOG` of `NettyRemotingServer`; its configuration value is not used there either.
const BACKLOG: u32 = 1024;
/// How long to wait after a failed accept: the cause is nearly always a lack of file handles.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// One log line at most for so long about connections turned away.
const COMPLAINT_EVERY: Duration = Duration::from_secs(5);

/// Why a port cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    #[error(
        "address {address} is in use: stop the process that listens there or choose another port"
    )]
    InUse {
        address: SocketAddr,
        source: io::Error,
    },
    #[error("address {address} may not be opened: ports below 1024 need privileges")]
    Denied {
        address: SocketAddr,
        source: io::Error,
    },
    #[error("address {address} is not of this machine: bind to one of its own or to 0.0.0.0")]
    NotOurs {
        address: SocketAddr,
        source: io::Error,
    },
    #[error("address {address} cannot be opened")]
    Other {
        address: SocketAddr,
        source: io::Error,
    },
}

impl BindError {
    fn new(address: SocketAddr, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::AddrInUse => Self::InUse { address, source },
            io::ErrorKind::PermissionDenied => Self::Denied { address, source },
            io::ErrorKind::AddrNotAvailable => Self::NotOurs { address, source },
            _ => Self::Other { address, source },
        }
    }
}

/// An open port that accepts nothing yet: roles first open all their ports, then start to serve.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    local: SocketAddr,
}

impl Listener {
    /// Opens the port. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// When the address is taken, forbidden or not of this machine.
    pub fn bind(address: SocketAddr) -> Result<Self, BindError> {
        Self::open(address).map_err(|source| BindError::new(address, source))
    }

    fn open(address: SocketAddr) -> io::Result<Self> {
        let socket = if address.is_ipv4() {
            TcpSocket::new_v4()
        } else {
            TcpSocket::new_v6()
        }?;
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        let socket = socket.listen(BACKLOG)?;
        let local = socket.local_addr()?;
        Ok(Self { socket, local })
    }

    /// The address that was opened, with the port that the system chose for port 0.
    #[must_use]
    pub fn local(&self) -> SocketAddr {
        self.local
    }

    /// Starts to accept connections, each served on a task of its own.
    #[must_use]
    pub fn serve(self, network: &Arc<Network>, service: Arc<dyn Service>) -> Serving {
        let local = self.local;
        let (stop, stopped) = oneshot::channel();
        let acceptor = Acceptor {
            network: Arc::clone(network),
            service,
            tasks: JoinSet::new(),
            connections: HashMap::new(),
            complain_at: Instant::now(),
            unsaid: 0,
        };
        let task = tokio::spawn(acceptor.run(self.socket, stopped));
        Serving { local, stop, task }
    }
}

/// A port being served. Dropping it stops accepting and closes its connections in the background;
/// [`Serving::stop`] waits for them.
#[derive(Debug)]
pub struct Serving {
    local: SocketAddr,
    stop: oneshot::Sender<Duration>,
    task: JoinHandle<()>,
}

impl Serving {
    /// The address that is served.
    #[must_use]
    pub fn local(&self) -> SocketAddr {
        self.local
    }

    /// Stops accepting, lets what is queued on each connection leave for at most `drain`, and
    /// returns when every task has ended.
    pub async fn stop(self, drain: Duration) {
        // The acceptor can be gone already only when the runtime is shutting down.
        let _ = self.stop.send(drain);
        let _ = self.task.await;
    }
}

struct Acceptor {
    network: Arc<Network>,
    service: Arc<dyn Service>,
    /// Every connection's task, ending with the connection's number.
    tasks: JoinSet<ConnectionId>,
    connections: HashMap<ConnectionId, Arc<Connection>>,
    /// When the next complaint about turned-away connections may be logged.
    complain_at: Instant,
    unsaid: u64,
}

impl Acceptor {
    async fn run(mut self, socket: TcpListener, mut stopped: oneshot::Receiver<Duration>) {
        let drain = loop {
            tokio::select! {
                biased;
                drain = &mut stopped => break drain.unwrap_or_default(),
                Some(ended) = self.tasks.join_next(), if !self.tasks.is_empty() => {
                    self.forget(ended.ok());
                }
                accepted = socket.accept() => match accepted {
                    Ok((stream, remote)) => self.admit(stream, remote),
                    Err(error) => self.pause(&error).await,
                },
            }
        };
        drop(socket);
        self.finish(drain).await;
    }

    fn admit(&mut self, stream: TcpStream, remote: SocketAddr) {
        let metrics = self.network.metrics();
        metrics.accepted.fetch_add(1, Relaxed);
        let Some(open) = OpenConnection::enter(&self.network) else {
            metrics.count_closed(CloseReason::TooMany);
            let max = self.network.limits().connections_max;
            self.complain(|unsaid| {
                tracing::warn!(peer = %remote, max, unsaid, "connection refused: there are too many, raise the limit of open files or remove clients");
            });
            return;
        };
        // Either fails only when the peer is gone already.
        let (Ok(()), Ok(local)) = (stream.set_nodelay(true), stream.local_addr()) else {
            metrics.count_closed(CloseReason::Io);
            return;
        };
        let id = self.network.next_connection();
        let queued_bytes_max = self.network.limits().queued_bytes_max;
        let connection = Connection::new(id, remote, local, queued_bytes_max);
        self.connections.insert(id, Arc::clone(&connection));
        let session = session::run(
            Arc::clone(&self.network),
            Arc::clone(&self.service),
            connection,
            stream,
            open,
        );
        self.tasks.spawn(async move {
            session.await;
            id
        });
    }

    async fn pause(&mut self, error: &io::Error) {
        self.network.metrics().accept_errors.fetch_add(1, Relaxed);
        self.complain(|unsaid| {
            tracing::error!(%error, unsaid, "cannot accept a connection: is the limit of open files too low?");
        });
        sleep(ACCEPT_PAUSE).await;
    }

    fn complain(&mut self, log: impl FnOnce(u64)) {
        let now = Instant::now();
        if now >= self.complain_at {
            log(std::mem::take(&mut self.unsaid));
            self.complain_at = now + COMPLAINT_EVERY;
        } else {
            self.unsaid += 1;
        }
    }

    fn forget(&mut self, ended: Option<ConnectionId>) {
        match ended {
            Some(id) => drop(self.connections.remove(&id)),
            // A task that panicked did not say its number.
            None => self
                .connections
                .retain(|_, connection| connection.is_open()),
        }
    }

    async fn finish(mut self, drain: Duration) {
        for connection in self.connections.values() {
            connection.close_because(Why::Stopped);
        }
        let tasks = &mut self.tasks;
        let all = timeout(drain, async { while tasks.join_next().await.is_some() {} }).await;
        if all.is_err() {
            tracing::warn!(
                connections = self.tasks.len(),
                "connections did not drain, cut off"
            );
        }
        self.tasks.shutdown().await;
    }
}
