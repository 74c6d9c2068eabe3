//! What happens in a life, step by step.

use std::sync::Arc;

use ferrocket_protocol::message::sys_flag;
use ferrocket_store::disk::mem::{Fault, Operation};
use ferrocket_store::{AppendBatch, Appended, FlushError, NewMessage, Store};

use super::ledger::{Message, Place, State, topic_name};
use super::plan::Step;
use super::reads;
use super::violation::Violation;
use super::world::World;

/// Messages of one append: their numbers, unit by unit.
type Units = Vec<Vec<usize>>;

pub(super) fn one(world: &mut World) -> Result<(), Violation> {
    world.now_ms += world.random.between(0, world.plan.time_step_ms);
    if world.random.percent(2) {
        // Clocks are set back.
        world.now_ms -= 10_000;
    }
    world.disk.set_now(world.now_ms);
    let step = world.plan.step(&mut world.random);
    match step {
        Step::Send => send(world)?,
        Step::Flush => with_others(world, flush)?,
        Step::FlushQueues => with_others(world, flush_queues)?,
        Step::PrepareSegment => prepare_segment(world)?,
        Step::Read => reads::read(world)?,
        Step::Query => reads::query(world)?,
        Step::ByTime => reads::by_time(world)?,
        Step::DeleteTopic => delete_topic(world)?,
        Step::Fault => fault(world),
        Step::FillDisk => fill_disk(world),
        Step::Clean => with_others(world, clean)?,
        Step::BuildIndex => with_others(world, build_index)?,
    }
    watermarks(world)
}

/// Appends a batch.
pub(super) fn send(world: &mut World) -> Result<(), Violation> {
    let (mut batch, units) = draw_batch(world);
    let store = world.store()?;
    store.append(world.now_ms, &mut batch);
    sent(world, &batch, &units)
}

/// Draws messages and puts them into a batch.
fn draw_batch(world: &mut World) -> (AppendBatch, Units) {
    let mut batch = AppendBatch::new();
    let mut units = Vec::new();
    for _ in 0..1 + world.random.below(world.plan.units_max) {
        let topic = world.random.index(world.plan.topics);
        let queue = world.random.index(world.plan.queues);
        let count = 1 + world.random.below(world.plan.group_max);
        // Halves of transactions come alone.
        let is_half = count == 1 && world.random.percent(4);
        let numbers: Vec<usize> = (0..count)
            .map(|_| draw_message(world, topic, queue, is_half))
            .collect();
        let bodies: Vec<(usize, Vec<u8>)> = numbers
            .iter()
            .filter_map(|number| Some((*number, world.ledger.messages.get(*number)?.body(*number))))
            .collect();
        let messages: Vec<NewMessage<'_>> = bodies
            .iter()
            .filter_map(|(number, body)| {
                let message = world.ledger.messages.get(*number)?;
                Some(message.new_message(*number, body))
            })
            .collect();
        if batch.push_group(&world.plan.config, &messages).is_ok() {
            units.push(numbers);
        }
    }
    let mut ahead = std::collections::BTreeMap::new();
    for number in units.iter().flatten() {
        let Some(message) = world.ledger.messages.get_mut(*number) else {
            continue;
        };
        // What was pushed may be found after a crash, whatever its result is.
        message.state = State::Maybe;
        let place = (message.topic, message.queue);
        let next = world
            .ledger
            .queues
            .get(place.0)
            .and_then(|queues| queues.get(place.1))
            .map_or(0, |queue| queue.next);
        if message.is_queued {
            let before = ahead.entry(place).or_insert(0);
            message.wanted_offset = next + *before;
            *before += 1;
        }
    }
    (batch, units)
}

fn draw_message(world: &mut World, topic: usize, queue: usize, is_half: bool) -> usize {
    let random = &mut world.random;
    let number = world.ledger.messages.len();
    let flag = if is_half {
        sys_flag::TRANSACTION_PREPARED
    } else {
        0
    };
    let mut keys = Vec::new();
    let mut properties = String::new();
    if random.percent(50) {
        keys.push(format!("k{}", random.below(5)));
        if random.percent(30) {
            keys.push(format!("k{}", 5 + random.below(3)));
        }
        properties = format!("KEYS\u{1}{}\u{2}", keys.join(" "));
    }
    if random.percent(40) {
        properties.push_str("TAGS\u{1}a\u{2}");
        keys.push("T#a".to_owned());
    }
    world.ledger.messages.push(Message {
        topic,
        queue,
        is_queued: flag == 0,
        sys_flag: flag,
        born_ms: world.now_ms - random.between(0, 1000),
        body_bytes: random.index(usize::try_from(world.plan.body_bytes_max).unwrap_or(0) + 1),
        properties,
        keys,
        state: State::Gone,
        place: None,
        wanted_offset: -1,
        is_deleted: false,
        is_rotten: false,
        is_expired: false,
        is_torn: false,
    });
    number
}

