//! Every JSON body that official brokers, clients and tools printed is read, and printed again to
//! the same meaning; what 5.5.0 printed even to the same bytes, but for the order of tables.

use ferrocket_protocol::bodies::{self, *};
use ferrocket_protocol::json::{self, JsonError, Style};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::support;

struct Printed {
    wire: Vec<u8>,
    as_java: Vec<u8>,
}

type Print = fn(&[u8]) -> Result<Printed, JsonError>;

fn again<T: Serialize + DeserializeOwned>(text: &[u8]) -> Result<Printed, JsonError> {
    let body: T = bodies::read(text)?;
    let java = Style {
        quotes_integer_keys: false,
        ..Style::WIRE
    };
    Ok(Printed {
        wire: bodies::print(&body),
        as_java: json::to_vec_styled(&body, java).unwrap(),
    })
}

macro_rules! classes {
        ($($class:ident)*) => { [$((stringify!($class), again::<$class> as Print)),*] };
    }

fn classes() -> impl Iterator<Item = (&'static str, Print)> {
    classes! {
        BrokerStatsData CheckClientRequestBody CheckRocksdbCqWriteResult ClusterInfo
        ConsumeMessageDirectlyResult ConsumeStats ConsumeStatsList ConsumerConnection
        ConsumerOffsetSerializeWrapper ConsumerRunningInfo CreateTopicListRequestBody
        DataVersion DelayOffsetSerializeWrapper GetBrokerMemberGroupResponseBody
        GetConsumerListByGroupResponseBody GetConsumerStatusBody GroupForbidden GroupList
        HARuntimeInfo HeartbeatData KVTable LockBatchRequestBody LockBatchResponseBody
        MessageRequestModeSerializeWrapper ProducerConnection ProducerTableInfo
        QueryAssignmentRequestBody QueryAssignmentResponseBody QueryConsumeQueueResponseBody
        QueryConsumeTimeSpanBody QueryCorrectionOffsetBody QuerySubscriptionResponseBody
        RegisterBrokerBody ResetOffsetBody SetMessageRequestModeRequestBody
        SubscriptionGroupConfig SubscriptionGroupList SubscriptionGroupWrapper
        TimerMetricsSerializeWrapper TopicConfigAndMappingSerializeWrapper
        TopicConfigAndQueueMapping TopicConfigSerializeWrapper TopicList
        TopicQueueMappingDetail TopicRouteData TopicStatsTable UnlockBatchRequestBody
    }
    .into_iter()
}

/// Bodies that this crate deliberately has no types for (yet).
const LEFT_OUT: [&str; 18] = [
    "AclConfig",
    "AclInfo",
    "BatchAckMessageRequestBody",
    "BrokerNames",
    "BrokerReplicasInfo",
    "ColdDataFlowCtrInfo",
    "ElectMasterResponseBody",
    "EpochEntryCache",
    "GetBrokerLiteInfoResponseBody",
    "GetLiteClientInfoResponseBody",
    "GetLiteGroupInfoResponseBody",
    "GetLiteTopicInfoResponseBody",
    "GetParentTopicInfoResponseBody",
    "LiteSubscriptionCtlRequestBody",
    "SyncStateSet",
    "UserInfo",
    "properties",
    "RegisterBrokerBody-inflated",
];

fn print_of(class: &str, text: &[u8]) -> Option<Print> {
    if class == "ResetOffsetBody" && text.starts_with(b"{\"offsetTable\":[") {
        return Some(again::<ResetOffsetBodyForC>);
    }
    classes()
        .find(|(name, _)| *name == class)
        .map(|(_, print)| print)
}

/// Whether all that was expected is there: other releases print fewer members than we do.
fn is_within(expected: &Value, found: &Value) -> bool {
    match (expected, found) {
        (Value::Object(expected), Value::Object(found)) => expected
            .iter()
            .all(|(name, value)| found.get(name).is_some_and(|found| is_within(value, found))),
        (Value::Array(expected), Value::Array(found)) => {
            expected.len() == found.len()
                && expected
                    .iter()
                    .zip(found)
                    .all(|(left, right)| is_within(left, right))
        }
        // Go writes numbers as text; tables of text may hold any scalar.
        (Value::String(text), other) | (other, Value::String(text)) => match other {
            Value::String(other) => text == other,
            other => *text == *other.to_string(),
        },
        (expected, found) => expected == found,
    }
}

fn sorted(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes.sort_unstable();
    bytes
}

