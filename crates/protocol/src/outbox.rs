//! Frames on their way out: small ones packed together, large bodies carried as slices.
//!
//! A core writes its replies into an [`Outbox`]; the connection writes the whole of it with one
//! vectored write. Nothing here is copied twice: a body of at least [`BODY_COPY_BYTES_MAX`] bytes
//! stays the slice that the store handed out.

use std::collections::VecDeque;

use bytes::{BufMut, Bytes, BytesMut};
use serde::Serialize;

use crate::codes::response;
use crate::frame::{
    self, EncodeError, Encoding, FLAG_ONEWAY, FLAG_RESPONSE, Head, NoHeader, ReplyTo, Sender,
};

/// Bodies shorter than this are copied behind their header: one copy is cheaper than one more
/// vector entry.
pub const BODY_COPY_BYTES_MAX: usize = 2048;
/// An outbox with so many bytes wants to be written before anything more is answered into it.
pub const OUTBOX_BYTES_FULL: usize = 1024 * 1024;

/// What an answer without a body takes, roughly.
const ANSWER_BYTES: usize = 320;

/// Encoded frames in the order in which they will be written.
#[derive(Debug, Default)]
pub struct Outbox {
    sealed: VecDeque<Bytes>,
    /// Bytes in `sealed`.
    sealed_bytes: usize,
    open: BytesMut,
    frames: usize,
}

impl Outbox {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An outbox that takes so many answers without a body in one piece.
    #[must_use]
    pub fn with_room_for(answers: usize) -> Self {
        Self {
            open: BytesMut::with_capacity(answers * ANSWER_BYTES),
            ..Self::default()
        }
    }

    /// Appends the answer to a request; does nothing for a one-way request.
    ///
    /// An answer that no peer could read, because it is longer than a frame may be, turns into a
    /// system error that says so.
    pub fn reply<H: Serialize>(
        &mut self,
        to: ReplyTo,
        code: i32,
        remark: Option<&str>,
        header: Option<&H>,
        body: &[Bytes],
    ) {
        if to.oneway {
            return;
        }
        let head = Head {
            encoding: to.encoding,
            code,
            opaque: to.opaque,
            flag: FLAG_RESPONSE,
            remark,
            sender: Sender::US,
        };
        if let Err(error) = self.push(&head, header, body) {
            let remark = error.to_string();
            let head = Head {
                code: response::SYSTEM_ERROR,
                remark: Some(&remark),
                ..head
            };
            let fits = self.push::<NoHeader>(&head, None, &[]);
            debug_assert!(fits.is_ok(), "an error answer is short");
        }
    }

    /// A success without header or body.
    pub fn reply_ok(&mut self, to: ReplyTo) {
        self.reply::<NoHeader>(to, response::SUCCESS, None, None, &[]);
    }

    /// An answer that carries only a code and the words that explain it.
    pub fn reply_error(&mut self, to: ReplyTo, code: i32, remark: &str) {
        self.reply::<NoHeader>(to, code, Some(remark), None, &[]);
    }

    /// Appends a request of ours to the other side.
    ///
    /// # Errors
    /// When it is longer than a frame may be. Nothing is appended then.
    pub fn request<H: Serialize>(
        &mut self,
        encoding: Encoding,
        code: i32,
        opaque: i32,
        oneway: bool,
        header: Option<&H>,
        body: &[Bytes],
    ) -> Result<(), EncodeError> {
        let flag = if oneway { FLAG_ONEWAY } else { 0 };
        let head = Head {
            encoding,
            code,
            opaque,
            flag,
            remark: None,
            sender: Sender::US,
        };
        self.push(&head, header, body)
    }

    /// Appends any frame.
    ///
    /// # Errors
    /// When it is longer than a frame may be. Nothing is appended then.
    pub fn push<H: Serialize>(
        &mut self,
        head: &Head<'_>,
        header: Option<&H>,
        body: &[Bytes],
    ) -> Result<(), EncodeError> {
        let body_bytes = body.iter().map(Bytes::len).sum();
        frame::encode_head(&mut self.open, head, header, body_bytes)?;
        for part in body {
            if part.len() < BODY_COPY_BYTES_MAX {
                self.open.put_slice(part);
            } else {
                self.seal();
                self.sealed_bytes += part.len();
                self.sealed.push_back(part.clone());
            }
        }
        self.frames += 1;
        Ok(())
    }

    /// Moves everything of `other` behind what is here.
    pub fn append(&mut self, other: &mut Outbox) {
        if other.is_empty() {
            return;
        }
        self.seal();
        other.seal();
        self.sealed.append(&mut other.sealed);
        self.sealed_bytes += std::mem::take(&mut other.sealed_bytes);
        self.frames += std::mem::take(&mut other.frames);
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.frames == 0
    }

    /// Frames in here.
    #[must_use]
    pub fn frames(&self) -> usize {
        self.frames
    }

