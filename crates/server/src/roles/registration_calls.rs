//! The requests of a registration (REGISTER_BROKER, QUERY_DATA_VERSION, UNREGISTER_BROKER).
//!
//! A full registration that would not fit a frame goes out in parts. Java's name server applies a
//! part to known topics only when its DataVersion differs from the stored one (`RouteInfoManager
//! #registerBroker`), so every part but the last carries a version of its own, and the last one the
//! true version. The same trick repairs a name server that missed a change.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use ferrocket_broker::Broker;
use ferrocket_net::{CallError, Outbound};
use ferrocket_protocol::bodies::{
    self, DataVersion, KVTable, RegisterBrokerBody, RegisterBrokerBodyError,
    TopicConfigAndMappingSerializeWrapper,
};
use ferrocket_protocol::codes::{request, response};
use ferrocket_protocol::frame::Frame;
use ferrocket_protocol::headers::{
    QueryDataVersion, QueryDataVersionResponse, RegisterBroker, UnRegisterBroker,
};
use ferrocket_protocol::version;

use crate::clock::now_ms;
use crate::roles::registration::Round;

/// A part of a full registration, half of what a frame may hold.
const PART_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Bytes of JSON around a topic's name and attributes, rounded up.
const TOPIC_BYTES: usize = 220;

