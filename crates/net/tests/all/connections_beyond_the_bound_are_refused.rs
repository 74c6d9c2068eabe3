use ferrocket_net::{CloseReason, Limits};

use crate::support::{Server, request, until};

#[tokio::test]
async fn a_connection_beyond_the_bound_is_closed_and_a_place_is_free_again_later() {
    let server = Server::start(Limits {
        connections_max: 2,
        ..Limits::default()
    });
    let mut kept = server.connect().await;
    let second = server.connect().await;
    until("both are in", || server.open() == 2).await;
    let mut refused = server.connect().await;
    assert!(refused.frame().await.is_none());
    assert_eq!(server.closed(CloseReason::TooMany), 1);

    kept.send(&request(10, 1, b"still served")).await;
    assert!(kept.frame().await.is_some());
    drop(second);
    until("a place is free", || server.open() == 1).await;
    let mut next = server.connect().await;
    next.send(&request(10, 1, b"served")).await;
    assert!(next.frame().await.is_some());
}
