//! The ext fields of every recorded request and response make the struct that belongs to its code,
//! and the struct writes the same fields again, apart from those that travel beside any header.

use std::collections::{BTreeMap, BTreeSet};

use bytes::BytesMut;
use ferrocket_protocol::codes::request;
use ferrocket_protocol::frame::{self, Encoding, Frame, Head, NoHeader, Sender};
use ferrocket_protocol::headers::*;
use serde::{Deserialize, Serialize};

use crate::recorded;

type Fields = BTreeMap<String, String>;

/// What hooks of clients add to any request.
const ADDED: [&str; 3] = ["ReqT", "AccessKey", "Signature"];

fn fields(frame: &Frame) -> Fields {
    let fields = frame.ext().iter();
    fields
        .filter_map(|(name, value)| Some((name.into_owned(), value?.into_owned())))
        .collect()
}

/// Reads `T` out of the frame and writes it in the frame's own and in the other encoding.
fn check<'a, T: Deserialize<'a> + Serialize>(name: &str, frame: &'a Frame) {
    let header: T = frame
        .header()
        .unwrap_or_else(|error| panic!("{name}: {error}"));
    let received = fields(frame);
    for encoding in [Encoding::Json, Encoding::Binary] {
        let head = Head {
            encoding,
            code: 1,
            opaque: 1,
            flag: 0,
            remark: None,
            sender: Sender::US,
        };
        let written = fields(&Frame::new(&head, Some(&header), b"").unwrap());
        for (field, value) in &received {
            let vanishes = encoding == Encoding::Binary && value.is_empty();
            if !ADDED.contains(&field.as_str()) && !vanishes {
                assert_eq!(written.get(field), Some(value), "{name}: {field}");
            }
        }
        // Beyond that there are only fields that Java too would write: primitives, which it does
        // not leave out when they were missing.
        for (field, value) in &written {
            if !received.contains_key(field) {
                assert!(
                    ["0", "false", "-1", "true", ""].contains(&value.as_str()),
                    "{name}: {field}={value}"
                );
            }
        }
    }
}

/// Checks the header that belongs to the code and says whether there is one.
macro_rules! by_code {
    ($name:ident, $code:ident, $frame:ident; $($($request:ident)|+ => $header:ty;)*) => {
        match $code {
            $($(request::$request)|+ => check::<$header>($name, $frame),)*
            _ => return false,
        }
    };
}

