//! A power loss may take messages that were consumed before they were flushed; the next ones would
//! be skipped.

use crate::support::*;

/// A queue of which two messages are on the disk and three more only in memory, all consumed.
fn world() -> World {
    let world = World::new();
    let client = world.connect();
    client.heartbeat_quietly("c", "g", "T", "*");
    for number in 0..5 {
        if number == 2 {
            world.flush();
        }
        client.store("T", 0, "", &number.to_string());
    }
    client.commit("g", "T", 0, 5);
    world.broker.persist(world.now() + 5_000).unwrap();
    world
}

#[test]
fn to_the_end_of_what_is_left() {
    let mut lost = 0;
    for seed in 0..20 {
        let world = world();
        let disk = world.disk.power_loss(seed);
        let store_config = world.store.config().clone();
        drop(world);
        let world = World::on(disk, config(), store_config);
        let left = world.store.max_offset("T", 0).0;
        assert!((2..=5).contains(&left), "seed {seed}: {left}");
        assert_eq!(world.committed("g", "T", 0), Some(left), "seed {seed}");
        lost += i32::from(left < 5);
        // And for good: what comes next is consumed whatever happens.
        world.connect().store("T", 0, "", "next");
        let world = world.kill();
        assert_eq!(world.committed("g", "T", 0), Some(left), "seed {seed}");
    }
    assert!(lost > 0, "no seed lost anything");
}

#[test]
fn and_to_the_beginning_of_a_queue_that_is_gone() {
    let world = world();
    world.connect().commit("g", "T", 3, 9);
    world.broker.persist(world.now() + 10_000).unwrap();
    let world = world.kill();
    assert_eq!(world.committed("g", "T", 3), Some(0));
    assert_eq!(world.committed("g", "T", 0), Some(5));
}

#[test]
fn but_not_after_a_clean_one() {
    let world = world();
    world.connect().commit("g", "T", 0, 9);
    let world = world.restart();
    assert_eq!(world.committed("g", "T", 0), Some(9));
}
