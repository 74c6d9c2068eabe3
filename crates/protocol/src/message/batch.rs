//! The body of request 320: many messages of one topic in one send (`MessageDecoder#encodeMessage`,
//! `MessageExtEncoder#encode`). The same form fills the body of an inner batch record.

use bytes::BufMut;

use super::record::PROPERTIES_BYTES_MAX;

/// Bytes of one message besides body and properties.
pub const OVERHEAD_BYTES: usize = 22;

/// One message of a batch, borrowed from the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchMessage<'a> {
    pub flag: i32,
    pub body: &'a [u8],
    pub properties: &'a [u8],
}

/// Why a batch body cannot be read or written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BatchError {
    #[error("the batch ends within a message, at its {part}")]
    Incomplete { part: &'static str },
    #[error("the {part} of a message in the batch is declared {declared} bytes long")]
    PartLength { part: &'static str, declared: i64 },
    #[error("the properties have {bytes} bytes, at most {PROPERTIES_BYTES_MAX} can be sent")]
    PropertiesTooLong { bytes: usize },
    #[error("the body has {bytes} bytes, which no frame can carry")]
    BodyTooLong { bytes: usize },
}

/// Iterates over the messages of a batch body. Ends after the first error. Total sizes, magics and
/// CRCs in it are ignored, as in Java (clients write zeroes).
#[must_use]
pub const fn iter(body: &[u8]) -> Iter<'_> {
    Iter { rest: body }
}

/// See [`iter`].
#[derive(Debug, Clone)]
pub struct Iter<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Iter<'a> {
    type Item = Result<BatchMessage<'a>, BatchError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let item = self.message();
        if item.is_err() {
            self.rest = &[];
        }
        Some(item)
    }
}

impl<'a> Iter<'a> {
    fn message(&mut self) -> Result<BatchMessage<'a>, BatchError> {
        // Total size, magic, body CRC.
        self.chunk::<12>("head")?;
        let flag = i32::from_be_bytes(self.chunk("flag")?);
        let body_bytes = i32::from_be_bytes(self.chunk("body length")?);
        let body = self.part("body", i64::from(body_bytes))?;
        let properties_bytes = i16::from_be_bytes(self.chunk("properties length")?);
        let properties = self.part("properties", i64::from(properties_bytes))?;
        Ok(BatchMessage {
            flag,
            body,
            properties,
        })
    }

    fn chunk<const N: usize>(&mut self, part: &'static str) -> Result<[u8; N], BatchError> {
        let (chunk, rest) = self
            .rest
            .split_first_chunk::<N>()
            .ok_or(BatchError::Incomplete { part })?;
        self.rest = rest;
        Ok(*chunk)
    }

    fn part(&mut self, part: &'static str, declared: i64) -> Result<&'a [u8], BatchError> {
        let length =
            usize::try_from(declared).map_err(|_| BatchError::PartLength { part, declared })?;
        let (bytes, rest) = self
            .rest
            .split_at_checked(length)
            .ok_or(BatchError::PartLength { part, declared })?;
        self.rest = rest;
        Ok(bytes)
    }
}

/// Appends one message to a batch body.
pub fn encode(out: &mut impl BufMut, message: &BatchMessage<'_>) -> Result<(), BatchError> {
    let (body_bytes, properties_bytes) = (message.body.len(), message.properties.len());
    if properties_bytes > PROPERTIES_BYTES_MAX {
        return Err(BatchError::PropertiesTooLong {
            bytes: properties_bytes,
        });
    }
    let total = i32::try_from(OVERHEAD_BYTES + body_bytes + properties_bytes)
        .map_err(|_| BatchError::BodyTooLong { bytes: body_bytes })?;
    out.put_i32(total);
    out.put_bytes(0, 8);
    out.put_i32(message.flag);
    out.put_u32(body_bytes as u32);
    out.put_slice(message.body);
    out.put_u16(properties_bytes as u16);
    out.put_slice(message.properties);
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FIRST: BatchMessage<'_> = BatchMessage {
        flag: 0,
        body: b"m1",
        properties: b"UNIQ_KEY\x010A0B0C0D123418B4AAC25DC1D8000000\x02WAIT\x01true\x02",
    };
    const SECOND: BatchMessage<'_> = BatchMessage {
        flag: 5,
        body: b"m-2",
        properties: b"TAGS\x01B\x02WAIT\x01true\x02",
    };

    /// The worked example of two messages.
    #[test]
    fn encodes_as_clients_do() {
        let mut body = Vec::new();
        encode(&mut body, &FIRST).unwrap();
        encode(&mut body, &SECOND).unwrap();
        let expected = [
            &[
                0, 0, 0, 0x4c, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, b'm', b'1', 0, 0x34,
            ],
            FIRST.properties,
            &[
                0, 0, 0, 0x2a, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 3, b'm', b'-', b'2',
            ],
            &[0, 0x11],
            SECOND.properties,
        ]
        .concat();
        assert_eq!(body, expected);
        assert_eq!(
            iter(&body).collect::<Result<Vec<_>, _>>(),
            Ok(vec![FIRST, SECOND])
        );
    }

    #[test]
    fn every_cut_is_an_error() {
        let mut body = Vec::new();
        encode(&mut body, &FIRST).unwrap();
        for cut in 1..body.len() {
            assert!(
                matches!(iter(&body[..cut]).next(), Some(Err(_))),
                "cut at {cut}"
            );
        }
    }

    proptest! {
        #[test]
        fn messages_survive(
            messages in proptest::collection::vec((any::<i32>(), any::<Vec<u8>>(), any::<Vec<u8>>()), 0..6)
        ) {
            let mut body = Vec::new();
            for (flag, text, properties) in &messages {
                encode(&mut body, &BatchMessage { flag: *flag, body: text, properties }).unwrap();
            }
            let read: Vec<_> = iter(&body)
                .map(|message| message.unwrap())
                .map(|m| (m.flag, m.body.to_vec(), m.properties.to_vec()))
                .collect();
            prop_assert_eq!(read, messages);
        }

        #[test]
        fn any_bytes_end(body: Vec<u8>) {
            prop_assert!(iter(&body).count() <= body.len());
        }
    }
}
