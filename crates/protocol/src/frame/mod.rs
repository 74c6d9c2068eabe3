//! One remoting frame: the length word, the header in one of its two encodings, and the body.
//!
//! A [`Frame`] is decoded in place: the fixed header fields are parsed once, the ext fields and the
//! body stay slices of the bytes that the socket read brought. Handlers turn the ext fields into a
//! typed header with [`Frame::header`]; no map is ever built.
//!
//! Nothing is reserved for a length that is only announced: [`decode`] looks at bytes that are
//! there. Bytes that can never become a frame are a [`FrameError`] as early as they show it, and the
//! connection is closed without an answer, as Java's `NettyDecoder` does.
//!
//! Request codes above 32,767 do not fit into the binary header (`RocketMQSerializable` writes 16
//! bits). On reading, the eight truncated codes of the pop family are mapped back, which Java does
//! not do; on writing, such a frame is written in JSON.

mod binary;
mod error;
mod json;

use std::borrow::Cow;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use serde::{Deserialize, Serialize};

pub use crate::ext::{ExtFields, HeaderError};
pub use error::{EncodeError, FrameError};

use crate::ext::AsReceived;
use crate::language::Language;
use crate::version::VERSION;

/// The largest complete frame, length word included (`NettyDecoder`, `frameMaxLength`).
pub const FRAME_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The largest header: its length has 24 bits.
pub const HEADER_BYTES_MAX: usize = 0xFF_FFFF;

/// The length word and the word of encoding and header length.
const PREFIX_BYTES: usize = 8;

/// How a header is written (`SerializeType`). The number is the type byte of the frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Encoding {
    /// A JSON object; every client understands it.
    Json = 0,
    /// The binary header that Java calls ROCKETMQ.
    Binary = 1,
}

/// A decoded frame, request or response.
#[derive(Debug, Clone)]
pub struct Frame {
    pub encoding: Encoding,
    /// A request code or a response code, depending on the response bit of `flag`.
    pub code: i32,
    /// `None` when the sender's language is unknown to us.
    pub language: Option<Language>,
    pub version: i32,
    pub opaque: i32,
    pub flag: i32,
    /// Never empty.
    pub remark: Option<String>,
    /// The ext fields as they came, in the frame's encoding; see [`Frame::header`].
    ext: Option<Bytes>,
    pub body: Bytes,
}

/// What a reply needs to know of the request that it answers. Small and `Copy`, so that a parked
/// reply does not keep the request alive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplyTo {
    pub encoding: Encoding,
    pub opaque: i32,
    /// The requester's version, which decides a few body shapes.
    pub version: i32,
    /// A one-way request is executed but never answered.
    pub oneway: bool,
}

/// The header of a frame about to be encoded.
#[derive(Debug, Clone, Copy)]
pub struct Head<'a> {
    pub encoding: Encoding,
    pub code: i32,
    pub opaque: i32,
    /// [`FLAG_RESPONSE`] and [`FLAG_ONEWAY`].
    pub flag: i32,
    pub remark: Option<&'a str>,
    pub sender: Sender,
}

/// How the writer of a frame introduces itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sender {
    /// `None`, a language that we do not know, is passed on as "other".
    pub language: Option<Language>,
    pub version: i32,
}

impl Sender {
    pub const US: Self = Self {
        language: Some(Language::Rust),
        version: VERSION,
    };

    fn language(self) -> Language {
        self.language.unwrap_or(Language::Other)
    }
}

/// Set in `flag` on a response.
pub const FLAG_RESPONSE: i32 = 1;
/// Set in `flag` on a request that wants no response.
pub const FLAG_ONEWAY: i32 = 2;

/// A header without fields.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoHeader {}

