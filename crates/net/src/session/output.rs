//! What waits for the socket.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::sync::atomic::Ordering::Relaxed;

use bytes::{Buf, Bytes};
use ferrocket_protocol::outbox::Outbox;

use crate::limits::WRITE_SLICES_MAX;
use crate::metrics::Metrics;

/// Encoded bytes in writing order.
#[derive(Debug, Default)]
pub(crate) struct Output {
    chunks: VecDeque<Bytes>,
    bytes: usize,
}

impl Output {
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// Takes all frames of `outbox`.
    pub(crate) fn push(&mut self, outbox: &mut Outbox, metrics: &Metrics) {
        if outbox.is_empty() {
            return;
        }
        metrics
            .frames_out
            .fetch_add(outbox.frames() as u64, Relaxed);
        let bytes = outbox.bytes();
        let mut chunks = outbox.take();
        self.bytes += bytes;
        metrics.unwritten_bytes.fetch_add(bytes as u64, Relaxed);
        if self.chunks.is_empty() {
            self.chunks = chunks;
        } else {
            self.chunks.append(&mut chunks);
        }
    }

    /// One vectored write of what comes first; drops what was taken.
    pub(crate) fn write(
        &mut self,
        write: impl FnOnce(&[IoSlice<'_>]) -> io::Result<usize>,
    ) -> io::Result<usize> {
        let mut slices = [IoSlice::new(&[]); WRITE_SLICES_MAX];
        let mut count = 0;
        for (slice, chunk) in slices.iter_mut().zip(&self.chunks) {
            *slice = IoSlice::new(chunk);
            count += 1;
        }
        let written = write(slices.get(..count).unwrap_or(&slices))?;
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        self.advance(written);
        Ok(written)
    }

    /// Gives back what an idle connection does not need.
    pub(crate) fn release(&mut self) {
        if self.chunks.is_empty() {
            self.chunks = VecDeque::new();
        }
    }

    fn advance(&mut self, mut written: usize) {
        self.bytes -= written;
        while let Some(chunk) = self.chunks.front_mut() {
            if chunk.len() > written {
                chunk.advance(written);
                return;
            }
            written -= chunk.len();
            self.chunks.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(parts: &[&'static str]) -> Output {
        let chunks: VecDeque<Bytes> = parts
            .iter()
            .map(|p| Bytes::from_static(p.as_bytes()))
            .collect();
        Output {
            bytes: chunks.iter().map(Bytes::len).sum(),
            chunks,
        }
    }

    #[test]
    fn writes_of_any_size_deliver_every_byte_once() {
        for step in 1..12 {
            let mut output = output(&["one", "", "twenty", "x"]);
            let mut written = Vec::new();
            while !output.is_empty() {
                let count = output.write(|slices| {
                    let all: Vec<u8> = slices.iter().flat_map(|s| s.iter().copied()).collect();
                    written.extend_from_slice(&all[..step.min(all.len())]);
                    Ok(step.min(all.len()))
                });
                assert!(count.unwrap() > 0);
            }
            assert_eq!(written, b"onetwentyx", "step {step}");
        }
    }

    #[test]
    fn more_chunks_than_one_write_takes_are_written_in_turns() {
        let mut output = output(&["a"; WRITE_SLICES_MAX + 1]);
        output.write(|slices| Ok(slices.len())).unwrap();
        assert_eq!(output.bytes(), 1);
    }
}
