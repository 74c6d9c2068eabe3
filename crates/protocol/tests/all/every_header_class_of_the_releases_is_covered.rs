//! Each header class of the official releases has a struct here with exactly its fields, under
//! their names, and wide enough for their types.

use std::collections::{BTreeMap, BTreeSet};

use ferrocket_protocol::frame::{Encoding, Frame, Head, Sender};
use ferrocket_protocol::headers::*;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::recorded;

type Fields = BTreeMap<String, String>;

/// Name of the Java class → field → type, of both releases together.
fn classes() -> BTreeMap<String, Fields> {
    let mut classes: BTreeMap<String, Fields> = BTreeMap::new();
    for file in ["headers-4.9.7.json", "headers-5.5.0.json"] {
        for (class, table) in recorded::table(file).as_object().unwrap() {
            let fields = classes.entry(class.clone()).or_default();
            for (field, kind) in table["fields"].as_object().unwrap() {
                fields.insert(field.clone(), kind.as_str().unwrap().to_owned());
            }
        }
    }
    classes
}

/// A value that only the right type brings back unchanged.
fn sample(kind: &str) -> &'static str {
    match kind.trim_end_matches('!') {
        "String" | "List" => "a text",
        "Integer" | "int" => "-2147483648",
        "Long" | "long" => "-9223372036854775808",
        "Boolean" | "boolean" => "true",
        "BoundaryType" => "UPPER",
        other => panic!("type {other}"),
    }
}

fn frame(encoding: Encoding, fields: Option<&Fields>) -> Frame {
    let head = Head {
        encoding,
        code: 1,
        opaque: 1,
        flag: 0,
        remark: None,
        sender: Sender::US,
    };
    Frame::new(&head, fields, b"").unwrap()
}

fn fields(frame: &Frame) -> Fields {
    frame
        .ext()
        .iter()
        .map(|(name, value)| (name.into(), value.unwrap().into()))
        .collect()
}

/// Which fields the struct has, found by asking for one nobody has.
fn declared<'de, T: Deserialize<'de>>() -> BTreeSet<&'static str> {
    struct Asks<'s>(&'s mut &'static [&'static str]);

    impl<'de> serde::Deserializer<'de> for Asks<'_> {
        type Error = serde::de::value::Error;

        fn deserialize_struct<V: serde::de::Visitor<'de>>(
            self,
            _name: &'static str,
            fields: &'static [&'static str],
            _visitor: V,
        ) -> Result<V::Value, Self::Error> {
            *self.0 = fields;
            Err(serde::de::Error::custom("asked"))
        }

        fn deserialize_any<V: serde::de::Visitor<'de>>(
            self,
            _visitor: V,
        ) -> Result<V::Value, Self::Error> {
            Err(serde::de::Error::custom("not a struct"))
        }

        serde::forward_to_deserialize_any! {
            bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
            option unit unit_struct newtype_struct seq tuple tuple_struct map enum identifier
            ignored_any
        }
    }

    let mut fields: &'static [&'static str] = &[];
    assert_eq!(
        T::deserialize(Asks(&mut fields)).err().unwrap().to_string(),
        "asked"
    );
    fields.iter().copied().collect()
}

macro_rules! check {
    ($table:ident, $($class:literal: $header:ident,)*) => {
        $({
            let golden = $table.remove($class).unwrap_or_else(|| panic!("{} is no class", $class));
            let names: BTreeSet<&str> = golden.keys().map(String::as_str).collect();
            let mut declared = declared::<$header>();
            for field in ours($class) {
                assert!(declared.remove(field) && !names.contains(field), "{}", $class);
            }
            assert_eq!(declared, names, "{}", $class);
            let samples = golden.iter().map(|(name, kind)| (name.clone(), sample(kind).to_owned()));
            let samples: Fields = samples.collect();
            for encoding in [Encoding::Json, Encoding::Binary] {
                let received = frame(encoding, Some(&samples));
                let header: $header = received.header().unwrap();
                assert_eq!(written(encoding, &header), samples, "{}", $class);
                // Nothing at all is as good as no fields.
                let nothing = frame(encoding, None);
                let bare: $header = nothing.header().unwrap();
                assert_eq!(bare, $header::default(), "{}", $class);
            }
        })*
    };
}

/// Fields that we add to a class; those of the releases leave them out.
fn ours(class: &str) -> &'static [&'static str] {
    match class {
        "QueryMessageResponseHeader" => &["truncated", "lastKey"],
        _ => &[],
    }
}

