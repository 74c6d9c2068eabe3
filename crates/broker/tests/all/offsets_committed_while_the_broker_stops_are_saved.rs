//! Clients too old to be sent away are served until their connection ends.

use ferrocket_protocol::version::V5_3_1;

use crate::support::*;

#[test]
fn once_the_ports_are_closed() {
    let world = World::new();
    let mut client = world.connect();
    client.version = V5_3_1;
    client.heartbeat_quietly("c", "g", "T", "*");
    client.store("T", 0, "", "x");
    world.broker.shutdown(world.now()).unwrap();
    client.commit("g", "T", 0, 1);
    world.broker.persist_final(world.now()).unwrap();
    world.store.close(world.now()).unwrap();
    let world = world.kill();
    assert_eq!(world.committed("g", "T", 0), Some(1));
}
