use bytes::Bytes;
use ferrocket_net::{Limits, Network, Outbound, OutboundSettings};
use ferrocket_protocol::frame::NoHeader;

use crate::support::{PATIENCE, Server};

#[tokio::test]
async fn bodies_of_many_sizes_come_back_unchanged() {
    let server = Server::start(Limits::default());
    let outbound = Outbound::new(
        &Network::new(Limits::default()),
        OutboundSettings::default(),
    );
    let address = server.address().to_string();
    for size in [
        0,
        1,
        2047,
        2048,
        65_535,
        65_536,
        1_000_000,
        15 * 1024 * 1024,
    ] {
        let body: Vec<u8> = (0..size).map(|n: usize| (n % 251) as u8).collect();
        let body = Bytes::from(body);
        let answer = outbound
            .call::<NoHeader>(&address, 10, None, std::slice::from_ref(&body), PATIENCE)
            .await
            .unwrap();
        assert!(answer.body == body, "{size} bytes");
    }
}
