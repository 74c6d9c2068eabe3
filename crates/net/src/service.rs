//! What a listener hands its connections to.

use std::sync::Arc;

use ferrocket_protocol::frame::Frame;
use ferrocket_protocol::outbox::Outbox;
use ferrocket_protocol::peer::{ConnectionId, Peer};

/// The owner of a listening port: it is called on the connection's task and must not block beyond
/// a write into the page cache.
pub trait Service: Send + Sync + 'static {
    fn connected(&self, peer: &Arc<dyn Peer>);

    /// All complete frames of one socket read, in order, responses to requests of ours among them.
    /// Immediate answers go into `out` and leave with one vectored write; later ones go through
    /// [`Peer::send`].
    ///
    /// The service takes the frames that it has handled out of `frames`, at least one in a call.
    /// It may leave the rest when [`Outbox::is_full`]: the connection then writes, and calls again
    /// with the rest before it reads any more. So a peer that asks for much in few bytes, and does
    /// not read the answers, costs memory for one full outbox and one answer.
    fn frames(&self, peer: &Arc<dyn Peer>, frames: &mut Vec<Frame>, out: &mut Outbox);

    /// Called exactly once after `connected`, when the connection is gone.
    fn disconnected(&self, id: ConnectionId);
}

/// The service of a client that wants no requests from servers: each is refused as unknown.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoRequests;

/// `REQUEST_CODE_NOT_SUPPORTED`.
const NOT_SUPPORTED: i32 = 3;

impl Service for NoRequests {
    fn connected(&self, _: &Arc<dyn Peer>) {}

    fn frames(&self, _: &Arc<dyn Peer>, frames: &mut Vec<Frame>, out: &mut Outbox) {
        for frame in frames.drain(..).filter(|f| !f.is_response()) {
            // The leading space is `NettyRemotingAbstract`'s.
            let remark = format!(" request type {} not supported", frame.code);
            out.reply_error(frame.reply_to(), NOT_SUPPORTED, &remark);
        }
    }

    fn disconnected(&self, _: ConnectionId) {}
}
