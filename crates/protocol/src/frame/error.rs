//! What can be wrong with a frame, in either direction.

use super::{FRAME_BYTES_MAX, HEADER_BYTES_MAX};

/// Why a sequence of bytes is not a frame. The connection is closed on every one of these, as Java
/// does: there is never an error response to an undecodable frame.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum FrameError {
    #[error("frame of {bytes} bytes exceeds the limit of {FRAME_BYTES_MAX}")]
    TooLong { bytes: usize },
    #[error("frame length {length} is not a length; the peer does not speak this protocol")]
    Length { length: i32 },
    #[error("header length {bytes} exceeds the frame")]
    HeaderLength { bytes: usize },
    #[error("header encoding {byte} is unknown")]
    Encoding { byte: u8 },
    #[error("JSON header is broken: expected {expected}")]
    Json { expected: &'static str },
    #[error("binary header is broken: {part} does not fit")]
    Binary { part: &'static str },
}

/// Why a frame was not written.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum EncodeError {
    #[error("header of {bytes} bytes exceeds the limit of {HEADER_BYTES_MAX}; ask for less")]
    HeaderTooLong { bytes: usize },
    #[error("frame of {bytes} bytes exceeds the limit of {FRAME_BYTES_MAX}; ask for less")]
    FrameTooLong { bytes: usize },
    /// The type is no header: a mistake of ours.
    #[error("{0}")]
    Header(String),
    /// What was encoded does not decode: a mistake of ours.
    #[error("encoded frame is unreadable")]
    Unreadable(#[source] FrameError),
}

impl From<crate::ext::ShapeError> for EncodeError {
    fn from(error: crate::ext::ShapeError) -> Self {
        Self::Header(error.to_string())
    }
}
