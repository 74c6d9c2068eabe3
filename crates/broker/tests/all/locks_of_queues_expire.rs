use ferrocket_protocol::bodies::MessageQueue;

use crate::support::*;

#[test]
fn a_minute_after_the_last_renewal() {
    let world = World::new();
    let (one, two) = (world.connect(), world.connect());
    let queue = |queue_id| MessageQueue {
        topic: "T".into(),
        broker_name: "broker-a".into(),
        queue_id,
    };
    let both = vec![queue(0), queue(1)];
    assert_eq!(one.lock("g", "one", both.clone()), both);
    assert!(two.lock("g", "two", both.clone()).is_empty());
    world.pass(60_000);
    assert_eq!(one.lock("g", "one", vec![queue(0)]), [queue(0)]);
    one.disconnect();
    world.pass(1);
    assert_eq!(
        two.lock("g", "two", both.clone()),
        [queue(1)],
        "a closed connection keeps its locks"
    );
    two.unlock("g", "one", vec![queue(0)]);
    assert_eq!(two.lock("g", "two", both.clone()), both);
}
