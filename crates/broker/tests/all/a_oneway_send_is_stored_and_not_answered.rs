use ferrocket_protocol::codes::request;
use ferrocket_protocol::headers::SendMessageV2;

use crate::support::*;

#[test]
fn whether_it_succeeds_or_not() {
    for world in [World::new(), World::sync()] {
        let client = world.connect();
        let good = SendMessageV2::from(message("T", 0, ""));
        let bad = SendMessageV2::from(message("bad name!", 0, ""));
        let frames = vec![
            client.oneway(request::SEND_MESSAGE_V2, &good, b"a"),
            client.oneway(request::SEND_MESSAGE_V2, &bad, b"b"),
        ];
        assert!(client.read(frames).is_empty());
        world.flush();
        world.pass(60_000);
        assert!(client.received().is_empty());
        assert_eq!(world.store.max_offset("T", 0).0, 1);
    }
}
