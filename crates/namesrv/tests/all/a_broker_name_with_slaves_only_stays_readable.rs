use crate::support::{Broker, UNREGISTER_BROKER, World};

#[test]
fn without_acting_masters_its_permissions_stay() {
    let world = World::new();
    let master = Broker::new(&world, "a", 0);
    world.register(&master);
    world.register(&Broker::new(&world, "a", 1));
    world.ask(UNREGISTER_BROKER, &master.address(), b"");
    assert_eq!(world.perms("T")["a"], 6);
}

#[test]
fn with_acting_masters_it_loses_write_and_gets_it_back_with_the_master() {
    let world = World::new();
    let master = Broker::new(&world, "a", 0).acting();
    let slave = Broker::new(&world, "a", 1).acting();
    world.register(&master);
    world.register(&slave);
    world.disconnect(&master.connection);
    assert_eq!(world.perms("T")["a"], 4);
    assert_eq!(world.perms("a")["a"], 5, "other bits stay");

    world.register(&slave);
    assert_eq!(
        world.perms("T")["a"],
        4,
        "the slave registers readable topics only"
    );

    let back = Broker {
        connection: world.connect(),
        ..master
    };
    world.register(&back);
    assert_eq!(world.perms("T")["a"], 6);
}

#[test]
fn the_smallest_slave_refreshes_topics_and_the_others_do_not() {
    let world = World::new();
    let first = Broker::new(&world, "a", 1);
    world.register(&first);
    world.register(&Broker::new(&world, "a", 2).topic("OfTheOther", 1, 6));
    assert!(world.route("OfTheOther").is_none());
    world.register(&first.topic("OfTheFirst", 1, 6).changed());
    assert_eq!(world.perms("OfTheFirst")["a"], 6);
}

#[test]
fn an_old_slave_never_does() {
    let world = World::new();
    let mut slave = Broker::new(&world, "a", 1);
    slave.header.enable_acting_master = None;
    world.register(&slave);
    assert!(world.route("T").is_none());
}

#[test]
fn a_slave_that_becomes_the_smallest_brings_its_topics_even_if_it_is_unchanged() {
    let world = World::new();
    let master = Broker::new(&world, "a", 0);
    let slave = Broker::new(&world, "a", 1).topic("OfTheSlave", 2, 6);
    world.register(&master);
    world.register(&slave);
    assert!(world.route("OfTheSlave").is_none());
    world.disconnect(&master.connection);
    world.register(&slave);
    assert_eq!(world.perms("OfTheSlave")["a"], 6);
}
