use crate::support::{Broker, World, addrs};

fn master_addr(world: &World) -> String {
    let route = world.route("T").unwrap();
    addrs(&route["brokerDatas"][0])["0"].clone()
}

fn rival(world: &World, epoch: i64) -> Broker {
    let mut rival = Broker::new(world, "a", 0);
    rival.header.broker_addr = "rival:10911".to_owned();
    rival.version.0 = epoch;
    rival
}

#[test]
fn the_answer_is_success_and_nothing_changes() {
    let world = World::new();
    let mut master = Broker::new(&world, "a", 0);
    master.version.0 = 7;
    world.register(&master);
    let answer = world.register(&rival(&world, 6).topic("OfTheRival", 1, 6));
    assert_eq!(answer.ext_field("masterAddr"), None);
    assert_eq!(master_addr(&world), "a-0:10911");
    assert!(world.route("OfTheRival").is_none());
}

#[test]
fn the_same_epoch_or_a_newer_one_does() {
    for epoch in [7, 8] {
        let world = World::new();
        let mut master = Broker::new(&world, "a", 0);
        master.version.0 = 7;
        world.register(&master);
        world.register(&rival(&world, epoch));
        assert_eq!(master_addr(&world), "rival:10911");
    }
}

#[test]
fn a_displaced_master_that_expires_takes_nothing_with_it() {
    let world = World::new();
    let master = Broker::new(&world, "a", 0);
    world.register(&master);
    world.wait_ms(60_000);
    world.register(&rival(&world, 0));
    world.wait_ms(70_000);
    assert_eq!(master_addr(&world), "rival:10911");
    world.disconnect(&master.connection);
    assert_eq!(master_addr(&world), "rival:10911");
}

#[test]
fn a_master_that_is_not_alive_is_displaced_by_any_epoch() {
    let world = World::new();
    let mut master = Broker::new(&world, "a", 0);
    master.version.0 = 7;
    world.register(&master);
    world.register(&Broker::new(&world, "a", 1));
    world.disconnect(&master.connection);
    world.register(&rival(&world, 1));
    assert_eq!(master_addr(&world), "rival:10911");
}
