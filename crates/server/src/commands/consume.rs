//! `ferrocket consume`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ferrocket_client::{Listener, Outcome, PushSettings, StartFrom, StoredMessage};
use tokio::sync::Notify;

use super::client::{self, CLOSE_LIMIT, failed, json_of, print, print_json, text_of};
use crate::cli::{self, Output};
use crate::failure::Failure;

pub(crate) fn run(options: &cli::Consume) -> Result<u8, Failure> {
    client::runtime()?.block_on(async {
        let connection = client::connect(&options.name_servers)?;
        let group = options
            .group
            .clone()
            .unwrap_or_else(|| format!("ferrocket_cli_{}", std::process::id()));
        let mut settings = PushSettings::new(group).subscribe(&options.topic, &options.tag);
        settings.start_from = match options.from {
            cli::From::First => StartFrom::Earliest,
            cli::From::Last => StartFrom::Latest,
        };
        let done = Arc::new(Notify::new());
        let printer = Printer {
            output: options.output,
            wanted: options.count.unwrap_or(u64::MAX),
            printed: Arc::default(),
            done: Arc::clone(&done),
        };
        let printed = Arc::clone(&printer.printed);
        let consumer =
            connection.push_consumer(settings, printer).await.map_err(|error| failed(&error))?;
        let code = tokio::select! {
            () = done.notified() => 0,
            () = expire(options.timeout) => {
                u8::from(options.count.is_some_and(|wanted| printed.load(Ordering::Relaxed) < wanted))
            }
            _ = tokio::signal::ctrl_c() => 0,
        };
        consumer.shutdown(CLOSE_LIMIT).await;
        connection.close(CLOSE_LIMIT).await;
        Ok(code)
    })
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
