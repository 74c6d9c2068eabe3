//! One record of the log in the form of a manifest.

use std::net::{IpAddr, SocketAddr};

use ferrocket_protocol::message::compression::Compression;
use ferrocket_protocol::message::view::Version;
use ferrocket_protocol::message::{View, properties, property, sys_flag};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Everything a record says, as Apache's manifests spell it.
#[must_use]
pub fn describe(record: &View<'_>) -> Value {
    let magic = match record.version {
        Version::V1 => "daa320a7",
        Version::V2 => "daa320ab",
    };
    let mut described = json!({
        "phy": record.physical_offset,
        "size": record.bytes().len(),
        "magic": magic,
        "topic": record.topic,
        "queueId": record.queue_id,
        "queueOffset": record.queue_offset,
        "storeTimestamp": record.store_ms,
        "bornTimestamp": record.born_ms,
        "bornHost": host(record.born_host),
        "storeHost": host(record.store_host),
        "sysFlag": record.sys_flag,
        "flag": record.flag,
        "reconsumeTimes": record.reconsume_times,
        "preparedOffset": record.prepared_transaction_offset,
        "bodyCrc": record.body_crc,
        "bodyLength": record.body.len(),
        "bodySha256": sha256(record.body),
    });
    if let Value::Object(fields) = &mut described {
        add_rest(record, fields);
    }
    described
}

fn add_rest(record: &View<'_>, fields: &mut Map<String, Value>) {
    if let Some(plain) = plain_body(record) {
        fields.insert("plainSha256".into(), sha256(&plain).into());
    }
    let named = [
        ("tags", property::TAGS),
        ("keys", property::KEYS),
        ("uniqKey", property::UNIQ_KEY),
    ];
    for (field, name) in named {
        if let Some(value) = record.property(name) {
            fields.insert(field.into(), value.into());
        }
    }
    let all: Map<String, Value> = properties::iter(record.properties)
        .map(|(name, value)| (name.to_owned(), value.into()))
        .collect();
    fields.insert("properties".into(), all.into());
    if !record.body_crc_matches() {
        fields.insert("bad".into(), true.into());
    }
}

/// The body of a compressed message as its producer gave it.
fn plain_body(record: &View<'_>) -> Option<Vec<u8>> {
    if record.sys_flag & sys_flag::COMPRESSED == 0 {
        return None;
    }
    let compression = Compression::of(record.sys_flag).ok().flatten()?;
    compression.decompress(record.body, BODY_BYTES_MAX).ok()
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// As `Inet6Address#getHostAddress` spells it: eight groups, nothing left out.
fn host(address: SocketAddr) -> String {
    match address.ip() {
        IpAddr::V4(ip) => format!("{ip}:{}", address.port()),
        IpAddr::V6(ip) => {
            let groups = ip.segments().map(|group| format!("{group:x}"));
            format!("[{}]:{}", groups.join(":"), address.port())
        }
    }
}
