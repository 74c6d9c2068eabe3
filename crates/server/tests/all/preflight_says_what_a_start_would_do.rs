//! `ferrocket preflight` over stores that Java left: what it says, its exit codes, and that the
//! directory stays as it was to the byte.

use std::collections::BTreeMap;
use std::path::Path;

use ferrocket_golden::{Archive, archive_names};
use serde_json::Value;

use crate::support::{Cluster, run, texts};

/// Unpacks a store with its `broker.conf` beside it.
pub(crate) fn unpack(name: &str) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let archive = Archive::open(name).unwrap();
    archive.unpack(&directory.path().join("store")).unwrap();
    let conf = archive.file("broker.conf").unwrap();
    std::fs::write(directory.path().join("broker.conf"), conf).unwrap();
    directory
}

fn preflight(directory: &Path, options: &[&str]) -> (i32, Value) {
    let store = directory.join("store");
    let mut words = vec!["preflight", store.to_str().unwrap(), "--output", "json"];
    words.extend(options);
    let output = run(&words);
    let (stdout, stderr) = texts(&output);
    let report = serde_json::from_str(&stdout).unwrap_or_else(|_| panic!("{stdout}{stderr}"));
    (output.status.code().unwrap(), report)
}

/// Every file with its content.
fn content(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.insert(path.display().to_string(), Vec::new());
            found.extend(content(&path));
        } else {
            found.insert(path.display().to_string(), std::fs::read(&path).unwrap());
        }
    }
    found
}

fn findings(report: &Value) -> String {
    let findings = report["findings"].as_array().unwrap().iter();
    let texts = findings.map(|finding| finding["text"].as_str().unwrap());
    texts.collect::<Vec<_>>().join("\n")
}

#[test]
fn every_golden_store_is_judged_and_none_is_touched() {
    for name in archive_names().unwrap() {
        let directory = unpack(&name);
        let before = content(directory.path());
        let (code, report) = preflight(directory.path(), &[]);
        assert_eq!(report["exitCode"], code, "{name}");
        assert!(code <= 2, "{name}: {report}");
        // Sizes that contradict the files are said to be in the way for as long as they are.
        let blocked = findings(&report).contains("starting would fail: ");
        let is_bad = name.contains("both-bad");
        assert_eq!(code == 2, blocked || is_bad, "{name}: {report:#}");
        let may_be = name.contains("-segment-") || name.ends_with("no-commitlog");
        assert!(!blocked || may_be, "{name}: {report:#}");
        assert_eq!(content(directory.path()), before, "{name}");
    }
}

#[test]
fn counts_and_places_are_those_of_the_manifest() {
    let directory = unpack("small-killed");
    let (code, report) = preflight(directory.path(), &[]);
    assert_eq!(code, 1, "{report:#}");
    assert_eq!(report["log"]["records"], 261);
    assert_eq!(report["log"]["end"], 101_936);
    assert_eq!(report["queues"]["messages"], 261);
    assert_eq!(report["starting"]["end"], 101_936);
    assert_eq!(report["writtenBy"]["guess"], "Java 5.4 or 5.5");
    assert!(report["stopped"].as_str().unwrap().starts_with("killed"));
    assert!(
        findings(&report).contains("delayed messages wait"),
        "{report:#}"
    );
    let (_, report) = preflight(unpack("v4-rolled").path(), &[]);
    assert_eq!(report["writtenBy"]["guess"], "Java 4.x");
    assert_eq!(report["log"]["start"], 98_304);
    let (code, report) = preflight(unpack("v5-multipath").path(), &[]);
    assert_eq!(
        (code, &report["log"]["records"]),
        (0, &200.into()),
        "{report:#}"
    );
}

#[test]
fn damage_is_named_by_position() {
    let (code, report) = preflight(unpack("small-clean.crc-in-last-segment").path(), &[]);
    assert_eq!(code, 1);
    assert!(
        findings(&report).contains("damage in the log from 89307 to 89661"),
        "{report:#}"
    );
    let (_, report) = preflight(unpack("small-killed.torn-last-record").path(), &[]);
    assert!(
        findings(&report).contains("off the end of the log"),
        "{report:#}"
    );
    let (_, report) = preflight(unpack("small-clean.json-main-bad").path(), &[]);
    assert!(findings(&report).contains("its .bak is good"), "{report:#}");
}

#[test]
fn sizes_that_nobody_configured_are_found_and_named() {
    let directory = unpack("small-clean");
    std::fs::remove_file(directory.path().join("broker.conf")).unwrap();
    let (_, report) = preflight(directory.path(), &[]);
    assert_eq!(report["starting"]["end"], 94_498, "{report:#}");
    let keys = [
        "mappedFileSizeCommitLog=16384",
        "mappedFileSizeConsumeQueue=600",
        "maxHashSlotNum=100",
        "maxIndexNum=400",
    ];
    assert_eq!(report["brokerConf"], serde_json::json!(keys));
}

#[test]
fn a_directory_in_use_is_said_to_be() {
    let cluster = Cluster::new();
    let server = cluster.start(&[]);
    let (code, report) = preflight(cluster.directory.path(), &[]);
    assert_eq!(code, 3, "{report:#}");
    let stopped = report["stopped"].as_str().unwrap();
    assert_eq!(stopped, format!("runs now, as process {}", server.pid()));
}

#[test]
fn what_is_no_store_is_said_to_be_none() {
    let directory = unpack("v5-direct");
    let parent = directory.path().to_str().unwrap();
    let output = run(&["preflight", parent]);
    assert_eq!(output.status.code(), Some(2));
    let hint = format!("did you mean {parent}/store?");
    assert!(texts(&output).1.contains(&hint), "{output:?}");
    let output = run(&["store", "ls", "/nowhere/at/all"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(texts(&output).1.contains("is no directory"));
}
