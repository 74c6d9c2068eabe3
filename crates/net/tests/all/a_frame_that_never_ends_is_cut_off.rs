use std::time::Duration;

use ferrocket_net::{CloseReason, Limits};

use crate::support::{Server, request, until};

#[tokio::test]
async fn a_frame_that_trickles_in_is_cut_off_although_bytes_move() {
    let limits = Limits {
        frame_time: Duration::from_millis(50),
        ..Limits::default()
    };
    let server = Server::start(limits);
    let client = server.connect().await;
    let bytes = request(10, 1, &[0; 100_000]);
    let mut at = 0;
    until("cut off", || {
        at += client.stream.try_write(&bytes[at..=at]).unwrap_or(0);
        server.closed(CloseReason::SlowSender) == 1
    })
    .await;
    assert!(at < bytes.len());
}

#[tokio::test]
async fn an_announced_frame_takes_no_memory_up_front() {
    let server = Server::start(Limits::default());
    let bytes = request(10, 1, &vec![0; 16_000_000]);
    let mut clients = Vec::new();
    for _ in 0..20 {
        let mut client = server.connect().await;
        client.send(&bytes[..1000]).await;
        clients.push(client);
    }
    until("all have arrived", || {
        server.network.half_received_bytes() == 20 * 1000
    })
    .await;
}
