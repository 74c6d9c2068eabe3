//! A stream of frames decodes to the same frames however the network cuts it, and every frame that
//! we can write reads back.

use bytes::BytesMut;
use ferrocket_protocol::frame::{self, Encoding, Frame, Head, Sender};
use ferrocket_protocol::headers::{Rpc, SendMessage};
use ferrocket_protocol::outbox::Outbox;
use proptest::prelude::*;

prop_compose! {
    fn header()(
        texts in proptest::collection::vec(any::<String>(), 3),
        properties in proptest::option::of("[\\PC\u{1}\u{2}\"\\\\]{1,60}"),
        numbers in any::<(i32, i32, i32, i64, i32)>(),
        optional in any::<(Option<i32>, Option<bool>, Option<bool>, Option<i32>)>(),
    ) -> SendMessage<'static> {
        let mut texts = texts.into_iter();
        let mut text = || texts.next().unwrap().into();
        SendMessage {
            producer_group: text(),
            topic: text(),
            default_topic: text(),
            default_topic_queue_nums: numbers.0,
            queue_id: numbers.1,
            sys_flag: numbers.2,
            born_timestamp: numbers.3,
            flag: numbers.4,
            properties: properties.map(Into::into),
            reconsume_times: optional.0,
            unit_mode: optional.1,
            batch: optional.2,
            max_reconsume_times: optional.3,
        }
    }
}

#[derive(Debug, Clone)]
struct Sent {
    encoding: Encoding,
    code: i32,
    opaque: i32,
    flag: i32,
    remark: Option<String>,
    header: Option<SendMessage<'static>>,
    body: Vec<u8>,
}

prop_compose! {
    fn sent()(
        encoding in prop_oneof![Just(Encoding::Json), Just(Encoding::Binary)],
        code in prop_oneof![0..3000, Just(200_050)],
        opaque in any::<i32>(),
        flag in 0..4,
        remark in proptest::option::of("\\PC{1,20}"),
        header in proptest::option::of(header()),
        body in proptest::collection::vec(any::<u8>(), 0..3000),
    ) -> Sent {
        Sent { encoding, code, opaque, flag, remark, header, body }
    }
}

fn check(sent: &Sent, frame: &Frame) {
    let fits = i16::try_from(sent.code).is_ok();
    assert_eq!(
        frame.encoding,
        if fits { sent.encoding } else { Encoding::Json }
    );
    assert_eq!(
        (frame.code, frame.opaque, frame.flag),
        (sent.code, sent.opaque, sent.flag)
    );
    assert_eq!(frame.remark, sent.remark);
    assert_eq!(frame.body, sent.body);
    let header: (SendMessage<'_>, Rpc<'_>) = frame.header().unwrap();
    assert_eq!(
        header,
        (sent.header.clone().unwrap_or_default(), Rpc::default())
    );
}

proptest! {
    #[test]
    fn streams_are_put_together_again(
        sent in proptest::collection::vec(sent(), 1..6),
        cuts in proptest::collection::vec(1_usize..700, 1..50),
    ) {
        let mut outbox = Outbox::new();
        for frame in &sent {
            let head = Head {
                encoding: frame.encoding,
                code: frame.code,
                opaque: frame.opaque,
                flag: frame.flag,
                remark: frame.remark.as_deref(),
                sender: Sender::US,
            };
            let body = bytes::Bytes::from(frame.body.clone());
            outbox.push(&head, frame.header.as_ref(), &[body]).unwrap();
        }
        prop_assert_eq!(outbox.frames(), sent.len());
        let bytes_promised = outbox.bytes();
        let stream = outbox.take().make_contiguous().concat();
        prop_assert_eq!(bytes_promised, stream.len());

        let mut expected = sent.iter();
        let mut input = BytesMut::new();
        let mut cuts = cuts.iter().cycle();
        let mut rest = &stream[..];
        while !rest.is_empty() {
            let (now, later) = rest.split_at(rest.len().min(*cuts.next().unwrap()));
            input.extend_from_slice(now);
            rest = later;
            while let Some(frame) = frame::decode(&mut input).unwrap() {
                check(expected.next().unwrap(), &frame);
            }
            let missing = frame::missing(&input).unwrap();
            prop_assert!(missing > 0);
        }
        prop_assert!(expected.next().is_none() && input.is_empty());
    }

    #[test]
    fn what_is_missing_is_what_completes_the_frame(sent in sent()) {
        let head = Head {
            encoding: sent.encoding,
            code: sent.code,
            opaque: sent.opaque,
            flag: sent.flag,
            remark: None,
            sender: Sender::US,
        };
        let whole = Frame::new(&head, sent.header.as_ref(), &sent.body).unwrap();
        let mut bytes = BytesMut::new();
        whole.encode(&mut bytes).unwrap();
        for at in 0..bytes.len() {
            let missing = frame::missing(&bytes[..at]).unwrap();
            let expected = if at < 8 { 8 - at } else { bytes.len() - at };
            prop_assert_eq!(missing, expected);
            let mut part = BytesMut::from(&bytes[..at]);
            prop_assert!(frame::decode(&mut part).unwrap().is_none());
            prop_assert_eq!(part.len(), at);
        }
    }
}
