use bytes::BytesMut;
use ferrocket_protocol::frame::{self, Frame};
use ferrocket_protocol::outbox::Outbox;

use crate::recordings::{SERVED, recordings};
use crate::support::*;

/// A small generator, so that a failure is found again by its number.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % sides.max(1)
    }
}

fn encoded(recorded: &Frame) -> BytesMut {
    let head = frame::Head {
        encoding: recorded.encoding,
        code: recorded.code,
        opaque: recorded.opaque,
        flag: recorded.flag,
        remark: recorded.remark.as_deref(),
        sender: frame::Sender {
            language: recorded.language,
            version: recorded.version,
        },
    };
    let header: std::collections::BTreeMap<String, String> = recorded
        .ext()
        .iter()
        .filter_map(|(name, value)| Some((name.into_owned(), value?.into_owned())))
        .collect();
    let mut bytes = BytesMut::new();
    frame::encode_head(&mut bytes, &head, Some(&header), recorded.body.len()).unwrap();
    bytes.extend_from_slice(&recorded.body);
    bytes
}

#[test]
fn whatever_ten_thousand_mutations_do_to_recorded_ones() {
    let recordings = recordings(&SERVED);
    let frames: Vec<BytesMut> = recordings
        .iter()
        .map(|recording| encoded(&recording.request))
        .collect();
    let world = World::new();
    let client = world.connect();
    let mut dice = Dice(20_261_125);
    let (mut served, mut answered) = (0, 0);
    for _ in 0..10_000 {
        let mut bytes = frames[dice.roll(frames.len())].clone();
        for _ in 0..=dice.roll(3) {
            let at = 8 + dice.roll(bytes.len() - 8);
            match dice.roll(4) {
                0 => bytes[at] ^= 1 << dice.roll(8),
                1 => bytes[at] = u8::try_from(dice.roll(256)).unwrap(),
                2 => bytes[at] = b'0' + u8::try_from(dice.roll(10)).unwrap(),
                _ => {
                    let other = 8 + dice.roll(bytes.len() - 8);
                    bytes.swap(at, other);
                }
            }
        }
        if let Ok(Some(frame)) = frame::decode(&mut bytes) {
            served += 1;
            answered += client.read(vec![frame]).len();
        }
        client.received();
    }
    world.pass(300_001);
    assert!(
        served > 3_000 && answered > served / 2,
        "{served} {answered}"
    );
    let healthy = world.connect();
    healthy.store("Healthy", 0, "", "still here");
    let mut out = Outbox::new();
    assert!(decode_all(&mut out).is_empty());
}
