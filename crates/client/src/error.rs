//! Why a call of the client failed.

use std::time::Duration;

use ferrocket_net::CallError;
use ferrocket_protocol::codes::response;
use ferrocket_protocol::frame::HeaderError;
use ferrocket_protocol::json::JsonError;

/// Why a call failed. The numeric code of a broker's refusal is in [`Error::code`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    #[error("{field} is not valid: {reason}")]
    Invalid { field: &'static str, reason: String },
    #[error("no name server address is set: give at least one host:port")]
    NoNameServer,
    #[error("topic {topic} has no route: create it, or allow brokers to create topics")]
    NoRoute { topic: String },
    #[error("broker {broker} is in no route that the name servers know")]
    NoBroker { broker: String },
    #[error(transparent)]
    Call(#[from] CallError),
    #[error("{address} answered {} ({code}): {remark}", code_name(*code))]
    Refused {
        address: String,
        code: i32,
        remark: String,
    },
    #[error("{address} sent an answer that cannot be read")]
    Header {
        address: String,
        source: HeaderError,
    },
    #[error("{address} sent a body that cannot be read")]
    Body { address: String, source: JsonError },
    #[error(
        "message to {topic} not sent after {attempts} attempts in {elapsed:?} to {brokers:?}: {last}"
    )]
    SendFailed {
        topic: String,
        attempts: usize,
        elapsed: Duration,
        brokers: Vec<String>,
        last: Box<Error>,
    },
    #[error("the time for the call was used up after {elapsed:?}")]
    OutOfTime { elapsed: Duration },
    #[error("the client has been closed")]
    Closed,
}

/// Java's name of a response code, for people.
fn code_name(code: i32) -> &'static str {
    response::name(code).unwrap_or("an unknown code")
}

impl Error {
    /// The response code with which a server refused, if one did.
    #[must_use]
    pub fn code(&self) -> Option<i32> {
        match self {
            Self::Refused { code, .. } => Some(*code),
            Self::SendFailed { last, .. } => last.code(),
            _ => None,
        }
    }

    pub(crate) fn invalid(field: &'static str, reason: impl Into<String>) -> Self {
        Self::Invalid {
            field,
            reason: reason.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_name_the_code_in_words_and_keep_the_remark() {
        let refused = Error::Refused {
            address: "b:10911".to_owned(),
            code: response::TOPIC_NOT_EXIST,
            remark: "topic[T] not exist".to_owned(),
        };
        assert_eq!(
            refused.to_string(),
            "b:10911 answered TOPIC_NOT_EXIST (17): topic[T] not exist"
        );
        let failed = Error::SendFailed {
            topic: "T".to_owned(),
            attempts: 3,
            elapsed: Duration::ZERO,
            brokers: vec![],
            last: Box::new(refused),
        };
        assert_eq!(failed.code(), Some(17));
    }
}