/// Why a name server does not know the broker's present state.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TellError {
    #[error(transparent)]
    Call(#[from] CallError),
    #[error("refused with code {code}: {remark}")]
    Refused { code: i32, remark: String },
    #[error(transparent)]
    Encode(#[from] RegisterBrokerBodyError),
}

/// Tells one name server. `repair` makes it look at every topic, even if it takes its knowledge to
/// be up to date.
pub(crate) async fn tell(
    outbound: &Outbound,
    address: &str,
    broker: &Broker,
    round: &Round,
    repair: bool,
    limit: Duration,
) -> Result<(), TellError> {
    let config = broker.config();
    if let (Round::Topics(topics), false) = (round, repair) {
        let topics: Vec<String> = topics.iter().cloned().collect();
        let body = broker.registration(Some(&topics));
        match register(outbound, address, broker, &body, limit).await {
            // It does not know the broker: it expects everything first.
            Err(TellError::Refused { .. }) => {}
            other => return other,
        }
    }
    let may_know = *round == Round::IfUnknown && !repair;
    if may_know && knows(outbound, address, broker, limit).await? {
        return Ok(());
    }
    let topics_max = if config.enable_split_registration {
        usize::try_from(config.split_registration_size)
            .unwrap_or(usize::MAX)
            .max(2)
    } else {
        usize::MAX
    };
    for part in parts(
        broker.registration(None),
        topics_max,
        PART_BYTES_MAX,
        repair,
    ) {
        register(outbound, address, broker, &part, limit).await?;
    }
    Ok(())
}

/// Cuts a full registration so that no part is too long. A part has at least two topics, because a
/// name server that does not know the broker refuses a single one.
fn parts(
    mut whole: RegisterBrokerBody,
    topics_max: usize,
    bytes_max: usize,
    repair: bool,
) -> Vec<RegisterBrokerBody> {
    let table = std::mem::take(&mut whole.topic_config_serialize_wrapper.topic_config_table);
    let topics_max = if repair {
        topics_max.min(table.len().div_ceil(2)).max(2)
    } else {
        topics_max
    };
    let mut tables: Vec<BTreeMap<_, _>> = vec![BTreeMap::new()];
    let mut bytes = 0;
    for (name, topic) in table {
        let attributes = topic
            .attributes
            .iter()
            .map(|(key, value)| key.len() + value.len() + 6);
        let topic_bytes = TOPIC_BYTES + 2 * name.len() + attributes.sum::<usize>();
        let open = tables.last().map_or(0, BTreeMap::len);
        if open >= topics_max || (open >= 2 && bytes + topic_bytes > bytes_max) {
            tables.push(BTreeMap::new());
            bytes = 0;
        }
        bytes += topic_bytes;
        if let Some(last) = tables.last_mut() {
            last.insert(name, topic);
        }
    }
    let wrapper = whole.topic_config_serialize_wrapper;
    let count = tables.len();
    let before_last = tables.into_iter().enumerate().map(|(index, table)| {
        let to_come = i64::try_from(count - 1 - index).unwrap_or_default();
        RegisterBrokerBody {
            filter_server_list: whole.filter_server_list.clone(),
            topic_config_serialize_wrapper: TopicConfigAndMappingSerializeWrapper {
                data_version: DataVersion {
                    timestamp: wrapper.data_version.timestamp - to_come,
                    ..wrapper.data_version
                },
                topic_config_table: table,
                ..wrapper.clone()
            },
        }
    });
    before_last.collect()
}

async fn register(
    outbound: &Outbound,
    address: &str,
    broker: &Broker,
    body: &RegisterBrokerBody,
    limit: Duration,
) -> Result<(), TellError> {
    let config = broker.config();
    let bytes = if config.compressed_register {
        body.encode_compressed(version::VERSION)?
    } else {
        bodies::print(body)
    };
    let acting = config.enable_slave_acting_master;
    let header = RegisterBroker {
        broker_name: config.broker_name.clone(),
        broker_addr: config.broker_addr(),
        cluster_name: config.broker_cluster_name.clone(),
        ha_server_addr: config.ha_server_addr(),
        broker_id: config.broker_id,
        heartbeat_timeout_millis: acting.then_some(config.broker_not_active_timeout_ms),
        enable_acting_master: Some(acting),
        compressed: config.compressed_register,
        body_crc32: None,
    };
    let body = [Bytes::from(bytes)];
    let answer = outbound
        .call(
            address,
            request::REGISTER_BROKER,
            Some(&header),
            &body,
            limit,
        )
        .await?;
    accepted(&answer)?;
    if !answer.body.is_empty()
        && let Ok(table) = bodies::read::<KVTable>(&answer.body)
    {
        broker.order_topics(&table, now_ms());
    }
    Ok(())
}

/// Whether a name server has the broker's present DataVersion; asking also keeps the broker alive.
async fn knows(
    outbound: &Outbound,
    address: &str,
    broker: &Broker,
    limit: Duration,
) -> Result<bool, TellError> {
    let config = broker.config();
    let header = QueryDataVersion {
        broker_name: config.broker_name.clone(),
        broker_addr: config.broker_addr(),
        cluster_name: config.broker_cluster_name.clone(),
        broker_id: config.broker_id,
    };
    let body = [Bytes::from(bodies::print(&broker.data_version()))];
    let answer = outbound
        .call(
            address,
            request::QUERY_DATA_VERSION,
            Some(&header),
            &body,
            limit,
        )
        .await?;
    accepted(&answer)?;
    Ok(answer
        .header::<QueryDataVersionResponse>()
        .is_ok_and(|header| !header.changed))
}

fn accepted(answer: &Frame) -> Result<(), TellError> {
    if answer.code == response::SUCCESS {
        return Ok(());
    }
    let remark = answer.remark.clone().unwrap_or_default();
    Err(TellError::Refused {
        code: answer.code,
        remark,
    })
}

/// Takes the broker's leave of one name server.
pub(crate) async fn unregister(
    outbound: &Outbound,
    address: &str,
    broker: &Broker,
    limit: Duration,
) -> Result<(), CallError> {
    let config = broker.config();
    let header = UnRegisterBroker {
        broker_name: config.broker_name.clone(),
        broker_addr: config.broker_addr(),
        cluster_name: config.broker_cluster_name.clone(),
        broker_id: config.broker_id,
    };
    outbound
        .call(
            address,
            request::UNREGISTER_BROKER,
            Some(&header),
            &[],
            limit,
        )
        .await
        .map(drop)
}

#[cfg(test)]
mod tests {
    use ferrocket_protocol::bodies::TopicConfig;

    use super::*;

    fn body(topics: usize) -> RegisterBrokerBody {
        let mut body = RegisterBrokerBody::default();
        let wrapper = &mut body.topic_config_serialize_wrapper;
        wrapper.data_version = DataVersion {
            counter: 7,
            state_version: 0,
            timestamp: 1000,
        };
        wrapper.topic_config_table = (0..topics)
            .map(|n| {
                let topic_name = format!("topic-{n:06}");
                (
                    topic_name.clone(),
                    TopicConfig {
                        topic_name,
                        ..TopicConfig::default()
                    },
                )
            })
            .collect();
        body
    }

    fn versions(parts: &[RegisterBrokerBody]) -> Vec<i64> {
        let version = |p: &RegisterBrokerBody| p.topic_config_serialize_wrapper.data_version;
        parts.iter().map(|part| version(part).timestamp).collect()
    }

    fn topics(parts: &[RegisterBrokerBody]) -> Vec<usize> {
        let table =
            |p: &RegisterBrokerBody| p.topic_config_serialize_wrapper.topic_config_table.len();
        parts.iter().map(table).collect()
    }

    #[test]
    fn what_fits_is_one_part_with_the_true_version() {
        let parts = parts(body(100), usize::MAX, PART_BYTES_MAX, false);
        assert_eq!((versions(&parts), topics(&parts)), (vec![1000], vec![100]));
    }

    #[test]
    fn parts_fit_and_only_the_last_has_the_true_version() {
        let parts = parts(body(50_000), usize::MAX, PART_BYTES_MAX, false);
        assert_eq!(topics(&parts).iter().sum::<usize>(), 50_000);
        assert!(parts.len() > 1);
        for part in &parts {
            assert!(bodies::print(part).len() <= PART_BYTES_MAX);
        }
        let versions = versions(&parts);
        assert!(versions.is_sorted());
        assert_eq!(
            versions.iter().filter(|version| **version == 1000).count(),
            1
        );
        assert_eq!(versions.last(), Some(&1000));
    }

    #[test]
    fn a_repair_has_a_part_with_another_version_before_the_true_one() {
        let parts = parts(body(9), usize::MAX, PART_BYTES_MAX, true);
        assert_eq!(
            (versions(&parts), topics(&parts)),
            (vec![999, 1000], vec![5, 4])
        );
    }

    #[test]
    fn the_split_of_the_configuration_counts_topics() {
        let parts = parts(body(2_000), 800, PART_BYTES_MAX, false);
        assert_eq!(topics(&parts), [800, 800, 400]);
    }
}
