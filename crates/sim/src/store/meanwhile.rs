//! Appends that come between the disk operations of something else, as another thread's would.

use std::path::Path;
use std::sync::Arc;

use ferrocket_store::disk::mem::{Bystander, Operation};
use ferrocket_store::{AppendBatch, Store};
use parking_lot::Mutex;

/// Appends one batch when its moment comes. It appends nothing that needs a new segment, because
/// making one may be what it interrupts.
#[derive(Debug, Default)]
pub(super) struct Meanwhile {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Idle,
    Waiting(Waiting),
    Appended(AppendBatch),
}

#[derive(Debug)]
struct Waiting {
    moments: u64,
    store: Arc<Store>,
    batch: AppendBatch,
    now_ms: i64,
}

impl Meanwhile {
    pub(super) fn wait(&self, moments: u64, store: &Arc<Store>, batch: AppendBatch, now_ms: i64) {
        self.set(State::Waiting(Waiting {
            moments,
            store: Arc::clone(store),
            batch,
            now_ms,
        }));
    }

    /// The batch, and whether it was appended.
    pub(super) fn end(&self) -> Option<(AppendBatch, bool)> {
        match self.set(State::Idle) {
            State::Idle => None,
            State::Waiting(waiting) => Some((waiting.batch, false)),
            State::Appended(batch) => Some((batch, true)),
        }
    }

    fn set(&self, state: State) -> State {
        std::mem::replace(&mut self.state.lock(), state)
    }
}

impl Bystander for Meanwhile {
    fn between_operations(&self, _operation: Operation, _path: &Path) {
        let mut state = self.state.lock();
        if !matches!(*state, State::Waiting(_)) {
            return;
        }
        let State::Waiting(mut waiting) = std::mem::take(&mut *state) else {
            return;
        };
        drop(state);
        if waiting.moments > 0 {
            waiting.moments -= 1;
            self.set(State::Waiting(waiting));
            return;
        }
        let segment_bytes = waiting.store.config().segment_bytes;
        let used = waiting.store.appended().0.unsigned_abs() % segment_bytes;
        if used == 0 || used + waiting.batch.bytes() as u64 + 8 > segment_bytes {
            self.set(State::Waiting(waiting));
            return;
        }
        waiting.store.append(waiting.now_ms, &mut waiting.batch);
        self.set(State::Appended(waiting.batch));
    }
}
