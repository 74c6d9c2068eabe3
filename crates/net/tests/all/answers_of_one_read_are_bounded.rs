use std::slice;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use bytes::Bytes;
use ferrocket_net::{Limits, Listener, Network, Service, Serving};
use ferrocket_protocol::frame::{Frame, NoHeader};
use ferrocket_protocol::outbox::{OUTBOX_BYTES_FULL, Outbox};
use ferrocket_protocol::peer::{ConnectionId, Peer};
use tokio::net::TcpStream;

use crate::support::{Raw, loopback, request, until};

const READ_BYTES_MAX: usize = 64 * 1024;

/// Answers every request with the same body, as long as there is room.
struct Much {
    body: Bytes,
    network: Arc<Network>,
    frames_max: AtomicUsize,
    /// The most that one connection had to write at a time.
    bytes_max: AtomicUsize,
}

impl Service for Much {
    fn connected(&self, _: &Arc<dyn Peer>) {}

    fn frames(&self, _: &Arc<dyn Peer>, frames: &mut Vec<Frame>, out: &mut Outbox) {
        self.frames_max.fetch_max(frames.len(), Relaxed);
        let mut taken = 0;
        for frame in frames.iter() {
            if out.is_full() {
                break;
            }
            taken += 1;
            out.reply::<NoHeader>(frame.reply_to(), 0, None, None, slice::from_ref(&self.body));
        }
        frames.drain(..taken);
        self.bytes_max
            .fetch_max(unwritten(&self.network) + out.bytes(), Relaxed);
    }

    fn disconnected(&self, _: ConnectionId) {}
}

fn unwritten(network: &Network) -> usize {
    usize::try_from(network.metrics().snapshot().unwritten_bytes).unwrap()
}

async fn start(answer_bytes: usize) -> (Arc<Much>, Serving, Raw) {
    let network = Network::new(Limits::default());
    let much = Arc::new(Much {
        body: Bytes::from(vec![7; answer_bytes]),
        network: Arc::clone(&network),
        frames_max: AtomicUsize::new(0),
        bytes_max: AtomicUsize::new(0),
    });
    let serving = Listener::bind(loopback())
        .unwrap()
        .serve(&network, Arc::clone(&much) as _);
    let stream = TcpStream::connect(serving.local()).await.unwrap();
    (much, serving, Raw::new(stream))
}

async fn expect_answers(client: &mut Raw, opaques: std::ops::Range<i32>, much: &Much) {
    for opaque in opaques {
        let answer = client.frame().await.unwrap();
        assert_eq!((answer.opaque, &answer.body), (opaque, &much.body));
    }
}

#[tokio::test]
async fn however_much_a_few_bytes_ask_for() {
    const ANSWER_BYTES: usize = 256 * 1024;
    let (much, _serving, mut client) = start(ANSWER_BYTES).await;
    let all: Vec<u8> = (0..300).flat_map(|n| request(10, n, b"")).collect();
    assert!(all.len() < READ_BYTES_MAX);
    client.send(&all).await;
    until("reading pauses", || {
        much.network.metrics().snapshot().read_pauses > 0
    })
    .await;
    expect_answers(&mut client, 0..300, &much).await;
    let bound = Limits::default().write_pause_bytes + OUTBOX_BYTES_FULL + 2 * ANSWER_BYTES;
    let bytes_max = much.bytes_max.load(Relaxed);
    assert!(bytes_max <= bound, "{bytes_max} bytes waited at a time");
    assert!(much.network.metrics().snapshot().reads < 100);
    // The connection goes on as before.
    client.send(&request(10, 300, b"")).await;
    expect_answers(&mut client, 300..301, &much).await;
}

#[tokio::test]
async fn also_behind_a_large_frame() {
    let (much, _serving, mut client) = start(2_000).await;
    let mut all = request(10, 0, &vec![1; 8 * 1024 * 1024]);
    let small = request(10, 9_999, b"").len();
    all.extend((1..10_000).flat_map(|n| request(10, n, b"")));
    // The answers are more than the kernel keeps, so both directions move at once.
    let mut at = 0;
    until("sent until reading pauses", || {
        at += client.stream.try_write(&all[at..]).unwrap_or(0);
        at == all.len() || much.network.metrics().snapshot().read_pauses > 0
    })
    .await;
    let mut next = 0;
    while at < all.len() {
        at += client.stream.try_write(&all[at..]).unwrap_or(0);
        expect_answers(&mut client, next..next + 1, &much).await;
        next += 1;
    }
    expect_answers(&mut client, next..10_000, &much).await;
    let frames_max = much.frames_max.load(Relaxed);
    // Opaque numbers differ in length by three digits.
    assert!(
        frames_max <= READ_BYTES_MAX / (small - 3) + 1,
        "{frames_max} frames in one call"
    );
}

#[tokio::test]
async fn and_frames_before_garbage_are_all_answered() {
    let (much, _serving, mut client) = start(256 * 1024).await;
    let mut all: Vec<u8> = (0..20).flat_map(|n| request(10, n, b"")).collect();
    all.extend([0xff; 16]);
    client.send(&all).await;
    expect_answers(&mut client, 0..20, &much).await;
    assert!(client.frame().await.is_none());
}
