use std::io::Write;
use std::path::Path;
use std::process::{Output, Stdio};

use crate::support::{Cluster, FERROCKET, command, run, texts};

fn produce(cluster: &Cluster, stdin: &str) -> Output {
    let name_server = cluster.namesrv();
    let arguments = ["produce", "-t", "Lines", "-n", &name_server];
    let mut child = command(Path::new(FERROCKET), &arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut pipe = child.stdin.take().unwrap();
    pipe.write_all(stdin.as_bytes()).unwrap();
    drop(pipe);
    child.wait_with_output().unwrap()
}

#[test]
fn lines_of_stdin_are_messages_that_can_be_looked_at_again() {
    let cluster = Cluster::new();
    let mut server = cluster.start(&[]);
    let output = produce(&cluster, "one\n\ntwo\n");
    let (out, err) = texts(&output);
    assert!(output.status.success(), "{out}{err}");
    assert_eq!(out.lines().count(), 2, "{out}");
    assert_eq!(
        err,
        "ferrocket: 1 blank lines were skipped: a message has a body\n"
    );
    let output = produce(&cluster, "");
    assert_eq!(texts(&output).1, "ferrocket: stdin had no line to send\n");

    let name_server = cluster.namesrv();
    let look = |rest: &[&str]| {
        let mut arguments = vec!["consume", "-t", "Lines", "-n", &name_server];
        arguments.extend(rest);
        run(&arguments)
    };
    for _ in 0..2 {
        let output = look(&["--from", "first", "--count", "2", "--timeout", "60"]);
        let (out, err) = texts(&output);
        assert!(output.status.success(), "{out}{err}");
        assert!(out.contains(": one\n") && out.contains(": two\n"), "{out}");
    }
    let output = look(&["--count", "1", "--timeout", "0.2"]);
    assert_eq!(output.status.code(), Some(1));
    let (_, err) = texts(&output);
    assert!(err.starts_with("ferrocket: 0 of 1 arrived in "), "{err}");

    assert!(server.terminate().success());
    for file in ["subscriptionGroup.json", "consumerOffset.json"] {
        let path = cluster.store().join("config").join(file);
        let text = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            !text.contains("ferrocket_cli") && !text.contains("Lines@"),
            "{text}"
        );
    }
}