fn written<T: Serialize>(encoding: Encoding, header: &T) -> Fields {
    let head = Head {
        encoding,
        code: 1,
        opaque: 1,
        flag: 0,
        remark: None,
        sender: Sender::US,
    };
    fields(&Frame::new(&head, Some(header), b"").unwrap())
}

#[test]
fn every_class_has_its_struct() {
    let mut table = classes();
    check!(table,
        "AckMessageRequestHeader": AckMessage,
        "AddBrokerRequestHeader": AddBroker,
        "AddWritePermOfBrokerRequestHeader": AddWritePermOfBroker,
        "AddWritePermOfBrokerResponseHeader": AddWritePermOfBrokerResponse,
        "AlterSyncStateSetRequestHeader": AlterSyncStateSet,
        "AlterSyncStateSetResponseHeader": AlterSyncStateSetResponse,
        "ApplyBrokerIdRequestHeader": ApplyBrokerId,
        "ApplyBrokerIdResponseHeader": ApplyBrokerIdResponse,
        "BrokerHeartbeatRequestHeader": BrokerHeartbeat,
        "ChangeInvisibleTimeRequestHeader": ChangeInvisibleTime,
        "ChangeInvisibleTimeResponseHeader": ChangeInvisibleTimeResponse,
        "CheckRocksdbCqWriteProgressRequestHeader": CheckRocksdbCqWriteProgress,
        "CheckTransactionStateRequestHeader": CheckTransactionState,
        "CheckTransactionStateResponseHeader": CheckTransactionStateResponse,
        "CleanControllerBrokerDataRequestHeader": CleanControllerBrokerData,
        "CloneGroupOffsetRequestHeader": CloneGroupOffset,
        "ConsumeMessageDirectlyResultRequestHeader": ConsumeMessageDirectlyResult,
        "ConsumerSendMsgBackRequestHeader": ConsumerSendMsgBack,
        "CreateAccessConfigRequestHeader": CreateAccessConfig,
        "CreateAclRequestHeader": CreateAcl,
        "CreateTopicListRequestHeader": CreateTopicList,
        "CreateTopicRequestHeader": CreateTopic,
        "CreateUserRequestHeader": CreateUser,
        "DeleteAccessConfigRequestHeader": DeleteAccessConfig,
        "DeleteAclRequestHeader": DeleteAcl,
        "DeleteKVConfigRequestHeader": DeleteKVConfig,
        "DeleteSubscriptionGroupRequestHeader": DeleteSubscriptionGroup,
        "DeleteTopicFromNamesrvRequestHeader": DeleteTopicFromNamesrv,
        "DeleteTopicRequestHeader": DeleteTopic,
        "DeleteUserRequestHeader": DeleteUser,
        "ElectMasterRequestHeader": ElectMaster,
        "ElectMasterResponseHeader": ElectMasterResponse,
        "EndTransactionRequestHeader": EndTransaction,
        "EndTransactionResponseHeader": EndTransactionResponse,
        "ExchangeHAInfoRequestHeader": ExchangeHAInfo,
        "ExchangeHAInfoResponseHeader": ExchangeHAInfoResponse,
        "ExportRocksDBConfigToJsonRequestHeader": ExportRocksDBConfigToJson,
        "GetAclRequestHeader": GetAcl,
        "GetAllProducerInfoRequestHeader": GetAllProducerInfo,
        "GetAllSubscriptionGroupRequestHeader": GetAllSubscriptionGroup,
        "GetAllSubscriptionGroupResponseHeader": GetAllSubscriptionGroupResponse,
        "GetAllTopicConfigRequestHeader": GetAllTopicConfig,
        "GetAllTopicConfigResponseHeader": GetAllTopicConfigResponse,
        "GetBrokerAclConfigResponseHeader": GetBrokerAclConfigResponse,
        "GetBrokerClusterAclConfigResponseHeader": GetBrokerClusterAclConfigResponse,
        "GetBrokerConfigResponseHeader": GetBrokerConfigResponse,
        "GetBrokerMemberGroupRequestHeader": GetBrokerMemberGroup,
        "GetConsumeStatsInBrokerHeader": GetConsumeStatsInBroker,
        "GetConsumeStatsRequestHeader": GetConsumeStats,
        "GetConsumerConnectionListRequestHeader": GetConsumerConnectionList,
        "GetConsumerListByGroupRequestHeader": GetConsumerListByGroup,
        "GetConsumerListByGroupResponseHeader": GetConsumerListByGroupResponse,
        "GetConsumerRunningInfoRequestHeader": GetConsumerRunningInfo,
        "GetConsumerStatusRequestHeader": GetConsumerStatus,
        "GetEarliestMsgStoretimeRequestHeader": GetEarliestMsgStoretime,
        "GetEarliestMsgStoretimeResponseHeader": GetEarliestMsgStoretimeResponse,
        "GetKVConfigRequestHeader": GetKVConfig,
        "GetKVConfigResponseHeader": GetKVConfigResponse,
        "GetKVListByNamespaceRequestHeader": GetKVListByNamespace,
        "GetLiteClientInfoRequestHeader": GetLiteClientInfo,
        "GetLiteGroupInfoRequestHeader": GetLiteGroupInfo,
        "GetLiteTopicInfoRequestHeader": GetLiteTopicInfo,
        "GetMaxOffsetRequestHeader": GetMaxOffset,
        "GetMaxOffsetResponseHeader": GetMaxOffsetResponse,
        "GetMetaDataResponseHeader": GetMetaDataResponse,
        "GetMinOffsetRequestHeader": GetMinOffset,
        "GetMinOffsetResponseHeader": GetMinOffsetResponse,
        "GetNextBrokerIdRequestHeader": GetNextBrokerId,
        "GetNextBrokerIdResponseHeader": GetNextBrokerIdResponse,
        "GetParentTopicInfoRequestHeader": GetParentTopicInfo,
        "GetProducerConnectionListRequestHeader": GetProducerConnectionList,
        "GetReplicaInfoRequestHeader": GetReplicaInfo,
        "GetReplicaInfoResponseHeader": GetReplicaInfoResponse,
        "GetRouteInfoRequestHeader": GetRouteInfo,
        "GetSubscriptionGroupConfigRequestHeader": GetSubscriptionGroupConfig,
        "GetTopicConfigRequestHeader": GetTopicConfig,
        "GetTopicStatsInfoRequestHeader": GetTopicStatsInfo,
        "GetTopicsByClusterRequestHeader": GetTopicsByCluster,
        "GetUserRequestHeader": GetUser,
        "HeartbeatRequestHeader": Heartbeat,
        "InitConsumerOffsetRequestHeader": InitConsumerOffset,
        "ListAclsRequestHeader": ListAcls,
        "ListUsersRequestHeader": ListUsers,
        "LiteSubscriptionCtlRequestHeader": LiteSubscriptionCtl,
        "LockBatchMqRequestHeader": LockBatchMq,
        "NotificationRequestHeader": Notification,
        "NotificationResponseHeader": NotificationResponse,
        "NotifyBrokerRoleChangedRequestHeader": NotifyBrokerRoleChanged,
        "NotifyConsumerIdsChangedRequestHeader": NotifyConsumerIdsChanged,
        "NotifyMinBrokerIdChangeRequestHeader": NotifyMinBrokerIdChange,
        "NotifyUnsubscribeLiteRequestHeader": NotifyUnsubscribeLite,
        "PeekMessageRequestHeader": PeekMessage,
        "PollingInfoRequestHeader": PollingInfo,
        "PollingInfoResponseHeader": PollingInfoResponse,
        "PopLiteMessageRequestHeader": PopLiteMessage,
        "PopLiteMessageResponseHeader": PopLiteMessageResponse,
        "PopMessageRequestHeader": PopMessage,
        "PopMessageResponseHeader": PopMessageResponse,
        "PullMessageRequestHeader": PullMessage,
        "PullMessageResponseHeader": PullMessageResponse,
        "PutKVConfigRequestHeader": PutKVConfig,
        "QueryConsumeQueueRequestHeader": QueryConsumeQueue,
        "QueryConsumeTimeSpanRequestHeader": QueryConsumeTimeSpan,
        "QueryConsumerOffsetRequestHeader": QueryConsumerOffset,
        "QueryConsumerOffsetResponseHeader": QueryConsumerOffsetResponse,
        "QueryCorrectionOffsetHeader": QueryCorrectionOffset,
        "QueryDataVersionRequestHeader": QueryDataVersion,
        "QueryDataVersionResponseHeader": QueryDataVersionResponse,
        "QueryMessageRequestHeader": QueryMessage,
        "QueryMessageResponseHeader": QueryMessageResponse,
        "QuerySubscriptionByConsumerRequestHeader": QuerySubscriptionByConsumer,
        "QueryTopicConsumeByWhoRequestHeader": QueryTopicConsumeByWho,
        "QueryTopicsByConsumerRequestHeader": QueryTopicsByConsumer,
        "RecallMessageRequestHeader": RecallMessage,
        "RecallMessageResponseHeader": RecallMessageResponse,
        "RegisterBrokerRequestHeader": RegisterBroker,
        "RegisterBrokerResponseHeader": RegisterBrokerResponse,
        "RegisterBrokerToControllerRequestHeader": RegisterBrokerToController,
        "RegisterBrokerToControllerResponseHeader": RegisterBrokerToControllerResponse,
        "RegisterFilterServerRequestHeader": RegisterFilterServer,
        "RegisterFilterServerResponseHeader": RegisterFilterServerResponse,
        "RegisterMessageFilterClassRequestHeader": RegisterMessageFilterClass,
        "RegisterOrderTopicRequestHeader": RegisterOrderTopic,
        "RegisterTopicRequestHeader": RegisterTopic,
        "RemoveBrokerRequestHeader": RemoveBroker,
        "ReplyMessageRequestHeader": ReplyMessage,
        "ResetMasterFlushOffsetHeader": ResetMasterFlushOffset,
        "ResetOffsetRequestHeader": ResetOffset,
        "ResumeCheckHalfMessageRequestHeader": ResumeCheckHalfMessage,
        "SearchOffsetRequestHeader": SearchOffset,
        "SearchOffsetResponseHeader": SearchOffsetResponse,
        "SendMessageRequestHeader": SendMessage,
        "SendMessageRequestHeaderV2": SendMessageV2,
        "SendMessageResponseHeader": SendMessageResponse,
        "StatisticsMessagesRequestHeader": StatisticsMessages,
        "TriggerLiteDispatchRequestHeader": TriggerLiteDispatch,
        "UnRegisterBrokerRequestHeader": UnRegisterBroker,
        "UnlockBatchMqRequestHeader": UnlockBatchMq,
        "UnregisterClientRequestHeader": UnregisterClient,
        "UnregisterClientResponseHeader": UnregisterClientResponse,
        "UpdateAclRequestHeader": UpdateAcl,
        "UpdateConsumerOffsetRequestHeader": UpdateConsumerOffset,
        "UpdateConsumerOffsetResponseHeader": UpdateConsumerOffsetResponse,
        "UpdateGlobalWhiteAddrsConfigRequestHeader": UpdateGlobalWhiteAddrsConfig,
        "UpdateGroupForbiddenRequestHeader": UpdateGroupForbidden,
        "UpdateUserRequestHeader": UpdateUser,
        "ViewBrokerStatsDataRequestHeader": ViewBrokerStatsData,
        "ViewMessageRequestHeader": ViewMessage,
        "ViewMessageResponseHeader": ViewMessageResponse,
        "WipeWritePermOfBrokerRequestHeader": WipeWritePermOfBroker,
        "WipeWritePermOfBrokerResponseHeader": WipeWritePermOfBrokerResponse,
    );
    assert_eq!(table.keys().collect::<Vec<_>>(), Vec::<&String>::new());
}

