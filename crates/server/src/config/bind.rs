//! From settings to the typed structs of the cores.

use std::path::PathBuf;
use std::time::Duration;

use ferrocket_broker::BrokerConfig;
use ferrocket_namesrv::NamesrvConfig;
use ferrocket_store::{FlushMode, RetentionConfig, StoreConfig};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::catalog::{self, Class};
use super::checks;
use super::live::Rules;
use super::settings::Settings;
use crate::memory::Memory;

/// What a broker process binds, as `BrokerStartup` does.
pub(crate) const BROKER_CLASSES: &[Class] = &[
    Class::Broker,
    Class::Server,
    Class::Client,
    Class::Store,
    Class::Auth,
];
/// What GET_BROKER_CONFIG shows of them.
const BROKER_SHOWN: &[Class] = &[Class::Broker, Class::Server, Class::Client, Class::Store];
/// What a name server binds; a controller inside reads the last one.
pub(crate) const NAMESRV_CLASSES: &[Class] = &[
    Class::Namesrv,
    Class::Server,
    Class::Client,
    Class::Controller,
];
/// What GET_NAMESRV_CONFIG shows of them.
const NAMESRV_SHOWN: &[Class] = &[Class::Namesrv, Class::Server];

/// Keys of the broker core that are settled by the start: identity, addresses, and what decides
/// which topics there are.
const BROKER_AT_START: [&str; 14] = [
    "brokerName",
    "brokerClusterName",
    "brokerId",
    "brokerIP1",
    "brokerIP2",
    "listenPort",
    "haListenPort",
    "brokerRole",
    "msgTraceTopicName",
    "traceTopicEnable",
    "timerWheelEnable",
    "reviveQueueNum",
    "expectConsumerNumUseFilter",
    "maxErrorRateOfBloomFilter",
];
/// Keys of a name server that [`namesrv`] does not read.
const NAMESRV_AT_START: [&str; 4] = [
    "listenPort",
    "bindAddress",
    "serverChannelMaxIdleTimeSeconds",
    "enableControllerInNamesrv",
];
/// What an update may do to a running broker.
pub(crate) const BROKER_RULES: Rules = Rules {
    shown: BROKER_SHOWN,
    check: checks::broker,
    is_live: |key| {
        (BrokerConfig::KEYS.contains(&key) && !BROKER_AT_START.contains(&key))
            || RETENTION_KEYS.contains(&key)
    },
};
/// What an update may do to a running name server.
pub(crate) const NAMESRV_RULES: Rules = Rules {
    shown: NAMESRV_SHOWN,
    check: checks::namesrv,
    is_live: |key| !NAMESRV_AT_START.contains(&key),
};

/// The broker core's settings, without `store_host`, which needs a resolver.
pub(crate) fn broker(settings: &Settings) -> BrokerConfig {
    let mut config = BrokerConfig::default();
    for key in BrokerConfig::KEYS {
        let class = class_of(key);
        let Some(value) = class.and_then(|class| settings.value(class, key)) else {
            continue;
        };
        if let Err(error) = config.set(key, &value) {
            tracing::warn!(%error, "setting keeps its default");
        }
    }
    let given: i32 = settings.number(Class::Store, "haListenPort");
    if settings.source("haListenPort").is_none() || given <= 0 {
        config.ha_listen_port = config.listen_port + 1;
    }
    config
}

/// `listenPort` is a field of two classes; the one that Java listens with is the server's.
fn class_of(key: &str) -> Option<Class> {
    [Class::Server, Class::Broker, Class::Store, Class::Client]
        .into_iter()
        .find(|class| catalog::find(*class, key).is_some())
}

/// The directories of a list, which are relative to the working directory, as in Java. Blanks belong
/// to a name.
fn paths(list: Option<String>) -> Vec<PathBuf> {
    let list = list.unwrap_or_default();
    let names = list.trim().split(',').filter(|name| !name.is_empty());
    names.map(PathBuf::from).collect()
}

/// Whatever counts as in memory for Java's rules, the newest of the log is tried without waiting.
const HOT_WINDOW_BYTES_MIN: i64 = 64 * 1024 * 1024;

