//! With `slaveReadEnable`, the answer to a reader that is further behind than the memory window names
//! the broker that its group reads from when it is slow; everybody else stays with the master.

use ferrocket_broker::BrokerConfig;
use ferrocket_protocol::codes::request;
use ferrocket_protocol::headers::PullMessageResponse;
use ferrocket_store::{FlushMode, StoreConfig};

use crate::support::*;

/// A broker with 20 KB in a queue and a memory window of 4 KB.
fn world(slave_read_enable: bool) -> World {
    let world = World::with(
        BrokerConfig {
            slave_read_enable,
            ..config()
        },
        StoreConfig {
            memory_window_bytes: 4_096,
            ..store_config(FlushMode::Async)
        },
    );
    let client = world.connect();
    for number in 0..20 {
        client.store("T", 0, "", &format!("{number}:{}", "x".repeat(1_000)));
    }
    world
}

fn suggested(world: &World, offset: i64) -> i64 {
    let header = ferrocket_protocol::headers::PullMessage {
        max_msg_nums: 1,
        ..poll("g", "T", 0, offset)
    };
    let answer = world.connect().call(request::PULL_MESSAGE, &header, b"");
    assert_eq!(answer.code, 0);
    answer
        .header::<PullMessageResponse>()
        .unwrap()
        .suggest_which_broker_id
}

#[test]
fn and_comes_back_when_it_has_caught_up() {
    let world = world(true);
    assert_eq!(suggested(&world, 0), 1);
    assert_eq!(suggested(&world, 19), 0);
}

#[test]
fn but_stays_where_slaves_are_not_read() {
    assert_eq!(suggested(&world(false), 0), 0);
}
