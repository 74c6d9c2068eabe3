//! In `lmqConsumerOffset.json`, as Java keeps them: groups with the prefix of light queues in a table
//! of their own, other groups as ever, whatever they consume.

use std::path::Path;

use ferrocket_protocol::bodies::{self, ConsumerOffsetSerializeWrapper};
use ferrocket_protocol::codes::request;
use ferrocket_protocol::headers::{PullMessage, UpdateConsumerOffset};
use ferrocket_store::disk::Disk;
use ferrocket_store::{FlushMode, StoreConfig};

use crate::support::*;

fn saved(world: &World) -> ConsumerOffsetSerializeWrapper {
    let path = Path::new("/store/config/lmqConsumerOffset.json");
    bodies::read_file(&world.disk.read(path).unwrap()).unwrap()
}

fn world() -> World {
    let world = World::with_light_queues(FlushMode::Async);
    let client = world.connect();
    client.heartbeat_quietly("c", "g", "T", "*");
    for body in ["x", "y", "z"] {
        client.store_listing("T", "%LMQ%a", body);
    }
    world
}

#[test]
fn where_java_looks_for_them() {
    let world = world();
    let client = world.connect();
    client.commit("g", "%LMQ%a", 0, 1);
    client.commit("%LMQ%g", "%LMQ%a", 0, 2);
    client.commit("g", "T", 0, 3);
    let world = world.restart();
    assert_eq!(world.committed("g", "%LMQ%a", 0), Some(1));
    assert_eq!(world.committed("%LMQ%g", "%LMQ%a", 0), Some(2));
    assert_eq!(world.committed("g", "T", 0), Some(3));
    let file = saved(&world);
    let light: Vec<_> = file.lmq_offset_table.unwrap().into_iter().collect();
    assert_eq!(light, [("%LMQ%a@%LMQ%g".to_owned(), 2)]);
    let keys: Vec<_> = file.offset_table.keys().map(String::as_str).collect();
    assert_eq!(keys, ["%LMQ%a@g", "T@g"]);
    assert!(world.offset_file().is_empty(), "there is one file");
}

#[test]
fn also_when_light_queues_are_turned_on() {
    let world = World::new();
    let client = world.connect();
    client.heartbeat_quietly("c", "g", "T", "*");
    client.store("T", 0, "", "x");
    client.commit("g", "T", 0, 1);
    world.broker.shutdown(world.now()).unwrap();
    world.store.close(world.now()).unwrap();
    let store_config = StoreConfig {
        enable_lmq: true,
        ..world.store.config().clone()
    };
    let disk = world.disk.clone();
    drop(client);
    drop(world);
    let world = World::on(disk, config(), store_config);
    assert_eq!(world.committed("g", "T", 0), Some(1));
    assert_eq!(saved(&world).offset_table.len(), 1);
    let world = world.kill();
    assert_eq!(world.committed("g", "T", 0), Some(1));
}

#[test]
fn unless_no_message_ever_was_there() {
    let world = world();
    let client = world.connect();
    let header = UpdateConsumerOffset {
        consumer_group: "g".into(),
        topic: "%LMQ%made-up".into(),
        queue_id: 0,
        commit_offset: 1,
    };
    let answer = client.call(request::UPDATE_CONSUMER_OFFSET, &header, b"");
    let words = "queueId[0] is illegal, the topic[%LMQ%made-up] has no such queue";
    assert_eq!((answer.code, remark(&answer)), (29, words));
    let with_commit = |topic| PullMessage {
        sys_flag: 0x1 | 0x4,
        commit_offset: 2,
        ..poll("g", topic, 0, 0)
    };
    client.call(request::PULL_MESSAGE, &with_commit("%LMQ%made-up"), b"");
    assert_eq!(world.committed("g", "%LMQ%made-up", 0), None);
    client.call(request::PULL_MESSAGE, &with_commit("%LMQ%a"), b"");
    assert_eq!(world.committed("g", "%LMQ%a", 0), Some(2));
}
