//! The keys of a `broker.conf` that shape the files of a store.

use std::collections::BTreeMap;
use std::path::Path;

use ferrocket_store::{FlushMode, StoreConfig};

/// `KEY=VALUE` lines.
#[must_use]
pub fn parse_conf(text: &str) -> BTreeMap<String, String> {
    text.lines()
        .filter(|line| !line.trim_start().starts_with('#'))
        .filter_map(|line| line.split_once('='))
        .map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned()))
        .collect()
}

/// What a store below `root` is opened with; keys that do not matter to it are passed over.
#[must_use]
pub fn store_config(conf: &BTreeMap<String, String>, root: &Path) -> StoreConfig {
    let text = |key: &str| conf.get(key).map(String::as_str);
    let number = |key: &str| text(key).and_then(|value| value.parse::<u64>().ok());
    let switch = |key: &str| text(key) == Some("true");
    let mut config = StoreConfig::new(root);
    if let Some(bytes) = number("mappedFileSizeCommitLog") {
        config.segment_bytes = bytes;
    }
    if let Some(bytes) = number("mappedFileSizeConsumeQueue") {
        config.queue_file_bytes = bytes;
    }
    if let Some(bytes) = number("mapperFileSizeBatchConsumeQueue") {
        config.batch_queue_file_bytes = bytes;
    }
    if let Some(bytes) = number("mappedFileSizeConsumeQueueExt") {
        config.queue_ext_file_bytes = bytes;
    }
    config.queue_ext_enable = switch("enableConsumeQueueExt");
    if let Some(slots) = number("maxHashSlotNum").and_then(|slots| u32::try_from(slots).ok()) {
        config.index_slots = slots;
    }
    if let Some(entries) = number("maxIndexNum").and_then(|count| u32::try_from(count).ok()) {
        config.index_entries = entries;
    }
    if text("flushDiskType") == Some("SYNC_FLUSH") {
        config.flush_mode = FlushMode::Sync;
    }
    config.enable_lmq = switch("enableLmq");
    config.enable_multi_dispatch = switch("enableMultiDispatch");
    // Relative to the root of the archive's store.
    let paths = |key| {
        let names = text(key).unwrap_or_default().split(',');
        let names = names.filter(|name| !name.is_empty());
        names.map(|name| root.join(name)).collect()
    };
    config.commit_log_dirs = paths("storePathCommitLog");
    config.read_only_commit_log_dirs = paths("readOnlyCommitLogStorePaths");
    config.append_property_crc = switch("enabledAppendPropCRC");
    if let Some(levels) = text("messageDelayLevel") {
        config.delay_levels_ms = levels.split(' ').filter_map(delay_ms).collect();
    }
    config
}

fn delay_ms(level: &str) -> Option<i64> {
    let unit_ms = match level.chars().last()? {
        's' => 1000,
        'm' => 60_000,
        'h' => 3_600_000,
        'd' => 86_400_000,
        _ => return None,
    };
    let count: i64 = level.get(..level.len() - 1)?.parse().ok()?;
    Some(count * unit_ms)
}
