//! The values that a key may have beyond its type: what the start and an update request both ask
//! before a value counts.
//!
//! Keys that nothing here reads have no range: their values cannot do harm.

use std::net::IpAddr;

use super::bind::{delay_levels_ms, hours_of_day};
use super::catalog::Key;

#[derive(Debug, Clone, Copy)]
enum Range {
    /// A whole number from the first to the second.
    Number(i64, i64),
    NotEmpty,
    Address,
    DelayLevels,
    HoursOfDay,
}

const INT_MAX: i64 = i32::MAX as i64;
const PORT: Range = Range::Number(0, u16::MAX as i64);
const FROM_0: Range = Range::Number(0, INT_MAX);
const FROM_1: Range = Range::Number(1, INT_MAX);
/// Intervals and timeouts of Java's type `long`: a thousand years are enough.
const LONG_FROM_0: Range = Range::Number(0, 32_000_000_000_000);
const LONG_FROM_1: Range = Range::Number(1, 32_000_000_000_000);

const RANGES: [(&str, Range); 59] = [
    ("listenPort", PORT),
    // Below 1 it is listenPort + 1.
    ("haListenPort", Range::Number(-INT_MAX, u16::MAX as i64)),
    ("bindAddress", Range::Address),
    ("serverChannelMaxIdleTimeSeconds", FROM_0),
    ("brokerName", Range::NotEmpty),
    ("brokerClusterName", Range::NotEmpty),
    ("brokerId", Range::Number(0, i64::MAX)),
    ("brokerPermission", Range::Number(0, 7)),
    ("defaultTopicQueueNums", FROM_1),
    ("reviveQueueNum", FROM_1),
    ("syncFlushTimeout", FROM_1),
    (
        "startAcceptSendRequestTimeStamp",
        Range::Number(0, i64::MAX),
    ),
    ("shortPollingTimeMills", LONG_FROM_0),
    ("channelExpiredTimeout", LONG_FROM_1),
    ("subscriptionExpiredTimeout", LONG_FROM_1),
    ("flushConsumerOffsetInterval", FROM_1),
    ("consumerOffsetUpdateVersionStep", LONG_FROM_1),
    ("registerNameServerPeriod", FROM_1),
    ("registerBrokerTimeoutMills", FROM_1),
    ("brokerNotActiveTimeoutMillis", LONG_FROM_1),
    ("splitRegistrationSize", FROM_1),
    ("splitMetadataSize", FROM_1),
    ("msgTraceTopicName", Range::NotEmpty),
    ("storePathRootDir", Range::NotEmpty),
    ("mappedFileSizeCommitLog", FROM_1),
    ("mappedFileSizeConsumeQueue", FROM_1),
    ("mapperFileSizeBatchConsumeQueue", FROM_1),
    ("mappedFileSizeConsumeQueueExt", FROM_1),
    ("maxMessageSize", FROM_1),
    ("flushIntervalCommitLog", FROM_1),
    ("flushCommitLogLeastPages", FROM_0),
    ("flushCommitLogThoroughInterval", FROM_0),
    ("flushConsumeQueueThoroughInterval", FROM_0),
    ("accessMessageInMemoryMaxRatio", Range::Number(0, 100)),
    ("maxFilterMessageSize", FROM_1),
    ("maxTransferBytesOnMessageInMemory", FROM_1),
    ("maxTransferCountOnMessageInMemory", FROM_1),
    ("maxTransferBytesOnMessageInDisk", FROM_1),
    ("maxTransferCountOnMessageInDisk", FROM_1),
    ("maxHashSlotNum", FROM_1),
    ("maxIndexNum", FROM_1),
    ("maxMsgsNumBatch", FROM_1),
    ("messageDelayLevel", Range::DelayLevels),
    ("fileReservedTime", FROM_0),
    ("deleteWhen", Range::HoursOfDay),
    ("cleanResourceInterval", FROM_1),
    ("deleteFileBatchMax", FROM_1),
    ("deleteCommitLogFilesInterval", FROM_0),
    ("deleteConsumeQueueFilesInterval", FROM_0),
    // Java and the store take what is out of bounds for the nearest bound.
    ("diskSpaceWarningLevelRatio", FROM_0),
    ("diskSpaceCleanForciblyRatio", FROM_0),
    ("diskMaxUsedSpaceRatio", FROM_0),
    ("diskReservedBytes", Range::Number(-1, i64::MAX)),
    ("metricsPromExporterPort", PORT),
    ("inSyncReplicas", FROM_0),
    ("kvConfigPath", Range::NotEmpty),
    ("configStorePath", Range::NotEmpty),
    ("scanNotActiveBrokerInterval", LONG_FROM_1),
    ("waitSecondsForService", FROM_0),
];

