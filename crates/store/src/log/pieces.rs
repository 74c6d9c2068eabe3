//! Pieces of the log that several readers want, kept for a moment.
//!
//! Messages of different queues lie mixed in the log, and their consumers come by one after the other:
//! one read of a piece replaces a read for each message of each of them. What is kept never changes,
//! because it lies before the end of the log. Bounded: [`PIECES_MAX`] pieces of [`PIECE_BYTES`]; what
//! nobody used between two calls of [`Pieces::forget_unused`] is let go.

use std::io;
use std::sync::Arc;

use parking_lot::Mutex;

/// Bytes of a piece. Within a segment pieces follow each other from its beginning.
pub(crate) const PIECE_BYTES: usize = 64 * 1024;
/// Pieces at most: 16 MiB.
const PIECES_MAX: usize = 256;

#[derive(Debug)]
pub(super) struct Pieces {
    /// A piece has one place, by its number, and takes it from another.
    places: Box<[Mutex<Place>]>,
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
        }
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

    /// Reads a piece and keeps it; `None` when `read` says that it did not get all of it. Nobody waits
    /// for a lock meanwhile.
    pub(super) fn read(
        &self,
        start: i64,
        read: impl FnOnce(&mut [u8]) -> io::Result<bool>,
    ) -> io::Result<Option<Arc<Vec<u8>>>> {
        // The memory of the piece that had the place is taken over, unless somebody still reads it.
        let old = self.place(start).and_then(|place| {
            let mut place = place.lock();
            place.bytes.take()
        });
        let mut bytes = old
            .and_then(Arc::into_inner)
            .unwrap_or_else(|| vec![0; PIECE_BYTES]);
        if !read(&mut bytes)? {
            return Ok(None);
        }
        let bytes = Arc::new(bytes);
        if let Some(place) = self.place(start) {
            *place.lock() = Place {
                start,
                bytes: Some(Arc::clone(&bytes)),
                used: true,
            };
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
    fn what_was_not_read_whole_is_not_kept() {
        let pieces = Pieces::new();
        put(&pieces, 0, 1);
        assert_eq!(pieces.read(0, |_| Ok(false)).unwrap(), None);
        assert_eq!(pieces.find(0), None);
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
