//! `ferrocket consume`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ferrocket_client::{Listener, Outcome, PushSettings, StartFrom, StoredMessage};
use tokio::sync::Notify;

use super::client::{self, CLOSE_LIMIT, failed, json_of, note, print, print_json, text_of};
use super::watch::watch;
use crate::cli::{self, Output};
use crate::failure::Failure;

pub(crate) fn run(options: &cli::Consume) -> Result<u8, Failure> {
    client::runtime()?.block_on(async {
        let connection = client::connect(&options.name_servers)?;
        let done = Arc::new(Notify::new());
        let printer = Printer {
            output: options.output,
            wanted: options.count.unwrap_or(u64::MAX),
            printed: Arc::default(),
            done: Arc::clone(&done),
        };
        let printed = Arc::clone(&printer.printed);
        let started = Instant::now();
        let code = {
            let ended = async {
                tokio::select! {
                    () = done.notified() => 0,
                    () = expire(options.timeout) => told(options, printed.load(Ordering::Relaxed), started),
                    _ = tokio::signal::ctrl_c() => 0,
                }
            };
            match &options.group {
                Some(group) => {
                    let mut settings = PushSettings::new(group).subscribe(&options.topic, &options.tag);
                    settings.start_from = match options.from {
                        cli::From::First => StartFrom::Earliest,
                        cli::From::Last => StartFrom::Latest,
                    };
                    let consumer =
                        connection.push_consumer(settings, printer).await.map_err(|error| failed(&error))?;
                    let code = ended.await;
                    consumer.shutdown(CLOSE_LIMIT).await;
                    code
                }
                None => tokio::select! {
                    code = ended => code,
                    stopped = watch(&connection, options, Arc::new(printer)) => stopped.map(|()| 0)?,
                },
            }
        };
        connection.close(CLOSE_LIMIT).await;
        Ok(code)
    })
}

/// Says what came in the time; the exit code.
fn told(options: &cli::Consume, printed: u64, started: Instant) -> u8 {
    let of = options
        .count
        .map_or_else(String::new, |wanted| format!(" of {wanted}"));
    note(&format!(
        "{printed}{of} arrived in {:.1} s",
        started.elapsed().as_secs_f64()
    ));
    u8::from(options.count.is_some_and(|wanted| printed < wanted))
}

async fn expire(timeout: Option<f64>) {
    match timeout.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()) {
        Some(timeout) => tokio::time::sleep(timeout).await,
        None => std::future::pending().await,
    }
}

struct Printer {
    output: Output,
    wanted: u64,
    printed: Arc<AtomicU64>,
    done: Arc<Notify>,
}

impl Printer {
    /// False when nothing more is wanted or the line could not be printed.
    fn print(&self, message: &StoredMessage) -> Result<bool, Failure> {
        let taken = self
            .printed
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |printed| {
                (printed < self.wanted).then_some(printed + 1)
            });
        let Ok(before) = taken else { return Ok(false) };
        match self.output {
            Output::Text => print(&text_of(message))?,
            Output::Json => print_json(&json_of(message))?,
        }
        if before + 1 >= self.wanted {
            self.done.notify_one();
        }
        Ok(true)
    }
}

impl Listener for Printer {
    async fn consume(&self, messages: &[StoredMessage]) -> Outcome {
        for message in messages {
            match self.print(message) {
                Ok(true) => {}
                Ok(false) => return Outcome::Retry,
                Err(_) => {
                    // A closed pipe: nobody reads any more.
                    self.done.notify_one();
                    return Outcome::Retry;
                }
            }
        }
        Outcome::Ack
    }
}
