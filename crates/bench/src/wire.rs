//! Just enough of the protocol to load a server: frames encoded once and patched, answers read for
//! their code and opaque alone.
//!
//! The bench speaks for itself instead of through `ferrocket-protocol`, so that both servers are
//! measured by the same bytes that official Java clients send, and a change of our codecs cannot
//! change the measure.

use std::io::{self, Read};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, bail, ensure};

pub(crate) const SEND_MESSAGE_V2: i32 = 310;
pub(crate) const SEND_BATCH_MESSAGE: i32 = 320;
pub(crate) const PULL_MESSAGE: i32 = 11;
pub(crate) const UPDATE_AND_CREATE_TOPIC: i32 = 17;
pub(crate) const UPDATE_AND_CREATE_TOPIC_LIST: i32 = 18;
pub(crate) const GET_MAX_OFFSET: i32 = 30;

/// Opaques have ten digits, so that one can replace another in place.
pub(crate) const OPAQUE_BASE: i32 = 1_000_000_000;
const OPAQUE_DIGITS: usize = 10;

/// Answers take at most this long before the run is given up.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(40);
const READ_BYTES: usize = 256 * 1024;
const SMALL_READ_BYTES: usize = 4096;

/// An encoded request whose opaque can be set.
#[derive(Debug, Clone)]
pub(crate) struct RequestBytes {
    pub(crate) bytes: Vec<u8>,
    opaque_at: usize,
}

impl RequestBytes {
    /// Encodes as a Java client of 5.5.0 does: a JSON header with its members in that order.
    pub(crate) fn encode(code: i32, ext: &[(&str, String)], body: &[u8]) -> anyhow::Result<Self> {
        let mut header = format!("{{\"code\":{code},\"extFields\":{{");
        for (n, (key, value)) in ext.iter().enumerate() {
            let comma = if n == 0 { "" } else { "," };
            header += &format!("{comma}\"{key}\":{}", serde_json::to_string(value)?);
        }
        header += "},\"flag\":0,\"language\":\"JAVA\",\"opaque\":";
        let opaque_at = 8 + header.len();
        header += &format!("{OPAQUE_BASE},\"serializeTypeCurrentRPC\":\"JSON\",\"version\":513}}");
        let length = u32::try_from(4 + header.len() + body.len())?;
        let mut bytes = length.to_be_bytes().to_vec();
        bytes.extend(u32::try_from(header.len())?.to_be_bytes());
        bytes.extend(header.as_bytes());
        bytes.extend(body);
        Ok(Self { bytes, opaque_at })
    }

    /// Appends the request to `out` under this opaque; returns where it starts.
    pub(crate) fn append(&self, out: &mut Vec<u8>, opaque: i32) -> usize {
        let start = out.len();
        out.extend_from_slice(&self.bytes);
        put_decimal(
            out,
            start + self.opaque_at,
            OPAQUE_DIGITS,
            opaque.unsigned_abs().into(),
        );
        start
    }
}

/// Overwrites `digits` decimal digits at `at`.
fn put_decimal(out: &mut [u8], at: usize, digits: usize, mut value: u64) {
    for digit in out.get_mut(at..at + digits).into_iter().flatten().rev() {
        *digit = b'0' + (value % 10) as u8;
        value /= 10;
    }
}

/// Overwrites 16 hexadecimal digits at `at`.
pub(crate) fn put_hex(out: &mut [u8], at: usize, value: u64) {
    let digits = out.get_mut(at..at + 16).into_iter().flatten();
    for (n, digit) in digits.enumerate() {
        let nibble = (value >> (60 - 4 * n)) & 0xf;
        *digit = char::from_digit(nibble as u32, 16).map_or(b'0', |c| c.to_ascii_uppercase() as u8);
    }
}

/// Overwrites eight bytes at `at`.
pub(crate) fn put_u64(out: &mut [u8], at: usize, value: u64) {
    if let Some(bytes) = out.get_mut(at..at + 8) {
        bytes.copy_from_slice(&value.to_be_bytes());
    }
}

