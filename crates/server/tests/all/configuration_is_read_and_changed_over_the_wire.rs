use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use ferrocket_net::{Network, Outbound, OutboundSettings};
use ferrocket_protocol::codes::request;
use ferrocket_protocol::frame::NoHeader;

use crate::support::{Cluster, FERROCKET, Process, command};

const LIMIT: Duration = Duration::from_secs(10);

#[tokio::test]
async fn configuration_is_read_and_changed_over_the_wire() {
    let cluster = Cluster::new();
    let path = cluster.directory.path().join("broker.conf");
    let text = format!(
        "# of the user\nbrokerIP1=127.0.0.1\nlistenPort={}\nmappedFileSizeCommitLog=16777216\nstorePathRootDir={}\nmine.key=1\n",
        cluster.broker_port,
        cluster.store().display()
    );
    std::fs::write(&path, &text).unwrap();
    let arguments = ["broker", "-c", path.to_str().unwrap()];
    let mut process = Process::start(command(Path::new(FERROCKET), &arguments));
    process.line_with("The broker[");

    let network = Network::new(ferrocket_net::Limits::default());
    let outbound = Outbound::new(&network, OutboundSettings::default());
    let address = format!("127.0.0.1:{}", cluster.broker_port);
    let call = async |code: i32, body: &str| {
        let body = [Bytes::copy_from_slice(body.as_bytes())];
        outbound
            .call::<NoHeader>(&address, code, None, &body, LIMIT)
            .await
            .unwrap()
    };
    let read = call(request::GET_BROKER_CONFIG, "").await;
    let shown = String::from_utf8(read.body.to_vec()).unwrap();
    assert!(
        shown.contains("\nflushConsumerOffsetInterval=5000\n"),
        "{shown}"
    );
    assert!(shown.contains("\nmine.key=1\n"), "{shown}");
    assert!(
        shown.contains(&format!("\nlistenPort={}\n", cluster.broker_port)),
        "{shown}"
    );

    let refused = call(
        request::UPDATE_BROKER_CONFIG,
        "brokerConfigPath=/etc/passwd",
    )
    .await;
    assert_eq!(refused.code, 16);
    assert_eq!(
        refused.remark.as_deref(),
        Some("Can not update config in black list.")
    );
    let changed = call(
        request::UPDATE_BROKER_CONFIG,
        "autoCreateTopicEnable=false\nnone=1",
    )
    .await;
    assert_eq!((changed.code, changed.remark), (0, None));

    let refused = call(request::UPDATE_BROKER_CONFIG, "flushDiskType=SYNC_FLUSH").await;
    assert_eq!(refused.code, 1);
    let told = refused.remark.unwrap();
    assert!(
        told.contains("flushDiskType is read at the start only"),
        "{told}"
    );

    let written = std::fs::read_to_string(&path).unwrap();
    assert!(
        written.contains("\nautoCreateTopicEnable=false\n"),
        "{written}"
    );
    assert!(!written.contains("none=1"), "{written}");
    let before = std::fs::read_to_string(cluster.directory.path().join("broker.conf.bak")).unwrap();
    assert_eq!(before, text);
    outbound.stop(Duration::ZERO).await;
    assert!(process.terminate().success());
}
