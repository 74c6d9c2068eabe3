//! The requests of a registration (REGISTER_BROKER, QUERY_DATA_VERSION, UNREGISTER_BROKER).

use std::time::Duration;

use ferrocket_broker::Broker;
use ferrocket_net::{CallError, Outbound};
use ferrocket_protocol::codes::request;
use ferrocket_protocol::headers::UnRegisterBroker;

use crate::roles::registration::Round;

/// Why a name server does not know the broker's present state.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TellError {
    #[error(transparent)]
    Call(#[from] CallError),
    #[error("refused with code {code}: {remark}")]
    Refused { code: i32, remark: String },
}

/// The registrations of one round, encoded once for all name servers.
#[derive(Debug)]
pub(crate) struct Messages {}

pub(crate) fn messages(_broker: &Broker, _round: &Round) -> Messages {
    Messages {}
}

/// Tells one name server.
pub(crate) async fn tell(
    _outbound: &Outbound,
    _address: &str,
    _broker: &Broker,
    _messages: &Messages,
) -> Result<(), TellError> {
    Ok(())
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
