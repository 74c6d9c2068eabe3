//! Pieces of the log that several readers want, kept for a moment.
//!
//! Messages of different queues lie mixed in the log, and their consumers come by one after the other:
//! one read of a piece replaces a read for each message of each of them. What is kept never changes,
//! because it lies before the end of the log. Bounded: [`PIECES_MAX`] pieces of [`PIECE_BYTES`]; what
//! nobody used between two calls of [`Pieces::forget_unused`] is let go.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

/// Bytes of a piece. Within a segment pieces follow each other from its beginning.
pub(crate) const PIECE_BYTES: usize = 64 * 1024;
/// Pieces at most: 16 MiB.
const PIECES_MAX: usize = 256;

#[derive(Debug)]
pub(super) struct Pieces {
    /// A piece has one place, by its number, and takes it from another.
    places: Box<[Mutex<Place>]>,
    /// Memory for the next piece.
    spare: Mutex<Option<Vec<u8>>>,
    reads: AtomicU64,
}

#[derive(Debug, Default)]
struct Place {
    /// Where the piece begins in the log.
    start: i64,
    /// `None` when the place is free.
    bytes: Option<Arc<Vec<u8>>>,
    used: bool,
}

impl Pieces {
    pub(super) fn new() -> Self {
        Self {
            places: (0..PIECES_MAX).map(|_| Mutex::default()).collect(),
            spare: Mutex::default(),
            reads: AtomicU64::new(0),
        }
    }

    /// How many pieces were read so far.
    pub(super) fn reads(&self) -> u64 {
        self.reads.load(Ordering::Relaxed)
    }

    /// The piece that begins at `start`, if it is kept.
    pub(super) fn find(&self, start: i64) -> Option<Arc<Vec<u8>>> {
        let mut place = self.place(start)?.lock();
        if place.start != start {
            return None;
        }
        place.used = true;
        place.bytes.clone()
    }

    /// Reads a piece and keeps it; `None` when `read` says that it did not get all of it, and then the
    /// piece that has its place stays. Nobody waits for a lock meanwhile.
    pub(super) fn read(
        &self,
        start: i64,
        read: impl FnOnce(&mut [u8]) -> io::Result<bool>,
    ) -> io::Result<Option<Arc<Vec<u8>>>> {
        let spare = self.spare.lock().take();
        let mut bytes = spare.unwrap_or_else(|| vec![0; PIECE_BYTES]);
        if !read(&mut bytes)? {
            *self.spare.lock() = Some(bytes);
            return Ok(None);
        }
        self.reads.fetch_add(1, Ordering::Relaxed);
        let bytes = Arc::new(bytes);
        if let Some(place) = self.place(start) {
            let new = Place {
                start,
                bytes: Some(Arc::clone(&bytes)),
                used: true,
            };
            let old = std::mem::replace(&mut *place.lock(), new);
            // Its memory is the next one's, unless somebody still reads it.
            if let Some(spare) = old.bytes.and_then(Arc::into_inner) {
                *self.spare.lock() = Some(spare);
            }
        }
        Ok(Some(bytes))
    }

    /// Lets go what was not used since the last call.
    pub(super) fn forget_unused(&self) {
        for place in &self.places {
            let mut place = place.lock();
            if !std::mem::take(&mut place.used) {
                place.bytes = None;
            }
        }
    }

    fn place(&self, start: i64) -> Option<&Mutex<Place>> {
        let number = start.unsigned_abs() as usize / PIECE_BYTES;
        self.places.get(number % PIECES_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(pieces: &Pieces, start: i64, fill: u8) -> Arc<Vec<u8>> {
        let read = pieces.read(start, |bytes| {
            bytes.fill(fill);
            Ok(true)
        });
        read.unwrap().unwrap()
    }

    #[test]
    fn a_piece_gives_its_place_to_another_but_not_to_whoever_still_reads_it() {
        let pieces = Pieces::new();
        let held = put(&pieces, 0, 1);
        assert_eq!(pieces.find(0), Some(Arc::clone(&held)));
        let rival = (PIECES_MAX * PIECE_BYTES) as i64;
        put(&pieces, rival, 2);
        assert_eq!(pieces.find(0), None);
        assert!(held.iter().all(|byte| *byte == 1));
        assert!(pieces.find(rival).unwrap().iter().all(|byte| *byte == 2));
    }

    #[test]
    fn what_was_not_read_whole_is_not_kept_and_takes_no_place() {
        let pieces = Pieces::new();
        let kept = put(&pieces, 0, 1);
        let rival = (PIECES_MAX * PIECE_BYTES) as i64;
        let by_half = pieces.read(rival, |bytes| {
            bytes.fill(2);
            Ok(false)
        });
        assert_eq!(by_half.unwrap(), None);
        assert_eq!(pieces.find(rival), None);
        assert_eq!(pieces.find(0), Some(kept));
    }

    #[test]
    fn unused_pieces_are_let_go() {
        let pieces = Pieces::new();
        put(&pieces, 0, 1);
        pieces.forget_unused();
        assert!(pieces.find(0).is_some());
        pieces.forget_unused();
        pieces.forget_unused();
        assert_eq!(pieces.find(0), None);
    }
}
