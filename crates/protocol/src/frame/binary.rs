//! The binary header (`SerializeType.ROCKETMQ`, `RocketMQSerializable`).

use bytes::{Buf, BufMut, Bytes, BytesMut};
use serde::Serialize;

use super::{EncodeError, Encoding, Frame, FrameError, Head, patch};
use crate::codes::request;
use crate::ext::{BinaryPairs, write_fields};
use crate::language::Language;

/// The pop family, whose codes lose their upper bits in this encoding.
const TRUNCATED: [i32; 8] = [
    request::POP_MESSAGE,
    request::ACK_MESSAGE,
    request::PEEK_MESSAGE,
    request::CHANGE_MESSAGE_INVISIBLETIME,
    request::NOTIFICATION,
    request::POLLING_INFO,
    request::POP_ROLLBACK,
    request::BATCH_ACK_MESSAGE,
];

pub(super) fn decode(header: &Bytes, body: Bytes) -> Result<Frame, FrameError> {
    let mut rest = header.as_ref();
    let code = rest.try_get_i16().map_err(|_| short())?;
    let language = rest.try_get_u8().map_err(|_| short())?;
    let version = rest.try_get_i16().map_err(|_| short())?;
    let opaque = rest.try_get_i32().map_err(|_| short())?;
    let flag = rest.try_get_i32().map_err(|_| short())?;
    let remark = counted(&mut rest, "the remark")?;
    let ext = counted(&mut rest, "the map of ext fields")?;
    BinaryPairs::check(ext).map_err(|_| FrameError::Binary {
        part: "an ext field",
    })?;
    let is_response = flag & super::FLAG_RESPONSE != 0;
    Ok(Frame {
        encoding: Encoding::Binary,
        code: if is_response {
            i32::from(code)
        } else {
            untruncated(code)
        },
        language: Language::from_byte(language),
        version: i32::from(version),
        opaque,
        flag,
        remark: (!remark.is_empty()).then(|| String::from_utf8_lossy(remark).into_owned()),
        ext: (!ext.is_empty()).then(|| header.slice_ref(ext)),
        body,
    })
}

fn short() -> FrameError {
    FrameError::Binary {
        part: "the fixed part",
    }
}

/// A length of 32 bits and that many bytes. Java too leaves bytes after the map unread.
fn counted<'a>(rest: &mut &'a [u8], part: &'static str) -> Result<&'a [u8], FrameError> {
    let length = rest
        .try_get_i32()
        .map_err(|_| FrameError::Binary { part })?;
    let bytes = usize::try_from(length)
        .ok()
        .and_then(|length| rest.split_at_checked(length));
    let (counted, after) = bytes.ok_or(FrameError::Binary { part })?;
    *rest = after;
    Ok(counted)
}

fn untruncated(code: i16) -> i32 {
    let pop = TRUNCATED
        .into_iter()
        .find(|full| full & 0xFFFF == i32::from(code));
    pop.unwrap_or(i32::from(code))
}

pub(super) fn encode<H: Serialize>(
    out: &mut BytesMut,
    head: &Head<'_>,
    code: i16,
    header: Option<&H>,
) -> Result<(), EncodeError> {
    out.put_i16(code);
    out.put_u8(head.sender.language().byte());
    out.put_i16(i16::try_from(head.sender.version).unwrap_or(i16::MAX));
    out.put_i32(head.opaque);
    out.put_i32(head.flag);
    let at = hole(out);
    out.put_slice(head.remark.unwrap_or_default().as_bytes());
    fill(out, at)?;
    let at = hole(out);
    if let Some(header) = header {
        write_fields(out, Encoding::Binary, header)?;
    }
    fill(out, at)
}

/// Leaves room for a length.
fn hole(out: &mut BytesMut) -> usize {
    out.put_u32(0);
    out.len() - 4
}

/// Writes into the hole at `at` how many bytes came after it.
fn fill(out: &mut BytesMut, at: usize) -> Result<(), EncodeError> {
    let bytes = out.len() - at - 4;
    let length = i32::try_from(bytes).map_err(|_| EncodeError::HeaderTooLong { bytes })?;
    patch(out, at, length.unsigned_abs());
    Ok(())
}
