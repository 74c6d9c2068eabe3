//! Our store goes on with a directory: opens it, appends, lists what it shows, and stops.

use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use ferrocket_golden::{list_whole, parse_conf, store_config};
use ferrocket_protocol::message::sys_flag;
use ferrocket_store::disk::os::OsDisk;
use ferrocket_store::{AppendBatch, FlushMode, NewMessage, NoSignals, QueueType, Store};

use crate::Stop;

const BATCH_QUEUES: &str = "batchconsumequeue";

/// Topics whose messages only make sense with what their own part of a broker adds.
const SYSTEM_TOPICS: [&str; 5] = [
    "SCHEDULE_TOPIC_XXXX",
    "RMQ_SYS_TRANS_HALF_TOPIC",
    "RMQ_SYS_TRANS_OP_HALF_TOPIC",
    "rmq_sys_wheel_timer",
    "TRANS_CHECK_MAX_TIME_TOPIC",
];

pub(crate) fn run(directory: &Path, stop: Stop) -> Result<()> {
    let root = directory.join("store");
    let conf = parse_conf(&fs::read_to_string(directory.join("broker.conf"))?);
    let config = store_config(&conf, &root);
    let now_ms = now_ms()?;
    let store = Store::open(Arc::new(OsDisk), config, Arc::new(NoSignals), now_ms)?;
    while !store.index_progress().complete {
        store.build_index(1 << 20)?;
    }

    let mut queues = queues_below(&root.join("consumequeue"))?;
    let batch_queues = queues_below(&root.join(BATCH_QUEUES))?;
    let wanted = queues
        .iter()
        .filter(|(topic, _)| {
            !topic.starts_with("%LMQ%") && !SYSTEM_TOPICS.contains(&topic.as_str())
        })
        .cloned()
        .chain((0..3).map(|id| ("OursTopic".to_owned(), id)));
    let wanted: BTreeSet<(String, i32)> = wanted.collect();
    append(&store, &wanted, QueueType::Simple, 3)?;
    append(&store, &batch_queues, QueueType::Batch, 3)?;
    // Some of it is durable and known to the checkpoint, the rest is not.
    store.flush(now_ms)?;
    store.flush_queues(now_ms)?;
    append(&store, &wanted, QueueType::Simple, 3)?;
    append(&store, &batch_queues, QueueType::Batch, 3)?;
    if store.config().flush_mode == FlushMode::Sync {
        // Only what is durable can be read.
        store.flush(now_ms)?;
    }

    queues.extend(batch_queues);
    queues.extend(wanted);
    let queues: Vec<(String, i32)> = queues.into_iter().collect();
    let listing = list_whole(&store, &queues)?;
    fs::write(directory.join("ours.json"), serde_json::to_vec(&listing)?)?;
    match stop {
        Stop::Clean => store.close(now_ms)?,
        Stop::Kill => {
            let this = rustix::process::getpid();
            rustix::process::kill_process(this, rustix::process::Signal::KILL)?;
            bail!("killed and still here");
        }
    }
    Ok(())
}

fn now_ms() -> Result<i64> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    Ok(i64::try_from(now.as_millis())?)
}

/// Topics and numbers of the queues that have a directory.
fn queues_below(directory: &Path) -> Result<BTreeSet<(String, i32)>> {
    let mut queues = BTreeSet::new();
    if !directory.exists() {
        return Ok(queues);
    }
    for topic in fs::read_dir(directory)? {
        let topic = topic?;
        let name = topic.file_name().into_string();
        let name = name.ok().context("a topic that is no text")?;
        for queue in fs::read_dir(topic.path())? {
            let id = queue?.file_name().to_string_lossy().parse()?;
            queues.insert((name.clone(), id));
        }
    }
    Ok(queues)
}

fn append(
    store: &Store,
    queues: &BTreeSet<(String, i32)>,
    queue_type: QueueType,
    each: usize,
) -> Result<()> {
    for round in 0..each {
        for (topic, queue_id) in queues {
            let at = store.max_offset(topic, *queue_id);
            let unique = format!("OURS-{queue_id}-{at}");
            // The last of a round in a batch queue is an inner batch of two.
            let is_inner_batch = queue_type == QueueType::Batch && round % 3 == 2;
            let properties = match round % 3 {
                _ if is_inner_batch => format!("INNER_NUM\x012\x02UNIQ_KEY\x01{unique}\x02"),
                0 => format!("UNIQ_KEY\x01{unique}\x02"),
                1 => format!("UNIQ_KEY\x01{unique}\x02TAGS\x01TagA\x02"),
                _ => format!("UNIQ_KEY\x01{unique}\x02KEYS\x01ours k{round}\x02TAGS\x01TagB\x02"),
            };
            let body = format!("ours {topic} {queue_id} {at}").repeat(1 + round);
            let message = NewMessage {
                topic,
                queue_id: *queue_id,
                flag: 7,
                sys_flag: if is_inner_batch {
                    sys_flag::INNER_BATCH
                } else {
                    0
                },
                born_ms: now_ms()?,
                born_host: SocketAddr::from(([127, 0, 0, 1], 50000)),
                store_host: SocketAddr::from(([127, 0, 0, 1], 10911)),
                reconsume_times: 0,
                prepared_transaction_offset: 0,
                properties: properties.as_bytes(),
                body: body.as_bytes(),
            };
            let mut batch = AppendBatch::new();
            batch.push_to(store.config(), queue_type, &[message])?;
            store.append(now_ms()?, &mut batch);
            for result in batch.results() {
                if let Err(error) = result {
                    bail!("{topic}/{queue_id}: {error}");
                }
            }
        }
    }
    Ok(())
}
