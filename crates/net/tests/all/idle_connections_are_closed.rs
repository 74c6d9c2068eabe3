use std::time::Duration;

use ferrocket_net::{CloseReason, Limits};
use tokio::time::Instant;

use crate::support::{Server, request, until};

const IDLE: Duration = Duration::from_millis(200);

#[tokio::test]
async fn a_silent_connection_is_closed_after_the_idle_time() {
    let server = Server::start(Limits {
        idle: IDLE,
        ..Limits::default()
    });
    let mut client = server.connect().await;
    let since = Instant::now();
    assert!(client.frame().await.is_none());
    assert!(since.elapsed() >= IDLE);
    assert_eq!(server.closed(CloseReason::Idle), 1);
}

#[tokio::test]
async fn bytes_in_either_direction_keep_a_connection_open() {
    let server = Server::start(Limits {
        idle: IDLE,
        ..Limits::default()
    });
    let mut client = server.connect().await;
    let since = Instant::now();
    while since.elapsed() < IDLE * 3 {
        client.send(&request(10, 1, b"alive")).await;
        assert!(client.frame().await.is_some());
        tokio::time::sleep(IDLE / 20).await;
    }
    assert_eq!(server.closed(CloseReason::Idle), 0);
    until("then it is closed", || {
        server.closed(CloseReason::Idle) == 1
    })
    .await;
}

#[tokio::test]
async fn a_connection_without_a_buffer_is_woken_by_the_next_request() {
    let limits = Limits {
        buffer_linger: Duration::from_millis(5),
        ..Limits::default()
    };
    let server = Server::start(limits);
    let mut client = server.connect().await;
    for n in 0..5 {
        client.send(&request(10, n, b"one")[..9]).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
        client.send(&request(10, n, b"one")[9..]).await;
        assert_eq!(client.frame().await.unwrap().opaque, n);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