impl Frame {
    /// Encodes and decodes a frame, for those who have no socket between them: tests, and roles
    /// that live in one process.
    ///
    /// # Errors
    /// As [`encode_head`].
    pub fn new<H: Serialize>(
        head: &Head<'_>,
        header: Option<&H>,
        body: &[u8],
    ) -> Result<Self, EncodeError> {
        let mut bytes = BytesMut::new();
        encode_head(&mut bytes, head, header, body.len())?;
        bytes.put_slice(body);
        match decode(&mut bytes) {
            Ok(Some(frame)) => Ok(frame),
            Ok(None) => Err(EncodeError::Unreadable(FrameError::Length { length: 0 })),
            Err(error) => Err(EncodeError::Unreadable(error)),
        }
    }

    /// Appends the frame as it was received, its sender included: for one that is passed on.
    ///
    /// # Errors
    /// As [`encode_head`].
    pub fn encode(&self, out: &mut BytesMut) -> Result<(), EncodeError> {
        let head = Head {
            encoding: self.encoding,
            code: self.code,
            opaque: self.opaque,
            flag: self.flag,
            remark: self.remark.as_deref(),
            sender: Sender {
                language: self.language,
                version: self.version,
            },
        };
        let ext = AsReceived(self.ext());
        let ext = self.has_ext().then_some(&ext);
        encode_head(out, &head, ext, self.body.len())?;
        out.put_slice(&self.body);
        Ok(())
    }

    #[must_use]
    pub fn is_response(&self) -> bool {
        self.flag & FLAG_RESPONSE != 0
    }

    #[must_use]
    pub fn is_oneway(&self) -> bool {
        self.flag & FLAG_ONEWAY != 0
    }

    #[must_use]
    pub fn reply_to(&self) -> ReplyTo {
        ReplyTo {
            encoding: self.encoding,
            opaque: self.opaque,
            version: self.version,
            oneway: self.is_oneway(),
        }
    }

    /// The ext fields as a typed header. Missing fields take the type's defaults, as in Java; so
    /// does everything when there are no ext fields at all.
    ///
    /// # Errors
    /// When a field's text is not a value of its type.
    pub fn header<'a, T: Deserialize<'a>>(&'a self) -> Result<T, HeaderError> {
        T::deserialize(self.ext())
    }

    /// The ext fields as they came.
    #[must_use]
    pub fn ext(&self) -> ExtFields<'_> {
        match &self.ext {
            Some(bytes) => ExtFields::new(self.encoding, bytes),
            None => ExtFields::EMPTY,
        }
    }

    /// Whether the frame came with ext fields, if only an empty set of them. Java's binary header
    /// does not tell the two apart: there, an empty set is none.
    #[must_use]
    pub fn has_ext(&self) -> bool {
        self.ext.is_some()
    }

    /// One ext field by name.
    #[must_use]
    pub fn ext_field(&self, name: &str) -> Option<Cow<'_, str>> {
        self.ext().find(name)
    }
}

/// What the first bytes of a frame say.
struct Prefix {
    frame_bytes: usize,
    header_bytes: usize,
    encoding: Encoding,
}

/// Reads the prefix of a frame if it has arrived whole.
fn prefix(input: &[u8]) -> Result<Option<Prefix>, FrameError> {
    let Some((length, rest)) = input.split_first_chunk() else {
        return Ok(None);
    };
    let length = i32::from_be_bytes(*length);
    let Ok(announced) = usize::try_from(length) else {
        return Err(FrameError::Length { length });
    };
    if announced < PREFIX_BYTES - 4 {
        return Err(FrameError::Length { length });
    }
    let frame_bytes = announced.saturating_add(4);
    if frame_bytes > FRAME_BYTES_MAX {
        return Err(FrameError::TooLong { bytes: frame_bytes });
    }
    let Some((word, _)) = rest.split_first_chunk::<4>() else {
        return Ok(None);
    };
    let [kind, high, middle, low] = *word;
    let encoding = match kind {
        0 => Encoding::Json,
        1 => Encoding::Binary,
        other => return Err(FrameError::Encoding { byte: other }),
    };
    let header_bytes = u32::from_be_bytes([0, high, middle, low]);
    let header_bytes = usize::try_from(header_bytes).unwrap_or(usize::MAX);
    if header_bytes > frame_bytes - PREFIX_BYTES {
        return Err(FrameError::HeaderLength {
            bytes: header_bytes,
        });
    }
    Ok(Some(Prefix {
        frame_bytes,
        header_bytes,
        encoding,
    }))
}