#[test]
fn every_recorded_body_keeps_its_meaning() {
    let (mut bodies, mut identical) = (0, 0);
    for folder in support::names("json") {
        if folder.ends_with(".json") {
            continue;
        }
        let class = folder.split('-').next().unwrap();
        if LEFT_OUT.contains(&class) || LEFT_OUT.contains(&folder.as_str()) {
            continue;
        }
        for file in support::names(&format!("json/{folder}")) {
            let name = format!("{folder}/{file}");
            let text = support::bytes(&format!("json/{name}"));
            let print = print_of(class, &text).unwrap_or_else(|| panic!("no type for {name}"));
            let printed = print(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
            let expected: Value = json::from_slice(&text).unwrap();
            let found: Value = json::from_slice(&printed.wire).unwrap();
            assert!(is_within(&expected, &found), "{name}\n{expected}\n{found}");
            if file.contains("5.5.0") && class != "ConsumerRunningInfo" {
                assert_eq!(expected, found, "{name}");
                // Standard route answers quote integer keys, all else from Java does not.
                let is_same = sorted(&printed.as_java) == sorted(&text)
                    || sorted(&printed.wire) == sorted(&text);
                assert!(
                    is_same,
                    "{name}\n{}",
                    String::from_utf8_lossy(&printed.wire)
                );
                identical += usize::from(printed.as_java == text || printed.wire == text);
            }
            bodies += 1;
        }
    }
    assert!(bodies >= 120, "{bodies} bodies");
    assert!(identical >= 60, "{identical} identical");
}

#[test]
fn damaged_bodies_end_in_a_value_or_an_error() {
    for folder in support::names("json") {
        let class = folder.split('-').next().unwrap();
        let Some((_, print)) = classes().find(|(name, _)| *name == class) else {
            continue;
        };
        let Some(file) = support::names(&format!("json/{folder}")).pop() else {
            continue;
        };
        let mut text = support::bytes(&format!("json/{folder}/{file}"));
        text.truncate(300);
        for at in 0..text.len() {
            let _ = print(&text[..at]);
            let byte = text[at];
            for other in [b'{', b'"', b'\\', b'}', b'0', 0xFF] {
                text[at] = other;
                let _ = print(&text);
            }
            text[at] = byte;
        }
    }
}

/// Cases where releases differ or our answer is a choice; each is tested by itself below.
const CHOICES: [&str; 6] = [
    "missing members",
    "member in other letter case",
    "empty document",
    "document null",
    "properties map with a null",
    "null for a primitive member",
];

#[test]
fn what_any_release_reads_is_read_to_the_same_meaning() {
    let table = |release: &str| -> Vec<Value> {
        let text = support::bytes(&format!("json/lenient-{release}.json"));
        serde_json::from_slice(&text).unwrap()
    };
    let (old, new) = (table("4.9.7"), table("5.5.0"));
    assert!(old.len() == new.len() && new.len() >= 50);
    for (old, new) in old.iter().zip(&new) {
        let [case, class, input] =
            ["case", "class", "input"].map(|name| new[name].as_str().unwrap());
        if CHOICES.contains(&case) {
            continue;
        }
        let print = print_of(class, input.as_bytes()).unwrap_or_else(|| panic!("{class}"));
        let found = print(input.as_bytes());
        let accepted = [new, old]
            .map(|table| table["result"].as_str().unwrap())
            .into_iter()
            .find(|result| !result.starts_with("REJECTED"));
        match (accepted, found) {
            (None, Err(_)) => {}
            (None, Ok(_)) => panic!("{case}: taken, but refused by every release"),
            (Some(_), Err(error)) => panic!("{case}: {error}"),
            (Some(expected), Ok(printed)) => {
                let expected: Value = json::from_slice(expected.as_bytes()).unwrap();
                let found: Value = json::from_slice(&printed.wire).unwrap();
                assert!(is_within(&expected, &found), "{case}\n{expected}\n{found}");
            }
        }
    }
}

#[test]
fn where_releases_differ_the_choice_is_ours() {
    let version: DataVersion = bodies::read(br#"{"counter":1}"#).unwrap();
    assert_eq!(
        (version.counter, version.timestamp),
        (1, 0),
        "no clock is asked"
    );
    let version: DataVersion = bodies::read(br#"{"Counter":1,"counter":2}"#).unwrap();
    assert_eq!(
        version.counter, 2,
        "names are matched exactly, as from 5.4 on"
    );
    assert!(bodies::read::<DataVersion>(b"").is_err());
    assert!(bodies::read::<DataVersion>(b"null").is_err());
    let info: ConsumerRunningInfo = bodies::read(br#"{"properties":{"a":"x","d":null}}"#).unwrap();
    assert_eq!(info.properties.len(), 1);
    let group: SubscriptionGroupConfig =
        bodies::read(br#"{"retryMaxTimes":null,"consumeEnable":null}"#).unwrap();
    assert!(
        group.consume_enable && group.retry_max_times == 16,
        "defaults stay, as up to 5.3"
    );
}

#[test]
fn objects_as_map_keys_are_printed_as_they_are() {
    let queue = MessageQueue {
        broker_name: "b".into(),
        queue_id: 0,
        topic: "T".into(),
    };
    let body = ResetOffsetBody {
        offset_table: [(queue, 5)].into(),
    };
    let text = br#"{"offsetTable":{{"brokerName":"b","queueId":0,"topic":"T"}:5}}"#;
    assert_eq!(bodies::print(&body), text);
}
