//! Seeded lives of a broker with delay levels: sends, time, stops, kills, losses of power, disks that
//! fill up and clocks that jump, against what was promised: none lost, none early, none out of order,
//! none twice without a crash.

use std::collections::BTreeMap;

use ferrocket_protocol::codes::request;
use ferrocket_protocol::message::View;
use ferrocket_protocol::message::view::records;
use ferrocket_store::disk::mem::Operation;
use ferrocket_store::{FlushMode, StoreConfig};

use crate::support::*;

const LEVELS_MS: [i64; 3] = [1_000, 5_000, 30_000];
const STEPS: u64 = 120;

/// `splitmix64`.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: u64) -> i64 {
        i64::try_from(self.next() % end).unwrap()
    }
}

#[derive(Debug, Clone, Copy)]
struct Sent {
    level: usize,
    at_ms: i64,
    /// How often the clock had gone back by then.
    steps_back: usize,
    /// The disk has it.
    is_safe: bool,
}

/// What one turn of deliveries wrote into the log.
#[derive(Debug)]
struct Turn {
    log: std::ops::Range<i64>,
    end_ms: i64,
    steps_back: usize,
}

struct Life {
    seed: u64,
    dice: Dice,
    world: World,
    sent: BTreeMap<i64, Sent>,
    /// Sends so far; numbers of lost messages are not used again.
    sends: i64,
    turns: Vec<Turn>,
    crashes: usize,
    steps_back: usize,
    /// The latest time that the clock told.
    latest_ms: i64,
    clock_jumps: bool,
    stops_only: bool,
}

impl Life {
    fn new(seed: u64) -> Self {
        let flush_mode = if seed.is_multiple_of(2) {
            FlushMode::Async
        } else {
            FlushMode::Sync
        };
        let settings = StoreConfig {
            delay_levels_ms: LEVELS_MS.to_vec(),
            ..store_config(flush_mode)
        };
        let world = World::with(config(), settings);
        world.create_topic("T", 1);
        Self {
            seed,
            dice: Dice(seed),
            world,
            sent: BTreeMap::new(),
            sends: 0,
            turns: Vec::new(),
            crashes: 0,
            steps_back: 0,
            latest_ms: START_MS,
            clock_jumps: seed.is_multiple_of(5),
            stops_only: seed.is_multiple_of(3),
        }
    }

    fn step(mut self) -> Self {
        match self.dice.below(20) {
            0..8 => self.send(),
            8..12 => {
                let ms = self.dice.below(3_000);
                self.world.pass(ms);
                self.deliver();
            }
            12 | 13 => {
                self.deliver();
            }
            14 | 15 => self.flush(),
            16 => self.world.broker.persist(self.world.now()).unwrap(),
            17 => {
                let full = std::io::ErrorKind::StorageFull;
                self.world
                    .disk
                    .fail_next_with(Operation::Write, "commitlog", full);
                self.deliver();
                self.world.disk.heal();
                self.world.store.watch_space();
            }
            18 if self.clock_jumps => {
                let ms = self.dice.below(120_000) - 60_000;
                self.latest_ms = self.latest_ms.max(self.world.now());
                self.world.pass(ms);
                self.steps_back += usize::from(ms < 0);
            }
            18 => {}
            _ => return self.again(),
        }
        self
    }

    /// A turn of deliveries, in which the clock goes on.
    fn deliver(&mut self) -> i64 {
        let begin = self.world.store.appended().0;
        let wake_ms = self.world.deliver_ticking();
        self.turns.push(Turn {
            log: begin..self.world.store.appended().0,
            end_ms: self.world.now(),
            steps_back: self.steps_back,
        });
        wake_ms
    }

    fn send(&mut self) {
        let number = self.sends;
        self.sends += 1;
        let level = usize::try_from(self.dice.below(3)).unwrap();
        let text = format!("DELAY\x01{}\x02", level + 1);
        let (end, client) = (self.world.store.appended(), self.world.connect());
        let frame = client.request(
            request::SEND_MESSAGE,
            &message("T", 0, &text),
            number.to_string().as_bytes(),
        );
        client.read(vec![frame]);
        assert!(self.world.store.appended() > end, "seed {}", self.seed);
        let at_ms = self.world.now();
        self.sent.insert(
            number,
            Sent {
                level,
                at_ms,
                steps_back: self.steps_back,
                is_safe: false,
            },
        );
    }

