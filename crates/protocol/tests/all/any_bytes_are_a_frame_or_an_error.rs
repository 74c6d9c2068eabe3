//! Whatever a peer sends ends in a frame, in an error, or in waiting for more of it: never in a
//! panic, and never in memory for bytes that did not come.

use bytes::BytesMut;
use ferrocket_protocol::frame::{self, FRAME_BYTES_MAX, Frame, FrameError};
use ferrocket_protocol::headers::{PullMessage, RegisterBroker, Rpc, SendMessage, SendMessageV2};
use proptest::prelude::*;

use crate::recorded;

/// Walks through everything that a server might look at.
fn explore(frame: &Frame) {
    for (name, value) in frame.ext() {
        // Of a name that comes twice the last one counts, which may be without a value.
        let _ = (frame.ext_field(&name), value);
    }
    let _ = frame.header::<(SendMessage<'_>, Rpc<'_>)>();
    let _ = frame.header::<SendMessageV2<'_>>();
    let _ = frame.header::<PullMessage<'_>>();
    let _ = frame.header::<RegisterBroker>();
    // What was read can be written, unless escapes make it longer than a frame may be.
    let mut out = BytesMut::new();
    if frame.encode(&mut out).is_ok() {
        frame::decode(&mut out).unwrap().unwrap();
    }
}

/// Decodes until nothing more comes out; says whether the connection would have been closed.
fn feed(bytes: &[u8]) -> Result<usize, FrameError> {
    let mut input = BytesMut::from(bytes);
    let mut frames = 0;
    loop {
        let missing = frame::missing(&input);
        let before = input.capacity();
        match frame::decode(&mut input) {
            Ok(Some(frame)) => {
                assert_eq!(missing, Ok(0));
                explore(&frame);
                frames += 1;
            }
            Ok(None) => {
                let missing = missing.unwrap();
                assert!(missing > 0 && missing <= FRAME_BYTES_MAX);
                assert_eq!(input.capacity(), before, "nothing is reserved in advance");
                return Ok(frames);
            }
            Err(error) => {
                assert!(missing == Ok(0) || missing == Err(error.clone()));
                return Err(error);
            }
        }
    }
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut word = self.0;
        word = (word ^ word >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ word >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        word ^ word >> 31
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(bound.max(1)).unwrap()).unwrap()
    }
}

fn mutate(bytes: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..=random.below(4) {
        // Headers are where the structure is, and the first hundreds of bytes hold them.
        let reach = if random.below(4) == 0 {
            bytes.len()
        } else {
            bytes.len().min(40)
        };
        let at = random.below(reach);
        match random.below(7) {
            0 => bytes[at] ^= 1 << random.below(8),
            1 => bytes[at] = u8::try_from(random.below(256)).unwrap(),
            2 => bytes[at] = [0, 0x7F, 0x80, 0xFF, b'"', b'\\', b'{', b'}'][random.below(8)],
            3 => bytes.truncate(at.max(1)),
            4 => {
                bytes.remove(at);
                if bytes.is_empty() {
                    bytes.push(0);
                }
            }
            5 => bytes.insert(at, u8::try_from(random.below(256)).unwrap()),
            _ => {
                let piece: Vec<u8> = bytes[at..].iter().take(random.below(64)).copied().collect();
                bytes.splice(at..at, piece);
            }
        }
    }
}

#[test]
fn ten_thousand_mutations_of_recorded_frames_do_no_harm() {
    let recorded: Vec<Vec<u8>> = recorded::frames()
        .into_iter()
        .map(|frame| frame.bytes)
        .filter(|bytes| bytes.len() < 8192)
        .collect();
    let mut random = Random(0xF00D);
    let (mut frames, mut waiting, mut errors) = (0, 0, 0);
    for _ in 0..10_000 {
        let mut bytes = recorded[random.below(recorded.len())].clone();
        mutate(&mut bytes, &mut random);
        match feed(&bytes) {
            Ok(0) => waiting += 1,
            Ok(_) => frames += 1,
            Err(_) => errors += 1,
        }
    }
    // The mutations reach all three ends.
    assert!(
        frames > 500 && waiting > 500 && errors > 500,
        "{frames} {waiting} {errors}"
    );
}

proptest! {
    #[test]
    fn arbitrary_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = feed(&bytes);
    }

    #[test]
    fn arbitrary_headers(kind in 0_u8..2, header in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = feed(&framed(kind, &header));
    }

    #[test]
    fn almost_json(header in "\\{(\"(code|flag|language|extFields|remark)\":([0-9\"a-z\\\\\\{\\}:,]{0,12}|\\{\"a\":\"b\\\\\\\\u00\"\\}),?){0,5}\\}?") {
        let _ = feed(&framed(0, header.as_bytes()));
    }
}

fn framed(kind: u8, header: &[u8]) -> Vec<u8> {
    let header_bytes = u32::try_from(header.len()).unwrap();
    let mut bytes = (header_bytes + 4).to_be_bytes().to_vec();
    bytes.extend((u32::from(kind) << 24 | header_bytes).to_be_bytes());
    bytes.extend(header);
    bytes
}
