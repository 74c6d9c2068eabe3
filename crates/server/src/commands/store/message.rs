//! One message of a store for people and for programs.

use ferrocket_protocol::message::compression::{BODY_BYTES_MAX_DEFAULT, Compression};
use ferrocket_protocol::message::ids::OffsetMessageId;
use ferrocket_protocol::message::view::Version;
use ferrocket_protocol::message::{View, properties, property};
use serde_json::{Map, Value, json};
use std::borrow::Cow;

use super::print::time;
use crate::cli::store::BodyForm;

/// Characters of a body on a line.
const BODY_CHARACTERS: usize = 60;

/// The body as its producer gave it; as stored when it cannot be inflated.
pub(crate) fn body<'a>(record: &View<'a>) -> Cow<'a, [u8]> {
    match Compression::of(record.sys_flag) {
        Ok(Some(kind)) => match kind.decompress(record.body, BODY_BYTES_MAX_DEFAULT) {
            Ok(body) => Cow::Owned(body),
            Err(_) => Cow::Borrowed(record.body),
        },
        _ => Cow::Borrowed(record.body),
    }
}

/// One line.
pub(crate) fn line(record: &View<'_>, form: BodyForm, fault: Option<&str>) -> String {
    let mut line = format!(
        "{:>12}  {} {}@{}  {}",
        record.physical_offset,
        record.topic,
        record.queue_id,
        record.queue_offset,
        time(record.store_ms)
    );
    for (name, label) in [(property::TAGS, "tag"), (property::KEYS, "key")] {
        if let Some(value) = record.property(name) {
            line.push_str(&format!("  {label} {}", clean(value, usize::MAX)));
        }
    }
    line.push_str(&format!(
        "  {}",
        shown(&body(record), form, BODY_CHARACTERS)
    ));
    if let Some(fault) = fault {
        line.push_str(&format!("  DAMAGED: {fault}"));
    }
    line
}

/// Every field on a line of its own.
pub(crate) fn lines(record: &View<'_>, form: BodyForm, fault: Option<&str>) -> String {
    let Value::Object(fields) = json(record, fault) else {
        return String::new();
    };
    let mut text = String::new();
    for (name, value) in &fields {
        let value = match (name.as_str(), value) {
            ("body" | "bodyHex", _) => shown(&body(record), form, usize::MAX),
            ("storeTimestamp" | "bornTimestamp", Value::Number(ms)) => {
                format!("{ms} ({})", time(ms.as_i64().unwrap_or(0)))
            }
            ("properties", Value::Object(pairs)) => {
                let pairs = pairs.iter().map(|(name, value)| {
                    let value = value.as_str().unwrap_or_default();
                    format!("\n                   {name} = {}", clean(value, usize::MAX))
                });
                pairs.collect()
            }
            (_, Value::String(value)) => clean(value, usize::MAX),
            (_, value) => value.to_string(),
        };
        let name = if name == "bodyHex" { "body" } else { name };
        text.push_str(&format!("{name:>17}: {value}\n"));
    }
    text
}

/// Every field for programs.
pub(crate) fn json(record: &View<'_>, fault: Option<&str>) -> Value {
    let magic = match record.version {
        Version::V1 => "daa320a7",
        Version::V2 => "daa320ab",
    };
    let id = OffsetMessageId {
        store_host: record.store_host,
        physical_offset: record.physical_offset,
    };
    let plain = body(record);
    let mut value = json!({
        "phy": record.physical_offset,
        "size": record.bytes().len(),
        "magic": magic,
        "topic": record.topic,
        "queueId": record.queue_id,
        "queueOffset": record.queue_offset,
        "storeTimestamp": record.store_ms,
        "bornTimestamp": record.born_ms,
        "bornHost": record.born_host.to_string(),
        "storeHost": record.store_host.to_string(),
        "sysFlag": record.sys_flag,
        "flag": record.flag,
        "reconsumeTimes": record.reconsume_times,
        "preparedOffset": record.prepared_transaction_offset,
        "offsetMsgId": id.to_string(),
        "uniqKey": record.property(property::UNIQ_KEY),
        "tags": record.property(property::TAGS),
        "keys": record.property(property::KEYS),
        "properties": properties::iter(record.properties)
            .map(|(name, value)| (name.to_owned(), value.into()))
            .collect::<Map<String, Value>>(),
        "bodyCrc": record.body_crc,
        "bodyLength": record.body.len(),
        "plainLength": plain.len(),
    });
    if let Some(fields) = value.as_object_mut() {
        match std::str::from_utf8(&plain) {
            Ok(text) => fields.insert("body".into(), text.into()),
            Err(_) => fields.insert("bodyHex".into(), hex(&plain).into()),
        };
        if let Some(fault) = fault {
            fields.insert("damaged".into(), fault.into());
        }
    }
    value
}

fn shown(body: &[u8], form: BodyForm, characters: usize) -> String {
    let length = || format!("({} bytes)", body.len());
    match (form, std::str::from_utf8(body)) {
        (BodyForm::Length, _) => length(),
        (BodyForm::Auto, Ok(text)) if is_text(text) => clean(text, characters),
        _ => {
            let digits = hex(body.get(..characters / 2).unwrap_or(body));
            let more = if body.len() > characters / 2 {
                "…"
            } else {
                ""
            };
            format!("0x{digits}{more} {}", length())
        }
    }
}

/// Whether it is meant to be read.
fn is_text(text: &str) -> bool {
    text.chars()
        .all(|character| !character.is_control() || character.is_ascii_whitespace())
}

/// Without anything that a terminal would obey.
fn clean(text: &str, characters: usize) -> String {
    let mut cleaned = String::new();
    for (count, character) in text.chars().enumerate() {
        if count >= characters {
            cleaned.push('…');
            break;
        }
        if character.is_control() {
            cleaned.extend(character.escape_default());
        } else {
            cleaned.push(character);
        }
    }
    cleaned
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_shown_as_what_they_are() {
        assert_eq!(shown(b"hello", BodyForm::Auto, 60), "hello");
        assert_eq!(shown(b"a\nb", BodyForm::Auto, 60), "a\\nb");
        assert_eq!(
            shown(b"\x1b[2J", BodyForm::Auto, 60),
            "0x1b5b324a (4 bytes)"
        );
        assert_eq!(
            shown(&[0xff; 100], BodyForm::Auto, 8),
            "0xffffffff… (100 bytes)"
        );
        assert_eq!(shown(b"hello", BodyForm::Hex, 60), "0x68656c6c6f (5 bytes)");
        assert_eq!(shown(b"hello", BodyForm::Length, 60), "(5 bytes)");
        assert_eq!(shown(b"0123456789", BodyForm::Auto, 4), "0123…");
    }
}