    fn flush(&mut self) {
        self.world.flush();
        for sent in self.sent.values_mut() {
            sent.is_safe = true;
        }
    }

    /// Ends this life of the broker in one way or another, and begins the next.
    fn again(mut self) -> Self {
        let now_ms = self.world.now();
        // A store time that is ahead of the clock is all that a start knows of a message whose entry
        // was not written yet.
        self.steps_back += usize::from(now_ms < self.latest_ms);
        let how = self.dice.below(3);
        if how == 0 || self.stops_only {
            self.world = self.world.restart();
            for sent in self.sent.values_mut() {
                sent.is_safe = true;
            }
        } else if how == 1 {
            self.crashes += 1;
            self.world = self.world.kill();
        } else {
            self.crashes += 1;
            // What nobody was promised to be safe may be gone.
            let disk = self.world.disk.power_loss(self.dice.next());
            let settings = self.world.store.config().clone();
            self.world = World::on(disk, config(), settings);
            self.sent.retain(|_, sent| sent.is_safe);
        }
        self.world.pass(now_ms - START_MS);
        self
    }

    fn end(mut self) {
        let seed = self.seed;
        let mut wake_ms = 0;
        for _ in 0..1_000 {
            if wake_ms == i64::MAX {
                break;
            }
            self.world.pass(1_000);
            self.flush();
            wake_ms = self.deliver();
            while wake_ms <= self.world.now() {
                wake_ms = self.deliver();
            }
        }
        self.flush();
        assert_eq!(self.deliver(), i64::MAX, "seed {seed}");
        let mut seen: BTreeMap<i64, usize> = BTreeMap::new();
        let mut last = [-1; 3];
        let mut descents = 0;
        let client = self.world.connect();
        let mut offset = 0;
        while offset < self.world.store.max_offset("T", 0).0 {
            let answer = client.call(request::PULL_MESSAGE, &poll("g", "T", 0, offset), b"");
            offset = next_offset(&answer);
            for record in records(&answer.body).map(Result::unwrap) {
                self.look(&record, &mut last, &mut descents);
                *seen.entry(number_of(&record)).or_default() += 1;
            }
        }
        for number in self.sent.keys() {
            assert!(seen.contains_key(number), "seed {seed}: {number} is lost");
        }
        assert!(
            descents <= self.crashes * LEVELS_MS.len(),
            "seed {seed}: out of order"
        );
        let most = seen.values().max().copied().unwrap_or(0);
        assert!(
            most <= 1 + self.crashes,
            "seed {seed}: one came {most} times"
        );
    }

    fn look(&self, record: &View<'_>, last: &mut [i64; 3], descents: &mut usize) {
        let number = number_of(record);
        let level: usize = record.property("DELAY").unwrap().parse().unwrap();
        let mut turns = self.turns.iter().rev();
        let turn = turns.find(|turn| turn.log.contains(&record.physical_offset));
        let turn = turn.unwrap();
        if let Some(sent) = self.sent.get(&number)
            && sent.steps_back == turn.steps_back
        {
            assert_eq!(sent.level, level - 1);
            let waited_ms = turn.end_ms - sent.at_ms;
            assert!(
                waited_ms >= LEVELS_MS[level - 1],
                "seed {}: {number} came after {waited_ms} ms",
                self.seed
            );
        }
        if number < last[level - 1] {
            *descents += 1;
        }
        last[level - 1] = number;
    }
}

fn number_of(record: &View<'_>) -> i64 {
    std::str::from_utf8(record.body).unwrap().parse().unwrap()
}

#[test]
fn in_fifty_lives() {
    for seed in 0..50 {
        let mut life = Life::new(seed);
        for _ in 0..STEPS {
            life = life.step();
        }
        life.end();
    }
}
