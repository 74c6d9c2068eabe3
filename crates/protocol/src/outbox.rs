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
    self, EncodeError, Encoding, FLAG_ONEWAY, FLAG_RESPONSE, Head, NoHeader, ReplyTo,
};

/// Bodies shorter than this are copied behind their header: one copy is cheaper than one more
/// vector entry.
pub const BODY_COPY_BYTES_MAX: usize = 2048;

/// Encoded frames in the order in which they will be written.
#[derive(Debug, Default)]
pub struct Outbox {
    sealed: VecDeque<Bytes>,
    open: BytesMut,
    frames: usize,
}

impl Outbox {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
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
        self.push(
            &Head {
                encoding,
                code,
                opaque,
                flag,
                remark: None,
            },
            header,
            body,
        )
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
        self.open.len() + self.sealed.iter().map(Bytes::len).sum::<usize>()
    }

    /// Everything, in order, for a vectored write; the outbox is empty afterwards and keeps its
    /// spare capacity.
    pub fn take(&mut self) -> VecDeque<Bytes> {
        self.seal();
        self.frames = 0;
        std::mem::take(&mut self.sealed)
    }

    fn seal(&mut self) {
        if !self.open.is_empty() {
            self.sealed.push_back(self.open.split().freeze());
        }
    }
}
