//! Sends ten messages: `cargo run -p ferrocket-client --example producer -- 127.0.0.1:9876 MyTopic`

use std::error::Error;
use std::io::{self, Write};
use std::time::Duration;

use ferrocket_client::{Client, ClientConfig, Message};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let name_server = arguments
        .next()
        .unwrap_or_else(|| String::from("127.0.0.1:9876"));
    let topic = arguments
        .next()
        .unwrap_or_else(|| String::from("TopicTest"));

    let client = Client::start(ClientConfig::new([name_server]))?;
    let producer = client.producer("example_producer")?;
    for n in 0..10 {
        let message = Message::new(&topic, format!("message {n}"))
            .tag("TagA")
            .keys([format!("key-{n}")]);
        let receipt = producer.send(&message).await?;
        let queue = &receipt.queue;
        writeln!(
            io::stdout(),
            "{} {} in queue {} of {} at {}",
            receipt.status,
            receipt.message_id,
            queue.queue_id,
            queue.broker_name,
            receipt.queue_offset
        )?;
    }
    drop(producer);
    client.close(Duration::from_secs(3)).await;
    Ok(())
}