/// What to write instead of a value that is of the key's type but that nothing can run with;
/// nothing when it is in range.
pub(crate) fn expected_instead(key: &Key, value: &str) -> Option<String> {
    let (_, range) = RANGES.iter().find(|(name, _)| *name == key.name)?;
    let value = value.trim();
    match range {
        Range::Number(least, most) => {
            let number: i64 = value.parse().ok()?;
            let upper = if *most >= INT_MAX {
                format!("of at least {least}")
            } else if *least == -INT_MAX {
                format!("of at most {most}")
            } else {
                format!("from {least} to {most}")
            };
            (!(*least..=*most).contains(&number)).then(|| format!("a whole number {upper}"))
        }
        Range::NotEmpty => value
            .is_empty()
            .then(|| "a text that is not empty".to_owned()),
        Range::Address => value
            .parse::<IpAddr>()
            .is_err()
            .then(|| "an IP address; 0.0.0.0 is every one of this machine".to_owned()),
        Range::DelayLevels => delay_levels_ms(value)
            .is_none_or(|levels| levels.is_empty())
            .then(|| "times such as 1s 5s 10s 1m 2h 1d".to_owned()),
        Range::HoursOfDay => hours_of_day(value)
            .is_none_or(|hours| hours.is_empty())
            .then(|| "hours of the day from 0 to 23 such as 04 or 02;14".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::bind::{BROKER_CLASSES, NAMESRV_CLASSES};
    use crate::config::catalog::{self, Class};

    #[test]
    fn every_name_is_a_key_and_every_default_is_in_range() {
        let mut found = std::collections::BTreeSet::new();
        for class in BROKER_CLASSES.iter().chain(NAMESRV_CLASSES) {
            for key in catalog::of(*class) {
                if RANGES.iter().any(|(name, _)| *name == key.name) {
                    found.insert(key.name);
                }
                if let Some(default) = key.default {
                    assert_eq!(expected_instead(key, default), None, "{}", key.name);
                }
            }
        }
        assert_eq!(found.len(), RANGES.len());
    }

    #[test]
    fn values_outside_are_told_what_is_expected() {
        let told = |class, name, value| {
            expected_instead(catalog::find(class, name).unwrap(), value).unwrap_or_default()
        };
        assert_eq!(
            told(Class::Server, "listenPort", "99999"),
            "a whole number from 0 to 65535"
        );
        assert_eq!(
            told(Class::Store, "maxMessageSize", "-5"),
            "a whole number of at least 1"
        );
        assert_eq!(
            told(Class::Store, "haListenPort", "70000"),
            "a whole number of at most 65535"
        );
        assert_eq!(told(Class::Store, "haListenPort", "0"), "");
        assert!(told(Class::Broker, "brokerName", " ").contains("not empty"));
        assert!(told(Class::Server, "bindAddress", "eth0").contains("IP address"));
        assert!(told(Class::Store, "deleteWhen", "04;24").contains("02;14"));
        assert_eq!(told(Class::Store, "deleteWhen", "04; 23;"), "");
        assert!(told(Class::Store, "messageDelayLevel", "1s 5x").contains("1s 5s"));
    }
}
