//! What a seed does: each one turns features and faults on or off and draws their sizes (swarm
//! testing), because a run with everything on at once reaches less than runs with different parts.

use ferrocket_store::{FlushMode, Planted, RetentionConfig, StoreConfig};

use crate::random::Random;

/// Where the store is on the simulated disk.
pub(super) const ROOT: &str = "/store";

/// What a step can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Send,
    Flush,
    FlushQueues,
    PrepareSegment,
    Read,
    Query,
    ByTime,
    DeleteTopic,
    Fault,
    FillDisk,
    BuildIndex,
    Clean,
}

const STEPS: [Step; 12] = [
    Step::Send,
    Step::Flush,
    Step::FlushQueues,
    Step::PrepareSegment,
    Step::Read,
    Step::Query,
    Step::ByTime,
    Step::DeleteTopic,
    Step::Fault,
    Step::FillDisk,
    Step::BuildIndex,
    Step::Clean,
];

#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) config: StoreConfig,
    pub(super) topics: usize,
    pub(super) queues: usize,
    pub(super) body_bytes_max: u64,
    pub(super) units_max: u64,
    pub(super) group_max: u64,
    pub(super) lives: u32,
    pub(super) steps_per_life: u64,
    pub(super) time_step_ms: i64,
    weights: [u64; STEPS.len()],
    pub(super) faults: Faults,
}

/// In percent of the occasions.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Faults {
    /// The machine or the process stops in the middle of a life.
    pub(super) stop_inside: u64,
    /// A life that ends by itself ends in a power loss rather than a kill or a stop.
    pub(super) power_loss: u64,
    pub(super) clean_stop: u64,
    /// Something is appended between the disk operations of a flush.
    pub(super) meanwhile: u64,
    /// An operation of a start fails.
    pub(super) failing_start: u64,
    /// A byte of a durable record changes before a start.
    pub(super) rot: u64,
    /// After a start another start of the same disk is compared with it.
    pub(super) twice: u64,
}

impl Plan {
    pub(super) fn draw(random: &mut Random, planted: Option<Planted>) -> Self {
        let segment_bytes = random.pick(&[1024, 2048, 4096, 8192]).unwrap_or(4096);
        let config = StoreConfig {
            flush_mode: if random.percent(50) {
                FlushMode::Sync
            } else {
                FlushMode::Async
            },
            segment_bytes,
            queue_file_bytes: 20 * random.between(1, 12).unsigned_abs(),
            append_property_crc: random.percent(50),
            queue_flush_thorough_interval_ms: random.pick(&[0, 1_000, 20_000, 60_000]).unwrap_or(0),
            message_index_enable: random.percent(80),
            index_slots: u32::try_from(random.between(1, 12)).unwrap_or(1),
            index_entries: u32::try_from(random.between(2, 24)).unwrap_or(2),
            planted,
            retention: RetentionConfig {
                reserved_hours: 1,
                delete_hours: (0..24).collect(),
                ..RetentionConfig::default()
            },
            ..StoreConfig::new(ROOT)
        };
        let mut weights = [40, 10, 8, 6, 8, 3, 2, 2, 3, 2, 4, 3];
        for weight in weights.iter_mut().skip(1) {
            if random.percent(30) {
                *weight = 0;
            } else if random.percent(20) {
                *weight *= 4;
            }
        }
        for (step, weight) in STEPS.iter().zip(&mut weights) {
            match step {
                Step::Fault | Step::FillDisk | Step::DeleteTopic | Step::Clean
                    if random.percent(60) =>
                {
                    *weight = 0;
                }
                _ => {}
            }
        }
        Self {
            topics: 1 + random.index(3),
            queues: 1 + random.index(3),
            body_bytes_max: random.pick(&[0, 20, 150, segment_bytes / 3]).unwrap_or(20),
            units_max: random.pick(&[1, 1, 3, 8]).unwrap_or(1),
            group_max: random.pick(&[1, 1, 3]).unwrap_or(1),
            lives: 1 + u32::try_from(random.below(4)).unwrap_or(0),
            steps_per_life: 5 + random.below(25),
            time_step_ms: random.pick(&[0, 50, 3_000]).unwrap_or(0),
            weights,
            faults: Faults {
                stop_inside: random.pick(&[0, 40, 90]).unwrap_or(0),
                power_loss: random.pick(&[0, 50, 100]).unwrap_or(0),
                clean_stop: random.pick(&[0, 30, 60]).unwrap_or(0),
                meanwhile: random.pick(&[0, 0, 40]).unwrap_or(0),
                failing_start: random.pick(&[0, 0, 20]).unwrap_or(0),
                rot: random.pick(&[0, 0, 0, 50]).unwrap_or(0),
                twice: 25,
            },
            config,
        }
    }

    pub(super) fn step(&self, random: &mut Random) -> Step {
        let mut rest = random.below(self.weights.iter().sum());
        for (step, weight) in STEPS.iter().zip(self.weights) {
            if rest < weight {
                return *step;
            }
            rest -= weight;
        }
        Step::Send
    }
}