/// The store's settings.
pub(crate) fn store(settings: &Settings, memory: Memory) -> StoreConfig {
    let text = |key| settings.text(Class::Store, key);
    let root = text("storePathRootDir").unwrap_or_else(|| "store".to_owned());
    let sync = text("flushDiskType").as_deref() == Some("SYNC_FLUSH");
    let ratio: i64 = settings.number(Class::Store, "accessMessageInMemoryMaxRatio");
    let memory_bytes = i64::try_from(memory.bytes).unwrap_or(i64::MAX);
    let mut config = StoreConfig::new(root);
    config.commit_log_dirs = paths(text("storePathCommitLog"));
    config.read_only_commit_log_dirs = paths(text("readOnlyCommitLogStorePaths"));
    config.flush_mode = if sync {
        FlushMode::Sync
    } else {
        FlushMode::Async
    };
    config.segment_bytes = settings.number(Class::Store, "mappedFileSizeCommitLog");
    config.queue_file_bytes = settings.number(Class::Store, "mappedFileSizeConsumeQueue");
    config.batch_queue_file_bytes =
        settings.number(Class::Store, "mapperFileSizeBatchConsumeQueue");
    config.queue_ext_enable = settings.boolean(Class::Store, "enableConsumeQueueExt");
    config.queue_ext_file_bytes = settings.number(Class::Store, "mappedFileSizeConsumeQueueExt");
    config.enable_lmq = settings.boolean(Class::Store, "enableLmq");
    config.enable_multi_dispatch = settings.boolean(Class::Store, "enableMultiDispatch");
    config.body_bytes_max = settings.number(Class::Store, "maxMessageSize");
    config.flush_interval_ms = settings.number(Class::Store, "flushIntervalCommitLog");
    config.flush_pages_min = settings.number(Class::Store, "flushCommitLogLeastPages");
    config.flush_thorough_interval_ms =
        settings.number(Class::Store, "flushCommitLogThoroughInterval");
    config.queue_flush_thorough_interval_ms =
        settings.number(Class::Store, "flushConsumeQueueThoroughInterval");
    config.check_crc_on_recover = settings.boolean(Class::Store, "checkCRCOnRecover");
    config.filter_scan_bytes_max = settings.number(Class::Store, "maxFilterMessageSize");
    config.transfer_bytes_in_memory_max =
        settings.number(Class::Store, "maxTransferBytesOnMessageInMemory");
    config.transfer_messages_in_memory_max =
        settings.number(Class::Store, "maxTransferCountOnMessageInMemory");
    config.transfer_bytes_on_disk_max =
        settings.number(Class::Store, "maxTransferBytesOnMessageInDisk");
    config.transfer_messages_on_disk_max =
        settings.number(Class::Store, "maxTransferCountOnMessageInDisk");
    config.message_index_enable = settings.boolean(Class::Store, "messageIndexEnable");
    config.index_slots = settings.number(Class::Store, "maxHashSlotNum");
    config.index_entries = settings.number(Class::Store, "maxIndexNum");
    config.query_messages_max = settings.number(Class::Store, "maxMsgsNumBatch");
    let offset = TimeZone::system().to_offset(Timestamp::now());
    config.utc_offset_ms = i64::from(offset.seconds()) * 1000;
    config.memory_window_bytes = memory_bytes / 100 * ratio.clamp(0, 100);
    config.hot_window_bytes = config.memory_window_bytes.max(HOT_WINDOW_BYTES_MIN);
    if let Some(levels) = text("messageDelayLevel")
        .as_deref()
        .and_then(delay_levels_ms)
    {
        config.delay_levels_ms = levels;
    }
    config.process_id = std::process::id();
    config.retention = retention(settings);
    config
}

/// Keys of [`retention`]: they are in force from the next turn of cleaning on.
const RETENTION_KEYS: [&str; 11] = [
    "fileReservedTime",
    "deleteWhen",
    "cleanResourceInterval",
    "deleteFileBatchMax",
    "deleteCommitLogFilesInterval",
    "deleteConsumeQueueFilesInterval",
    "diskSpaceWarningLevelRatio",
    "diskSpaceCleanForciblyRatio",
    "diskMaxUsedSpaceRatio",
    "cleanFileForciblyEnable",
    "diskReservedBytes",
];