/// How many bytes are still missing before [`decode`] can do more than it could now: zero when a
/// whole frame is there. The connection reads that many or more, and grows its buffer as they
/// arrive.
///
/// # Errors
/// When the bytes can never become a frame.
pub fn missing(input: &[u8]) -> Result<usize, FrameError> {
    let wanted = prefix(input)?.map_or(PREFIX_BYTES, |prefix| prefix.frame_bytes);
    Ok(wanted.saturating_sub(input.len()))
}

/// Takes one complete frame off the front of `input`, or nothing if it has not arrived whole. The
/// frame shares the memory of `input`.
///
/// # Errors
/// When the bytes can never become a frame; the connection must then be closed.
pub fn decode(input: &mut BytesMut) -> Result<Option<Frame>, FrameError> {
    let Some(prefix) = prefix(input)? else {
        return Ok(None);
    };
    if input.len() < prefix.frame_bytes {
        return Ok(None);
    }
    let mut header = input.split_to(prefix.frame_bytes).freeze();
    header.advance(PREFIX_BYTES);
    let body = if header.len() > prefix.header_bytes {
        header.split_off(prefix.header_bytes)
    } else {
        Bytes::new()
    };
    match prefix.encoding {
        Encoding::Json => json::decode(&header, body).map(Some),
        Encoding::Binary => binary::decode(&header, body).map(Some),
    }
}

/// Appends the length word and the header of a frame to `out`; the caller appends exactly
/// `body_bytes` of body after it.
///
/// # Errors
/// When the frame would be one that no peer can read. Nothing is appended then.
pub fn encode_head<H: Serialize>(
    out: &mut BytesMut,
    head: &Head<'_>,
    header: Option<&H>,
    body_bytes: usize,
) -> Result<(), EncodeError> {
    let start = out.len();
    let encoded = encode_at(out, start, head, header, body_bytes);
    if encoded.is_err() {
        out.truncate(start);
    }
    encoded
}

fn encode_at<H: Serialize>(
    out: &mut BytesMut,
    start: usize,
    head: &Head<'_>,
    header: Option<&H>,
    body_bytes: usize,
) -> Result<(), EncodeError> {
    out.put_bytes(0, PREFIX_BYTES);
    let encoding = match (head.encoding, i16::try_from(head.code)) {
        (Encoding::Binary, Ok(code)) => {
            binary::encode(out, head, code, header)?;
            Encoding::Binary
        }
        _ => {
            json::encode(out, head, header)?;
            Encoding::Json
        }
    };
    let header_bytes = out.len() - start - PREFIX_BYTES;
    let frame_bytes = (PREFIX_BYTES + header_bytes).saturating_add(body_bytes);
    if header_bytes > HEADER_BYTES_MAX {
        return Err(EncodeError::HeaderTooLong {
            bytes: header_bytes,
        });
    }
    if frame_bytes > FRAME_BYTES_MAX {
        return Err(EncodeError::FrameTooLong { bytes: frame_bytes });
    }
    // Both fit: the limits are far below what 32 bits hold.
    let length = u32::try_from(frame_bytes - 4).unwrap_or(u32::MAX);
    let word = u32::from(encoding as u8) << 24 | u32::try_from(header_bytes).unwrap_or(0);
    patch(out, start, length);
    patch(out, start + 4, word);
    Ok(())
}

/// Writes `value` over the four bytes at `at`.
fn patch(out: &mut BytesMut, at: usize, value: u32) {
    if let Some(hole) = out.get_mut(at..).and_then(<[u8]>::first_chunk_mut) {
        *hole = value.to_be_bytes();
    }
}

#[cfg(test)]
mod tests;