#[test]
fn absent_fields_take_the_defaults_of_java() {
    let nothing = frame(Encoding::Json, Some(&Fields::new()));
    assert_eq!(nothing.header::<ResetOffset>().unwrap().queue_id, -1);
    assert!(nothing.header::<GetMaxOffset>().unwrap().committed);
    assert_eq!(nothing.header::<ElectMaster>().unwrap().broker_id, -1);
    assert_eq!(
        nothing.header::<GetAllTopicConfig>().unwrap().topic_seq,
        None
    );
    assert_eq!(
        nothing.header::<PullMessage<'_>>().unwrap(),
        PullMessage::default()
    );
}

#[test]
fn short_names_become_long_ones_and_back() {
    let short = SendMessageV2 {
        producer_group: "PG".into(),
        topic: "T".into(),
        default_topic: "TBW102".into(),
        default_topic_queue_nums: 1,
        queue_id: 2,
        sys_flag: 3,
        born_timestamp: 4,
        flag: 5,
        properties: Some("p".into()),
        reconsume_times: Some(6),
        unit_mode: Some(true),
        max_reconsume_times: Some(7),
        batch: Some(true),
        broker_name: None,
    };
    let long = SendMessage::from(short.clone());
    let names: Value = serde_json::to_value(&long).unwrap();
    let expected = serde_json::json!({
        "producerGroup": "PG", "topic": "T", "defaultTopic": "TBW102", "defaultTopicQueueNums": 1,
        "queueId": 2, "sysFlag": 3, "bornTimestamp": 4, "flag": 5, "properties": "p",
        "reconsumeTimes": 6, "unitMode": true, "batch": true, "maxReconsumeTimes": 7,
    });
    assert_eq!(names, expected);
    assert_eq!(SendMessageV2::from(long), short);
}