/// What of the store may change while it runs.
pub(crate) fn retention(settings: &Settings) -> RetentionConfig {
    let hours = settings.text(Class::Store, "deleteWhen");
    RetentionConfig {
        reserved_hours: settings.number(Class::Store, "fileReservedTime"),
        delete_hours: hours.as_deref().and_then(hours_of_day).unwrap_or_default(),
        interval_ms: settings.number(Class::Store, "cleanResourceInterval"),
        batch_max: settings.number(Class::Store, "deleteFileBatchMax"),
        segment_pause_ms: settings.number(Class::Store, "deleteCommitLogFilesInterval"),
        queue_pause_ms: settings.number(Class::Store, "deleteConsumeQueueFilesInterval"),
        warning_percent: settings.number(Class::Store, "diskSpaceWarningLevelRatio"),
        clean_forcibly_percent: settings.number(Class::Store, "diskSpaceCleanForciblyRatio"),
        max_used_percent: settings.number(Class::Store, "diskMaxUsedSpaceRatio"),
        clean_forcibly: settings.boolean(Class::Store, "cleanFileForciblyEnable"),
        reserved_bytes: settings.number(Class::Store, "diskReservedBytes"),
    }
}

/// `04` or `02;14`; nothing when a part is no hour.
pub(crate) fn hours_of_day(text: &str) -> Option<Vec<i64>> {
    let parts = text.split(';').filter(|part| !part.trim().is_empty());
    parts
        .map(|part| {
            part.trim()
                .parse()
                .ok()
                .filter(|hour| (0..24).contains(hour))
        })
        .collect()
}

/// `1s 5s 10s 1m 2h 1d`; nothing when a part is not such a time.
pub(crate) fn delay_levels_ms(text: &str) -> Option<Vec<i64>> {
    text.split_whitespace()
        .map(|part| {
            let unit_ms = match part.chars().last()? {
                's' => 1_000,
                'm' => 60_000,
                'h' => 3_600_000,
                'd' => 86_400_000,
                _ => return None,
            };
            part.get(..part.len() - 1)?
                .parse::<i64>()
                .ok()
                .filter(|number| *number >= 0)?
                .checked_mul(unit_ms)
        })
        .collect()
}

/// The name server core's settings.
pub(crate) fn namesrv(settings: &Settings) -> NamesrvConfig {
    let flag = |key| settings.boolean(Class::Namesrv, key);
    NamesrvConfig {
        order_message_enable: flag("orderMessageEnable"),
        return_order_topic_config_to_broker: flag("returnOrderTopicConfigToBroker"),
        scan_not_active_broker_interval: settings
            .number(Class::Namesrv, "scanNotActiveBrokerInterval"),
        support_acting_master: flag("supportActingMaster"),
        enable_all_topic_list: flag("enableAllTopicList"),
        enable_topic_list: flag("enableTopicList"),
        notify_min_broker_id_changed: flag("notifyMinBrokerIdChanged"),
        need_wait_for_service: flag("needWaitForService"),
        wait_seconds_for_service: settings.number(Class::Namesrv, "waitSecondsForService"),
        delete_topic_with_broker_registration: flag("deleteTopicWithBrokerRegistration"),
    }
}

