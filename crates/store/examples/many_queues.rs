//! What many queues cost: makes them, one message each, stops, opens them in a new process and prints
//! the time and the resident memory; then kills that one and opens once more. Sums at the end.
//!
//! `cargo run --release -p ferrocket-store --example many_queues -- QUEUES [DIRECTORY]`
//!
//! Needs two inodes and some blocks for each queue; the directory is removed afterwards.

#![expect(clippy::disallowed_methods, reason = "measures real time")]
#![expect(clippy::print_stdout, reason = "prints its result")]

use std::error::Error;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use ferrocket_store::disk::os::OsDisk;
use ferrocket_store::{AppendBatch, NewMessage, NoSignals, Store, StoreConfig};

const QUEUES_PER_TOPIC: usize = 8;
const BATCH: usize = 64;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let first = arguments.next().ok_or("say how many queues")?;
    if first == "open" {
        let root = arguments.next().ok_or("say which directory")?;
        return open(Path::new(&root), arguments.next().is_some());
    }
    let queues: usize = first.parse()?;
    let base = arguments.next().map_or_else(std::env::temp_dir, Into::into);
    let root = base.join(format!("many-queues-{}", std::process::id()));
    let outcome = measure(&root, queues);
    std::fs::remove_dir_all(&root)?;
    outcome
}

/// Small files, so that the blocks of the queues do not fill the disk.
fn config(root: &Path) -> StoreConfig {
    StoreConfig {
        queue_file_bytes: 2000,
        message_index_enable: false,
        ..StoreConfig::new(root)
    }
}

fn measure(root: &Path, queues: usize) -> Result<(), Box<dyn Error>> {
    let config = config(root);
    let store = Store::open(
        Arc::new(OsDisk),
        config.clone(),
        Arc::new(NoSignals),
        now_ms(),
    )?;
    let empty_bytes = resident_bytes()?;
    let mut batch = AppendBatch::new();
    let appending = Instant::now();
    for first in (0..queues).step_by(BATCH) {
        batch.clear();
        for queue in first..queues.min(first + BATCH) {
            let topic = format!("topic-{:07}", queue / QUEUES_PER_TOPIC);
            let id = i32::try_from(queue % QUEUES_PER_TOPIC)?;
            batch.push(&config, &message(&topic, id))?;
        }
        store.append(now_ms(), &mut batch);
        if batch.results().iter().any(Result::is_err) {
            return Err(format!("refused: {:?}", batch.results().first()).into());
        }
    }
    println!("{queues} queues: appended in {:.1?}", appending.elapsed());
    tell_memory("with an unwritten entry each", empty_bytes, queues)?;
    let writing = Instant::now();
    store.flush_queues(now_ms())?;
    println!("written in {:.1?}", writing.elapsed());
    let writing = Instant::now();
    store.flush_queues(now_ms())?;
    println!("looked at once more in {:.1?}", writing.elapsed());
    tell_memory("written", empty_bytes, queues)?;
    let closing = Instant::now();
    store.close(now_ms())?;
    println!("synced and closed in {:.1?}", closing.elapsed());
    drop(store);
    for how in ["stopped", "killed"] {
        println!("after it was {how}:");
        let mut again = Command::new(std::env::current_exe()?);
        again.arg("open").arg(root);
        if how == "killed" {
            again.arg("then stop");
        }
        if !again.status()?.success() {
            return Err("the second process failed".into());
        }
    }
    Ok(())
}

/// Opens the store; leaves it as a killed process does unless it is to be stopped.
fn open(root: &Path, stop: bool) -> Result<(), Box<dyn Error>> {
    let before = resident_bytes()?;
    let opening = Instant::now();
    let store = Store::open(
        Arc::new(OsDisk),
        config(root),
        Arc::new(NoSignals),
        now_ms(),
    )?;
    println!("opened in {:.1?}", opening.elapsed());
    let report = store.recovery_report();
    println!("{} records read", report.records_scanned);
    let queues = usize::try_from(store.appended().0 / RECORD_BYTES)?;
    tell_memory("at rest", before, queues)?;
    let idle = Instant::now();
    store.flush_queues(now_ms())?;
    println!("a look at idle queues takes {:.1?}", idle.elapsed());
    if stop {
        store.close(now_ms())?;
    }
    Ok(())
}

/// Topics are named so that all records have this length.
const RECORD_BYTES: i64 = 91 + 13 + 8;

fn message(topic: &str, queue_id: i32) -> NewMessage<'_> {
    NewMessage {
        topic,
        queue_id,
        flag: 0,
        sys_flag: 0,
        born_ms: 1,
        born_host: SocketAddr::from(([127, 0, 0, 1], 50000)),
        store_host: SocketAddr::from(([127, 0, 0, 1], 10911)),
        reconsume_times: 0,
        prepared_transaction_offset: 0,
        properties: b"",
        body: b"12345678",
    }
}

fn tell_memory(when: &str, before: u64, queues: usize) -> Result<(), Box<dyn Error>> {
    let now = resident_bytes()?;
    let each = now.saturating_sub(before) / queues.max(1) as u64;
    println!(
        "resident {when}: {} MiB, {each} bytes for each queue",
        now >> 20
    );
    Ok(())
}

fn resident_bytes() -> Result<u64, Box<dyn Error>> {
    let statm = std::fs::read_to_string("/proc/self/statm")?;
    let pages: u64 = statm
        .split(' ')
        .nth(1)
        .ok_or("no resident pages")?
        .parse()?;
    Ok(pages * 4096)
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    })
}
