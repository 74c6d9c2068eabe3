//! Message ids: where a message is ([`OffsetMessageId`]) and who sent it ([`UniqueId`]).

use std::fmt;
use std::net::{IpAddr, SocketAddr};

/// The "offset message id" of a send answer: store host and physical offset in upper-case hex, 32
/// characters over IPv4, 56 over IPv6 (`MessageDecoder#createMessageId`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct OffsetMessageId {
    pub store_host: SocketAddr,
    pub physical_offset: i64,
}

/// The id that a client gives to a message (`MessageClientIDSetter`), property `UNIQ_KEY`. To
/// brokers it is opaque text: keep it as it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct UniqueId {
    pub client_ip: IpAddr,
    /// The low bits of the process id.
    pub process_id: u16,
    /// Java puts the hash of its class loader here; any number does that differs between producers
    /// of one process.
    pub class_loader_hash: i32,
    /// Milliseconds since the month began, local time.
    pub month_ms: i32,
    pub counter: u16,
}

/// Why text is no message id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdError {
    #[error("a message id has {expected} characters, not {found}")]
    Length {
        expected: &'static str,
        found: usize,
    },
    #[error("a message id consists of hexadecimal digits only")]
    Digit,
    #[error("the port in the message id is {found}, above 65535")]
    Port { found: u32 },
}

const OFFSET_ID_BYTES_V4: usize = 16;
const OFFSET_ID_BYTES_V6: usize = 28;
const UNIQUE_ID_BYTES_V4: usize = 16;
const UNIQUE_ID_BYTES_V6: usize = 28;

/// The longest id as text.
pub const ID_CHARACTERS_MAX: usize = 56;

impl OffsetMessageId {
    /// Reads either form, letters in any case.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let mut bytes = HexReader {
            digits: text.as_bytes(),
        };
        let ip = match text.len() / 2 {
            OFFSET_ID_BYTES_V4 if text.len().is_multiple_of(2) => IpAddr::from(bytes.chunk::<4>()?),
            OFFSET_ID_BYTES_V6 if text.len().is_multiple_of(2) => {
                IpAddr::from(bytes.chunk::<16>()?)
            }
            _ => {
                return Err(IdError::Length {
                    expected: "32 or 56",
                    found: text.len(),
                });
            }
        };
        let port = u32::from_be_bytes(bytes.chunk()?);
        let port = u16::try_from(port).map_err(|_| IdError::Port { found: port })?;
        let physical_offset = i64::from_be_bytes(bytes.chunk()?);
        Ok(Self {
            store_host: SocketAddr::new(ip, port),
            physical_offset,
        })
    }

    fn hex(&self) -> Hex {
        let mut hex = Hex::default();
        hex.push_ip(self.store_host.ip());
        hex.push(&u32::from(self.store_host.port()).to_be_bytes());
        hex.push(&self.physical_offset.to_be_bytes());
        hex
    }

    /// Appends the text; for answers built without a formatter.
    pub fn append_to(&self, out: &mut String) {
        out.push_str(self.hex().as_str());
    }
}

impl fmt::Display for OffsetMessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.hex().as_str())
    }
}

impl UniqueId {
    /// Reads either form, letters in any case (Go writes the end in lower case).
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let mut bytes = HexReader {
            digits: text.as_bytes(),
        };
        let client_ip = match text.len() / 2 {
            UNIQUE_ID_BYTES_V4 if text.len().is_multiple_of(2) => IpAddr::from(bytes.chunk::<4>()?),
            UNIQUE_ID_BYTES_V6 if text.len().is_multiple_of(2) => {
                IpAddr::from(bytes.chunk::<16>()?)
            }
            _ => {
                return Err(IdError::Length {
                    expected: "32 or 56",
                    found: text.len(),
                });
            }
        };
        Ok(Self {
            client_ip,
            process_id: u16::from_be_bytes(bytes.chunk()?),
            class_loader_hash: i32::from_be_bytes(bytes.chunk()?),
            month_ms: i32::from_be_bytes(bytes.chunk()?),
            counter: u16::from_be_bytes(bytes.chunk()?),
        })
    }

    fn hex(&self) -> Hex {
        let mut hex = Hex::default();
        hex.push_ip(self.client_ip);
        hex.push(&self.process_id.to_be_bytes());
        hex.push(&self.class_loader_hash.to_be_bytes());
        hex.push(&self.month_ms.to_be_bytes());
        hex.push(&self.counter.to_be_bytes());
        hex
    }

    /// Appends the text; for properties built without a formatter.
    pub fn append_to(&self, out: &mut String) {
        out.push_str(self.hex().as_str());
    }
}

impl fmt::Display for UniqueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.hex().as_str())
    }
}

