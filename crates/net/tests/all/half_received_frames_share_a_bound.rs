use ferrocket_net::{CloseReason, Limits};

use crate::support::{Server, request, until};

#[tokio::test]
async fn the_connection_that_goes_beyond_the_shared_bound_is_closed() {
    let limits = Limits {
        half_received_bytes_max: 100_000,
        ..Limits::default()
    };
    let server = Server::start(limits);
    let bytes = request(10, 1, &[7; 200_000]);
    let mut first = server.connect().await;
    first.send(&bytes[..60_000]).await;
    until("the first part is held", || {
        server.network.half_received_bytes() == 60_000
    })
    .await;

    let mut second = server.connect().await;
    second.send(&bytes[..60_000]).await;
    assert!(second.frame().await.is_none());
    assert_eq!(server.closed(CloseReason::HalfReceived), 1);
    until("its share is given back", || {
        server.network.half_received_bytes() == 60_000
    })
    .await;
    drop(first);
    until("all is given back", || {
        server.network.half_received_bytes() == 0
    })
    .await;

    let mut third = server.connect().await;
    third.send(&request(10, 1, b"healthy")).await;
    assert!(third.frame().await.is_some());
}
