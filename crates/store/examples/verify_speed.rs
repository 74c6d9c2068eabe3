//! How fast a store is checked, on the operating system's files and from the page cache: a log of
//! about 1 GiB, bodies of 1 KiB, four queues, two index entries a message.
//!
//! `cargo run --release -p ferrocket-store --example verify_speed [DIRECTORY]`

#![expect(clippy::disallowed_methods, reason = "measures real time")]
#![expect(clippy::print_stdout, reason = "prints its result")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use ferrocket_store::disk::os::OsDisk;
use ferrocket_store::inspect::{Depth, Listener, StoreView, verify};
use ferrocket_store::{AppendBatch, NewMessage, NoSignals, Store, StoreConfig};

const MESSAGES: u64 = 900_000;
const BATCH: u64 = 32;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let base = std::env::args()
        .nth(1)
        .map_or_else(std::env::temp_dir, Into::into);
    let root = base.join(format!("verify-speed-{}", std::process::id()));
    let outcome = measure(&StoreConfig::new(&root));
    std::fs::remove_dir_all(&root)?;
    outcome
}

fn measure(config: &StoreConfig) -> Result<(), Box<dyn std::error::Error>> {
    fill(config)?;
    let view = StoreView::new(Arc::new(OsDisk), config.clone());
    let began = Instant::now();
    let done = verify(
        &view,
        Depth::Full,
        &mut Listener {
            progress: &mut |_| {},
            fault: &mut |fault| println!("{fault:?}"),
        },
    )?;
    let seconds = began.elapsed().as_secs_f64();
    let mib = done.log_bytes as f64 / f64::from(1 << 20);
    println!(
        "{} records, {mib:.0} MiB, {} index entries: {seconds:.2} s, {:.0} MiB/s",
        done.records,
        done.index_entries,
        mib / seconds
    );
    Ok(())
}

fn fill(config: &StoreConfig) -> Result<(), Box<dyn std::error::Error>> {
    let store = Store::open(Arc::new(OsDisk), config.clone(), Arc::new(NoSignals), 1)?;
    let body = vec![b'x'; 1024];
    let mut batch = AppendBatch::new();
    for round in 0..MESSAGES / BATCH {
        batch.clear();
        for number in 0..BATCH {
            let key = format!("KEYS\x01key-{round}-{number}\x02TAGS\x01tag\x02");
            let message = NewMessage {
                topic: "TopicTest",
                queue_id: i32::try_from(number % 4)?,
                flag: 0,
                sys_flag: 0,
                born_ms: 1_700_000_000_000,
                born_host: SocketAddr::from(([127, 0, 0, 1], 50000)),
                store_host: SocketAddr::from(([127, 0, 0, 1], 10911)),
                reconsume_times: 0,
                prepared_transaction_offset: 0,
                properties: key.as_bytes(),
                body: &body,
            };
            batch.push(config, &message)?;
        }
        store.append(1_700_000_000_000 + i64::try_from(round)?, &mut batch);
    }
    store.close(1_700_000_100_000)?;
    Ok(())
}