/// Overwrites four bytes at `at`.
pub(crate) fn put_u32(out: &mut [u8], at: usize, value: u32) {
    if let Some(bytes) = out.get_mut(at..at + 4) {
        bytes.copy_from_slice(&value.to_be_bytes());
    }
}

pub(crate) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// An answer, borrowed from the read buffer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answer<'a> {
    pub(crate) code: i32,
    pub(crate) opaque: i32,
    pub(crate) header: &'a [u8],
    pub(crate) body: &'a [u8],
}

impl<'a> Answer<'a> {
    /// Parses everything behind the length word. Requests of the server come out as `None`.
    fn parse(frame: &'a [u8]) -> anyhow::Result<Option<Self>> {
        let word = u32_at(frame, 0).context("a frame without header length")?;
        ensure!(
            word >> 24 == 0,
            "an answer in the binary encoding to a request in JSON"
        );
        let header_end = 4 + (word & 0xff_ffff) as usize;
        let header = frame
            .get(4..header_end)
            .context("a header longer than its frame")?;
        let body = frame.get(header_end..).unwrap_or_default();
        let number = |key| {
            number_after(header, key)
                .with_context(|| format!("no {key} in {:?}", String::from_utf8_lossy(header)))
        };
        if number("\"flag\":")? & 1 == 0 {
            return Ok(None);
        }
        let code = i32::try_from(number("\"code\":")?)?;
        let opaque = i32::try_from(number("\"opaque\":")?)?;
        Ok(Some(Self {
            code,
            opaque,
            header,
            body,
        }))
    }

    /// A number among the ext fields, where all values are strings.
    pub(crate) fn ext_number(&self, key: &str) -> Option<i64> {
        number_after(self.header, &format!("\"{key}\":\""))
    }
}

/// The number behind the last occurrence of `key`: members of the frame follow the ext fields.
fn number_after(header: &[u8], key: &str) -> Option<i64> {
    let at = if header.get(1..1 + key.len()) == Some(key.as_bytes()) {
        1
    } else {
        memchr::memmem::rfind(header, key.as_bytes())?
    };
    let rest = header.get(at + key.len()..)?;
    let (negative, digits) = match rest.split_first() {
        Some((b'-', digits)) => (true, digits),
        _ => (false, rest),
    };
    let digits = digits.iter().take_while(|b| b.is_ascii_digit());
    let value = digits.fold(0i64, |n, b| {
        n.wrapping_mul(10).wrapping_add(i64::from(b - b'0'))
    });
    Some(if negative { -value } else { value })
}

/// The receiving side of a blocking connection.
#[derive(Debug)]
pub(crate) struct Inbox {
    stream: TcpStream,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
}

impl Inbox {
    /// Waits for bytes once, then hands over all complete answers; returns how many there were.
    pub(crate) fn receive(
        &mut self,
        mut each: impl FnMut(Answer<'_>) -> anyhow::Result<()>,
    ) -> anyhow::Result<usize> {
        self.make_room();
        let room = self.buffer.get_mut(self.end..).unwrap_or_default();
        let bytes = self.stream.read(room).map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => anyhow::anyhow!("no answer within {ANSWER_TIMEOUT:?}"),
            _ => error.into(),
        })?;
        if bytes == 0 {
            bail!("the server closed the connection");
        }
        self.end += bytes;
        let mut count = 0;
        while let Some(length) = self.complete() {
            let frame = self.buffer.get(self.start + 4..self.start + 4 + length);
            if let Some(answer) = Answer::parse(frame.unwrap_or_default())? {
                each(answer)?;
                count += 1;
            }
            self.start += 4 + length;
        }
        Ok(count)
    }

    /// The length of the frame at the start, if it has arrived whole.
    fn complete(&self) -> Option<usize> {
        let length = self.announced()?;
        (self.start + 4 + length <= self.end).then_some(length)
    }

    fn announced(&self) -> Option<usize> {
        let word = self.buffer.get(self.start..self.end)?.first_chunk()?;
        Some(u32::from_be_bytes(*word) as usize)
    }

    fn make_room(&mut self) {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        } else if self.start > 0 && self.buffer.len() - self.end < READ_BYTES / 4 {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        let wanted = self.announced().map_or(0, |length| self.start + 4 + length);
        if self.buffer.len() < wanted {
            self.buffer.resize(wanted, 0);
        }
    }
}

