//! Joins a group and prints what it gets until Ctrl-C:
//! `cargo run -p ferrocket-client --example consumer -- 127.0.0.1:9876 MyTopic my_group`

use std::error::Error;
use std::io::{self, Write};
use std::time::Duration;

use ferrocket_client::{
    Client, ClientConfig, Listener, Outcome, PushSettings, StartFrom, StoredMessage,
};

struct Printer;

impl Listener for Printer {
    async fn consume(&self, messages: &[StoredMessage]) -> Outcome {
        for message in messages {
            let body = String::from_utf8_lossy(&message.body);
            let line = format!(
                "{} queue {} at {}",
                message.topic, message.queue_id, message.queue_offset
            );
            // What cannot be printed is not done with.
            if writeln!(io::stdout(), "{line}: {body}").is_err() {
                return Outcome::Retry;
            }
        }
        Outcome::Ack
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let name_server = arguments
        .next()
        .unwrap_or_else(|| String::from("127.0.0.1:9876"));
    let topic = arguments
        .next()
        .unwrap_or_else(|| String::from("TopicTest"));
    let group = arguments
        .next()
        .unwrap_or_else(|| String::from("example_consumer"));

    let client = Client::start(ClientConfig::new([name_server]))?;
    let mut settings = PushSettings::new(group).subscribe(topic, "*");
    settings.start_from = StartFrom::Earliest;
    let consumer = client.push_consumer(settings, Printer).await?;
    tokio::signal::ctrl_c().await?;
    consumer.shutdown(Duration::from_secs(30)).await;
    client.close(Duration::from_secs(3)).await;
    Ok(())
}
