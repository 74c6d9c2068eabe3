use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use ferrocket_protocol::codes::request;

use crate::support::*;

const MESSAGES: i64 = 2_000;
/// Steps by which the send is moved across the pull, again and again.
const STEPS: i64 = 400;

/// The clock stands still and nobody ticks: a pull that misses its message waits for ever.
#[test]
fn when_each_send_races_with_a_pull() {
    let world = World::new();
    world.create_topic("T", 1);
    let deadline = Instant::now() + Duration::from_secs(60);
    let pulling = AtomicI64::new(-1);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let producer = world.connect();
            for number in 0..MESSAGES {
                let mut spins = 0_u32;
                while pulling.load(Ordering::Acquire) < number {
                    // Mostly awake, so that the send starts with the pull; yet not for ever, for
                    // machines with fewer cores than work.
                    spins += 1;
                    if spins.is_multiple_of(4_096) {
                        assert!(Instant::now() < deadline, "no pull for message {number}");
                        std::thread::yield_now();
                    }
                    std::hint::spin_loop();
                }
                for _ in 0..(number % STEPS) * 8 {
                    std::hint::spin_loop();
                }
                producer.store("T", 0, "", &number.to_string());
            }
        });
        let consumer = world.connect();
        consumer.heartbeat_quietly("c", "g", "T", "*");
        consumer.received();
        for number in 0..MESSAGES {
            let pull = consumer.request(request::PULL_MESSAGE, &pull("g", "T", 0, number), b"");
            pulling.store(number, Ordering::Release);
            let mut answers = consumer.read(vec![pull]);
            while answers.is_empty() {
                assert!(Instant::now() < deadline, "message {number} was missed");
                std::thread::yield_now();
                answers = consumer.received();
            }
            assert_eq!(texts(&answers[0]), [number.to_string()]);
        }
    });
}
