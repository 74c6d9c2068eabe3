use std::time::Duration;

use bytes::Bytes;
use ferrocket_net::{CloseReason, Limits};
use ferrocket_protocol::frame::{Encoding, NoHeader};
use ferrocket_protocol::outbox::Outbox;
use tokio::net::TcpStream;

use crate::support::{PATIENCE, Server, until};

#[tokio::test]
async fn what_is_queued_leaves_before_the_end() {
    let server = Server::start(Limits::default());
    let mut client = server.connect().await;
    until("connected", || !server.echo.peers.lock().is_empty()).await;
    let peer = server.echo.peers.lock()[0].clone();
    let body = Bytes::from(vec![3; 8 * 1024 * 1024]);
    let mut out = Outbox::new();
    out.request::<NoHeader>(
        Encoding::Json,
        40,
        0,
        true,
        None,
        std::slice::from_ref(&body),
    )
    .unwrap();
    peer.send(out);
    let (address, echo, network) = (
        server.address(),
        server.echo.clone(),
        server.network.clone(),
    );
    let stopping = tokio::spawn(server.serving.stop(PATIENCE));
    assert!(client.frame().await.unwrap().body == body);
    assert!(client.frame().await.is_none());
    stopping.await.unwrap();
    assert_eq!(echo.gone.lock().len(), 1);
    assert_eq!(network.metrics().closed(CloseReason::Stopped), 1);
    assert_eq!(network.metrics().snapshot().connections, 0);
    assert!(
        TcpStream::connect(address).await.is_err(),
        "the port is closed"
    );
}

#[tokio::test]
async fn a_peer_that_does_not_read_cannot_delay_the_end() {
    let server = Server::start(Limits::default());
    let clients = [server.connect().await, server.connect().await];
    until("connected", || server.echo.peers.lock().len() == 2).await;
    for peer in server.echo.peers.lock().iter() {
        let mut out = Outbox::new();
        let body = Bytes::from(vec![3; 15 * 1024 * 1024]);
        out.request::<NoHeader>(Encoding::Json, 40, 0, true, None, &[body])
            .unwrap();
        peer.send(out);
    }
    let (echo, network) = (server.echo.clone(), server.network.clone());
    tokio::time::timeout(PATIENCE / 2, server.serving.stop(Duration::from_millis(20)))
        .await
        .unwrap();
    assert_eq!(echo.gone.lock().len(), 2);
    assert_eq!(network.metrics().snapshot().connections, 0);
    drop(clients);
}
