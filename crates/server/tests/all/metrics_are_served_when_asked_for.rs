//! `metricsExporterType=PROM` opens a port that answers Prometheus; nothing else does.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::support::*;

fn ask(address: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn address(process: &Process) -> String {
    let line = process.line_with("metrics at http://");
    let (_, rest) = line.split_once("http://").unwrap();
    rest.split('/').next().unwrap().to_owned()
}

#[test]
fn with_the_state_of_store_and_disks() {
    let cluster = Cluster::new();
    let mut process = cluster.start(&[
        "metricsExporterType=PROM",
        "metricsPromExporterPort=0",
        "metricsPromExporterHost=127.0.0.1",
        "metricsLabel=zone:a",
        "brokerName=broker-m",
    ]);
    let address = address(&process);
    let answer = ask(&address, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert!(
        head.contains("Content-Type: text/plain; version=0.0.4"),
        "{head}"
    );
    assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())));
    let labels = "{cluster=\"DefaultCluster\",node_id=\"broker-m\",node_type=\"broker\",otel_scope_name=\"broker-meter\",zone=\"a\"";
    for sample in [
        format!("rocketmq_broker_permission{labels}}} 6"),
        format!(
            "rocketmq_storage_dispatch_behind_bytes{labels},storage_medium=\"disk\",storage_type=\"local\"}} 0"
        ),
        format!("ferrocket_store_writable{labels}}} 1"),
        format!("ferrocket_store_refuses{labels},cause=\"poisoned\"}} 0"),
        format!("ferrocket_store_refuses{labels},cause=\"disk_reserve\"}} 0"),
        format!("ferrocket_store_log_offset{labels},edge=\"min\"}} 0"),
        format!("ferrocket_net_closed_total{labels},reason=\"slow_reader\"}} 0"),
    ] {
        assert!(
            body.lines().any(|line| line == sample),
            "{sample} is not in {body}"
        );
    }
    let log = cluster.store().join("commitlog");
    for family in ["used_ratio", "free_bytes", "size_bytes", "reserved_bytes"] {
        let sample = format!(
            "ferrocket_disk_{family}{labels},path=\"{}\"}} ",
            log.display()
        );
        assert!(body.contains(&sample), "{sample} is not in {body}");
    }
    let head_only = ask(&address, "HEAD /metrics HTTP/1.1\r\n\r\n");
    assert!(head_only.starts_with("HTTP/1.1 200 OK") && head_only.ends_with("\r\n\r\n"));
    for (request, status) in [
        ("GET / HTTP/1.1\r\n\r\n", "404"),
        ("POST /metrics HTTP/1.1\r\n\r\n", "405"),
        ("hello\r\n\r\n", "400"),
    ] {
        let answer = ask(&address, request);
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{answer}"
        );
    }
    assert!(process.terminate().success());
    assert!(TcpStream::connect(&address).is_err());
}

#[test]
fn and_a_port_in_use_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().to_str().unwrap();
    let broker_port = free_port().to_string();
    let output = run(&[
        "broker",
        "--port",
        &broker_port,
        "--data",
        data,
        "--set",
        "brokerIP1=127.0.0.1",
        "--set",
        "metricsExporterType=PROM",
        "--set",
        "metricsPromExporterHost=127.0.0.1",
        "--set",
        &format!("metricsPromExporterPort={port}"),
    ]);
    let (_, stderr) = texts(&output);
    assert!(!output.status.success());
    assert!(
        stderr.contains("for /metrics") && stderr.contains("metricsPromExporterPort"),
        "{stderr}"
    );
}
