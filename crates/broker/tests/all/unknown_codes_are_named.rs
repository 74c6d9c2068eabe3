use ferrocket_protocol::codes::request;
use ferrocket_protocol::frame::NoHeader;

use crate::support::*;

#[test]
fn in_the_remark_of_code_3() {
    let world = World::new();
    let client = world.connect();
    for code in [
        9_999,
        -1,
        request::GET_TOPIC_NAME_LIST,
        request::POP_MESSAGE,
    ] {
        let answer = client.call(code, &NoHeader {}, b"");
        assert_eq!(answer.code, 3);
        assert_eq!(
            remark(&answer),
            format!(" request type {code} not supported")
        );
        assert_eq!(answer.ext().iter().count(), 0);
    }
    assert_eq!(world.broker.metrics().unsupported_requests, 4);
}

#[test]
fn and_clients_are_sent_away_from_a_broker_that_stops() {
    let world = World::new();
    let mut client = world.connect();
    world.broker.shutdown(world.now()).unwrap();
    let answer = client.call(request::GET_BROKER_CONFIG, &NoHeader {}, b"");
    assert_eq!((answer.code, remark(&answer)), (1500, "please go away"));
    client.version = 475;
    assert_eq!(
        client
            .call(request::GET_BROKER_CONFIG, &NoHeader {}, b"")
            .code,
        0
    );
    let answer = client.send(&message("T", 0, ""), b"x");
    assert_eq!(answer.code, 14);
}