/// An id in the making, on the stack.
struct Hex {
    digits: [u8; ID_CHARACTERS_MAX],
    used: usize,
}

impl Default for Hex {
    fn default() -> Self {
        Self {
            digits: [0; ID_CHARACTERS_MAX],
            used: 0,
        }
    }
}

impl Hex {
    fn push(&mut self, bytes: &[u8]) {
        const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
        let free = self.digits.get_mut(self.used..).unwrap_or_default();
        for (pair, byte) in free.chunks_exact_mut(2).zip(bytes) {
            let (high, low) = (usize::from(byte >> 4), usize::from(byte & 15));
            for (digit, value) in pair.iter_mut().zip([high, low]) {
                *digit = DIGITS.get(value).copied().unwrap_or(b'0');
            }
        }
        self.used += 2 * bytes.len();
    }

    fn push_ip(&mut self, ip: IpAddr) {
        match ip.to_canonical() {
            IpAddr::V4(ip) => self.push(&ip.octets()),
            IpAddr::V6(ip) => self.push(&ip.octets()),
        }
    }

    fn as_str(&self) -> &str {
        self.digits
            .get(..self.used)
            .and_then(|used| std::str::from_utf8(used).ok())
            .unwrap_or("")
    }
}

struct HexReader<'a> {
    digits: &'a [u8],
}

impl HexReader<'_> {
    fn chunk<const N: usize>(&mut self) -> Result<[u8; N], IdError> {
        let mut bytes = [0; N];
        for byte in &mut bytes {
            let ([high, low], rest) = self.digits.split_first_chunk::<2>().ok_or(IdError::Digit)?;
            *byte = digit(*high)? << 4 | digit(*low)?;
            self.digits = rest;
        }
        Ok(bytes)
    }
}

fn digit(character: u8) -> Result<u8, IdError> {
    match character {
        b'0'..=b'9' => Ok(character - b'0'),
        b'a'..=b'f' => Ok(character - b'a' + 10),
        b'A'..=b'F' => Ok(character - b'A' + 10),
        _ => Err(IdError::Digit),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn offset_ids_are_those_of_the_worked_examples() {
        let id = OffsetMessageId {
            store_host: "127.0.0.1:10911".parse().unwrap(),
            physical_offset: 123_456,
        };
        assert_eq!(id.to_string(), "7F00000100002A9F000000000001E240");
        assert_eq!(
            OffsetMessageId::parse("7f00000100002a9f000000000001e240"),
            Ok(id)
        );
        let id = OffsetMessageId {
            store_host: "[2001:db8::1]:10911".parse().unwrap(),
            physical_offset: 123_456,
        };
        assert_eq!(
            id.to_string(),
            "20010DB800000000000000000000000100002A9F000000000001E240"
        );
        assert_eq!(OffsetMessageId::parse(&id.to_string()), Ok(id));
    }

    #[test]
    fn unique_ids_are_those_of_the_worked_example() {
        let id = UniqueId {
            client_ip: "10.11.12.13".parse().unwrap(),
            process_id: 4660,
            class_loader_hash: 0x18B4_AAC2,
            month_ms: 1_572_984_832,
            counter: 0,
        };
        assert_eq!(id.to_string(), "0A0B0C0D123418B4AAC25DC1D8000000");
        assert_eq!(UniqueId::parse("0A0B0C0D123418B4AAC25dc1d8000000"), Ok(id));
    }

    #[test]
    fn other_text_is_refused() {
        assert!(matches!(
            OffsetMessageId::parse(""),
            Err(IdError::Length { .. })
        ));
        assert!(matches!(
            OffsetMessageId::parse("7F00000100002A9F000000000001E2400"),
            Err(IdError::Length { .. })
        ));
        assert_eq!(OffsetMessageId::parse(&"G".repeat(32)), Err(IdError::Digit));
        assert!(matches!(
            OffsetMessageId::parse(&"F".repeat(32)),
            Err(IdError::Port { .. })
        ));
    }

    proptest! {
        #[test]
        fn ids_survive(ip: IpAddr, port: u16, physical_offset: i64, process_id: u16, hash: i32, month_ms: i32, counter: u16) {
            let ip = ip.to_canonical();
            let id = OffsetMessageId { store_host: SocketAddr::new(ip, port), physical_offset };
            prop_assert_eq!(OffsetMessageId::parse(&id.to_string()), Ok(id));
            let id = UniqueId { client_ip: ip, process_id, class_loader_hash: hash, month_ms, counter };
            prop_assert_eq!(UniqueId::parse(&id.to_string()), Ok(id));
        }

        #[test]
        fn any_text_is_read(text in "\\PC{0,60}") {
            let _ = OffsetMessageId::parse(&text);
            let _ = UniqueId::parse(&text);
        }
    }
}
