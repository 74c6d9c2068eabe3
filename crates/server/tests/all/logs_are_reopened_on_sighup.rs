use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::support::{FERROCKET, PATIENCE, Process, command, free_port};

#[test]
fn logs_are_reopened_on_sighup() {
    let home = tempfile::tempdir().unwrap();
    let log = home.path().join("ferrocket.log");
    let port = free_port().to_string();
    let arguments = [
        "namesrv",
        "--port",
        &port,
        "--log-format",
        "json",
        "--log-file",
    ];
    let mut command = command(Path::new(FERROCKET), &arguments);
    command
        .arg(&log)
        .args(["--set", "productEnvName=x"])
        .env("HOME", home.path());
    let mut process = Process::start(command);
    process.line_with("The Name Server boot success");
    let before = std::fs::read_to_string(&log).unwrap();
    assert!(before.contains("productEnvName has no effect"), "{before}");

    std::fs::rename(&log, home.path().join("old.log")).unwrap();
    process.signal(Signal::HUP);
    let deadline = Instant::now() + PATIENCE;
    let line = loop {
        let text = std::fs::read_to_string(&log).unwrap_or_default();
        if text.ends_with('\n') {
            break text;
        }
        assert!(Instant::now() < deadline, "no new log file");
        std::thread::sleep(Duration::from_millis(5));
    };
    let line: serde_json::Value = serde_json::from_str(line.lines().next().unwrap()).unwrap();
    assert_eq!(line["message"], "log reopened on SIGHUP");
    assert!(process.terminate().success());
}
