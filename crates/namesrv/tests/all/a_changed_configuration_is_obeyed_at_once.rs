use ferrocket_namesrv::NamesrvConfig;
use serde_json::json;

use crate::support::{Broker, ROUTE, World};

fn update(world: &World, text: &str) -> (i32, Option<String>) {
    let answer = world.ask(318, &json!({}), text.as_bytes());
    (answer.code, answer.remark)
}

#[test]
fn cached_routes_follow_it() {
    let world = World::new();
    world.register(&Broker::new(&world, "a", 0));
    let order = json!({ "namespace": "ORDER_TOPIC_CONFIG", "key": "T", "value": "a:4" });
    world.ask(100, &order, b"");
    assert_eq!(world.route("T").unwrap().get("orderTopicConf"), None);
    assert_eq!(update(&world, "orderMessageEnable=true\n"), (0, None));
    assert_eq!(world.route("T").unwrap()["orderTopicConf"], "a:4");
}

#[test]
fn black_listed_keys_and_unreadable_texts_are_refused() {
    let world = World::new();
    let refused = Some("Can not update config in black list.".to_owned());
    assert_eq!(update(&world, "kvConfigPath=x\n"), (16, refused));
    assert_eq!(
        update(&world, "\\u00"),
        (1, Some("string2Properties error".to_owned()))
    );
    let (code, remark) = update(&world, "full=disk");
    assert_eq!(code, 1);
    assert!(remark.unwrap().contains("no space left"));
    assert_eq!(update(&world, ""), (0, None), "nothing to change");
}

#[test]
fn it_can_be_read() {
    let answer = World::new().ask_plain(319);
    assert_eq!((answer.code, answer.ext_field("version")), (0, None));
    assert_eq!(answer.body, "kvConfigPath=/srv/kv.json\nlistenPort=9876\n");
}

#[test]
fn topic_lists_can_be_switched_off() {
    let world = World::with(NamesrvConfig {
        enable_topic_list: false,
        ..NamesrvConfig::default()
    });
    for code in [224, 311, 312, 313] {
        let answer = world.ask(code, &json!({ "cluster": "C" }), b"");
        assert_eq!(
            (answer.code, answer.remark.as_deref()),
            (1, Some("disable"))
        );
    }
    assert_eq!(world.ask_plain(206).code, 0);
    let world = World::with(NamesrvConfig {
        enable_all_topic_list: false,
        ..NamesrvConfig::default()
    });
    assert_eq!(world.ask_plain(206).remark.as_deref(), Some("disable"));
    assert_eq!(world.ask_plain(311).code, 0);
}

#[test]
fn routes_wait_for_brokers_after_the_start_where_that_is_wanted() {
    let config = NamesrvConfig {
        need_wait_for_service: true,
        ..NamesrvConfig::default()
    };
    let world = World::with(config);
    world.register(&Broker::new(&world, "a", 0));
    world.wait_ms(44_999);
    let early = world.ask(ROUTE, &json!({ "topic": "T" }), b"");
    assert_eq!(
        (early.code, early.remark.as_deref()),
        (1, Some("name server not ready"))
    );
    assert_eq!(world.ask_plain(206).code, 0, "other requests do not wait");
    world.wait_ms(1);
    assert!(world.route("T").is_some());
}
