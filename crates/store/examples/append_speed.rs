//! How long an append takes, on the operating system's files, without sockets: one thread, batches
//! of 32, four queues, each message with a unique key of its own and a tag. Prints nanoseconds for each message, encoding included.
//!
//! `cargo run --release -p ferrocket-store --example append_speed [DIRECTORY]`

#![expect(clippy::disallowed_methods, reason = "measures real time")]
#![expect(clippy::print_stdout, reason = "prints its result")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use ferrocket_store::disk::os::OsDisk;
use ferrocket_store::{
    AppendBatch, NewMessage, NoSignals, QueueOffset, ReadRequest, Store, StoreConfig,
};

const BATCH: usize = 32;
const MESSAGES: usize = 1_000_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let base = std::env::args()
        .nth(1)
        .map_or_else(std::env::temp_dir, Into::into);
    for body_bytes in [128, 1024] {
        let root = base.join(format!("append-speed-{}-{body_bytes}", std::process::id()));
        let outcome = measure(StoreConfig::new(&root), body_bytes);
        std::fs::remove_dir_all(&root)?;
        outcome?;
    }
    Ok(())
}

fn measure(config: StoreConfig, body_bytes: usize) -> Result<(), Box<dyn std::error::Error>> {
    let opening = Instant::now();
    let store = Store::open(
        Arc::new(OsDisk),
        config.clone(),
        Arc::new(NoSignals),
        now_ms(),
    )?;
    let opened = opening.elapsed();
    let body = vec![b'x'; body_bytes];
    let mut batch = AppendBatch::new();
    let mut in_append = Duration::ZERO;
    let cpu_before = cpu_ns();
    let mut slowest = Duration::ZERO;
    let began = Instant::now();
    for round in 0..MESSAGES / BATCH {
        batch.clear();
        for number in 0..BATCH {
            let key = (round * BATCH + number) as u64;
            let properties = properties(key.wrapping_mul(0x9E37_79B9_7F4A_7C15));
            let queue_id = i32::try_from(number % 4)?;
            batch.push(&config, &message(queue_id, &properties, &body))?;
        }
        let appending = Instant::now();
        store.append(now_ms(), &mut batch);
        let took = appending.elapsed();
        in_append += took;
        slowest = slowest.max(took);
        if round % 4096 == 4095 {
            store.flush_queues(now_ms())?;
        }
    }
    let cpu_appending = cpu_ns() - cpu_before;
    let each = |took: Duration| took.as_nanos() / MESSAGES as u128;
    println!(
        "{body_bytes} B: {} ns of CPU, {} ns/message, {} of them in append, slowest append {} us, open {} us",
        cpu_appending / MESSAGES as u64,
        each(began.elapsed()),
        each(in_append),
        slowest.as_micros(),
        opened.as_micros()
    );
    let cpu_before = cpu_ns();
    let read = each(read_all(&store)?);
    let cpu_reading = (cpu_ns() - cpu_before) / MESSAGES as u64;
    println!("{body_bytes} B: read {cpu_reading} ns of CPU, {read} ns/message");
    let flushing = Instant::now();
    store.flush(now_ms())?;
    println!(
        "{body_bytes} B: last flush {} ms",
        flushing.elapsed().as_millis()
    );
    drop(store);
    let recovering = Instant::now();
    let store = Store::open(Arc::new(OsDisk), config, Arc::new(NoSignals), now_ms())?;
    println!(
        "{body_bytes} B: recovery after a kill {} ms for {} records",
        recovering.elapsed().as_millis(),
        store.recovery_report().records_scanned
    );
    store.close(now_ms())?;
    drop(store);
    Ok(())
}

fn read_all(store: &Store) -> Result<Duration, Box<dyn std::error::Error>> {
    let reading = Instant::now();
    for queue_id in 0..4 {
        let mut offset = QueueOffset(0);
        while offset < store.max_offset("TopicTest", queue_id) {
            let request = ReadRequest {
                topic: "TopicTest",
                queue_id,
                offset,
                messages_max: 32,
                bytes_max: 1 << 20,
                hot_only: false,
            };
            offset = store.read(&request, &mut |_| true)?.next_offset;
        }
    }
    Ok(reading.elapsed())
}

fn message<'a>(queue_id: i32, properties: &'a [u8], body: &'a [u8]) -> NewMessage<'a> {
    NewMessage {
        topic: "TopicTest",
        queue_id,
        flag: 0,
        sys_flag: 0,
        born_ms: 1_700_000_000_000,
        born_host: SocketAddr::from(([127, 0, 0, 1], 50000)),
        store_host: SocketAddr::from(([127, 0, 0, 1], 10911)),
        reconsume_times: 0,
        prepared_transaction_offset: 0,
        properties,
        body,
    }
}

fn properties(key: u64) -> Vec<u8> {
    format!("UNIQ_KEY\x017F0000010B2C18B4{key:016X}\x02WAIT\x01true\x02TAGS\x01TagA\x02")
        .into_bytes()
}

/// What this thread spent on a processor, which does not grow with what else the machine does; 0
/// where the kernel does not say.
fn cpu_ns() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split_whitespace()
        .next()
        .and_then(|field| field.parse().ok())
        .unwrap_or(0)
}

fn now_ms() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
