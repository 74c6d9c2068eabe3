//! Why a request is refused, and the code and remark that say so. This is the only place that maps
//! errors to the wire.

use std::error::Error;

use ferrocket_protocol::bodies::RegisterBrokerBodyError;
use ferrocket_protocol::codes::response;
use ferrocket_protocol::ext::HeaderError;
use ferrocket_protocol::json::JsonError;

/// An answer other than success.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) code: i32,
    pub(crate) remark: String,
}

/// Why a broker is not registered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RegistrationRefused {
    #[error("crc32 not match")]
    Corrupt,
    /// Java fails on most of these by accident, and enters a broker without a name.
    #[error("the registration has no {0}")]
    Incomplete(&'static str),
    /// The first registration of a broker carried one topic.
    #[error("register broker failed")]
    NotFull,
    /// The causes are in the words: a broker's log shows the remark alone.
    #[error("Failed to decode RegisterBrokerBody: {}", chain(.0))]
    Body(#[from] RegisterBrokerBodyError),
    #[error("Failed to decode DataVersion: {0}")]
    DataVersion(#[source] JsonError),
    #[error("Failed to decode TopicRouteData: {0}")]
    Topic(#[source] JsonError),
}

/// Why there is no route.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RouteRefused {
    #[error("name server not ready")]
    NotReady,
    #[error(
        "No topic route info in name server for the topic: {0}\nSee https://rocketmq.apache.org/docs/bestPractice/06FAQ for further details."
    )]
    NoRoute(String),
}

/// Why a KV request failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KvRefused {
    #[error("namespace or key is null")]
    NoKey,
    #[error("No config item, Namespace: {namespace} Key: {key}")]
    NoItem { namespace: String, key: String },
    #[error("No config item, Namespace: {0}")]
    NoNamespace(String),
    #[error("cannot write the KV file, nothing was changed: {0}")]
    Unsaved(#[from] std::io::Error),
}

/// Why a request of an administrator failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AdminRefused {
    /// `enableTopicList` or `enableAllTopicList` is off.
    #[error("disable")]
    Disabled,
    #[error("Can not update config in black list.")]
    BlackList,
    #[error("string2Properties error")]
    NotProperties,
    #[error("{0}; nothing was changed")]
    Invalid(String),
    #[error("cannot write the configuration file, nothing was changed: {0}")]
    Unsaved(String),
    /// The leading blank is Java's.
    #[error(" request type {0} not supported")]
    UnknownCode(i32),
}

impl From<HeaderError> for Refusal {
    fn from(error: HeaderError) -> Self {
        Self {
            code: response::SYSTEM_ERROR,
            remark: error.to_string(),
        }
    }
}

impl From<RegistrationRefused> for Refusal {
    fn from(refused: RegistrationRefused) -> Self {
        Self {
            code: response::SYSTEM_ERROR,
            remark: refused.to_string(),
        }
    }
}

impl From<RouteRefused> for Refusal {
    fn from(refused: RouteRefused) -> Self {
        let code = match refused {
            RouteRefused::NotReady => response::SYSTEM_ERROR,
            RouteRefused::NoRoute(_) => response::TOPIC_NOT_EXIST,
        };
        Self {
            code,
            remark: refused.to_string(),
        }
    }
}

impl From<KvRefused> for Refusal {
    fn from(refused: KvRefused) -> Self {
        let code = match refused {
            KvRefused::NoKey | KvRefused::Unsaved(_) => response::SYSTEM_ERROR,
            KvRefused::NoItem { .. } | KvRefused::NoNamespace(_) => response::QUERY_NOT_FOUND,
        };
        Self {
            code,
            remark: refused.to_string(),
        }
    }
}

impl From<AdminRefused> for Refusal {
    fn from(refused: AdminRefused) -> Self {
        let code = match refused {
            AdminRefused::BlackList => response::NO_PERMISSION,
            AdminRefused::UnknownCode(_) => response::REQUEST_CODE_NOT_SUPPORTED,
            AdminRefused::Disabled
            | AdminRefused::NotProperties
            | AdminRefused::Invalid(_)
            | AdminRefused::Unsaved(_) => response::SYSTEM_ERROR,
        };
        Self {
            code,
            remark: refused.to_string(),
        }
    }
}

/// An error with its causes, in one line.
fn chain(error: &dyn Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        words = format!("{words}: {error}");
        cause = error.source();
    }
    words
}
