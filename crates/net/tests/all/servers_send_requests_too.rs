use std::sync::Arc;

use ferrocket_net::{Limits, Network, Outbound, OutboundSettings};
use ferrocket_protocol::frame::{Encoding, NoHeader};
use ferrocket_protocol::outbox::Outbox;

use crate::support::{Echo, PATIENCE, Server, until};

#[tokio::test]
async fn a_request_of_the_server_reaches_the_handler_and_its_answer_returns() {
    let server = Server::start(Limits::default());
    let network = Network::new(Limits::default());
    let handler = Arc::new(Echo::default());
    let outbound = Outbound::with_handler(
        &network,
        OutboundSettings::default(),
        Arc::clone(&handler) as _,
    );
    let address = server.address().to_string();
    outbound
        .call::<NoHeader>(&address, 10, None, &[], PATIENCE)
        .await
        .unwrap();
    let peer = server.echo.peers.lock()[0].clone();
    let calls_before = server.echo.calls.lock().len();
    let mut out = Outbox::new();
    out.request::<NoHeader>(Encoding::Json, 307, 5, false, None, &[])
        .unwrap();
    peer.send(out);
    until("the handler is called", || {
        handler.calls.lock().as_slice() == [1]
    })
    .await;
    until("the answer is back", || {
        server.echo.calls.lock().len() == calls_before + 1
    })
    .await;
}

#[tokio::test]
async fn sends_to_a_closed_peer_do_nothing() {
    let server = Server::start(Limits::default());
    let client = server.connect().await;
    until("connected", || !server.echo.peers.lock().is_empty()).await;
    let peer = server.echo.peers.lock()[0].clone();
    assert_eq!(peer.remote(), client.stream.local_addr().unwrap());
    assert_eq!(peer.local(), server.address());
    drop(client);
    until("gone", || !server.echo.gone.lock().is_empty()).await;
    assert!(!peer.is_open());
    let mut out = Outbox::new();
    out.request::<NoHeader>(Encoding::Json, 40, 0, true, None, &[])
        .unwrap();
    peer.send(out);
    peer.close();
    assert_eq!(server.echo.gone.lock().len(), 1);
}