/// Connects; the stream writes, the inbox reads.
pub(crate) fn connect(address: SocketAddr) -> anyhow::Result<(TcpStream, Inbox)> {
    connect_with(address, READ_BYTES)
}

/// Connects for answers that are small: the inbox takes little memory.
pub(crate) fn connect_small(address: SocketAddr) -> anyhow::Result<(TcpStream, Inbox)> {
    connect_with(address, SMALL_READ_BYTES)
}

fn connect_with(address: SocketAddr, read_bytes: usize) -> anyhow::Result<(TcpStream, Inbox)> {
    let stream = TcpStream::connect_timeout(&address, Duration::from_secs(3))
        .with_context(|| format!("cannot connect to {address}: is the server running?"))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
    let reading = stream.try_clone()?;
    let inbox = Inbox {
        stream: reading,
        buffer: vec![0; read_bytes],
        start: 0,
        end: 0,
    };
    Ok((stream, inbox))
}

/// One request and its answer, for everything that is not measured.
pub(crate) fn call<T>(
    address: SocketAddr,
    request: &[u8],
    mut read: impl FnMut(Answer<'_>) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let (mut stream, mut inbox) = connect(address)?;
    io::Write::write_all(&mut stream, request)?;
    let mut result = None;
    while result.is_none() {
        inbox.receive(|answer| {
            result = Some(read(answer)?);
            Ok(())
        })?;
    }
    result.context("no answer")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_patched_in_place() {
        let ext = [("b", "T".to_owned()), ("i", "K\u{1}v\u{2}".to_owned())];
        let request = RequestBytes::encode(310, &ext, b"body").unwrap();
        let mut out = b"before".to_vec();
        let start = request.append(&mut out, OPAQUE_BASE + 42);
        assert_eq!(start, 6);
        let text = String::from_utf8_lossy(&out[start + 8..]);
        assert!(text.contains("\"opaque\":1000000042,"), "{text}");
        assert!(text.contains(r#""i":"K\u0001v\u0002""#), "{text}");
        assert!(text.ends_with("body"));
        assert_eq!(u32_at(&out, start).unwrap() as usize, out.len() - start - 4);
    }

    #[test]
    fn answers_are_read_whatever_their_member_order() {
        for header in [
            r#"{"code":0,"extFields":{"queueOffset":"17","msgId":"A"},"flag":1,"opaque":1000000005}"#,
            r#"{"extFields":{"queueOffset":"17"},"opaque":1000000005,"flag":1,"code":0}"#,
        ] {
            let mut frame = (header.len() as u32).to_be_bytes().to_vec();
            frame.extend(header.as_bytes());
            frame.extend(b"xyz");
            let answer = Answer::parse(&frame).unwrap().unwrap();
            assert_eq!((answer.code, answer.opaque), (0, OPAQUE_BASE + 5));
            assert_eq!(answer.ext_number("queueOffset"), Some(17));
            assert_eq!(answer.body, b"xyz");
        }
    }

    #[test]
    fn requests_of_the_server_are_passed_over() {
        let header = r#"{"code":40,"flag":2,"opaque":3}"#;
        let mut frame = (header.len() as u32).to_be_bytes().to_vec();
        frame.extend(header.as_bytes());
        assert!(Answer::parse(&frame).unwrap().is_none());
    }
}
