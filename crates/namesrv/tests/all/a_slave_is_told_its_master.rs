use crate::support::{Broker, World};

#[test]
fn by_every_registration_while_the_master_lives() {
    let world = World::new();
    let master = Broker::new(&world, "a", 0);
    let slave = Broker::new(&world, "a", 1);
    let early = world.register(&slave);
    assert_eq!(early.ext_field("masterAddr"), None);

    let own = world.register(&master);
    assert_eq!(
        own.ext_field("masterAddr"),
        None,
        "a master is told nothing"
    );
    for _ in 0..3 {
        let told = world.register(&slave);
        assert_eq!(told.ext_field("masterAddr").as_deref(), Some("a-0:10911"));
        assert_eq!(told.ext_field("haServerAddr").as_deref(), Some("a-0:10912"));
    }
    world.disconnect(&master.connection);
    assert_eq!(world.register(&slave).ext_field("masterAddr"), None);
}

#[test]
fn and_a_member_that_changes_its_role_keeps_one_address() {
    let world = World::new();
    let mut broker = Broker::new(&world, "a", 1);
    world.register(&broker);
    broker.header.broker_id = 0;
    world.register(&broker.changed());
    let route = world.route("T").unwrap();
    let members = crate::support::addrs(&route["brokerDatas"][0]);
    assert_eq!(
        members.into_iter().collect::<Vec<_>>(),
        [("0".into(), "a-1:10911".into())]
    );
}
