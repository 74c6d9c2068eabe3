use crate::support::{Broker, World};

#[test]
fn because_one_topic_is_an_incremental_message() {
    let world = World::new();
    let broker = Broker::new(&world, "a", 0);
    let refused = world.try_register(&broker.clone().only("T"));
    assert_eq!(
        (refused.code, refused.remark.as_deref()),
        (1, Some("register broker failed"))
    );
    assert!(world.route("T").is_none());

    world.register(&broker);
    world.register(&broker.topic("New", 2, 6).changed().only("New"));
    assert_eq!(world.perms("New")["a"], 6);
    assert_eq!(
        world.perms("T")["a"],
        6,
        "an incremental message takes nothing away"
    );
}

#[test]
fn a_new_member_of_a_known_name_is_no_exception() {
    let world = World::new();
    world.register(&Broker::new(&world, "a", 0));
    assert_eq!(
        world
            .try_register(&Broker::new(&world, "a", 1).only("T"))
            .code,
        1
    );
}

#[test]
fn none_is_enough() {
    let world = World::new();
    world.register(&Broker::new(&world, "a", 0).only("nothing"));
    assert!(world.route("T").is_none());
}
