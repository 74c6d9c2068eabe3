use ferrocket_net::Limits;

use crate::support::{Server, request};

#[tokio::test]
async fn frames_split_at_any_byte_arrive_whole() {
    let server = Server::start(Limits::default());
    let mut client = server.connect().await;
    client.stream.set_nodelay(true).unwrap();
    let bytes = request(10, 7, b"split me");
    for split in 1..bytes.len() {
        client.send(&bytes[..split]).await;
        tokio::task::yield_now().await;
        client.send(&bytes[split..]).await;
        let answer = client.frame().await.unwrap();
        assert_eq!(&answer.body[..], b"split me");
    }
    assert_eq!(server.network.half_received_bytes(), 0);
}
