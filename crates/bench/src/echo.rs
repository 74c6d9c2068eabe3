//! The floor: our sockets and our codecs with no broker behind them. Every request is answered as
//! a stored message, so that `send` can be pointed here.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

use ferrocket_net::{Limits, Listener, Network, Service};
use ferrocket_protocol::codes::response;
use ferrocket_protocol::frame::Frame;
use ferrocket_protocol::headers::SendMessageResponse;
use ferrocket_protocol::outbox::Outbox;
use ferrocket_protocol::peer::{ConnectionId, Peer};

use crate::say;

#[derive(Debug, Default)]
struct Echo {
    stored: AtomicI64,
}

impl Service for Echo {
    fn connected(&self, _: &Arc<dyn Peer>) {}

    fn frames(&self, _: &Arc<dyn Peer>, frames: &mut Vec<Frame>, out: &mut Outbox) {
        for frame in frames.drain(..) {
            let header = SendMessageResponse {
                msg_id: "7F00000100002A9F0000000000000000".into(),
                queue_id: 0,
                queue_offset: self.stored.fetch_add(1, Relaxed),
                ..SendMessageResponse::default()
            };
            out.reply(
                frame.reply_to(),
                response::SUCCESS,
                None,
                Some(&header),
                &[],
            );
        }
    }

    fn disconnected(&self, _: ConnectionId) {}
}

/// Serves until the process is ended.
pub(crate) fn run(address: SocketAddr) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let network = Network::new(Limits::default());
        let listener = Listener::bind(address)?;
        let serving = listener.serve(&network, Arc::new(Echo::default()));
        say(&format!(
            "echo on {}, process {}\n",
            serving.local(),
            std::process::id()
        ))?;
        std::future::pending().await
    })
}
