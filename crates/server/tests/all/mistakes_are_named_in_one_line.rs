use std::net::TcpListener;
use std::path::Path;

use crate::support::{Cluster, FERROCKET, Process, command, free_port, run, texts};

#[test]
fn an_unknown_key_warns_with_the_nearest_known_one() {
    let cluster = Cluster::new();
    let path = cluster.directory.path().join("broker.conf");
    let store = cluster.store();
    let text = format!(
        "brokerNmae=x\nlistenPort={}\nbrokerIP1=127.0.0.1\nmappedFileSizeCommitLog=16777216\nstorePathRootDir={}\nflushDiskType=SYNC\n",
        cluster.broker_port,
        store.display()
    );
    std::fs::write(&path, text).unwrap();
    let mut process = Process::start(command(
        Path::new(FERROCKET),
        &["broker", "-c", path.to_str().unwrap()],
    ));
    process.line_with("The broker[");
    let line = process.line_with("brokerNmae");
    assert!(
        line.contains(
            "broker.conf:1: unknown key brokerNmae has no effect; did you mean brokerName?"
        ),
        "{line}"
    );
    let line = process.line_with("flushDiskType");
    assert!(
        line.contains("expected one of ASYNC_FLUSH, SYNC_FLUSH"),
        "{line}"
    );
    assert!(process.terminate().success());
}

#[test]
fn a_port_in_use_names_the_port_the_holder_and_the_remedy() {
    let port = free_port();
    let held = TcpListener::bind(("0.0.0.0", port)).unwrap();
    let output = run(&["namesrv", "--port", &port.to_string()]);
    let (_, err) = texts(&output);
    assert_eq!(output.status.code(), Some(255));
    let line = err.lines().last().unwrap();
    let holder = format!("by process {} (", std::process::id());
    assert!(
        line.contains(&format!(
            "Failed to bind to 0.0.0.0:{port}: the port is in use"
        )),
        "{line}"
    );
    assert!(
        line.contains(&holder) && line.contains("set listenPort"),
        "{line}"
    );
    drop(held);
}

#[test]
fn a_second_port_in_use_says_which_key_it_comes_from() {
    let port = free_port();
    let held = TcpListener::bind(("0.0.0.0", port - 2)).unwrap();
    let output = run(&[
        "broker",
        "--port",
        &port.to_string(),
        "--set",
        "brokerIP1=127.0.0.1",
    ]);
    let (_, err) = texts(&output);
    assert_eq!(output.status.code(), Some(255));
    let told = format!("set listenPort, now {port}: this port is two below it");
    assert!(err.contains(&told), "{err}");
    drop(held);
}

#[test]
fn a_locked_store_names_the_process_that_holds_it() {
    let cluster = Cluster::new();
    let mut server = cluster.start(&[]);
    let store = cluster.store();
    let output = run(&[
        "broker",
        "--port",
        &free_port().to_string(),
        "--data",
        store.to_str().unwrap(),
        "--set",
        "brokerIP1=127.0.0.1",
        "--set",
        "mappedFileSizeCommitLog=16777216",
    ]);
    let (_, err) = texts(&output);
    assert_eq!(output.status.code(), Some(255));
    let line = err.lines().last().unwrap();
    assert!(line.contains("Lock failed,MQ already started"), "{line}");
    assert!(
        line.contains(&format!("process {}", server.pid())),
        "{line}"
    );
    assert!(line.contains("set another one"), "{line}");
    assert!(server.terminate().success());
}

#[test]
fn a_directory_that_cannot_be_made_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    std::fs::write(&file, "in the way").unwrap();
    let store = file.join("store");
    let output = run(&[
        "broker",
        "--port",
        &free_port().to_string(),
        "--data",
        store.to_str().unwrap(),
        "--set",
        "brokerIP1=127.0.0.1",
    ]);
    let (_, err) = texts(&output);
    assert_eq!(output.status.code(), Some(255));
    let line = err.lines().last().unwrap();
    assert!(line.contains(store.to_str().unwrap()), "{line}");
    assert!(!line.contains("end what holds it"), "{line}");
}

#[test]
fn a_mistake_on_the_command_line_ends_at_once() {
    let output = run(&["broker", "--set", "flushDiskTyp=SYNC_FLUSH"]);
    let (_, err) = texts(&output);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        err,
        "ferrocket: --set flushDiskTyp=SYNC_FLUSH: unknown key flushDiskTyp; did you mean flushDiskType?\n"
    );
}

#[test]
fn a_value_out_of_range_ends_the_start_with_one_line() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("server.conf");
    for (role, line, expected) in [
        (
            "broker",
            "listenPort=99999",
            "a whole number from 0 to 65535",
        ),
        ("broker", "maxMessageSize=0", "a whole number of at least 1"),
        ("broker", "brokerName=", "a text that is not empty"),
        ("namesrv", "listenPort=-1", "a whole number from 0 to 65535"),
    ] {
        std::fs::write(&path, format!("{line}\n")).unwrap();
        let output = run(&[role, "-c", path.to_str().unwrap()]);
        let (_, err) = texts(&output);
        assert_eq!(output.status.code(), Some(253), "{err}");
        let (key, value) = line.split_once('=').unwrap();
        let told = format!(
            "ferrocket: {}:1: {key} = {value:?} cannot be, give {expected}\n",
            path.display()
        );
        assert_eq!(err, told);
    }
    let output = run(&["broker", "--set", "listenPort=99999"]);
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn a_cluster_that_is_not_there_is_named() {
    let port = free_port();
    let output = run(&["topic", "list", "-n", &format!("127.0.0.1:{port}")]);
    let (_, err) = texts(&output);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        err.contains(&port.to_string()) && err.lines().count() == 1,
        "{err}"
    );
}
