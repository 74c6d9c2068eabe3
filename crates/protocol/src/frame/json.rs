//! The JSON header (`SerializeType.JSON`).
//!
//! One pass over the text finds the members that a frame has and the span of `extFields`; unknown
//! members are skipped, members may come in any order, and of a member that comes twice the last
//! one counts.

use bytes::{BufMut, Bytes, BytesMut};
use serde::Serialize;

use super::{EncodeError, Encoding, Frame, FrameError, Head};
use crate::ext::{JsonPairs, write_fields};
use crate::json_text::{self, RawText, Scanner, Unexpected, Value, write_string};
use crate::language::Language;

impl From<Unexpected> for FrameError {
    fn from(Unexpected(expected): Unexpected) -> Self {
        Self::Json { expected }
    }
}

pub(super) fn decode(header: &Bytes, body: Bytes) -> Result<Frame, FrameError> {
    let mut frame = Frame {
        encoding: Encoding::Json,
        code: 0,
        language: Some(Language::Java),
        version: 0,
        opaque: 0,
        flag: 0,
        remark: None,
        ext: None,
        body,
    };
    let mut scanner = Scanner::new(header);
    scanner.expect(b'{', "an object")?;
    if !scanner.take(b'}') {
        loop {
            member(&mut frame, header, &mut scanner)?;
            if scanner.take(b'}') {
                break;
            }
            scanner.expect(b',', "a comma between members")?;
        }
    }
    // The C++ client ends its headers with a line feed.
    if !scanner.is_at_end() {
        return Err(FrameError::Json {
            expected: "nothing after the object",
        });
    }
    Ok(frame)
}

fn member(frame: &mut Frame, header: &Bytes, scanner: &mut Scanner<'_>) -> Result<(), FrameError> {
    let name = scanner.string()?;
    scanner.expect(b':', "a colon after the name of a member")?;
    match name.bytes {
        b"code" => frame.code = number(scanner.value()?, "a number as code")?,
        b"version" => frame.version = number(scanner.value()?, "a number as version")?,
        b"opaque" => frame.opaque = number(scanner.value()?, "a number as opaque")?,
        b"flag" => frame.flag = number(scanner.value()?, "a number as flag")?,
        b"language" => frame.language = language(scanner.value()?)?,
        b"remark" => frame.remark = remark(scanner.value()?),
        b"extFields" => frame.ext = ext(header, scanner)?,
        _ => {
            scanner.value()?;
        }
    }
    Ok(())
}

/// Java's reader takes numbers in quotes too, and null for zero.
fn number(value: Value<'_>, expected: &'static str) -> Result<i32, FrameError> {
    let digits = match value {
        Value::Null => return Ok(0),
        Value::Bare(word) => word,
        Value::String(text) => text.bytes,
        Value::Nested(_) => return Err(FrameError::Json { expected }),
    };
    let number = match json_text::digits(digits) {
        Some(number) => i32::try_from(number).ok(),
        None => std::str::from_utf8(digits)
            .ok()
            .and_then(|text| text.parse().ok()),
    };
    number.ok_or(FrameError::Json { expected })
}

/// An unknown name is no error, an ordinal out of range is one.
fn language(value: Value<'_>) -> Result<Option<Language>, FrameError> {
    let expected = "a language or its number";
    match value {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Language::from_name(&text.text())),
        Value::Bare(_) => {
            let byte = u8::try_from(number(value, expected)?).ok();
            byte.and_then(Language::from_byte)
                .map(Some)
                .ok_or(FrameError::Json { expected })
        }
        Value::Nested(_) => Err(FrameError::Json { expected }),
    }
}

fn remark(value: Value<'_>) -> Option<String> {
    let text = match value {
        Value::Null => return None,
        Value::String(text) => text,
        Value::Bare(text) | Value::Nested(text) => RawText::plain(text),
    };
    Some(text.text().into_owned()).filter(|remark| !remark.is_empty())
}

fn ext(header: &Bytes, scanner: &mut Scanner<'_>) -> Result<Option<Bytes>, FrameError> {
    if scanner.peek() != Some(b'{') {
        return match scanner.value()? {
            Value::Null => Ok(None),
            _ => Err(FrameError::Json {
                expected: "an object of ext fields",
            }),
        };
    }
    let start = scanner.rest().len();
    JsonPairs::check(scanner)?;
    let end = scanner.rest().len();
    Ok(Some(header.slice(header.len() - start..header.len() - end)))
}

/// Members in the order in which Java writes them.
pub(super) fn encode<H: Serialize>(
    out: &mut BytesMut,
    head: &Head<'_>,
    header: Option<&H>,
) -> Result<(), EncodeError> {
    let mut digits = itoa::Buffer::new();
    out.put_slice(b"{\"code\":");
    out.put_slice(digits.format(head.code).as_bytes());
    if let Some(header) = header {
        out.put_slice(b",\"extFields\":{");
        write_fields(out, Encoding::Json, header)?;
        out.put_u8(b'}');
    }
    out.put_slice(b",\"flag\":");
    out.put_slice(digits.format(head.flag).as_bytes());
    out.put_slice(b",\"language\":\"");
    out.put_slice(head.sender.language().name().as_bytes());
    out.put_slice(b"\",\"opaque\":");
    out.put_slice(digits.format(head.opaque).as_bytes());
    if let Some(remark) = head.remark {
        out.put_slice(b",\"remark\":");
        write_string(out, remark);
    }
    out.put_slice(b",\"serializeTypeCurrentRPC\":\"JSON\",\"version\":");
    out.put_slice(digits.format(head.sender.version).as_bytes());
    out.put_u8(b'}');
    Ok(())
}
