//! Requests prepared once: what changes from message to message is written over fixed places.

use std::io::Write as _;

use anyhow::Context as _;

use crate::wire::{
    PULL_MESSAGE, RequestBytes, SEND_BATCH_MESSAGE, SEND_MESSAGE_V2, put_hex, put_u32, put_u64,
    u32_at,
};

/// Stands where the changing half of a unique key goes; nothing else contains it.
const KEY_MARK: &str = "@@@@@@@@@@@@@@@@";
/// A body holds the time at which it should have been sent.
pub(crate) const BODY_BYTES_MIN: usize = 8;
/// `SUBSCRIPTION` and `SUSPEND` bits of a pull.
const PULL_SUSPEND: i32 = 2;
const PULL_SUBSCRIPTION: i32 = 4;

/// What a message looks like.
#[derive(Debug, Clone)]
pub(crate) struct MessageShape {
    pub(crate) topic: String,
    pub(crate) queue: u32,
    pub(crate) body_bytes: usize,
    /// Messages in one request.
    pub(crate) batch: usize,
    pub(crate) tag: Option<String>,
    /// Tells the unique keys of connections apart.
    pub(crate) sender: u64,
}

/// A send of one message or one batch.
#[derive(Debug, Clone)]
pub(crate) struct SendTemplate {
    request: RequestBytes,
    keys_at: Vec<usize>,
    bodies_at: Vec<usize>,
}

impl SendTemplate {
    pub(crate) fn new(shape: &MessageShape, born_ms: u128) -> anyhow::Result<Self> {
        let properties = properties(shape);
        let payload = payload(shape.body_bytes.max(BODY_BYTES_MIN));
        let batch = shape.batch > 1;
        let body = if batch {
            batch_body(shape.batch, &payload, &properties)?
        } else {
            payload
        };
        let (code, outer) = if batch {
            (SEND_BATCH_MESSAGE, "WAIT\u{1}true\u{2}".to_owned())
        } else {
            (SEND_MESSAGE_V2, properties)
        };
        let ext = [
            ("a", "bench_producer".to_owned()),
            ("b", shape.topic.clone()),
            ("c", "TBW102".to_owned()),
            ("d", "4".to_owned()),
            ("e", shape.queue.to_string()),
            ("f", "0".to_owned()),
            ("g", born_ms.to_string()),
            ("h", "0".to_owned()),
            ("i", outer),
            ("j", "0".to_owned()),
            ("k", "false".to_owned()),
            ("m", batch.to_string()),
        ];
        let request = RequestBytes::encode(code, &ext, &body)?;
        let keys_at = positions(&request.bytes, KEY_MARK.as_bytes());
        let body_at = request.bytes.len() - body.len();
        let bodies_at = if batch {
            let part = body.len() / shape.batch;
            (0..shape.batch)
                .map(|n| body_at + n * part + BATCH_BODY_AT)
                .collect()
        } else {
            vec![body_at]
        };
        Ok(Self {
            request,
            keys_at,
            bodies_at,
        })
    }

    /// Appends the request: `sequence` numbers its first message, `stamp` goes into every body.
    pub(crate) fn append(&self, out: &mut Vec<u8>, opaque: i32, sequence: u64, stamp: u64) {
        let start = self.request.append(out, opaque);
        for (n, key_at) in (0..).zip(&self.keys_at) {
            put_hex(out, start + key_at, sequence + n);
        }
        for body_at in &self.bodies_at {
            put_u64(out, start + body_at, stamp);
        }
    }
}

fn properties(shape: &MessageShape) -> String {
    let mut text = format!(
        "UNIQ_KEY\u{1}{:016X}{KEY_MARK}\u{2}WAIT\u{1}true\u{2}",
        shape.sender
    );
    if let Some(tag) = &shape.tag {
        text += &format!("TAGS\u{1}{tag}\u{2}");
    }
    text
}

/// Bytes that do not compress to nothing and are the same in every run.
fn payload(bytes: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        b' ' + (state % 95) as u8
    };
    std::iter::repeat_with(next).take(bytes).collect()
}

/// Total size, magic, CRC, flag and body length stand before a part's body.
const BATCH_BODY_AT: usize = 20;

fn batch_body(count: usize, payload: &[u8], properties: &str) -> anyhow::Result<Vec<u8>> {
    let mut part = Vec::new();
    part.extend(u32::try_from(22 + payload.len() + properties.len())?.to_be_bytes());
    part.extend([0; 12]);
    part.extend(u32::try_from(payload.len())?.to_be_bytes());
    part.extend(payload);
    part.extend(u16::try_from(properties.len())?.to_be_bytes());
    part.extend(properties.as_bytes());
    Ok(part.repeat(count))
}

fn positions(bytes: &[u8], mark: &[u8]) -> Vec<usize> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(rest) = bytes.get(at..) {
        match rest.windows(mark.len()).position(|window| window == mark) {
            Some(next) => {
                found.push(at + next);
                at += next + mark.len();
            }
            None => break,
        }
    }
    found
}