/// `serverChannelMaxIdleTimeSeconds`.
pub(crate) fn idle(settings: &Settings) -> Duration {
    let seconds: u64 = settings.number(Class::Server, "serverChannelMaxIdleTimeSeconds");
    if seconds == 0 {
        Duration::from_secs(120)
    } else {
        Duration::from_secs(seconds)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::properties;

    const MEMORY: Memory = Memory {
        bytes: 100 << 30,
        source: "a test",
    };

    fn settings(classes: &'static [Class], text: &str) -> Settings {
        let mut settings = Settings::new(classes);
        settings.take_entries(properties::parse(text.as_bytes()).unwrap(), Path::new("f"));
        settings
    }

    #[test]
    fn an_empty_file_gives_the_defaults_of_the_cores() {
        let empty = settings(BROKER_CLASSES, "");
        let ours = broker(&empty);
        let theirs = BrokerConfig {
            ..BrokerConfig::default()
        };
        assert_eq!(ours, theirs);
        let ours = store(&empty, MEMORY);
        let mut theirs = StoreConfig::new(ours.root.clone());
        theirs.memory_window_bytes = 40 << 30;
        theirs.hot_window_bytes = 40 << 30;
        theirs.process_id = std::process::id();
        theirs.utc_offset_ms = ours.utc_offset_ms;
        assert_eq!(ours, theirs);
        assert_eq!(
            namesrv(&settings(NAMESRV_CLASSES, "")),
            NamesrvConfig::default()
        );
    }

    #[test]
    fn a_memory_ratio_of_nothing_makes_not_every_read_a_cold_one() {
        let settings = settings(BROKER_CLASSES, "accessMessageInMemoryMaxRatio=0\n");
        let config = store(&settings, MEMORY);
        assert_eq!(config.memory_window_bytes, 0);
        assert_eq!(config.hot_window_bytes, HOT_WINDOW_BYTES_MIN);
    }

    #[test]
    fn values_of_a_file_reach_the_cores() {
        let text = "listenPort=30911\nbrokerName=broker-a\nflushDiskType=SYNC_FLUSH\nmapedFileSizeCommitLog=1048576\nmessageDelayLevel=1s 2m\nstorePathRootDir=/data/rmq\n";
        let settings = settings(BROKER_CLASSES, text);
        let config = broker(&settings);
        assert_eq!((config.listen_port, config.ha_listen_port), (30911, 30912));
        assert_eq!(config.broker_name, "broker-a");
        let config = store(&settings, MEMORY);
        assert_eq!(config.flush_mode, FlushMode::Sync);
        assert_eq!(config.segment_bytes, 1_048_576);
        assert_eq!(config.delay_levels_ms, [1_000, 120_000]);
        assert_eq!(
            config.commit_log_paths(),
            [Path::new("/data/rmq/commitlog")]
        );
        assert!(settings.without_effect().is_empty());
    }

    #[test]
    fn light_queues_are_those_of_the_file_and_read_at_the_start_only() {
        let text = "enableLmq=true\nenableMultiDispatch=true\n";
        let settings = settings(BROKER_CLASSES, text);
        let config = store(&settings, MEMORY);
        assert!(config.enable_lmq && config.enable_multi_dispatch);
        assert!(settings.without_effect().is_empty());
        assert!(!(BROKER_RULES.is_live)("enableLmq"));
        let config = store(&Settings::new(BROKER_CLASSES), MEMORY);
        assert!(!config.enable_lmq && !config.enable_multi_dispatch);
    }

    #[test]
    fn lists_of_directories_are_taken_apart() {
        let text = "storePathCommitLog=log-a,/data/log-b\nreadOnlyCommitLogStorePaths=/old\n";
        let config = store(&settings(BROKER_CLASSES, text), MEMORY);
        let paths = ["log-a", "/data/log-b", "/old"].map(PathBuf::from);
        assert_eq!(config.commit_log_paths(), paths);
        let config = store(
            &settings(BROKER_CLASSES, "storePathCommitLog=/a,\n"),
            MEMORY,
        );
        assert_eq!(config.commit_log_dirs, [PathBuf::from("/a")]);
    }

    #[test]
    fn retention_is_that_of_the_file_and_may_change_while_the_store_runs() {
        let text = "fileReservedTime=24\ndeleteWhen=02; 14\ndiskMaxUsedSpaceRatio=60\ncleanFileForciblyEnable=false\ndiskReservedBytes=1000\n";
        let settings = settings(BROKER_CLASSES, text);
        let config = retention(&settings);
        assert_eq!((config.reserved_hours, config.max_used_percent), (24, 60));
        assert_eq!(config.delete_hours, [2, 14]);
        assert_eq!(
            (config.clean_forcibly, config.reserved_bytes),
            (false, 1000)
        );
        assert!(settings.without_effect().is_empty());
        assert!((BROKER_RULES.is_live)("fileReservedTime"));
        assert!(!(BROKER_RULES.is_live)("flushDiskType"));
    }

    #[test]
    fn the_replication_port_of_the_file_counts_when_it_is_one() {
        let port = |text| broker(&settings(BROKER_CLASSES, text)).ha_listen_port;
        assert_eq!(port("listenPort=20911\nhaListenPort=20999\n"), 20999);
        assert_eq!(port("listenPort=20911\nhaListenPort=0\n"), 20912);
    }
}
