use crate::support::{Broker, World, addrs};

#[test]
fn with_its_topics() {
    let world = World::new();
    let broker = Broker::new(&world, "a", 0);
    world.register(&broker);
    world.disconnect(&broker.connection);
    assert!(world.route("T").is_none());
}

#[test]
fn and_with_it_all_brokers_of_the_same_connection() {
    let world = World::new();
    let first = Broker::new(&world, "a", 0);
    let mut second = Broker::new(&world, "b", 0);
    second.connection = first.connection.clone();
    world.register(&first);
    world.register(&second);
    world.disconnect(&first.connection);
    assert!(world.route("T").is_none());
}

#[test]
fn but_not_one_that_registered_again_over_another() {
    let world = World::new();
    let mut broker = Broker::new(&world, "a", 0);
    world.register(&broker);
    let old = std::mem::replace(&mut broker.connection, world.connect());
    world.register(&broker);
    world.disconnect(&old);
    assert!(world.route("T").is_some());
    world.disconnect(&broker.connection);
    assert!(world.route("T").is_none());
}

#[test]
fn while_the_other_members_of_its_name_stay() {
    let world = World::new();
    let master = Broker::new(&world, "a", 0);
    let slave = Broker::new(&world, "a", 1);
    world.register(&master);
    world.register(&slave);
    world.disconnect(&master.connection);
    let route = world.route("T").unwrap();
    let members = addrs(&route["brokerDatas"][0]);
    assert_eq!(
        members.into_iter().collect::<Vec<_>>(),
        [("1".into(), "a-1:10911".into())]
    );
    world.disconnect(&slave.connection);
    assert!(world.route("T").is_none());
}

#[test]
fn and_a_client_that_leaves_changes_nothing() {
    let world = World::new();
    world.register(&Broker::new(&world, "a", 0));
    world.disconnect(&world.connect());
    assert!(world.route("T").is_some());
}

#[test]
fn as_is_one_that_unregisters() {
    let world = World::new();
    let broker = Broker::new(&world, "a", 0);
    let other = Broker::new(&world, "b", 0);
    world.register(&broker);
    world.register(&other);
    assert_eq!(world.ask(104, &broker.address(), b"").code, 0);
    assert_eq!(world.perms("T").into_keys().collect::<Vec<_>>(), ["b"]);
    assert!(world.route("a").is_none());
    let again = world.ask(104, &broker.address(), b"");
    assert_eq!(again.code, 0, "an unknown broker may unregister");
}
