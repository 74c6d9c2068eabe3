use crate::support::{Cluster, run, texts};

fn printed(cluster: &Cluster, arguments: &[&str]) -> String {
    let namesrv = cluster.namesrv();
    let mut all = arguments.to_vec();
    all.extend(["-n", &namesrv]);
    let output = run(&all);
    let (out, err) = texts(&output);
    assert!(output.status.success(), "{arguments:?}: {out}{err}");
    out
}

#[test]
fn topics_are_created_listed_and_located() {
    let cluster = Cluster::new();
    let mut server = cluster.start(&["brokerName=b1", "brokerClusterName=C1"]);
    let address = format!("127.0.0.1:{}", cluster.broker_port);
    assert_eq!(
        printed(&cluster, &["topic", "create", "Orders", "--queues", "3"]),
        format!("Orders with 3 queues on {address} (C1)\n")
    );
    assert_eq!(printed(&cluster, &["topic", "list"]), "Orders\n");
    assert_eq!(
        printed(&cluster, &["topic", "list", "--output", "json"]),
        "{\"topics\":[\"Orders\"]}\n"
    );
    assert_eq!(
        printed(&cluster, &["topic", "route", "Orders"]),
        format!("b1 queues: 3 to read, 3 to write, perm 6, addresses 0={address}\n")
    );
    let sent = printed(
        &cluster,
        &[
            "produce", "-t", "Orders", "-m", "one", "-m", "two", "--tag", "T",
        ],
    );
    assert_eq!(
        sent.lines()
            .filter(|line| line.starts_with("SEND_OK "))
            .count(),
        2
    );
    let got = printed(
        &cluster,
        &[
            "consume",
            "-t",
            "Orders",
            "--from",
            "first",
            "--count",
            "2",
            "--timeout",
            "30",
            "--output",
            "json",
        ],
    );
    let mut bodies: Vec<String> = got
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .map(|message| format!("{} {}", message["tags"], message["body"]))
        .collect();
    bodies.sort();
    assert_eq!(bodies, ["\"T\" \"one\"", "\"T\" \"two\""]);
    assert!(server.terminate().success());
}
