use std::net::TcpListener;
use std::path::Path;

use crate::support::{FERROCKET, Process, command, free_port};

#[test]
fn a_broker_that_waits_for_its_first_registration_closes_its_store() {
    // Takes the connection and never answers: the start waits for it.
    let name_server = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = name_server.local_addr().unwrap().to_string();
    let directory = tempfile::tempdir().unwrap();
    let store = directory.path().join("store");
    let port = free_port().to_string();
    let arguments = ["broker", "--port", &port, "-n", &address, "--data"];
    let mut arguments = arguments.to_vec();
    arguments.push(store.to_str().unwrap());
    for pair in ["brokerIP1=127.0.0.1", "mappedFileSizeCommitLog=16777216"] {
        arguments.extend(["--set", pair]);
    }
    let mut broker = Process::start(command(Path::new(FERROCKET), &arguments));
    let _connection = name_server.accept().unwrap();
    assert!(store.join("abort").exists(), "the store is open");
    let status = broker.terminate();
    assert!(status.success(), "{status}: {:#?}", broker.lines());
    assert!(!store.join("abort").exists(), "{:#?}", broker.lines());
}
