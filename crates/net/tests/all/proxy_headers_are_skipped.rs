use ferrocket_net::{CloseReason, Limits};

use crate::support::{Server, request};

#[tokio::test]
async fn a_request_behind_a_proxy_header_is_answered() {
    let server = Server::start(Limits::default());
    let mut client = server.connect().await;
    client.send(b"PROXY TCP4 10.0.0.9 10.0.0.1 40").await;
    tokio::task::yield_now().await;
    client.send(b"000 10911\r\n").await;
    client.send(&request(10, 3, b"proxied")).await;
    assert_eq!(&client.frame().await.unwrap().body[..], b"proxied");
}

#[tokio::test]
async fn a_malformed_proxy_header_closes_the_connection() {
    let server = Server::start(Limits::default());
    let mut client = server.connect().await;
    client.send(b"PROXY TCP4 nonsense\r\n").await;
    assert!(client.frame().await.is_none());
    assert_eq!(server.closed(CloseReason::Undecodable), 1);
}
