use std::net::TcpListener;

use crate::support::{free_port, run, texts};

#[test]
fn quickstart_prints_the_messages_that_it_received() {
    let (namesrv, broker) = (free_port().to_string(), free_port().to_string());
    let output = run(&[
        "quickstart",
        "--exit",
        "--namesrv-port",
        &namesrv,
        "--broker-port",
        &broker,
    ]);
    let (out, err) = texts(&output);
    assert!(output.status.success(), "{out}{err}");
    for number in 1..=3 {
        let count = |verb: &str| {
            let text = format!("Hello from Ferrocket, message {number}");
            out.lines()
                .filter(|line| line.starts_with(verb) && line.contains(&text))
                .count()
        };
        assert_eq!((count("sent"), count("received")), (1, 1), "{out}");
    }
    let directory = out
        .split("Messages are kept in ")
        .nth(1)
        .unwrap()
        .split(';')
        .next()
        .unwrap();
    assert!(
        !std::path::Path::new(directory).exists(),
        "{directory} was left behind"
    );
}

#[test]
fn a_broker_conf_that_is_there_is_kept() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("broker.conf");
    let (namesrv, broker) = (free_port().to_string(), free_port());
    let quickstart = || {
        run(&[
            "quickstart",
            "--exit",
            "--namesrv-port",
            &namesrv,
            "--broker-port",
            &broker.to_string(),
            "--data",
            directory.path().to_str().unwrap(),
        ])
    };
    let held = TcpListener::bind(("127.0.0.1", broker)).unwrap();
    assert!(!quickstart().status.success());
    assert!(!path.exists(), "written before the port was ours");
    drop(held);

    let mine = "# mine\nbrokerName=mine\nmappedFileSizeCommitLog=16777216\n";
    std::fs::write(&path, mine).unwrap();
    let output = quickstart();
    let (out, err) = texts(&output);
    assert!(output.status.success(), "{out}{err}");
    assert!(out.contains("The broker[mine, 127.0.0.1:"), "{out}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), mine);
}
