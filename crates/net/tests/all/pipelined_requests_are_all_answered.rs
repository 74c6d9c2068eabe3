use ferrocket_net::Limits;

use crate::support::{Server, request};

#[tokio::test]
async fn pipelined_requests_are_all_answered() {
    let server = Server::start(Limits::default());
    let mut client = server.connect().await;
    let requests: Vec<u8> = (0..1000)
        .flat_map(|n| request(10, n, &n.to_be_bytes()))
        .collect();
    client.send(&requests).await;
    for n in 0..1000 {
        let answer = client.frame().await.unwrap();
        assert_eq!(answer.opaque, n);
        assert!(answer.is_response());
        assert_eq!(&answer.body[..], n.to_be_bytes());
    }
    let calls = server.echo.calls.lock();
    assert_eq!(calls.iter().sum::<usize>(), 1000);
    assert!(
        calls.len() < 500,
        "frames of one read share a call, {} calls",
        calls.len()
    );
}
