use ferrocket_broker::RegistrationChange;
use ferrocket_protocol::codes::request;
use ferrocket_protocol::frame::NoHeader;

use crate::support::*;

#[test]
fn at_once_and_the_name_servers_hear_of_permissions() {
    let world = World::new();
    let client = world.connect();
    let before = world.broker.data_version();
    let mut changed = config();
    changed.broker_permission = 4;
    changed.region_id = "elsewhere".to_owned();
    *world.around.next_config.lock() = Some(changed);
    let answer = client.call(
        request::UPDATE_BROKER_CONFIG,
        &NoHeader {},
        b"brokerPermission=4\n",
    );
    assert_eq!(answer.code, 0);
    assert_eq!(
        *world.around.registrations.lock(),
        [RegistrationChange::All]
    );
    assert!(world.broker.data_version() > before);
    let answer = client.send(&message("T", 0, ""), b"x");
    assert_eq!(answer.ext_field("MSG_REGION").as_deref(), Some("elsewhere"));
    let answer = client.call(request::GET_BROKER_CONFIG, &NoHeader {}, b"");
    assert_eq!(answer.body, "brokerName=broker-a\n");
    let version = answer.ext_field("version").unwrap().into_owned();
    assert!(
        version.starts_with(r#"{"counter":1,"stateVersion":0,"timestamp":"#),
        "{version}"
    );
}

#[test]
fn unless_the_server_refuses_them() {
    let world = World::new();
    let answer = world.connect().call(
        request::UPDATE_BROKER_CONFIG,
        &NoHeader {},
        b"rocketmqHome=x\n",
    );
    assert_eq!(
        (answer.code, remark(&answer)),
        (16, "Can not update config in black list.")
    );
}
