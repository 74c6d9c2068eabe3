use std::time::Duration;

use ferrocket_net::{CallError, Limits, Network, Outbound, OutboundSettings};
use ferrocket_protocol::frame::NoHeader;
use tokio::time::Instant;

use crate::support::{KEEP, PATIENCE, Server, until};

#[tokio::test]
async fn waiting_requests_fail_when_the_server_closes() {
    let server = Server::start(Limits::default());
    let outbound = Outbound::new(
        &Network::new(Limits::default()),
        OutboundSettings::default(),
    );
    let address = server.address().to_string();
    let callers: Vec<_> = (0..10)
        .map(|_| {
            let (outbound, address) = (outbound.clone(), address.clone());
            tokio::spawn(async move {
                outbound
                    .call::<NoHeader>(&address, KEEP, None, &[], PATIENCE)
                    .await
            })
        })
        .collect();
    until("all have arrived", || {
        server.echo.calls.lock().iter().sum::<usize>() == 10
    })
    .await;
    assert_eq!(
        server.echo.peers.lock().len(),
        1,
        "callers share a connection"
    );
    let since = Instant::now();
    server.echo.peers.lock()[0].close();
    for caller in callers {
        let error = caller.await.unwrap().unwrap_err();
        assert!(
            matches!(error, CallError::Closed { code: KEEP, .. }),
            "{error}"
        );
    }
    assert!(since.elapsed() < PATIENCE / 2);
}

#[tokio::test]
async fn a_request_without_answer_times_out_and_the_hanging_connection_is_replaced() {
    let server = Server::start(Limits::default());
    let outbound = Outbound::new(
        &Network::new(Limits::default()),
        OutboundSettings::default(),
    );
    let address = server.address().to_string();
    let limit = Duration::from_millis(50);
    let error = outbound
        .call::<NoHeader>(&address, KEEP, None, &[], limit)
        .await
        .unwrap_err();
    assert!(
        matches!(error, CallError::Timeout { code: KEEP, .. }),
        "{error}"
    );
    outbound
        .call::<NoHeader>(&address, 10, None, &[], PATIENCE)
        .await
        .unwrap();
    assert_eq!(server.echo.peers.lock().len(), 2);
}

#[tokio::test]
async fn nobody_listening_is_said_at_once() {
    let server = Server::start(Limits::default());
    let address = server.address().to_string();
    server.serving.stop(Duration::ZERO).await;
    let outbound = Outbound::new(
        &Network::new(Limits::default()),
        OutboundSettings::default(),
    );
    let error = outbound
        .call::<NoHeader>(&address, 10, None, &[], PATIENCE)
        .await
        .unwrap_err();
    assert!(error.to_string().contains(&address), "{error}");
    assert!(matches!(error, CallError::Connect { .. }), "{error}");
}
