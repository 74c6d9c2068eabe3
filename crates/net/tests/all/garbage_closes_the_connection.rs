use ferrocket_net::{CloseReason, Limits};

use crate::support::{Server, request, until};

#[tokio::test]
async fn what_is_no_frame_closes_the_connection() {
    let server = Server::start(Limits::default());
    let oddities: [&[u8]; 5] = [
        b"GET / HTTP/1.1\r\n\r\n",
        &[0xff; 64],
        &[0x7f, 0xff, 0xff, 0xff],
        &[0, 0, 0, 8, 0, 0, 0xff, 0xff, 1, 2, 3, 4],
        &[0, 0, 0, 6, 9, 0, 0, 2, b'{', b'}'],
    ];
    for (n, bytes) in oddities.iter().enumerate() {
        let mut client = server.connect().await;
        client.send(bytes).await;
        assert!(client.frame().await.is_none(), "{bytes:?}");
        assert_eq!(
            server.closed(CloseReason::Undecodable),
            n as u64 + 1,
            "{bytes:?}"
        );
    }
    until("all connections are given back", || server.open() == 0).await;
}

#[tokio::test]
async fn frames_before_the_garbage_are_answered() {
    let server = Server::start(Limits::default());
    let mut client = server.connect().await;
    let mut bytes = request(10, 1, b"good");
    bytes.extend([0xff; 16]);
    client.send(&bytes).await;
    assert_eq!(&client.frame().await.unwrap().body[..], b"good");
    assert!(client.frame().await.is_none());
}

#[tokio::test]
async fn tls_is_told_apart_from_garbage() {
    let server = Server::start(Limits::default());
    let mut client = server.connect().await;
    client.send(&[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]).await;
    assert!(client.frame().await.is_none());
    assert_eq!(server.closed(CloseReason::Tls), 1);
}