/// What a pull asks for, but for the offset.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PullShape<'a> {
    pub(crate) topic: &'a str,
    pub(crate) queue: u32,
    pub(crate) messages_max: u32,
    /// 0: answered at once.
    pub(crate) suspend_ms: u32,
    pub(crate) tag: Option<&'a str>,
}

/// A pull that needs its offset only.
#[derive(Debug, Clone)]
pub(crate) struct PullTemplate {
    /// Encoded with the offset 0.
    bytes: Vec<u8>,
    /// Where that one digit is.
    offset_at: usize,
}

impl PullTemplate {
    pub(crate) fn new(shape: &PullShape<'_>) -> anyhow::Result<Self> {
        const OFFSET_KEY: &[u8] = b"\"queueOffset\":\"";
        let request = pull(shape)?;
        let at = memchr::memmem::find(&request.bytes, OFFSET_KEY).context("no offset to set")?;
        Ok(Self {
            bytes: request.bytes,
            offset_at: at + OFFSET_KEY.len(),
        })
    }

    /// Appends the pull from `offset` on.
    pub(crate) fn append(&self, out: &mut Vec<u8>, offset: i64) -> anyhow::Result<()> {
        let start = out.len();
        let (before, after) = self.bytes.split_at(self.offset_at);
        out.extend_from_slice(before);
        write!(out, "{offset}")?;
        out.extend_from_slice(after.get(1..).unwrap_or_default());
        let longer = u32::try_from(out.len() - start - self.bytes.len())?;
        // The lengths of the frame and of its header.
        for at in [0, 4] {
            let length = u32_at(&self.bytes, at).unwrap_or(0) + longer;
            put_u32(out, start + at, length);
        }
        Ok(())
    }
}

fn pull(shape: &PullShape<'_>) -> anyhow::Result<RequestBytes> {
    let suspend = if shape.suspend_ms > 0 {
        PULL_SUSPEND
    } else {
        0
    };
    let ext = [
        ("consumerGroup", "bench_consumer".to_owned()),
        ("topic", shape.topic.to_owned()),
        ("queueId", shape.queue.to_string()),
        ("queueOffset", "0".to_owned()),
        ("maxMsgNums", shape.messages_max.to_string()),
        ("sysFlag", (suspend | PULL_SUBSCRIPTION).to_string()),
        ("commitOffset", "0".to_owned()),
        ("suspendTimeoutMillis", shape.suspend_ms.to_string()),
        ("subscription", shape.tag.unwrap_or("*").to_owned()),
        ("subVersion", "1".to_owned()),
        ("expressionType", "TAG".to_owned()),
        ("maxMsgBytes", "262144".to_owned()),
    ];
    RequestBytes::encode(PULL_MESSAGE, &ext, &[])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{OPAQUE_BASE, u64_at};

    fn shape(batch: usize) -> MessageShape {
        MessageShape {
            topic: "T".to_owned(),
            queue: 3,
            body_bytes: 100,
            batch,
            tag: None,
            sender: 0xabc,
        }
    }

    #[test]
    fn every_message_has_its_own_key_and_stamp() {
        let template = SendTemplate::new(&shape(1), 1_700_000_000_000).unwrap();
        let mut out = Vec::new();
        template.append(&mut out, OPAQUE_BASE, 0x11, 7);
        let text = String::from_utf8_lossy(&out).into_owned();
        assert!(text.contains("0000000000000ABC0000000000000011"), "{text}");
        assert_eq!(u64_at(&out, out.len() - 100), Some(7));
    }

    #[test]
    fn a_pull_from_any_offset_is_what_encoding_it_gives() {
        let shape = PullShape {
            topic: "T",
            queue: 3,
            messages_max: 32,
            suspend_ms: 0,
            tag: None,
        };
        let template = PullTemplate::new(&shape).unwrap();
        let mut out = b"before".to_vec();
        template.append(&mut out, 1234).unwrap();
        let frame = &out[6..];
        assert_eq!(u32_at(frame, 0).unwrap() as usize, frame.len() - 4);
        assert_eq!(u32_at(frame, 4).unwrap() as usize, frame.len() - 8);
        let text = String::from_utf8_lossy(&frame[8..]);
        assert!(text.contains(r#""queueOffset":"1234","#), "{text}");
        let again = text.replace("\"1234\"", "\"0\"");
        assert_eq!(again.as_bytes(), &template.bytes[8..]);
    }

    #[test]
    fn parts_of_a_batch_are_numbered() {
        let template = SendTemplate::new(&shape(3), 1_700_000_000_000).unwrap();
        let mut out = Vec::new();
        template.append(&mut out, OPAQUE_BASE, 0xf, 7);
        let text = String::from_utf8_lossy(&out).into_owned();
        for key in ["000000000000000F", "0000000000000010", "0000000000000011"] {
            assert!(text.contains(key), "{key}");
        }
        assert_eq!(template.bodies_at.len(), 3);
        let part = (out.len() - template.bodies_at[0] + BATCH_BODY_AT) / 3;
        assert_eq!(template.bodies_at[1] - template.bodies_at[0], part);
        for at in &template.bodies_at {
            assert_eq!(u64_at(&out, *at), Some(7));
        }
    }
}
