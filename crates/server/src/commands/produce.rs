//! `ferrocket produce`.

use std::io::BufRead;

use ferrocket_client::{Message, Producer, SendReceipt};

use super::client::{self, CLOSE_LIMIT, failed, note, print, print_json};
use crate::cli::{self, Output};
use crate::failure::{EXIT_USAGE, Failure};

pub(crate) fn run(options: &cli::Produce) -> Result<u8, Failure> {
    client::runtime()?.block_on(async {
        let connection = client::connect(&options.name_servers)?;
        let producer = connection
            .producer(&options.group)
            .map_err(|error| failed(&error))?;
        let sent = send_all(options, &producer).await;
        drop(producer);
        connection.close(CLOSE_LIMIT).await;
        sent.map(|()| 0)
    })
}

async fn send_all(options: &cli::Produce, producer: &Producer) -> Result<(), Failure> {
    if options.messages.is_empty() {
        // Lines are sent one by one as they come; each is waited for, so reading may block.
        let (mut sent, mut blank) = (0_u64, 0_u64);
        for line in std::io::stdin().lock().lines() {
            let line = line.map_err(|error| {
                Failure::new(
                    EXIT_USAGE,
                    format!("cannot read a line of stdin as text: {error}"),
                )
            })?;
            if line.is_empty() {
                blank += 1;
                continue;
            }
            send(options, producer, line).await?;
            sent += 1;
        }
        if blank > 0 {
            note(&format!(
                "{blank} blank lines were skipped: a message has a body"
            ));
        }
        if sent == 0 {
            note("stdin had no line to send");
        }
        return Ok(());
    }
    for _ in 0..options.count {
        for body in &options.messages {
            send(options, producer, body.clone()).await?;
        }
    }
    Ok(())
}

async fn send(options: &cli::Produce, producer: &Producer, body: String) -> Result<(), Failure> {
    let message = message(options, body)?;
    let receipt = producer
        .send(&message)
        .await
        .map_err(|error| failed(&error))?;
    report(&receipt, options.output)
}

fn message(options: &cli::Produce, body: String) -> Result<Message, Failure> {
    let mut message = Message::new(&options.topic, body);
    if let Some(tag) = &options.tag {
        message = message.tag(tag);
    }
    if let Some(key) = &options.key {
        message = message.keys([key]);
    }
    for property in &options.properties {
        let (name, value) = property.split_once('=').ok_or_else(|| {
            Failure::new(
                EXIT_USAGE,
                format!("--property {property}: write NAME=VALUE"),
            )
        })?;
        message = message
            .property(name, value)
            .map_err(|error| failed(&error))?;
    }
    Ok(message)
}

fn report(receipt: &SendReceipt, output: Output) -> Result<(), Failure> {
    let queue = &receipt.queue;
    match output {
        Output::Text => print(&format!(
            "{} {} {} queue {} at {}",
            receipt.status,
            receipt.message_id,
            queue.broker_name,
            queue.queue_id,
            receipt.queue_offset
        )),
        Output::Json => print_json(&serde_json::json!({
            "status": receipt.status.to_string(),
            "messageId": receipt.message_id,
            "offsetMessageId": receipt.offset_message_id,
            "topic": queue.topic,
            "brokerName": queue.broker_name,
            "queueId": queue.queue_id,
            "queueOffset": receipt.queue_offset,
        })),
    }
}
