//! `ferrocket store ls | dump | verify | grep` over stores of Java, a damaged one, and one in use.

use std::io::Read;
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;

use crate::preflight_says_what_a_start_would_do::unpack;
use crate::support::{Cluster, FERROCKET, command, run, texts};

/// Runs `ferrocket store …`; exit code and output.
fn store(words: &[&str], directory: &Path) -> (i32, String) {
    let root = directory.join("store");
    let (name, rest) = words.split_first().unwrap();
    let mut all = vec!["store", name, root.to_str().unwrap()];
    all.extend(rest);
    let output = run(&all);
    let (stdout, stderr) = texts(&output);
    assert_eq!(stderr, "");
    (output.status.code().unwrap(), stdout)
}

fn json(words: &[&str], directory: &Path) -> Vec<Value> {
    let mut words = words.to_vec();
    words.extend(["--output", "json"]);
    let (_, text) = store(&words, directory);
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn queues_segments_and_files_are_listed() {
    let directory = unpack("v5-batch");
    let rows = json(&["ls"], directory.path());
    let found: Vec<_> = rows
        .iter()
        .map(|row| (row["topic"].as_str().unwrap(), &row["type"], &row["max"]))
        .map(|(topic, kind, max)| (topic, kind.as_str().unwrap(), max.as_i64().unwrap()))
        .collect();
    assert_eq!(
        found,
        [
            ("BatchPlain", "SimpleCQ", 30),
            ("BatchTopic", "BatchCQ", 24),
            ("BatchTopic", "BatchCQ", 21),
        ]
    );
    let (_, text) = store(
        &["ls", "--segments", "--index", "--files"],
        directory.path(),
    );
    assert!(text.contains("commitlog/00000000000000000000"), "{text}");
    assert!(text.contains("config/topics.json"), "{text}");
}

#[test]
fn messages_are_dumped_by_queue_time_and_position() {
    let directory = unpack("v5-clean");
    let all = json(&["dump"], directory.path());
    assert_eq!(all.len(), 257);
    let wanted = [
        "dump",
        "--topic",
        "PlainTopic",
        "--queue",
        "2",
        "--offset",
        "5",
        "--limit",
        "3",
    ];
    let some = json(&wanted, directory.path());
    let offsets: Vec<_> = some
        .iter()
        .map(|row| row["queueOffset"].as_i64().unwrap())
        .collect();
    assert_eq!(offsets, [5, 6, 7]);
    let from = all[100]["storeTimestamp"].to_string();
    let later = json(&["dump", "--from", &from], directory.path());
    assert!(
        later.len() <= 157
            && later
                .iter()
                .all(|row| row["storeTimestamp"].as_i64() >= all[100]["storeTimestamp"].as_i64())
    );
    let at = all[7]["phy"].to_string();
    assert_eq!(
        json(&["dump", "--at", &at], directory.path()),
        [all[7].clone()]
    );
    let zipped = all.iter().find(|row| row["topic"] == "ZipTopic").unwrap();
    assert!(zipped["plainLength"].as_i64() > zipped["bodyLength"].as_i64());
    assert!(zipped["body"].as_str().unwrap().starts_with("ZipTopic-0 "));
    let (_, text) = store(&["dump", "--at", &at, "--verbose"], directory.path());
    assert!(text.contains("offsetMsgId: 7F0000010000"), "{text}");
}

#[test]
fn a_check_says_nothing_or_what_is_wrong() {
    let directory = unpack("v5-clean");
    let (code, text) = store(&["verify"], directory.path());
    assert_eq!(code, 0, "{text}");
    assert!(text.starts_with("nothing wrong: 257 records"), "{text}");
    let (code, text) = store(&["verify", "--fast"], directory.path());
    assert_eq!(code, 0, "{text}");
    let directory = unpack("small-clean.crc-in-last-segment");
    let (code, text) = store(&["verify"], directory.path());
    assert_eq!(code, 1, "{text}");
    assert!(
        text.contains(" at 89307: the body does not match its CRC"),
        "{text}"
    );
    let rows = json(&["verify"], directory.path());
    assert_eq!(
        (&rows[0]["kind"], &rows[0]["phy"]),
        (&"log".into(), &89_307.into())
    );
    assert_eq!(rows.last().unwrap()["faults"], 1, "{rows:#?}");
}

#[test]
fn messages_are_found_by_what_they_say() {
    let directory = unpack("v5-clean");
    let exact = [
        "grep",
        "k2",
        "--in",
        "key",
        "--exact",
        "--topic",
        "PlainTopic",
    ];
    let found = json(&exact, directory.path());
    assert_eq!(found.len(), 1, "{found:#?}");
    // Only in the inflated body.
    let zipped = ["grep", "ZipTopic-0 refund card", "--in", "body"];
    let found = json(&zipped, directory.path());
    assert!(!found.is_empty() && found.iter().all(|row| row["topic"] == "ZipTopic"));
    let (code, _) = store(&["grep", "no message says this"], directory.path());
    assert_eq!(code, 1);
}

#[test]
fn a_reader_that_goes_away_is_no_error_to_shout_about() {
    let directory = unpack("v5-killed");
    let root = directory.path().join("store");
    let words = ["store", "dump", root.to_str().unwrap(), "--output", "json"];
    let mut command = command(Path::new(FERROCKET), &words);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = child.stdout.take().unwrap();
    stdout.read_exact(&mut [0; 10]).unwrap();
    drop(stdout);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(141));
    assert_eq!(texts(&output).1, "");
}

#[test]
fn a_store_in_use_is_read_and_checked() {
    let cluster = Cluster::new();
    let _server = cluster.start(&[]);
    let namesrv = cluster.namesrv();
    let words = [
        "produce", "-n", &namesrv, "-t", "Busy", "-m", "hello", "--count", "50",
    ];
    assert!(run(&words).status.success());
    let found = json(&["dump", "--topic", "Busy"], cluster.directory.path());
    assert_eq!(found.len(), 50);
    let (code, text) = store(&["verify"], cluster.directory.path());
    assert_eq!(code, 0, "{text}");
}
