//! A service that echoes, and a client that speaks raw frames.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use ferrocket_net::{CloseReason, Limits, Listener, Network, Service, Serving};
use ferrocket_protocol::frame::{self, Encoding, Frame, NoHeader};
use ferrocket_protocol::outbox::Outbox;
use ferrocket_protocol::peer::{ConnectionId, Peer};
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// No test waits longer for anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
/// A request that the echo service keeps instead of answering.
pub(crate) const KEEP: i32 = 77;

/// Answers every request with its own body, and remembers who is connected.
#[derive(Default)]
pub(crate) struct Echo {
    pub(crate) peers: Mutex<Vec<Arc<dyn Peer>>>,
    pub(crate) gone: Mutex<Vec<ConnectionId>>,
    pub(crate) calls: Mutex<Vec<usize>>,
}

impl Service for Echo {
    fn connected(&self, peer: &Arc<dyn Peer>) {
        self.peers.lock().push(Arc::clone(peer));
    }

    fn frames(&self, _: &Arc<dyn Peer>, frames: &mut Vec<Frame>, out: &mut Outbox) {
        self.calls.lock().push(frames.len());
        for frame in frames
            .drain(..)
            .filter(|f| f.code != KEEP && !f.is_response())
        {
            out.reply::<NoHeader>(frame.reply_to(), 0, None, None, &[frame.body]);
        }
    }

    fn disconnected(&self, id: ConnectionId) {
        self.gone.lock().push(id);
    }
}

pub(crate) struct Server {
    pub(crate) echo: Arc<Echo>,
    pub(crate) network: Arc<Network>,
    pub(crate) serving: Serving,
}

impl Server {
    pub(crate) fn start(limits: Limits) -> Self {
        let echo = Arc::new(Echo::default());
        let network = Network::new(limits);
        let listener = Listener::bind(loopback()).unwrap();
        let serving = listener.serve(&network, Arc::clone(&echo) as _);
        Self {
            echo,
            network,
            serving,
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.serving.local()
    }

    pub(crate) async fn connect(&self) -> Raw {
        Raw::new(TcpStream::connect(self.address()).await.unwrap())
    }

    pub(crate) fn closed(&self, reason: CloseReason) -> u64 {
        self.network.metrics().closed(reason)
    }

    pub(crate) fn open(&self) -> u64 {
        self.network.metrics().snapshot().connections
    }
}

pub(crate) fn loopback() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

/// Waits for a state that other tasks bring about.
pub(crate) async fn until(what: &str, mut reached: impl FnMut() -> bool) {
    let waiting = async {
        while !reached() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting)
        .await
        .unwrap_or_else(|_| panic!("never: {what}"));
}

/// A client without any cleverness.
pub(crate) struct Raw {
    pub(crate) stream: TcpStream,
    buffer: BytesMut,
}

impl Raw {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            buffer: BytesMut::new(),
        }
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// The next frame, or nothing when the server closes.
    pub(crate) async fn frame(&mut self) -> Option<Frame> {
        let waiting = async {
            loop {
                if let Some(frame) = frame::decode(&mut self.buffer).unwrap() {
                    return Some(frame);
                }
                match self.stream.read_buf(&mut self.buffer).await {
                    Ok(0) | Err(_) => return None,
                    Ok(_) => {}
                }
            }
        };
        tokio::time::timeout(PATIENCE, waiting)
            .await
            .expect("neither a frame nor an end")
    }
}

/// The bytes of a request.
pub(crate) fn request(code: i32, opaque: i32, body: &[u8]) -> Vec<u8> {
    let mut out = Outbox::new();
    let body = Bytes::copy_from_slice(body);
    out.request::<NoHeader>(Encoding::Json, code, opaque, false, None, &[body])
        .unwrap();
    out.take()
        .iter()
        .map(|chunk| &chunk[..])
        .collect::<Vec<_>>()
        .concat()
}
