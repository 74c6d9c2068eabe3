use std::slice;
use std::time::Duration;

use bytes::Bytes;
use ferrocket_net::{CloseReason, Limits};
use ferrocket_protocol::frame::{Encoding, NoHeader};
use ferrocket_protocol::outbox::Outbox;

use crate::support::{Server, request, until};

fn frame(body: &Bytes) -> Outbox {
    let mut out = Outbox::new();
    out.request::<NoHeader>(Encoding::Json, 40, 0, true, None, slice::from_ref(body))
        .unwrap();
    out
}

/// Queues frames for a peer that reads nothing until it is cut off.
async fn flood(limits: Limits, reason: CloseReason) {
    let server = Server::start(limits);
    let client = server.connect().await;
    until("connected", || !server.echo.peers.lock().is_empty()).await;
    let peer = server.echo.peers.lock()[0].clone();
    let body = Bytes::from(vec![0; 256 * 1024]);
    // The kernel's buffers take some megabytes before anything queues here.
    until("cut off", || {
        peer.send(frame(&body));
        !peer.is_open()
    })
    .await;
    until("counted", || server.closed(reason) == 1).await;
    assert_eq!(server.echo.gone.lock().as_slice(), [peer.id()]);
    assert_eq!(server.network.metrics().snapshot().unwritten_bytes, 0);
    drop(client);
}

#[tokio::test]
async fn a_peer_that_does_not_read_for_long_is_cut_off_at_the_bound() {
    let limits = Limits {
        write_pause_bytes: 64 * 1024,
        stalled_bytes_max: 1024 * 1024,
        stall: Duration::from_millis(20),
        queued_bytes_max: usize::MAX,
        ..Limits::default()
    };
    flood(limits, CloseReason::SlowReader).await;
}

#[tokio::test]
async fn a_peer_for_which_far_too_much_is_queued_is_cut_off_at_once() {
    let limits = Limits {
        write_pause_bytes: 64 * 1024,
        queued_bytes_max: 2 * 1024 * 1024,
        ..Limits::default()
    };
    flood(limits, CloseReason::QueueFull).await;
}

#[tokio::test]
async fn a_peer_that_reads_gets_a_burst_beyond_the_bound() {
    let limits = Limits {
        stalled_bytes_max: 1024 * 1024,
        stall: Duration::from_secs(5),
        ..Limits::default()
    };
    let server = Server::start(limits);
    let mut client = server.connect().await;
    until("connected", || !server.echo.peers.lock().is_empty()).await;
    let peer = server.echo.peers.lock()[0].clone();
    let body = Bytes::from(vec![7; 4 * 1024 * 1024]);
    for _ in 0..16 {
        peer.send(frame(&body));
    }
    until("queued beyond the bound", || {
        server.network.metrics().snapshot().unwritten_bytes > 4 * 1024 * 1024
    })
    .await;
    for _ in 0..16 {
        assert_eq!(client.frame().await.unwrap().body, body);
    }
    assert!(peer.is_open());
    until("written", || {
        server.network.metrics().snapshot().unwritten_bytes == 0
    })
    .await;
    assert_eq!(server.open(), 1);
}

#[tokio::test]
async fn nothing_is_read_from_a_peer_that_does_not_read() {
    let limits = Limits {
        write_pause_bytes: 64 * 1024,
        ..Limits::default()
    };
    let server = Server::start(limits);
    let client = server.connect().await;
    let bytes = request(10, 1, &vec![1; 64 * 1024]);
    // Writes until the server has stopped reading and the kernel's buffers are full.
    let mut at = 0;
    until("reading pauses", || {
        for _ in 0..64 {
            at = (at + client.stream.try_write(&bytes[at..]).unwrap_or(0)) % bytes.len();
        }
        server.network.metrics().snapshot().read_pauses > 0
    })
    .await;
    let before = server.network.metrics().snapshot().frames_in;
    for _ in 0..200 {
        at = (at + client.stream.try_write(&bytes[at..]).unwrap_or(0)) % bytes.len();
        tokio::task::yield_now().await;
    }
    assert!(server.network.metrics().snapshot().frames_in <= before + 1);
}
