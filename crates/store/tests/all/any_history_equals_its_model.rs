//! Random histories of sends, reads, flushes, kills and clean restarts, against lists of bodies.

use crate::support::*;
use ferrocket_store::disk::mem::MemDisk;
use ferrocket_store::{AppendBatch, FlushMode, Store, StoreConfig};
use proptest::prelude::*;

#[derive(Debug, Clone)]
enum Step {
    Send { messages: Vec<(u8, u16)> },
    Read { queue: u8, from: u8 },
    Flush,
    FlushQueues { later_ms: u16 },
    Prepare,
    Kill,
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    let messages = prop::collection::vec((0..3_u8, 0..1500_u16), 1..12);
    prop_oneof![
        6 => messages.prop_map(|messages| Step::Send { messages }),
        3 => (0..3_u8, any::<u8>()).prop_map(|(queue, from)| Step::Read { queue, from }),
        2 => Just(Step::Flush),
        2 => (0..u16::MAX).prop_map(|later_ms| Step::FlushQueues { later_ms }),
        1 => Just(Step::Prepare),
        1 => Just(Step::Kill),
        1 => Just(Step::Restart),
    ]
}

#[derive(Default)]
struct Model {
    queues: [Vec<Vec<u8>>; 3],
    /// Of each queue, how many were durable at the last flush.
    durable: [usize; 3],
}

impl Model {
    fn send(&mut self, store: &Store, now_ms: i64, messages: &[(u8, u16)]) {
        let mut batch = AppendBatch::new();
        let mut offsets = Vec::new();
        for (queue, bytes) in messages {
            let queue = usize::from(*queue);
            let body = vec![self.queues[queue].len() as u8; usize::from(*bytes)];
            batch
                .push(store.config(), &message("T", queue as i32, &body))
                .unwrap();
            offsets.push(self.queues[queue].len() as i64);
            self.queues[queue].push(body);
        }
        store.append(now_ms, &mut batch);
        for (result, offset) in batch.results().iter().zip(offsets) {
            assert_eq!(result.clone().unwrap().queue_offset.0, offset);
        }
    }

    fn visible(&self, store: &Store, queue: usize) -> usize {
        match store.config().flush_mode {
            FlushMode::Async => self.queues[queue].len(),
            FlushMode::Sync => self.durable[queue],
        }
    }

    fn read(&self, store: &Store, queue: usize, from: u8) {
        let visible = self.visible(store, queue);
        assert_eq!(store.max_offset("T", queue as i32).0, visible as i64);
        if visible == 0 {
            return;
        }
        let from = usize::from(from) % visible;
        let found = messages(&read(store, "T", queue as i32, from as i64));
        assert!(!found.is_empty());
        for (index, (offset, body)) in found.iter().enumerate() {
            assert_eq!(*offset, (from + index) as i64);
            assert_eq!(body, &self.queues[queue][from + index]);
        }
    }

    fn all_durable(&mut self) {
        self.durable = [0, 1, 2].map(|queue| self.queues[queue].len());
    }

    fn check_all(&self, store: &Store) {
        for queue in 0..3 {
            let found = read_all(store, "T", queue as i32);
            assert_eq!(found.len(), self.visible(store, queue));
            for (index, (offset, body)) in found.iter().enumerate() {
                assert_eq!((*offset, body), (index as i64, &self.queues[queue][index]));
            }
        }
    }
}

fn run(steps: &[Step], flush_mode: FlushMode) {
    let config = StoreConfig {
        flush_mode,
        ..small_config()
    };
    let disk = MemDisk::new();
    let mut now_ms = NOW_MS;
    let mut model = Model::default();
    let mut store = open(&disk, &config);
    for step in steps {
        match step {
            Step::Send { messages } => model.send(&store, now_ms, messages),
            Step::Read { queue, from } => model.read(&store, usize::from(*queue), *from),
            Step::Flush => {
                store.flush(now_ms).unwrap();
                model.all_durable();
            }
            Step::FlushQueues { later_ms } => {
                now_ms += i64::from(*later_ms);
                store.flush_queues(now_ms).unwrap();
                if store.durable() == store.appended() {
                    model.all_durable();
                }
            }
            Step::Prepare => {
                store.prepare_segment().unwrap();
            }
            Step::Kill | Step::Restart => {
                let clean = matches!(step, Step::Restart);
                if clean {
                    store.close(now_ms).unwrap();
                }
                drop(store);
                store = open(&disk, &config);
                assert_eq!(store.recovery_report().clean, clean);
                assert_eq!(store.recovery_report().cut, None);
                model.all_durable();
                model.check_all(&store);
            }
        }
    }
    model.check_all(&store);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn in_async_flush(steps in prop::collection::vec(step(), 1..60)) {
        run(&steps, FlushMode::Async);
    }

    #[test]
    fn in_sync_flush(steps in prop::collection::vec(step(), 1..60)) {
        run(&steps, FlushMode::Sync);
    }
}
