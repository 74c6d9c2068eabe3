//! One remoting frame: the length word, the header in one of its two encodings, and the body.
//!
//! A [`Frame`] is decoded in place: the fixed header fields are parsed once, the ext fields and the
//! body stay slices of the bytes that the socket read brought. Handlers turn the ext fields into a
//! typed header with [`Frame::header`]; no map is ever built.

use bytes::{Bytes, BytesMut};
use serde::{Serialize, de::DeserializeOwned};

/// The largest complete frame, length word included (`NettyDecoder`, `frameMaxLength`).
pub const FRAME_BYTES_MAX: usize = 16 * 1024 * 1024;

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
    /// The numeric language code; `None` when the sender's language is unknown to us.
    pub language: Option<u8>,
    pub version: i32,
    pub opaque: i32,
    pub flag: i32,
    pub remark: Option<String>,
    /// The ext fields as they came, in the frame's encoding; see [`crate::frame::Frame::header`].
    pub(crate) ext: Option<Bytes>,
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
}

/// Set in `flag` on a response.
pub const FLAG_RESPONSE: i32 = 1;
/// Set in `flag` on a request that wants no response.
pub const FLAG_ONEWAY: i32 = 2;

/// A header without fields.
#[derive(Debug, Clone, Copy, Default, Serialize, serde::Deserialize)]
pub struct NoHeader {}

/// Why a sequence of bytes is not a frame. The connection is closed on every one of these, as Java
/// does: there is never an error response to an undecodable frame.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum FrameError {
    #[error("frame of {bytes} bytes exceeds the limit of {FRAME_BYTES_MAX}")]
    TooLong { bytes: u64 },
}

/// Why the ext fields of a frame do not make the header that the handler wants.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum HeaderError {
    #[error("field {field} has the value {value:?}, which is not {expected}")]
    Value { field: String, value: String, expected: &'static str },
}

impl Frame {
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

    /// The ext fields as a typed header. Missing fields take the type's defaults, as in Java.
    ///
    /// # Errors
    /// When a field's text is not a value of its type.
    pub fn header<T: DeserializeOwned>(&self) -> Result<T, HeaderError> {
        unimplemented!()
    }
}

/// Takes one complete frame off the front of `input`, or nothing if it has not arrived whole.
///
/// # Errors
/// When the bytes can never become a frame; the connection must then be closed.
pub fn decode(_input: &mut BytesMut) -> Result<Option<Frame>, FrameError> {
    unimplemented!()
}

/// Appends the length word and the header of a frame to `out`; the caller appends exactly
/// `body_bytes` of body after it.
pub fn encode_head<H: Serialize>(
    _out: &mut BytesMut,
    _head: &Head<'_>,
    _header: Option<&H>,
    _body_bytes: usize,
) {
    unimplemented!()
}
