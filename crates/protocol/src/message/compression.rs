//! Compression of message bodies (`CompressionType`): zlib streams, LZ4 frames, zstd frames.
//!
//! All three are read; zlib and LZ4 are written. Reading is bounded: a body that would grow above
//! the caller's limit is refused before it does.

use std::io::{self, Read, Write};

use super::sys_flag;

/// The level that Java producers use.
pub const ZLIB_LEVEL_DEFAULT: u32 = 5;
/// A bound for callers without a better one: no broker takes bodies above 4 MiB by default, and
/// text rarely shrinks below a sixteenth.
pub const BODY_BYTES_MAX_DEFAULT: usize = 64 * 1024 * 1024;

/// How a body is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    Lz4,
    Zstd,
    Zlib,
}

/// Why a body cannot be compressed or decompressed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CompressionError {
    #[error("compression type {found} is unknown to RocketMQ")]
    UnknownType { found: i32 },
    #[error("the compressed body is damaged")]
    Damaged(#[source] io::Error),
    #[error("the body would have more than {bytes_max} bytes when decompressed")]
    TooLong { bytes_max: usize },
    #[error("bodies cannot be written as zstd, choose zlib or lz4")]
    ZstdWrite,
}

impl Compression {
    /// What the flag says: `None` for plain bodies. A compressed body without a type is zlib (old
    /// clients, Go).
    pub const fn of(flag: i32) -> Result<Option<Self>, CompressionError> {
        if flag & sys_flag::COMPRESSED == 0 {
            return Ok(None);
        }
        match flag & sys_flag::COMPRESSION_TYPE {
            0 | sys_flag::COMPRESSION_ZLIB => Ok(Some(Self::Zlib)),
            sys_flag::COMPRESSION_LZ4 => Ok(Some(Self::Lz4)),
            sys_flag::COMPRESSION_ZSTD => Ok(Some(Self::Zstd)),
            other => Err(CompressionError::UnknownType { found: other >> 8 }),
        }
    }

    /// The bits that a message with such a body carries.
    #[must_use]
    pub const fn flag(self) -> i32 {
        sys_flag::COMPRESSED
            | match self {
                Self::Lz4 => sys_flag::COMPRESSION_LZ4,
                Self::Zstd => sys_flag::COMPRESSION_ZSTD,
                Self::Zlib => sys_flag::COMPRESSION_ZLIB,
            }
    }

    /// Compresses a body; the level (0–9) counts for zlib alone.
    pub fn compress(self, body: &[u8], level: u32) -> Result<Vec<u8>, CompressionError> {
        match self {
            Self::Zlib => {
                let level = flate2::Compression::new(level.min(9));
                let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), level);
                encoder
                    .write_all(body)
                    .and_then(|()| encoder.finish())
                    .map_err(CompressionError::Damaged)
            }
            Self::Lz4 => {
                let mut encoder = lz4_flex::frame::FrameEncoder::new(Vec::new());
                encoder
                    .write_all(body)
                    .and_then(|()| encoder.finish().map_err(io::Error::from))
                    .map_err(CompressionError::Damaged)
            }
            Self::Zstd => Err(CompressionError::ZstdWrite),
        }
    }

    /// Decompresses a body of at most `bytes_max` bytes.
    pub fn decompress(self, body: &[u8], bytes_max: usize) -> Result<Vec<u8>, CompressionError> {
        match self {
            Self::Zlib => read_bounded(flate2::read::ZlibDecoder::new(body), bytes_max),
            Self::Lz4 => read_bounded(lz4_flex::frame::FrameDecoder::new(body), bytes_max),
            Self::Zstd => {
                let decoder = ruzstd::decoding::StreamingDecoder::new(body)
                    .map_err(|error| CompressionError::Damaged(io::Error::other(error)))?;
                read_bounded(decoder, bytes_max)
            }
        }
    }
}

fn read_bounded(reader: impl Read, bytes_max: usize) -> Result<Vec<u8>, CompressionError> {
    let mut body = Vec::new();
    // One byte more than allowed tells "too long" from "just fits".
    reader
        .take((bytes_max as u64).saturating_add(1))
        .read_to_end(&mut body)
        .map_err(CompressionError::Damaged)?;
    if body.len() > bytes_max {
        return Err(CompressionError::TooLong { bytes_max });
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn types_are_read_from_the_flag() {
        assert_eq!(Compression::of(0x300).unwrap(), None);
        assert_eq!(Compression::of(0x1).unwrap(), Some(Compression::Zlib));
        assert_eq!(Compression::of(0x101).unwrap(), Some(Compression::Lz4));
        assert_eq!(Compression::of(0x201).unwrap(), Some(Compression::Zstd));
        assert_eq!(Compression::of(0x301).unwrap(), Some(Compression::Zlib));
        assert!(matches!(
            Compression::of(0x401),
            Err(CompressionError::UnknownType { found: 4 })
        ));
    }

    #[test]
    fn java_s_zlib_is_read() {
        let stored = [
            0x78, 0x5e, 0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0x57, 0xc8, 0x40, 0x90, 0x00, 0x3a, 0x2e,
            0x06, 0x7d,
        ];
        let body = Compression::Zlib.decompress(&stored, 17).unwrap();
        assert_eq!(body, b"hello hello hello");
        assert!(matches!(
            Compression::Zlib.decompress(&stored, 16),
            Err(CompressionError::TooLong { bytes_max: 16 })
        ));
    }

    #[test]
    fn a_bomb_is_refused_early() {
        let bomb = Compression::Zlib.compress(&vec![0; 8 << 20], 9).unwrap();
        assert!(bomb.len() < 20_000);
        assert!(matches!(
            Compression::Zlib.decompress(&bomb, 1 << 20),
            Err(CompressionError::TooLong { .. })
        ));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn bodies_survive(body: Vec<u8>, level in 0u32..12) {
            for kind in [Compression::Zlib, Compression::Lz4] {
                let stored = kind.compress(&body, level).unwrap();
                prop_assert_eq!(&kind.decompress(&stored, body.len()).unwrap(), &body);
            }
        }

        #[test]
        fn any_bytes_are_read(body: Vec<u8>) {
            for kind in [Compression::Zlib, Compression::Lz4, Compression::Zstd] {
                let _ = kind.decompress(&body, 1 << 16);
            }
        }
    }
}