/// Takes over the results of an append.
fn sent(world: &mut World, batch: &AppendBatch, units: &Units) -> Result<(), Violation> {
    let store = world.store()?;
    let poisoned = store.poison().is_some();
    let results = batch.results().to_vec();
    if results.len() != units.len() {
        return Err(Violation::new("an append gave another number of results"));
    }
    for (index, (result, numbers)) in results.iter().zip(units).enumerate() {
        world.note(|| format!("send {numbers:?}: {result:?}"));
        match result {
            Ok(appended) => {
                let offsets: Vec<i64> = batch.physical_offsets(index).map(|at| at.0).collect();
                acknowledged(world, *appended, numbers, &offsets)?;
            }
            Err(_) if poisoned || world.is_excused() => {}
            Err(error) => {
                return Err(Violation::new(format!(
                    "messages {numbers:?} were refused without need: {error}"
                )));
            }
        }
    }
    Ok(())
}

fn acknowledged(
    world: &mut World,
    appended: Appended,
    numbers: &[usize],
    offsets: &[i64],
) -> Result<(), Violation> {
    if appended.messages as usize != numbers.len() || offsets.len() != numbers.len() {
        return Err(Violation::new(format!("{appended:?} is for {numbers:?}")));
    }
    let mut queue_offset = appended.queue_offset.0;
    let ends = offsets.iter().copied().skip(1).chain([appended.end.0]);
    for ((number, physical), end) in numbers.iter().zip(offsets).zip(ends) {
        if *physical < world.appended {
            return Err(Violation::new(format!(
                "message {number} is at {physical}, before the end of the log {}",
                world.appended
            )));
        }
        world.appended = end;
        let place = Place {
            queue_offset,
            physical: *physical,
            end,
            store_ms: appended.store_ms,
        };
        world.ledger.appended(*number, place)?;
        let message = world.ledger.messages.get(*number);
        if message.is_some_and(|message| message.is_queued) {
            queue_offset += 1;
        }
    }
    Ok(())
}

/// Does something, and perhaps appends between its disk operations.
fn with_others(
    world: &mut World,
    step: fn(&mut World) -> Result<(), Violation>,
) -> Result<(), Violation> {
    if !world.random.percent(world.plan.faults.meanwhile) {
        return step(world);
    }
    let (batch, units) = draw_batch(world);
    let moments = world.random.below(12);
    let store = world.store()?;
    world.meanwhile.wait(moments, &store, batch, world.now_ms);
    world
        .disk
        .set_bystander(Some(Arc::clone(&world.meanwhile) as _));
    let outcome = step(world);
    world.disk.set_bystander(None);
    let Some((batch, was_appended)) = world.meanwhile.end() else {
        return outcome;
    };
    if was_appended {
        world.note(|| format!("meanwhile, at moment {moments}:"));
        sent(world, &batch, &units)?;
    } else {
        for number in units.iter().flatten() {
            if let Some(message) = world.ledger.messages.get_mut(*number) {
                message.state = State::Gone;
            }
        }
    }
    outcome
}

fn flush(world: &mut World) -> Result<(), Violation> {
    let store = world.store()?;
    let target = store.appended();
    let outcome = store.flush(world.now_ms);
    world.note(|| format!("flush: {outcome:?}"));
    match outcome {
        Ok(durable) if durable < target => Err(Violation::new(format!(
            "a flush of {target} made only {durable} durable"
        ))),
        Ok(_) => Ok(()),
        Err(error) => failed(world, &store, &error),
    }
}

fn flush_queues(world: &mut World) -> Result<(), Violation> {
    let store = world.store()?;
    let outcome = store.flush_queues(world.now_ms);
    world.note(|| format!("flush queues: {outcome:?}"));
    outcome.or_else(|error| failed(world, &store, &error))
}

fn prepare_segment(world: &mut World) -> Result<(), Violation> {
    let store = world.store()?;
    let outcome = store.prepare_segment();
    world.note(|| format!("prepare segment: {outcome:?}"));
    outcome
        .map(|_| ())
        .or_else(|error| failed(world, &store, &error))
}

/// Does a part of what the index is behind.
pub(super) fn build_index(world: &mut World) -> Result<(), Violation> {
    let store = world.store()?;
    let budget_bytes = world.random.pick(&[1, 300, 1 << 20]).unwrap_or(1);
    let outcome = store.build_index(budget_bytes);
    world.note(|| format!("build index: {outcome:?}"));
    outcome
        .map(|_| ())
        .or_else(|error| failed(world, &store, &error))
}

