//! What the commands that talk to a cluster share.

use std::io::{self, Write};
use std::time::Duration;

use ferrocket_client::{Client, ClientConfig, StoredMessage};
use serde::Serialize;

use crate::cli::NameServers;
use crate::failure::{EXIT_PIPE, EXIT_USAGE, Failure, with_causes};

/// How long a command waits for its connections to close.
pub(crate) const CLOSE_LIMIT: Duration = Duration::from_secs(3);

/// A runtime with one thread for connections, so that the command's own may wait for stdin.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(|error| Failure::new(EXIT_USAGE, format!("cannot start: {error}")))
}

/// Must be called within a runtime.
pub(crate) fn connect(name_servers: &NameServers) -> Result<Client, Failure> {
    Client::start(ClientConfig::new([&name_servers.namesrv])).map_err(|error| failed(&error))
}

pub(crate) fn failed(error: &ferrocket_client::Error) -> Failure {
    Failure::new(EXIT_USAGE, with_causes(error))
}

pub(crate) fn print(line: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")
        .and_then(|()| out.flush())
        .map_err(|error| match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::on_stdout(EXIT_PIPE, ""),
            _ => Failure::new(EXIT_USAGE, format!("cannot print: {error}")),
        })
}

/// A remark beside the results.
pub(crate) fn note(text: &str) {
    // Nobody may be there to read it.
    let _ = writeln!(io::stderr(), "ferrocket: {text}");
}

pub(crate) fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string(value)
        .map_err(|error| Failure::new(EXIT_USAGE, format!("cannot print: {error}")))?;
    print(&text)
}

/// A message for people: what is not text is shown as such.
pub(crate) fn text_of(message: &StoredMessage) -> String {
    let mut line = format!(
        "{} queue {} at {}",
        message.topic, message.queue_id, message.queue_offset
    );
    if let Some(tag) = message.tags() {
        line.push_str(&format!(" tag {tag}"));
    }
    if let Some(keys) = message.keys() {
        line.push_str(&format!(" key {keys}"));
    }
    match std::str::from_utf8(&message.body) {
        Ok(body) => line.push_str(&format!(": {body}")),
        Err(_) => line.push_str(&format!(": {} bytes that are not text", message.body.len())),
    }
    line
}

/// A message for programs.
pub(crate) fn json_of(message: &StoredMessage) -> serde_json::Value {
    let mut value = serde_json::json!({
        "topic": message.topic,
        "queueId": message.queue_id,
        "queueOffset": message.queue_offset,
        "messageId": message.message_id(),
        "tags": message.tags(),
        "keys": message.keys(),
        "bornTimestamp": message.born_ms,
        "storeTimestamp": message.store_ms,
        "reconsumeTimes": message.reconsume_times,
    });
    let (key, body) = match std::str::from_utf8(&message.body) {
        Ok(text) => ("body", text.to_owned()),
        Err(_) => (
            "bodyHex",
            message
                .body
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect(),
        ),
    };
    if let Some(object) = value.as_object_mut() {
        object.insert(key.to_owned(), body.into());
    }
    value
}
