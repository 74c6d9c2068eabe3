//! Starts and ends.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use ferrocket_store::disk::mem::{Fault, Operation};
use ferrocket_store::{OpenError, Store};

use super::check;
use super::ledger::{Losses, State};
use super::plan::ROOT;
use super::steps;
use super::violation::Violation;
use super::world::World;

/// How a life ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Death {
    Stop,
    Kill,
    PowerLoss,
}

pub(super) fn run(world: &mut World) -> Result<(), Violation> {
    let mut losses = Losses {
        power: false,
        dropped: false,
        clean: false,
        mode: world.mode(),
    };
    for life in 0..world.plan.lives {
        world.note(|| format!("life {life}"));
        if !start(world, &mut losses, true)? {
            continue;
        }
        for _ in 0..world.plan.steps_per_life {
            steps::one(world)?;
            if world.disk.is_off() {
                break;
            }
        }
        end(world, &mut losses)?;
    }
    world.note(|| "the last life".to_owned());
    start(world, &mut losses, false)?;
    check::goes_on(world)?;
    stop(world, &mut losses)?;
    if !losses.clean {
        return Err(Violation::new("the last store does not stop"));
    }
    start(world, &mut losses, false)?;
    world.summary.messages = world.ledger.messages.len() as u64;
    Ok(())
}

/// Starts and compares. False when the start was stopped in its middle: the disk is as that left it.
fn start(world: &mut World, losses: &mut Losses, may_fail: bool) -> Result<bool, Violation> {
    world.struck_before = world.disk.faults_struck();
    world.was_bounded = false;
    if may_fail {
        arm(world);
    }
    world.summary.starts += 1;
    world.rotten_now = None;
    if may_fail {
        rot(world);
    }
    match world.open(&world.disk) {
        Ok(_) if world.disk.is_off() => {
            world.note(|| "stopped at the end of the start".to_owned());
            die(world, losses);
            Ok(false)
        }
        Ok(store) => {
            // What was to fail in the start and was not met must not fail a comparison.
            world.disk.heal();
            world.store = Some(Arc::new(store));
            check::after_start(world, *losses)?;
            *losses = Losses {
                power: false,
                dropped: false,
                clean: false,
                ..*losses
            };
            Ok(true)
        }
        Err(error) if may_fail && world.is_excused() => {
            world.note(|| format!("start failed: {}", with_causes(&error)));
            die(world, losses);
            Ok(false)
        }
        Err(error) => Err(Violation::new(format!(
            "the store does not start: {}",
            with_causes(&error)
        ))),
    }
}

/// Bytes of a record from its start to its body.
const HEAD_BYTES: i64 = 88;

/// Changes a byte of a durable record, where a CRC or the place covers it.
fn rot(world: &mut World) {
    if !world.random.percent(world.plan.faults.rot) {
        return;
    }
    let number = world.random.index(world.ledger.messages.len());
    let Some(message) = world.ledger.messages.get(number) else {
        return;
    };
    let Some(place) = message.place.filter(|_| message.state == State::Durable) else {
        return;
    };
    let at = if message.body_bytes > 0 && world.random.percent(70) {
        HEAD_BYTES + world.random.index(message.body_bytes) as i64
    } else {
        // Length, magic, and the place in the log.
        world.random.pick(&[0, 1, 2, 3, 4, 7, 28, 35]).unwrap_or(0)
    };
    let segment_bytes = i64::try_from(world.config().segment_bytes).unwrap_or(i64::MAX);
    let base = place.physical - place.physical % segment_bytes;
    let path = Path::new(ROOT).join(format!("commitlog/{base:020}"));
    let position = (place.physical - base + at).unsigned_abs();
    let mask = 1 << world.random.below(8);
    if world.disk.rot(&path, position, mask) {
        world.note(|| format!("message {number} rots in byte {at} at {place:?}"));
        world.rotten_now = Some(number);
        if let Some(message) = world.ledger.messages.get_mut(number) {
            message.is_rotten = true;
        }
    }
}

/// Decides where this life stops, and what fails in its start.
fn arm(world: &mut World) {
    if world.random.percent(world.plan.faults.stop_inside) {
        // A start takes some twenty operations, a life a hundred.
        let most = world.random.pick(&[30, 120, 400]).unwrap_or(30);
        let operations = world.random.below(most);
        let done_of_16 = u8::try_from(world.random.below(17)).unwrap_or(0);
        world.disk.halt_inside(operations, done_of_16);
        world.note(|| format!("will stop after {operations} operations, {done_of_16}/16 in"));
    }
    if world.random.percent(world.plan.faults.failing_start) {
        let operations = [
            Operation::Write,
            Operation::Sync,
            Operation::Create,
            Operation::Open,
            Operation::Read,
        ];
        let operation = world.random.pick(&operations).unwrap_or(Operation::Read);
        let part = world
            .random
            .pick(&["", "commitlog", "consumequeue", "index", "checkpoint"])
            .unwrap_or("");
        world.note(|| format!("a {operation:?} of '{part}' will fail"));
        world.disk.inject(Fault {
            done_of_16: 0,
            ..Fault::once(operation, part)
        });
    }
}

fn end(world: &mut World, losses: &mut Losses) -> Result<(), Violation> {
    if !world.disk.is_off() && world.random.percent(world.plan.faults.clean_stop) {
        return stop(world, losses);
    }
    die(world, losses);
    Ok(())
}

/// Stops cleanly, as far as the disk allows.
fn stop(world: &mut World, losses: &mut Losses) -> Result<(), Violation> {
    let store = world.store()?;
    let outcome = store.close(world.now_ms);
    world.note(|| format!("stop: {outcome:?}"));
    match outcome {
        Ok(()) if world.disk.is_off() => {}
        Ok(()) => {
            world.ledger.durable_up_to(store.durable().0);
            losses.clean = true;
        }
        Err(_) if world.is_excused() => {}
        Err(error) => return Err(Violation::new(format!("the store does not stop: {error}"))),
    }
    drop(store);
    let clean = losses.clean;
    die_by(world, losses, if clean { Death::Stop } else { Death::Kill });
    Ok(())
}

fn die(world: &mut World, losses: &mut Losses) {
    let death = if world.random.percent(world.plan.faults.power_loss) {
        Death::PowerLoss
    } else {
        Death::Kill
    };
    die_by(world, losses, death);
}

fn die_by(world: &mut World, losses: &mut Losses, death: Death) {
    // Whatever failed may have been a sync.
    losses.dropped |= world.disk.faults_struck() > world.struck_before;
    losses.clean = death == Death::Stop;
    world.note(|| format!("{death:?}"));
    // Whoever lives on in a dead process must not change the disk of the next.
    world.disk.halt_after(0);
    world.store = None;
    world.disk.set_bystander(None);
    world.summary.faults += world.disk.faults_struck() - world.struck_before;
    world.disk = match death {
        Death::Stop | Death::Kill => world.disk.kill(),
        Death::PowerLoss => {
            losses.power = true;
            world.summary.power_losses += 1;
            world.disk.power_loss(world.random.next())
        }
    };
    world.disk.set_capacity(None);
}

pub(super) fn with_causes(error: &OpenError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// Starts a copy of the disk that nobody else uses.
pub(super) fn second(world: &World, power_loss: Option<u64>) -> Result<Store, Violation> {
    let copy = match power_loss {
        None => world.disk.kill(),
        Some(seed) => world.disk.power_loss(seed),
    };
    world.open(&copy).map_err(|error| {
        Violation::new(format!(
            "the store does not start a second time: {}",
            with_causes(&error)
        ))
    })
}