/// Deletes what is old, or what there is no room for.
fn clean(world: &mut World) -> Result<(), Violation> {
    if world.random.percent(60) {
        world.now_ms += 2 * 3_600_000;
        world.disk.set_now(world.now_ms);
    }
    world.has_cleaned = true;
    let store = world.store()?;
    let ends_after = world.random.below(4);
    let mut pauses = 0;
    let outcome = store.clean(world.now_ms, 0, &mut |_| {
        pauses += 1;
        pauses <= ends_after
    });
    let start = store.min_physical_offset().0;
    world.note(|| format!("clean: {outcome:?}, the log begins at {start}"));
    match outcome {
        Err(error) if !world.is_excused() && store.poison().is_none() => Err(Violation::new(
            format!("cleaning failed without need: {error}"),
        )),
        _ => Ok(()),
    }
}

/// The log may begin later than before only because of a cleaning; its queues follow.
pub(super) fn beginnings(world: &mut World) -> Result<(), Violation> {
    let store = world.store()?;
    let start = store.min_physical_offset().0;
    if start > world.log_start && !world.has_cleaned {
        return Err(Violation::new(format!(
            "the log begins at {start}, not at {}, although nothing was cleaned",
            world.log_start
        )));
    }
    world.log_start = start;
    if !world.has_cleaned {
        return Ok(());
    }
    world.ledger.expire(start)?;
    for (topic, queue) in world.ledger.each_queue() {
        let name = topic_name(topic);
        let min = store.min_offset(name, i32::try_from(queue).unwrap_or(0)).0;
        let Some(model) = world.ledger.queue_mut(topic, queue) else {
            continue;
        };
        let first = model.entries.keys().next().copied();
        if min > first.unwrap_or(model.next) {
            return Err(Violation::new(format!(
                "{name}/{queue} begins at {min}, behind {first:?}"
            )));
        }
        model.min = min.max(model.min.min(first.unwrap_or(min)));
    }
    Ok(())
}

/// Background work may fail when the disk does, or because it did before.
fn failed(world: &World, store: &Store, error: &FlushError) -> Result<(), Violation> {
    if world.is_excused() || store.poison().is_some() {
        return Ok(());
    }
    Err(Violation::new(format!("work failed without need: {error}")))
}

fn delete_topic(world: &mut World) -> Result<(), Violation> {
    let topic = world.random.index(world.plan.topics);
    let store = world.store()?;
    let outcome = store.delete_topic(topic_name(topic));
    world.note(|| format!("delete {}: {outcome:?}", topic_name(topic)));
    world.ledger.delete_topic(topic);
    match outcome {
        Err(error) if !world.is_excused() => Err(Violation::new(format!(
            "a topic cannot be deleted: {error}"
        ))),
        _ => Ok(()),
    }
}

fn fault(world: &mut World) {
    let kinds = [
        Operation::Write,
        Operation::Sync,
        Operation::Create,
        Operation::Open,
        Operation::Read,
    ];
    let parts = ["", "commitlog", "consumequeue", "index", "checkpoint"];
    let mut operation = world.random.pick(&kinds).unwrap_or(Operation::Write);
    let mut part = world.random.pick(&parts).unwrap_or("");
    if world.random.percent(30) {
        // What a store must never take lightly.
        (operation, part) = (Operation::Sync, "commitlog");
    }
    let lasts = world.random.percent(20);
    let done_of_16 = u8::try_from(world.random.below(17)).unwrap_or(0);
    world.note(|| format!("the next {operation:?} of '{part}' fails, lasts {lasts}"));
    world.disk.inject(Fault {
        lasts,
        done_of_16,
        ..Fault::once(operation, part)
    });
}

/// Makes the disk end soon, or not at all.
fn fill_disk(world: &mut World) {
    let capacity = if world.random.percent(40) {
        None
    } else {
        Some(world.disk.used_bytes() + world.random.below(8) * 4096)
    };
    world.note(|| format!("the disk has room for {capacity:?} bytes"));
    world.was_bounded |= capacity.is_some();
    world.disk.set_capacity(capacity);
}

/// What must hold after every step.
fn watermarks(world: &mut World) -> Result<(), Violation> {
    let store = world.store()?;
    let (appended, durable, readable) = (store.appended().0, store.durable().0, store.readable().0);
    let before = (world.appended, world.durable);
    if durable > appended || appended < before.0 || durable < before.1 || readable > appended {
        return Err(Violation::new(format!(
            "the watermarks are not in order: {durable} durable, {readable} readable, {appended} \
             appended; before {before:?}"
        )));
    }
    world.appended = appended;
    world.durable = durable;
    world.ledger.durable_up_to(durable);
    beginnings(world)?;
    if let Some(cause) = store.poison()
        && !world.is_excused()
    {
        return Err(Violation::new(format!("poisoned without need: {cause}")));
    }
    Ok(())
}
