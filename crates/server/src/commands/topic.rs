//! `ferrocket topic create | list | route`.

use std::collections::BTreeSet;

use ferrocket_client::{Admin, NewTopic};

use super::client::{self, CLOSE_LIMIT, failed, print, print_json};
use crate::cli::{self, Output, TopicCommand};
use crate::failure::{EXIT_USAGE, Failure};

/// Topics of the system itself (`TopicValidator`), left out of the list beside those with one of its
/// prefixes.
const SYSTEM_TOPICS: [&str; 7] = [
    "TBW102",
    "SCHEDULE_TOPIC_XXXX",
    "BenchmarkTest",
    "TRANS_CHECK_MAX_TIME_TOPIC",
    "SELF_TEST_TOPIC",
    "OFFSET_MOVED_EVENT",
    "CHECKPOINT_TOPIC",
];

pub(crate) fn run(options: &cli::Topic) -> Result<u8, Failure> {
    client::runtime()?.block_on(async {
        let connection = client::connect(&options.name_servers)?;
        let admin = connection.admin();
        let done = match &options.command {
            TopicCommand::Create {
                topic,
                queues,
                perm,
                cluster,
            } => {
                create(
                    &admin,
                    topic,
                    *queues,
                    *perm,
                    cluster.as_deref(),
                    options.output,
                )
                .await
            }
            TopicCommand::List { all } => list(&admin, *all, options.output).await,
            TopicCommand::Route { topic } => route(&admin, topic, options.output).await,
        };
        connection.close(CLOSE_LIMIT).await;
        done.map(|()| 0)
    })
}

async fn create(
    admin: &Admin,
    name: &str,
    queues: u32,
    perm: i32,
    cluster: Option<&str>,
    output: Output,
) -> Result<(), Failure> {
    let queues = i32::try_from(queues)
        .map_err(|_| Failure::new(EXIT_USAGE, format!("--queues {queues} is too many")))?;
    let mut topic = NewTopic::new(name);
    (topic.read_queues, topic.write_queues, topic.perm) = (queues, queues, perm);
    let clusters = match cluster {
        Some(cluster) => BTreeSet::from([cluster.to_owned()]),
        None => {
            let info = admin.cluster_info().await.map_err(|error| failed(&error))?;
            info.cluster_addr_table.into_keys().collect()
        }
    };
    if clusters.is_empty() {
        return Err(Failure::new(
            EXIT_USAGE,
            "the name server knows no broker: start one",
        ));
    }
    for cluster in clusters {
        let masters = admin
            .create_topic(&cluster, &topic)
            .await
            .map_err(|error| failed(&error))?;
        for address in masters {
            match output {
                Output::Text => print(&format!(
                    "{name} with {queues} queues on {address} ({cluster})"
                ))?,
                Output::Json => print_json(&serde_json::json!({
                    "topic": name, "queues": queues, "perm": perm,
                    "cluster": cluster, "brokerAddr": address,
                }))?,
            }
        }
    }
    Ok(())
}

async fn list(admin: &Admin, all: bool, output: Output) -> Result<(), Failure> {
    let topics = admin.topics().await.map_err(|error| failed(&error))?;
    let info = admin.cluster_info().await.map_err(|error| failed(&error))?;
    let of_brokers: BTreeSet<&String> = info
        .cluster_addr_table
        .keys()
        .chain(info.broker_addr_table.keys())
        .collect();
    let users = |topic: &&String| {
        all || !(SYSTEM_TOPICS.contains(&topic.as_str())
            || ["rmq_sys_", "RMQ_SYS_", "%RETRY%", "%DLQ%"]
                .iter()
                .any(|prefix| topic.starts_with(prefix))
            || topic.ends_with("_REPLY_TOPIC")
            || of_brokers.contains(topic))
    };
    let shown: BTreeSet<&String> = topics.iter().filter(users).collect();
    match output {
        Output::Text => shown.iter().try_for_each(|topic| print(topic)),
        Output::Json => print_json(&serde_json::json!({ "topics": shown })),
    }
}

async fn route(admin: &Admin, topic: &str, output: Output) -> Result<(), Failure> {
    let route = admin
        .topic_route(topic)
        .await
        .map_err(|error| failed(&error))?;
    if output == Output::Json {
        return print_json(&route);
    }
    for queues in &route.queue_datas {
        let broker = route
            .broker_datas
            .iter()
            .find(|b| b.broker_name == queues.broker_name);
        let addresses: Vec<String> = broker
            .map(|broker| {
                broker
                    .broker_addrs
                    .iter()
                    .map(|(id, a)| format!("{id}={a}"))
                    .collect()
            })
            .unwrap_or_default();
        print(&format!(
            "{} queues: {} to read, {} to write, perm {}, addresses {}",
            queues.broker_name,
            queues.read_queue_nums,
            queues.write_queue_nums,
            queues.perm,
            addresses.join(" ")
        ))?;
    }
    Ok(())
}
