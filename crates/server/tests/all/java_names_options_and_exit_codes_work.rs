use std::path::{Path, PathBuf};
use std::process::Output;

use crate::support::{Cluster, FERROCKET, Process, command, free_port, texts};

/// Hard links in a directory of our own: `mqshutdown` then finds these processes and no others.
struct Scripts(tempfile::TempDir);

impl Scripts {
    fn new() -> Self {
        let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let copy = directory.path().join("ferrocket");
        if std::fs::hard_link(FERROCKET, &copy).is_err() {
            std::fs::copy(FERROCKET, &copy).unwrap();
        }
        for name in ["mqnamesrv", "mqbroker", "mqshutdown"] {
            std::os::unix::fs::symlink("ferrocket", directory.path().join(name)).unwrap();
        }
        Self(directory)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn run(&self, name: &str, arguments: &[&str]) -> Output {
        command(&self.path(name), arguments).output().unwrap()
    }
}

#[test]
fn options_have_java_texts_and_codes() {
    let scripts = Scripts::new();
    let help = scripts.run("mqbroker", &["-h"]);
    assert_eq!(help.status.code(), Some(0));
    assert!(
        texts(&help)
            .0
            .starts_with("usage: mqbroker [-c <arg>] [-h] [-m] [-n <arg>] [-p]\n")
    );

    let unknown = scripts.run("mqnamesrv", &["--nosuch"]);
    assert_eq!(unknown.status.code(), Some(1));
    let (out, err) = texts(&unknown);
    assert_eq!(err, "Unrecognized option: --nosuch\n");
    assert!(out.starts_with("usage: mqnamesrv"), "{out}");

    let printed = scripts.run("mqnamesrv", &["-p"]);
    assert_eq!(printed.status.code(), Some(0));
    assert!(texts(&printed).0.contains(" INFO main - listenPort=9876\n"));

    let illegal = scripts.run("mqbroker", &["-n", "nonsense"]);
    assert_eq!(illegal.status.code(), Some(253));
    assert_eq!(
        texts(&illegal).0,
        "The Name Server Address[nonsense] illegal, please set it as follows, \"127.0.0.1:9876;192.168.0.1:9876\"\n"
    );

    let missing = scripts.run("mqbroker", &["-c", "/nonexistent/b.conf"]);
    assert_eq!(missing.status.code(), Some(255));

    // The same by a word instead of a name.
    let word = command(Path::new(FERROCKET), &["mqnamesrv", "-h"])
        .output()
        .unwrap();
    assert!(texts(&word).0.starts_with("usage: mqnamesrv"));
}

#[test]
fn a_file_with_a_bad_escape_ends_with_255() {
    let scripts = Scripts::new();
    let path = scripts.path("n.conf");
    std::fs::write(&path, "a=1\nkvConfigPath=\\u12\n").unwrap();
    let output = scripts.run("mqnamesrv", &["-c", path.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(255));
    assert!(
        texts(&output).1.contains("n.conf: line 2: "),
        "{:?}",
        texts(&output)
    );
}

#[test]
fn servers_boot_with_java_lines_and_mqshutdown_ends_them() {
    let scripts = Scripts::new();
    let cluster = Cluster::new();
    let namesrv_port = free_port();
    let namesrv_conf = scripts.path("n.conf");
    let kv = scripts.path("kv.json");
    std::fs::write(
        &namesrv_conf,
        format!("listenPort={namesrv_port}\nkvConfigPath={}\n", kv.display()),
    )
    .unwrap();
    let conf = namesrv_conf.to_str().unwrap();
    let mut namesrv = Process::start(command(&scripts.path("mqnamesrv"), &["-c", conf]));
    namesrv.line_with(&format!("load config properties file OK, {conf}"));
    namesrv.line_with(&format!(
        "The Name Server boot success. serializeType=JSON, address 0.0.0.0:{namesrv_port}"
    ));

    let broker_conf = scripts.path("b.conf");
    let port = cluster.broker_port;
    let text = format!(
        "brokerName=broker-a\nbrokerIP1=127.0.0.1\nlistenPort={port}\nmappedFileSizeCommitLog=16777216\nstorePathRootDir={}\n",
        cluster.store().display()
    );
    std::fs::write(&broker_conf, text).unwrap();
    let address = format!("127.0.0.1:{namesrv_port}");
    let arguments = ["-c", broker_conf.to_str().unwrap(), "-n", &address];
    let mut broker = Process::start(command(&scripts.path("mqbroker"), &arguments));
    broker.line_with(&format!("The broker[broker-a, 127.0.0.1:{port}] boot success. serializeType=JSON and name server is {address}"));

    let stopped = scripts.run("mqshutdown", &["broker"]);
    let pid = broker.pid();
    assert_eq!(stopped.status.code(), Some(0));
    assert_eq!(
        texts(&stopped).0,
        format!("The mqbroker({pid}) is running...\nSend shutdown request to mqbroker({pid}) OK\n")
    );
    assert_eq!(broker.wait().code(), Some(143));
    let again = scripts.run("mqshutdown", &["broker"]);
    assert_eq!(
        (again.status.code(), texts(&again).0.as_str()),
        (Some(1), "No mqbroker running.\n")
    );
    assert_eq!(
        scripts.run("mqshutdown", &["namesrv"]).status.code(),
        Some(0)
    );
    assert_eq!(namesrv.wait().code(), Some(143));
}
