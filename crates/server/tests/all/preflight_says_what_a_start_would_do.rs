//! `ferrocket preflight` over stores that Java left: what it says, its exit codes, and that the
//! directory stays as it was to the byte.

use std::collections::BTreeMap;
use std::path::Path;

use ferrocket_golden::{Archive, archive_names};
use serde_json::Value;

use crate::support::{Cluster, run, texts};

/// Archive, exit code, and whether Java could go on after Ferrocket.
const VERDICTS: &str = "\
small-clean 0 yes
small-clean.abort-added 0 yes
small-clean.bak-missing 1 yes
small-clean.bitflip-in-first-segment 1 yes
small-clean.checkpoint-noise 0 yes
small-clean.cq-behind 1 yes
small-clean.cq-file-cut 0 yes
small-clean.cq-half-entry 1 yes
small-clean.crc-in-last-segment 1 yes
small-clean.foreign-file 0 no
small-clean.index-cut 1 yes
small-clean.index-header-noise 1 yes
small-clean.json-main-bad 1 yes
small-clean.last-segment-cut 1 yes
small-clean.log-behind 1 yes
small-clean.log-only 1 yes
small-clean.no-checkpoint 0 yes
small-clean.no-commitlog 2 no
small-clean.no-consumequeue 1 yes
small-clean.no-index 0 yes
small-clean.offsets-both-bad 2 no
small-clean.record-hole 1 yes
small-clean.segment-missing 1 yes
small-clean.wrong-segment-size 0 no
small-killed 0 yes
small-killed.abort-removed 0 yes
small-killed.bitflip-in-first-segment 1 yes
small-killed.checkpoint-noise 0 yes
small-killed.cq-behind 1 yes
small-killed.cq-half-entry 1 yes
small-killed.crc-in-last-segment 1 yes
small-killed.index-cut 1 yes
small-killed.index-header-noise 1 yes
small-killed.last-segment-cut 0 yes
small-killed.log-behind 1 yes
small-killed.log-only 1 yes
small-killed.no-checkpoint 0 yes
small-killed.no-consumequeue 1 yes
small-killed.no-index 0 yes
small-killed.noise-after-end 1 yes
small-killed.record-hole 1 yes
small-killed.segment-missing 1 yes
small-killed.torn-last-record 1 yes
small-killed.zero-length-last-file 0 yes
v4-rolled 0 yes
v5-batch 0 yes
v5-batch-killed 0 yes
v5-clean 1 yes
v5-cqext 0 yes
v5-delay 0 yes
v5-direct 1 yes
v5-killed 1 yes
v5-killed-sync 1 yes
v5-lmq 0 yes
v5-multipath 0 yes
v5-propcrc 0 yes
v5-retry 0 yes
v5-rolled 0 yes
v5-timer 1 yes
v5-timer-killed 1 yes
v5-trans 1 yes
v5-two-lives 0 yes
";

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
    let mut seen = String::new();
    for name in archive_names().unwrap() {
        let directory = unpack(&name);
        let before = content(directory.path());
        let (code, report) = preflight(directory.path(), &[]);
        assert_eq!(report["exitCode"], code, "{name}");
        let back = match report["backToJava"]["possible"].as_bool() {
            Some(true) => "yes",
            Some(false) => "no",
            None => "untold",
        };
        seen.push_str(&format!("{name} {code} {back}\n"));
        assert_eq!(content(directory.path()), before, "{name}");
    }
    assert_eq!(seen, VERDICTS);
}

#[test]
fn queues_without_files_are_counted_and_what_java_refuses_is_named() {
    let (_, report) = preflight(unpack("small-clean.no-consumequeue").path(), &[]);
    let text =
        "starting makes 241 queue entries again that the files do not have, 8 queues with all";
    assert!(findings(&report).contains(text), "{report:#}");
    assert_eq!(report["waiting"]["delayed"], 11);
    let (_, report) = preflight(unpack("small-clean.bak-missing").path(), &[]);
    let text = "3 topics have queues but are not in config/topics.json";
    assert!(findings(&report).contains(text), "{report:#}");
    let reasons = |name: &str| preflight(unpack(name).path(), &[]).1["backToJava"].to_string();
    assert!(reasons("small-clean.foreign-file").contains("commitlog/README away"));
    assert!(reasons("small-clean.wrong-segment-size").contains("mappedFileSizeCommitLog=16384"));
    assert!(reasons("v5-lmq").contains("5.x only, for the light queues"));
}

#[test]
fn room_is_judged_by_the_configuration() {
    let directory = unpack("v5-multipath");
    let path = directory.path().join("broker.conf");
    let conf = std::fs::read_to_string(&path).unwrap();
    let kept = 1_u64 << 60;
    std::fs::write(&path, format!("{conf}\ndiskReservedBytes={kept}\n")).unwrap();
    let (code, report) = preflight(directory.path(), &[]);
    assert_eq!(code, 1, "{report:#}");
    let found = findings(&report);
    assert!(
        found.contains("messages would be refused: diskReservedBytes keeps 1.0 EiB"),
        "{found}"
    );
    assert_eq!(report["disks"].as_array().unwrap().len(), 3, "{report:#}");
}

#[test]
fn counts_and_places_are_those_of_the_manifest() {
    let directory = unpack("small-killed");
    let (code, report) = preflight(directory.path(), &[]);
    assert_eq!(code, 0, "{report:#}");
    assert_eq!(report["log"]["records"], 261);
    assert_eq!(report["log"]["end"], 101_936);
    assert_eq!(report["queues"]["messages"], 261);
    assert_eq!(report["starting"]["end"], 101_936);
    assert_eq!(report["writtenBy"]["guess"], "Java 5.4 or 5.5");
    assert!(report["stopped"].as_str().unwrap().starts_with("killed"));
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
    let store = format!("{parent}/store");
    let output = run(&["preflight", &store, "-c", "/nowhere.conf"]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(texts(&output).1.contains("/nowhere.conf"), "{output:?}");
    for (options, answer) in [
        (vec!["-t", "Nope"], "there is no topic Nope"),
        (
            vec!["-t", "EdgeTopic", "-q", "99"],
            "there is no queue 99 of topic EdgeTopic",
        ),
        (vec!["--from", "noon"], "noon: write a local time as"),
    ] {
        let output = run(&[vec!["store", "dump", &store], options].concat());
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(texts(&output).1.contains(answer), "{output:?}");
    }
}
