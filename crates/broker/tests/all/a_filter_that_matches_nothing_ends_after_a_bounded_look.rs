//! However many messages a pull asks for: the number is the client's, the time is everybody's.

use ferrocket_protocol::codes::request;
use ferrocket_protocol::headers::PullMessage;

use crate::support::*;

#[test]
fn and_tells_where_to_go_on() {
    let world = World::new();
    world.create_topic("T", 1);
    let client = world.connect();
    for _ in 0..1_000 {
        client.store("T", 0, "TAGS\u{1}TagA\u{2}", "x");
    }
    let header = PullMessage {
        max_msg_nums: i32::MAX,
        subscription: Some("TagB".into()),
        ..poll("g", "T", 0, 0)
    };
    let answer = client.call(request::PULL_MESSAGE, &header, b"");
    assert_eq!(
        (answer.code, remark(&answer)),
        (20, "NO_MATCHED_MESSAGE"),
        "the client pulls again at once"
    );
    // `maxFilterMessageSize` of 16,000 bytes, 20 of them an entry.
    assert_eq!(next_offset(&answer), 800);
}
