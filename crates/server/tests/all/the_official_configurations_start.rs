use std::path::Path;

use crate::support::{Cluster, FERROCKET, Process, command, free_port};

const CONF: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/conf");

/// As it is but for the port, which may be taken on the machine of a test. The store is Java's
/// default, `$HOME/store`, in a home of its own.
fn start_broker(file: &str, name: &str) -> Process {
    let cluster = Cluster::new();
    let (path, port) = (format!("{CONF}/{file}"), cluster.broker_port.to_string());
    let name_server = format!("127.0.0.1:{}", free_port());
    let arguments = ["broker", "-c", &path, "-n", &name_server, "--port", &port];
    let mut command = command(Path::new(FERROCKET), &arguments);
    command.env("HOME", cluster.directory.path());
    let mut process = Process::start(command);
    let line = process.line_with("The broker[");
    assert!(line.starts_with(&format!("The broker[{name}, ")), "{line}");
    assert!(cluster.directory.path().join("store/commitlog").exists());
    let warned = process
        .lines()
        .into_iter()
        .any(|line| line.contains("unknown key"));
    assert!(!warned, "{:#?}", process.lines());
    assert!(process.terminate().success());
    process
}

#[test]
fn the_configurations_of_two_masters_start() {
    start_broker("2m-noslave/broker-a.properties", "broker-a");
    start_broker("2m-noslave/broker-b.properties", "broker-b");
    start_broker("2m-noslave/broker-trace.properties", "broker-trace");
}

#[test]
fn the_configuration_of_a_single_broker_starts() {
    start_broker("broker.conf", "broker-a");
}

#[test]
fn keys_of_old_releases_are_understood() {
    let process = start_broker("legacy.conf", "broker-old");
    let line = process.line_with("mapedFileSizeCommitLog");
    assert!(line.contains("taken as mappedFileSizeCommitLog"), "{line}");
}

#[test]
fn a_name_server_file_that_begins_with_markup_starts() {
    let home = tempfile::tempdir().unwrap();
    let (path, port) = (
        format!("{CONF}/controller/namesrv-n0.conf"),
        free_port().to_string(),
    );
    let arguments = ["namesrv", "-c", &path, "--port", &port];
    let mut command = command(Path::new(FERROCKET), &arguments);
    command.env("HOME", home.path());
    let mut process = Process::start(command);
    process.line_with(&format!(
        "The Name Server boot success. serializeType=JSON, address 0.0.0.0:{port}"
    ));
    process.line_with("lines are not settings");
    process.line_with("there is no controller in this version");
    assert!(process.terminate().success());
}
