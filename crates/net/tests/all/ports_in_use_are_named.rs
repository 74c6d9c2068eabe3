use ferrocket_net::{BindError, Listener};

use crate::support::loopback;

#[tokio::test]
async fn a_port_in_use_is_named_with_what_to_do() {
    let first = Listener::bind(loopback()).unwrap();
    let error = Listener::bind(first.local()).unwrap_err();
    assert!(matches!(error, BindError::InUse { .. }));
    let text = error.to_string();
    assert!(
        text.contains(&first.local().to_string()) && text.contains("stop"),
        "{text}"
    );
}

#[tokio::test]
async fn an_address_of_another_machine_is_named_too() {
    let error = Listener::bind("192.0.2.1:0".parse().unwrap()).unwrap_err();
    assert!(matches!(error, BindError::NotOurs { .. }), "{error}");
}

#[tokio::test]
async fn a_port_can_be_opened_again_at_once() {
    let first = Listener::bind(loopback()).unwrap();
    let address = first.local();
    let client = tokio::net::TcpStream::connect(address).await.unwrap();
    drop(first);
    drop(client);
    Listener::bind(address).unwrap();
}
