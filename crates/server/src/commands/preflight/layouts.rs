//! Parts of a store that only Java reads.

use std::path::Path;

use super::report::{Report, Severity};

pub(super) fn look(root: &Path, report: &mut Report) {
    let has = |path: &str| root.join(path).exists();
    for directory in ["consumequeue", "consumequeue_rocksdb"] {
        if has(&format!("{directory}/CURRENT")) {
            let text = format!(
                "{directory} is a RocksDB database (storeType=defaultRocksDB), which Ferrocket does not read; queues are made again from the log, which is complete only while the log still has every message"
            );
            report.add(Severity::Blocked, text);
        }
    }
    for directory in ["config/topics", "config/rdb"] {
        if has(&format!("{directory}/CURRENT")) {
            let text = format!(
                "{directory} is a RocksDB database with topics and offsets (configManagerVersion), which Ferrocket does not read; let Java write JSON first"
            );
            report.add(Severity::Blocked, text);
        }
    }
    if has("compaction/compactionLog") {
        let text = "compaction/ holds compacted topics, which Ferrocket does not read; their messages are served from the log as far as it goes back";
        report.add(Severity::Repair, text.to_owned());
    }
    let names = std::fs::read_dir(root).into_iter().flatten().flatten();
    let mut names = names.filter_map(|entry| entry.file_name().into_string().ok());
    if let Some(name) = names.find(|name| name.starts_with("dledger-")) {
        let text = format!("{name} is a DLedger log, which Ferrocket does not read");
        report.add(Severity::Blocked, text);
    }
    if has("epochFileCheckpoint") {
        let text = "epochFileCheckpoint: the broker ran under a controller; Ferrocket runs it as a lone master";
        report.add(Severity::Note, text.to_owned());
    }
}
