//! What may precede the first frame of a connection: a PROXY protocol header, or the sign that the
//! peer speaks something else.
//!
//! None of it can be the start of a frame, because read as a length each is far above the frame
//! limit; so a plain connection is never kept waiting. As in Java (`HandshakeHandler`) there is no
//! key for it: any peer may send a PROXY header. Addresses in it are for display alone; the born
//! host of messages stays the TCP peer.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use bytes::{Buf, BytesMut};

use crate::closing::Ending;

const V1_START: &[u8] = b"PROXY";
/// A v1 header is at most this long, line end included (PROXY protocol 2.1).
const V1_BYTES_MAX: usize = 107;
const V2_START: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// Signature, version and command, family, length.
const V2_FIXED_BYTES: usize = 16;
/// TLVs of real proxies are a few hundred bytes.
const V2_BYTES_MAX: usize = 4096;
/// The first byte of a TLS handshake record.
const TLS_HANDSHAKE: u8 = 0x16;

/// What the first bytes said.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Preamble {
    /// More bytes are needed to tell.
    Unfinished,
    /// Frames follow; a PROXY header has been taken off and named this source, if any.
    Done(Option<SocketAddr>),
}

/// Takes a PROXY header off the front of `input`.
pub(crate) fn strip(input: &mut BytesMut) -> Result<Preamble, Ending> {
    let (bytes, source) = match parse(input)? {
        None => return Ok(Preamble::Unfinished),
        Some(header) => header,
    };
    if input.get(bytes) == Some(&TLS_HANDSHAKE) {
        return Err(Ending::Tls);
    }
    input.advance(bytes);
    Ok(Preamble::Done(source))
}

/// The length of the PROXY header (0 when there is none) and the source that it names.
fn parse(input: &[u8]) -> Result<Option<(usize, Option<SocketAddr>)>, Ending> {
    let starts = |sign: &[u8]| input.starts_with(sign) || sign.starts_with(input);
    match input.first() {
        None => Ok(None),
        Some(b'P') if starts(V1_START) => parse_v1(input),
        Some(b'\r') if starts(V2_START) => parse_v2(input),
        Some(_) => Ok(Some((0, None))),
    }
}

fn parse_v1(input: &[u8]) -> Result<Option<(usize, Option<SocketAddr>)>, Ending> {
    let line_end = input.iter().take(V1_BYTES_MAX).position(|b| *b == b'\n');
    let Some(line_end) = line_end else {
        if input.len() >= V1_BYTES_MAX {
            return Err(Ending::Proxy("the version 1 line does not end"));
        }
        return Ok(None);
    };
    let line = input
        .get(..line_end)
        .and_then(|line| std::str::from_utf8(line).ok());
    let mut words = line
        .ok_or(Ending::Proxy("the version 1 line is no text"))?
        .split_whitespace();
    let (_, family) = (words.next(), words.next());
    if family == Some("UNKNOWN") {
        return Ok(Some((line_end + 1, None)));
    }
    let ip: Option<IpAddr> = words.next().and_then(|w| w.parse().ok());
    let port: Option<u16> = words.nth(1).and_then(|w| w.parse().ok());
    match (ip, port) {
        (Some(ip), Some(port)) => Ok(Some((line_end + 1, Some(SocketAddr::new(ip, port))))),
        _ => Err(Ending::Proxy("the version 1 line names no source address")),
    }
}

fn parse_v2(input: &[u8]) -> Result<Option<(usize, Option<SocketAddr>)>, Ending> {
    let Some((fixed, rest)) = input.split_first_chunk::<V2_FIXED_BYTES>() else {
        return Ok(None);
    };
    let [.., command, family, high, low] = *fixed;
    let length = usize::from(u16::from_be_bytes([high, low]));
    if command >> 4 != 2 {
        return Err(Ending::Proxy("the version is neither 1 nor 2"));
    }
    if length > V2_BYTES_MAX {
        return Err(Ending::Proxy(
            "the version 2 header is longer than 4096 bytes",
        ));
    }
    let Some(body) = rest.get(..length) else {
        return Ok(None);
    };
    // Command 0 is LOCAL: a health check of the proxy itself.
    let source = match (command & 0x0f, family >> 4) {
        (0, _) => None,
        (_, 1) => v2_source::<4>(body, 8).map(|(ip, port)| (Ipv4Addr::from(ip).into(), port)),
        (_, 2) => v2_source::<16>(body, 32).map(|(ip, port)| (Ipv6Addr::from(ip).into(), port)),
        _ => None,
    };
    Ok(Some((
        V2_FIXED_BYTES + length,
        source.map(|(ip, port)| SocketAddr::new(ip, port)),
    )))
}

fn v2_source<const N: usize>(body: &[u8], port_at: usize) -> Option<([u8; N], u16)> {
    let (ip, _) = body.split_first_chunk::<N>()?;
    let (port, _) = body.get(port_at..)?.split_first_chunk::<2>()?;
    Some((*ip, u16::from_be_bytes(*port)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn done(bytes: &[u8]) -> (Option<SocketAddr>, Vec<u8>) {
        let mut input = BytesMut::from(bytes);
        match strip(&mut input).unwrap() {
            Preamble::Done(source) => (source, input.to_vec()),
            Preamble::Unfinished => panic!("{bytes:?} is said to be unfinished"),
        }
    }

    #[test]
    fn a_frame_is_left_alone() {
        assert_eq!(done(&[0, 0, 1, 2, 0]), (None, vec![0, 0, 1, 2, 0]));
    }

    #[test]
    fn a_text_header_is_taken_off() {
        let (source, rest) = done(b"PROXY TCP4 10.1.2.3 10.0.0.1 5000 10911\r\nabc");
        assert_eq!(source, Some("10.1.2.3:5000".parse().unwrap()));
        assert_eq!(rest, b"abc");
        assert_eq!(done(b"PROXY UNKNOWN\r\nabc"), (None, b"abc".to_vec()));
    }

    #[test]
    fn a_binary_header_is_taken_off() {
        let mut bytes = V2_START.to_vec();
        bytes.extend([
            0x21, 0x11, 0, 12, 10, 1, 2, 3, 10, 0, 0, 1, 0x13, 0x88, 0x2a, 0x9f,
        ]);
        bytes.extend(b"abc");
        let (source, rest) = done(&bytes);
        assert_eq!(source, Some("10.1.2.3:5000".parse().unwrap()));
        assert_eq!(rest, b"abc");
    }

    #[test]
    fn every_beginning_of_a_header_waits_for_the_rest() {
        for whole in [
            &b"PROXY TCP4 10.1.2.3 10.0.0.1 5000 10911\r\n"[..],
            V2_START,
        ] {
            for end in 1..whole.len() {
                let mut input = BytesMut::from(&whole[..end]);
                assert_eq!(
                    strip(&mut input).unwrap(),
                    Preamble::Unfinished,
                    "{end} bytes"
                );
            }
        }
    }

    #[test]
    fn tls_is_recognised_also_behind_a_proxy() {
        for bytes in [&b"\x16\x03\x01"[..], b"PROXY UNKNOWN\r\n\x16\x03\x01"] {
            assert!(matches!(
                strip(&mut BytesMut::from(bytes)),
                Err(Ending::Tls)
            ));
        }
    }

    #[test]
    fn an_endless_text_header_is_refused() {
        let mut input = BytesMut::from(&b"PROXY "[..]);
        input.extend_from_slice(&[b'x'; V1_BYTES_MAX]);
        assert!(matches!(strip(&mut input), Err(Ending::Proxy(_))));
    }
}
