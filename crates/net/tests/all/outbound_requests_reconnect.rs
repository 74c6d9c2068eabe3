use std::time::Duration;

use ferrocket_net::{CallError, Limits, Network, Outbound, OutboundSettings};
use ferrocket_protocol::frame::NoHeader;

use crate::support::{PATIENCE, Server, until};

#[tokio::test]
async fn the_next_request_after_a_broken_connection_opens_another() {
    let server = Server::start(Limits::default());
    let network = Network::new(Limits::default());
    let outbound = Outbound::new(&network, OutboundSettings::default());
    let address = format!("localhost:{}", server.address().port());
    for round in 1..=3 {
        outbound
            .call::<NoHeader>(&address, 10, None, &[], PATIENCE)
            .await
            .unwrap();
        assert_eq!(network.metrics().snapshot().connected, round);
        server.echo.peers.lock().last().unwrap().close();
        until("it is noticed", || {
            network.metrics().snapshot().connections == 0
        })
        .await;
    }
}

#[tokio::test]
async fn many_callers_open_one_connection_for_each_lane() {
    let server = Server::start(Limits::default());
    let network = Network::new(Limits::default());
    let settings = OutboundSettings {
        lanes: 3,
        ..OutboundSettings::default()
    };
    let outbound = Outbound::new(&network, settings);
    let address = server.address().to_string();
    let callers: Vec<_> = (0..30)
        .map(|_| {
            let (outbound, address) = (outbound.clone(), address.clone());
            tokio::spawn(async move {
                outbound
                    .call::<NoHeader>(&address, 10, None, &[], PATIENCE)
                    .await
            })
        })
        .collect();
    for caller in callers {
        caller.await.unwrap().unwrap();
    }
    assert_eq!(network.metrics().snapshot().connected, 3);
    outbound.stop(Duration::from_secs(1)).await;
    assert_eq!(network.metrics().snapshot().connections, 0);
    let error = outbound
        .call::<NoHeader>(&address, 10, None, &[], PATIENCE)
        .await
        .unwrap_err();
    assert!(matches!(error, CallError::Stopped), "{error}");
}
