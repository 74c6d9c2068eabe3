//! Recognising a registration that was taken over before.
//!
//! Brokers register every thirty seconds with all their topics, nearly always the same ones. Tens of
//! thousands of topics are megabytes of JSON; hashing them costs a hundredth of reading them.

use std::hash::{BuildHasher, Hash, Hasher};

use ferrocket_protocol::headers::RegisterBroker;
use foldhash::quality::FixedState;

/// Java makes this member anew for every registration, with the time in it, and nobody reads it
/// (`TopicConfigAndMappingSerializeWrapper#mappingDataVersion`). It stands before the topics.
const VOLATILE_MEMBER: &[u8] = b"\"mappingDataVersion\":{";

/// How far into the body the volatile member is looked for.
const VOLATILE_MEMBER_AT_MAX: usize = 16 * 1024;

/// A number that differs, for all practical purposes, when header, zone or body differ.
pub(crate) fn fingerprint(header: &RegisterBroker, zone: Option<&str>, body: &[u8]) -> u64 {
    let mut hasher = FixedState::with_seed(0).build_hasher();
    header.broker_name.hash(&mut hasher);
    header.broker_addr.hash(&mut hasher);
    header.cluster_name.hash(&mut hasher);
    header.ha_server_addr.hash(&mut hasher);
    header.broker_id.hash(&mut hasher);
    header.heartbeat_timeout_millis.hash(&mut hasher);
    header.enable_acting_master.hash(&mut hasher);
    zone.hash(&mut hasher);
    let (before, after) = around_volatile_member(body);
    before.hash(&mut hasher);
    after.hash(&mut hasher);
    hasher.finish()
}

/// The body without the content of the volatile member. The member's name cannot occur inside of a
/// JSON string, where its quotes would be escaped.
fn around_volatile_member(body: &[u8]) -> (&[u8], &[u8]) {
    let head = body.get(..VOLATILE_MEMBER_AT_MAX).unwrap_or(body);
    let at = head
        .windows(VOLATILE_MEMBER.len())
        .position(|window| window == VOLATILE_MEMBER);
    let Some(before) = at.and_then(|at| body.get(..at)) else {
        return (body, &[]);
    };
    let rest = body.get(before.len()..).unwrap_or_default();
    let end = rest
        .iter()
        .position(|byte| *byte == b'}')
        .unwrap_or(rest.len());
    (before, rest.get(end..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(body: &str) -> u64 {
        let header = RegisterBroker {
            broker_name: "a".into(),
            ..RegisterBroker::default()
        };
        fingerprint(&header, None, body.as_bytes())
    }

    #[test]
    fn only_the_mapping_version_may_differ() {
        let first = r#"{"dataVersion":{"counter":1},"mappingDataVersion":{"timestamp":7},"t":{}}"#;
        let later = first.replace(":7}", ":12345}");
        let other = first.replace(":1}", ":2}");
        assert_eq!(of(first), of(&later));
        assert_ne!(of(first), of(&other));
        assert_ne!(of(first), of(&first.replace("\"t\"", "\"u\"")));
    }

    #[test]
    fn the_header_and_the_zone_count() {
        let header = RegisterBroker::default();
        let slave = RegisterBroker {
            broker_id: 1,
            ..RegisterBroker::default()
        };
        let known = fingerprint(&header, None, b"{}");
        assert_eq!(known, fingerprint(&header, None, b"{}"));
        assert_ne!(known, fingerprint(&slave, None, b"{}"));
        assert_ne!(known, fingerprint(&header, Some("z"), b"{}"));
    }
}