    /// Bytes in here.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.open.len() + self.sealed_bytes
    }

    /// Whether it should be written before more is answered: [`OUTBOX_BYTES_FULL`] is reached.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.bytes() >= OUTBOX_BYTES_FULL
    }

    /// Everything, in order, for a vectored write; the outbox is empty afterwards and keeps its
    /// spare capacity.
    pub fn take(&mut self) -> VecDeque<Bytes> {
        self.seal();
        self.frames = 0;
        self.sealed_bytes = 0;
        std::mem::take(&mut self.sealed)
    }

    fn seal(&mut self) {
        if !self.open.is_empty() {
            self.sealed_bytes += self.open.len();
            self.sealed.push_back(self.open.split().freeze());
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;

    use super::*;
    use crate::frame::{FRAME_BYTES_MAX, Frame};
    use crate::headers::GetMaxOffsetResponse;

    const REQUEST: ReplyTo = ReplyTo {
        encoding: Encoding::Binary,
        opaque: 9,
        version: 513,
        oneway: false,
    };

    fn frames(outbox: &mut Outbox) -> Vec<Frame> {
        let mut bytes = BytesMut::new();
        for part in outbox.take() {
            bytes.extend_from_slice(&part);
        }
        let mut frames = Vec::new();
        while let Some(frame) = frame::decode(&mut bytes).unwrap() {
            frames.push(frame);
        }
        assert!(bytes.is_empty());
        frames
    }

    #[test]
    fn answers_leave_in_order_and_in_the_encoding_of_the_request() {
        let mut outbox = Outbox::new();
        outbox.reply_ok(REQUEST);
        outbox.reply(
            REQUEST,
            0,
            None,
            Some(&GetMaxOffsetResponse { offset: 5 }),
            &[],
        );
        outbox.reply_error(
            ReplyTo {
                encoding: Encoding::Json,
                ..REQUEST
            },
            3,
            "no",
        );
        let mut behind = Outbox::new();
        behind
            .request::<NoHeader>(Encoding::Json, 40, 1, true, None, &[])
            .unwrap();
        let bytes = outbox.bytes() + behind.bytes();
        outbox.append(&mut behind);
        assert!(behind.is_empty());
        assert_eq!((outbox.bytes(), behind.bytes()), (bytes, 0));
        assert_eq!(outbox.frames(), 4);
        let frames = frames(&mut outbox);
        assert_eq!(
            frames.iter().map(|it| it.code).collect::<Vec<_>>(),
            [0, 0, 3, 40]
        );
        assert!(
            frames[..3]
                .iter()
                .all(|it| it.is_response() && it.opaque == 9)
        );
        assert_eq!(
            frames[1].header::<GetMaxOffsetResponse>().unwrap().offset,
            5
        );
        assert_eq!(
            (frames[1].encoding, frames[2].encoding),
            (Encoding::Binary, Encoding::Json)
        );
        assert_eq!(frames[2].remark.as_deref(), Some("no"));
        assert!(frames[3].is_oneway() && outbox.is_empty());
    }

    #[test]
    fn a_oneway_request_is_not_answered() {
        let mut outbox = Outbox::new();
        let oneway = ReplyTo {
            oneway: true,
            ..REQUEST
        };
        outbox.reply_ok(oneway);
        outbox.reply_error(oneway, 1, "no");
        assert!(outbox.is_empty() && outbox.take().is_empty());
    }

    #[test]
    fn large_bodies_are_not_copied() {
        let small = Bytes::from(vec![1; BODY_COPY_BYTES_MAX - 1]);
        let large = Bytes::from(vec![2; BODY_COPY_BYTES_MAX]);
        let mut outbox = Outbox::new();
        let body = [small.clone(), large.clone(), small];
        outbox.reply::<NoHeader>(REQUEST, 0, None, None, &body);
        let bytes = outbox.bytes();
        let parts = outbox.take();
        assert_eq!(parts.iter().map(Bytes::len).sum::<usize>(), bytes);
        assert_eq!((parts.len(), outbox.bytes()), (3, 0));
        assert_eq!(parts[1].as_ptr(), large.as_ptr());
    }

    #[test]
    fn an_answer_too_long_becomes_an_error_and_leaves_nothing_else() {
        let large = Bytes::from(vec![0; FRAME_BYTES_MAX]);
        let mut outbox = Outbox::new();
        outbox.reply_ok(REQUEST);
        outbox.reply::<NoHeader>(REQUEST, 0, None, None, std::slice::from_ref(&large));
        outbox.reply_ok(REQUEST);
        let frames = frames(&mut outbox);
        assert_eq!(
            frames.iter().map(|it| it.code).collect::<Vec<_>>(),
            [0, 1, 0]
        );
        assert!(
            frames[1]
                .remark
                .as_deref()
                .unwrap()
                .contains("exceeds the limit")
        );
        assert!(frames[1].body.is_empty());
        let refused = outbox.request::<NoHeader>(Encoding::Json, 1, 1, false, None, &[large]);
        assert!(refused.is_err() && outbox.is_empty());
    }
}