/// Requests may have the generic fields beside those of their header.
macro_rules! by_request_code {
    ($name:ident, $code:ident, $frame:ident; $($($request:ident)|+ => $header:ty;)*) => {
        by_code!($name, $code, $frame; $($($request)|+ => ($header, Rpc<'_>);)*)
    };
}

fn check_request(name: &str, code: i32, frame: &Frame) -> bool {
    by_request_code! { name, code, frame;
        SEND_MESSAGE | SEND_REPLY_MESSAGE => SendMessage<'_>;
        PULL_MESSAGE | LITE_PULL_MESSAGE => PullMessage<'_>;
        QUERY_MESSAGE => (QueryMessage, UniqueKeyQuery);
        QUERY_CONSUMER_OFFSET => QueryConsumerOffset<'_>;
        UPDATE_CONSUMER_OFFSET => UpdateConsumerOffset<'_>;
        UPDATE_AND_CREATE_TOPIC | UPDATE_AND_CREATE_STATIC_TOPIC => CreateTopic;
        UPDATE_AND_CREATE_TOPIC_LIST => CreateTopicList;
        GET_ALL_TOPIC_CONFIG => GetAllTopicConfig;
        SEARCH_OFFSET_BY_TIMESTAMP => SearchOffset;
        GET_MAX_OFFSET => GetMaxOffset;
        GET_MIN_OFFSET => GetMinOffset;
        GET_EARLIEST_MSG_STORETIME => GetEarliestMsgStoretime;
        VIEW_MESSAGE_BY_ID => ViewMessage;
        HEART_BEAT => Heartbeat;
        UNREGISTER_CLIENT => UnregisterClient;
        CONSUMER_SEND_MSG_BACK => ConsumerSendMsgBack;
        END_TRANSACTION => EndTransaction<'_>;
        GET_CONSUMER_LIST_BY_GROUP => GetConsumerListByGroup;
        CHECK_TRANSACTION_STATE => CheckTransactionState;
        NOTIFY_CONSUMER_IDS_CHANGED => NotifyConsumerIdsChanged;
        LOCK_BATCH_MQ => LockBatchMq;
        UNLOCK_BATCH_MQ => UnlockBatchMq;
        UPDATE_AND_CREATE_ACL_CONFIG => CreateAccessConfig;
        DELETE_ACL_CONFIG => DeleteAccessConfig;
        UPDATE_GLOBAL_WHITE_ADDRS_CONFIG => UpdateGlobalWhiteAddrsConfig;
        PUT_KV_CONFIG => PutKVConfig;
        GET_KV_CONFIG => GetKVConfig;
        DELETE_KV_CONFIG => DeleteKVConfig;
        REGISTER_BROKER => (RegisterBroker, Zone);
        UNREGISTER_BROKER => UnRegisterBroker;
        GET_ROUTEINFO_BY_TOPIC => (GetRouteInfo, Zone);
        GET_ALL_SUBSCRIPTIONGROUP_CONFIG => GetAllSubscriptionGroup;
        GET_TOPIC_STATS_INFO => GetTopicStatsInfo;
        GET_CONSUMER_CONNECTION_LIST => GetConsumerConnectionList;
        GET_PRODUCER_CONNECTION_LIST => GetProducerConnectionList;
        WIPE_WRITE_PERM_OF_BROKER => WipeWritePermOfBroker;
        DELETE_SUBSCRIPTIONGROUP => DeleteSubscriptionGroup;
        GET_CONSUME_STATS => GetConsumeStats;
        DELETE_TOPIC_IN_BROKER => DeleteTopic;
        DELETE_TOPIC_IN_NAMESRV => DeleteTopicFromNamesrv;
        REGISTER_TOPIC_IN_NAMESRV => RegisterTopic;
        GET_KVLIST_BY_NAMESPACE => GetKVListByNamespace;
        RESET_CONSUMER_CLIENT_OFFSET | INVOKE_BROKER_TO_RESET_OFFSET => ResetOffset;
        GET_CONSUMER_STATUS_FROM_CLIENT
            | INVOKE_BROKER_TO_GET_CONSUMER_STATUS => GetConsumerStatus;
        GET_TOPICS_BY_CLUSTER => GetTopicsByCluster;
        QUERY_TOPIC_CONSUME_BY_WHO => QueryTopicConsumeByWho;
        QUERY_CONSUME_TIME_SPAN => QueryConsumeTimeSpan;
        GET_CONSUMER_RUNNING_INFO => GetConsumerRunningInfo;
        QUERY_CORRECTION_OFFSET => QueryCorrectionOffset;
        CONSUME_MESSAGE_DIRECTLY => ConsumeMessageDirectlyResult;
        SEND_MESSAGE_V2 | SEND_BATCH_MESSAGE | SEND_REPLY_MESSAGE_V2 => SendMessageV2<'_>;
        CLONE_GROUP_OFFSET => CloneGroupOffset;
        VIEW_BROKER_STATS_DATA => ViewBrokerStatsData;
        GET_BROKER_CONSUME_STATS => GetConsumeStatsInBroker;
        QUERY_CONSUME_QUEUE => QueryConsumeQueue;
        QUERY_DATA_VERSION => QueryDataVersion;
        RESUME_CHECK_HALF_MESSAGE => ResumeCheckHalfMessage;
        PUSH_REPLY_MESSAGE_TO_CLIENT => ReplyMessage;
        ADD_WRITE_PERM_OF_BROKER => AddWritePermOfBroker;
        GET_ALL_PRODUCER_INFO => GetAllProducerInfo;
        QUERY_TOPICS_BY_CONSUMER => QueryTopicsByConsumer;
        QUERY_SUBSCRIPTION_BY_CONSUMER => QuerySubscriptionByConsumer;
        GET_TOPIC_CONFIG => GetTopicConfig;
        GET_SUBSCRIPTIONGROUP_CONFIG => GetSubscriptionGroupConfig;
        UPDATE_AND_GET_GROUP_FORBIDDEN => UpdateGroupForbidden;
        CHECK_ROCKSDB_CQ_WRITE_PROGRESS => CheckRocksdbCqWriteProgress;
        EXPORT_ROCKSDB_CONFIG_TO_JSON => ExportRocksDBConfigToJson;
        RECALL_MESSAGE => RecallMessage;
        GET_BROKER_MEMBER_GROUP => GetBrokerMemberGroup;
        ADD_BROKER => AddBroker;
        REMOVE_BROKER => RemoveBroker;
        BROKER_HEARTBEAT => BrokerHeartbeat;
        NOTIFY_MIN_BROKER_ID_CHANGE => NotifyMinBrokerIdChange;
        EXCHANGE_BROKER_HA_INFO => ExchangeHAInfo;
        RESET_MASTER_FLUSH_OFFSET => ResetMasterFlushOffset;
        CONTROLLER_ALTER_SYNC_STATE_SET => AlterSyncStateSet;
        CONTROLLER_ELECT_MASTER => ElectMaster;
        CONTROLLER_REGISTER_BROKER => RegisterBrokerToController;
        CONTROLLER_GET_REPLICA_INFO => GetReplicaInfo;
        NOTIFY_BROKER_ROLE_CHANGED => NotifyBrokerRoleChanged;
        CLEAN_BROKER_DATA => CleanControllerBrokerData;
        CONTROLLER_GET_NEXT_BROKER_ID => GetNextBrokerId;
        CONTROLLER_APPLY_BROKER_ID => ApplyBrokerId;
        AUTH_CREATE_USER => CreateUser;
        AUTH_UPDATE_USER => UpdateUser;
        AUTH_DELETE_USER => DeleteUser;
        AUTH_GET_USER => GetUser;
        AUTH_LIST_USER => ListUsers;
        AUTH_CREATE_ACL => CreateAcl;
        AUTH_UPDATE_ACL => UpdateAcl;
        AUTH_DELETE_ACL => DeleteAcl;
        AUTH_GET_ACL => GetAcl;
        AUTH_LIST_ACL => ListAcls;
        POP_MESSAGE => PopMessage<'_>;
        ACK_MESSAGE => AckMessage<'_>;
        PEEK_MESSAGE => PeekMessage;
        CHANGE_MESSAGE_INVISIBLETIME => ChangeInvisibleTime<'_>;
        NOTIFICATION => Notification;
        POLLING_INFO => PollingInfo;
        POP_LITE_MESSAGE => PopLiteMessage;
        LITE_SUBSCRIPTION_CTL => LiteSubscriptionCtl;
        NOTIFY_UNSUBSCRIBE_LITE => NotifyUnsubscribeLite;
        GET_PARENT_TOPIC_INFO => GetParentTopicInfo;
        GET_LITE_TOPIC_INFO => GetLiteTopicInfo;
        GET_LITE_CLIENT_INFO => GetLiteClientInfo;
        GET_LITE_GROUP_INFO => GetLiteGroupInfo;
        TRIGGER_LITE_DISPATCH => TriggerLiteDispatch;
        SET_COMMITLOG_READ_MODE => CommitLogReadMode;
        SWITCH_TIMER_ENGINE => SwitchTimerEngine;
        GET_BROKER_CLUSTER_INFO | GET_ALL_TOPIC_LIST_FROM_NAMESERVER | GET_BROKER_CLUSTER_ACL_INFO
            | GET_BROKER_CLUSTER_ACL_CONFIG => NoHeader;
    }
    true
}

fn check_response(name: &str, code: i32, frame: &Frame) -> bool {
    by_code! { name, code, frame;
        SEND_MESSAGE | SEND_MESSAGE_V2 | SEND_BATCH_MESSAGE
            | SEND_REPLY_MESSAGE | SEND_REPLY_MESSAGE_V2 => (SendMessageResponse<'_>, RegionAndTrace<'_>);
        RECALL_MESSAGE => (RecallMessageResponse, RegionAndTrace<'_>);
        PULL_MESSAGE | LITE_PULL_MESSAGE => PullMessageResponse;
        HEART_BEAT => HeartbeatResponse;
        QUERY_MESSAGE => QueryMessageResponse;
        QUERY_CONSUMER_OFFSET => QueryConsumerOffsetResponse;
        GET_ALL_TOPIC_CONFIG => GetAllTopicConfigResponse;
        GET_BROKER_CONFIG => GetBrokerConfigResponse;
        SEARCH_OFFSET_BY_TIMESTAMP => SearchOffsetResponse;
        GET_MAX_OFFSET => GetMaxOffsetResponse;
        GET_MIN_OFFSET => GetMinOffsetResponse;
        GET_EARLIEST_MSG_STORETIME => GetEarliestMsgStoretimeResponse;
        GET_BROKER_CLUSTER_ACL_INFO => GetBrokerAclConfigResponse;
        GET_KV_CONFIG => GetKVConfigResponse;
        REGISTER_BROKER => RegisterBrokerResponse;
        GET_ALL_SUBSCRIPTIONGROUP_CONFIG => GetAllSubscriptionGroupResponse;
        WIPE_WRITE_PERM_OF_BROKER => WipeWritePermOfBrokerResponse;
        QUERY_DATA_VERSION => QueryDataVersionResponse;
        ADD_WRITE_PERM_OF_BROKER => AddWritePermOfBrokerResponse;
        EXCHANGE_BROKER_HA_INFO => ExchangeHAInfoResponse;
        CONTROLLER_ALTER_SYNC_STATE_SET => AlterSyncStateSetResponse;
        CONTROLLER_ELECT_MASTER => ElectMasterResponse;
        CONTROLLER_REGISTER_BROKER => RegisterBrokerToControllerResponse;
        CONTROLLER_GET_REPLICA_INFO => GetReplicaInfoResponse;
        CONTROLLER_GET_METADATA_INFO => GetMetaDataResponse;
        CONTROLLER_GET_NEXT_BROKER_ID => GetNextBrokerIdResponse;
        CONTROLLER_APPLY_BROKER_ID => ApplyBrokerIdResponse;
        POP_MESSAGE => PopMessageResponse<'_>;
        PEEK_MESSAGE => PopMessageResponse<'_>;
        CHANGE_MESSAGE_INVISIBLETIME => ChangeInvisibleTimeResponse;
        NOTIFICATION => NotificationResponse;
        POLLING_INFO => PollingInfoResponse;
        POP_LITE_MESSAGE => PopLiteMessageResponse;
    }
    true
}

#[test]
fn fields_survive_the_struct() {
    let mut codes = BTreeSet::new();
    let mut code = 0;
    for recorded in recorded::frames() {
        let mut bytes = BytesMut::from(&recorded.bytes[..]);
        let frame = frame::decode(&mut bytes).unwrap().unwrap();
        let name = &recorded.name;
        let checked = if recorded.is_request {
            code = untruncated(frame.code);
            check_request(name, code, &frame)
        } else {
            // Refusals carry other fields than successes, or none.
            check_response(name, code, &frame)
        };
        if checked {
            codes.insert((recorded.is_request, code));
        } else {
            assert_eq!(
                fields(&frame),
                Fields::new(),
                "{name} has fields and no struct"
            );
        }
    }
    let requests = codes.iter().filter(|(is_request, _)| *is_request).count();
    assert!(
        requests > 100 && codes.len() - requests > 25,
        "{requests} of {}",
        codes.len()
    );
}

/// Java would not know the lite codes in the binary encoding either; their fields are the same.
fn untruncated(code: i32) -> i32 {
    match code {
        3462..=3471 => code - 3462 + request::POP_LITE_MESSAGE,
        other => other,
    }
}
